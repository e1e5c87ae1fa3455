"""The options that every command takes, before or after the verb: which server, which namespace, how to print."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from argosy.errors import ArgosyError

DEFAULT_NAMESPACE = "default"
_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(slots=True)
class Globals:
    """What the global options said; filled while click parses, read by the verbs."""

    namespace: str = ""
    kubeconfig: str = ""
    data: str = ""
    context: str = ""
    verbose: int = 0
    color: bool | None = None  # None: as the terminal and NO_COLOR say


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    given = ctx.ensure_object(Globals)
    if param.name is not None and value not in (None, "", 0):
        setattr(given, param.name, not value if param.name == "color" else value)


class GlobalOption(click.Option):
    """An option whose value goes into `Globals`, not to the verb's function."""

    def __init__(self, *names: str, **attributes: Any) -> None:
        super().__init__([*names], expose_value=False, callback=_remember, **attributes)


GLOBAL_OPTIONS: tuple[GlobalOption, ...] = (
    GlobalOption("-n", "--namespace", "namespace", metavar="NAME",
                 help="The namespace; else $ARGOSY_NAMESPACE, the kubeconfig's, or default."),
    GlobalOption("--kubeconfig", "kubeconfig", metavar="FILE",
                 help="Speak to this cluster; else $KUBECONFIG, the running `argosy up`, or ~/.kube/config."),
    GlobalOption("--data", "data", metavar="DIR",
                 help="Speak to the `argosy up` whose data is here; else $ARGOSY_DATA."),
    GlobalOption("--context", "context", metavar="NAME", help="The kubeconfig's context to use."),
    GlobalOption("--no-color", "color", is_flag=True, help="Print without colours; so does NO_COLOR=1."),
    GlobalOption("-v", "--verbose", "verbose", count=True, help="Tell more; twice shows tracebacks."),
)


class GlobalOptionsMixin(click.Command):
    """A command whose help shows the global options in a section of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options first, then the global ones."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                (shared if isinstance(param, GlobalOption) else own).append(record)
        for title, records in (("Options", own), ("Global options", shared)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class VerbCommand(GlobalOptionsMixin):
    """A verb: takes the global options after its name too."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        taken = {name for param in self.params for name in param.opts}
        self.params.extend(option for option in GLOBAL_OPTIONS if not taken.intersection(option.opts))


class VerbGroup(GlobalOptionsMixin, click.Group):
    """A verb with verbs of its own, such as ``template list``."""

    command_class = VerbCommand


def read_globals() -> Globals:
    """The global options of the command that runs."""
    return click.get_current_context().ensure_object(Globals)


def output_option(*formats: str) -> Callable[[_F], _F]:
    """``-o``: one of the formats that the verb can print."""
    return click.option("-o", "--output", "output", type=click.Choice(formats), metavar="FORMAT", default=None,
                        callback=lambda _ctx, _param, value: value or "", help=f"Print as one of: {', '.join(formats)}.")


def said(parse: Callable[[_T], _R], words: _T) -> _R:
    """What `parse` makes of an option's words; what it refuses is a mistake in the command line (exit code 2)."""
    try:
        return parse(words)
    except ArgosyError as error:
        raise click.UsageError(str(error)) from error


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """``90s``, ``10m``, ``1h30m``, ``2d`` (or plain seconds) in seconds. Raises UsageError where it is none."""
    import re

    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|[smhd]))+", text):
        raise click.UsageError(f"{text!r} is no duration; write for example 90s, 10m, 1h30m or 2d")
    pieces = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    return sum(float(number) * (0.001 if unit == "ms" else _UNITS[unit]) for number, unit in pieces)
