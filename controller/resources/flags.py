"""``flags`` of a resource template: kubectl's own, as far as they mean something where no kubectl runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from controller.resources.contract import WorkFailed

_VALUES = {
    "-n": "namespace", "--namespace": "namespace", "-l": "selector", "--selector": "selector",
    "--field-selector": "field_selector", "--cascade": "cascade", "--grace-period": "grace_period",
    "--subresource": "subresource",
}
_SWITCHES = {"--all": "all", "--ignore-not-found": "ignore_not_found", "--force": "force", "--now": "now", "--wait": "wait"}
_TELL_KUBECTL = ("--validate", "--field-manager", "--server-side", "--force-conflicts", "--save-config", "--overwrite",
                 "--request-timeout", "--timeout", "-v", "--v", "--record", "--show-managed-fields")  # and change nothing here
_BARE = ("--server-side", "--force-conflicts", "--save-config", "--overwrite", "--record", "--validate",
         "--show-managed-fields")


@dataclass(slots=True)
class Flags:
    """What the flags say; `words` are those that are no flags: a kind and names."""

    words: list[str] = field(default_factory=list)
    namespace: str = ""
    selector: str = ""
    field_selector: str = ""
    cascade: str = "background"
    grace_period: str = ""
    subresource: str = ""
    all: bool = False
    ignore_not_found: bool = False
    force: bool = False
    now: bool = False
    wait: bool = True

    @property
    def grace_seconds(self) -> int | None:
        """How long a deleted pod may take to end; None leaves it to the pod."""
        if self.force and self.grace_period in ("", "0"):
            return 0
        if self.now:
            return 1
        return int(self.grace_period) if self.grace_period.isdigit() else None


def read_flags(texts: tuple[str, ...]) -> Flags:
    """Read them. Raises WorkFailed for one that means nothing here."""
    flags, rest = Flags(), iter(texts)
    for text in rest:
        name, equals, value = text.partition("=")
        if not text.startswith("-"):
            flags.words.append(text)
        elif name in _VALUES:
            setattr(flags, _VALUES[name], value if equals else _next(rest, name))
        elif name in _SWITCHES:
            setattr(flags, _SWITCHES[name], value.lower() not in ("false", "0"))
        elif name in _TELL_KUBECTL:
            if not equals and name not in _BARE:
                _next(rest, name)
        else:
            known = ", ".join(sorted((*_VALUES, *_SWITCHES)))
            raise WorkFailed(f"flag '{text}' is not understood; there are {known}")
    return flags


def _next(rest: Iterator[str], name: str) -> str:
    value = next(rest, None)
    if value is None:
        raise WorkFailed(f"flag '{name}' needs a value; write {name}=VALUE")
    return value
