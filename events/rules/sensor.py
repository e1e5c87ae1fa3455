"""A sensor as its rules see it: dependencies, and triggers with their conditions; and what is wrong with it."""

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from argosy.errors import Problem
from argosy.expressions import Condition, ExpressionError, did_you_mean, parse_condition
from argosy.expressions.patterns import compile_pattern
from events.rules.event import Json

_GLOB = frozenset("*?[{")
SUPPORTED_SOURCES = ("resource", "inline", "configmap")


@dataclass(frozen=True, slots=True)
class Dependency:
    """An event that is awaited: from which source, which event, and with which filters (in `spec`)."""

    name: str
    source: str
    event: str
    spec: Mapping[str, Json]

    def concerns(self, source: str, event: str) -> bool:
        """Whether an event of this source and name is meant; ``*`` and ``?`` stand for any letters."""
        return _fits(self.source, source) and _fits(self.event, event)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What is to be done (`spec`, the whole entry of the YAML), and on which condition."""

    name: str
    condition: Condition
    spec: Mapping[str, Json]
    place: str

    @property
    def names(self) -> tuple[str, ...]:
        """The dependencies that the condition reads."""
        return tuple(name for name, _ in self.condition.terms)

    @property
    def remembers(self) -> bool:
        """Whether one event alone may leave the condition half met, so that state must be kept."""
        return not all(self.condition.evaluate(_only(name)) for name in self.names)


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor that can work."""

    namespace: str
    name: str
    uid: str
    dependencies: tuple[Dependency, ...]
    triggers: tuple[Trigger, ...]
    account: str = ""  # the service account that its triggers act as

    def concerned(self, source: str, event: str) -> tuple[Dependency, ...]:
        """The dependencies that an event of this source and name may satisfy."""
        return tuple(one for one in self.dependencies if one.concerns(source, event))


def _only(wanted: str) -> Callable[[str, str | None], bool]:
    return lambda name, _state: name == wanted


def read_sensor(obj: Mapping[str, Json]) -> tuple[Sensor | None, list[Problem]]:
    """The sensor of an object, or None with the errors; warnings come along either way."""
    meta, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    problems: list[Problem] = []
    dependencies = tuple(_dependencies(spec.get("dependencies") or (), problems))
    triggers = tuple(_triggers(spec.get("triggers") or (), dependencies, problems))
    if not dependencies:
        problems.append(Problem("spec.dependencies", "is empty; name at least one event to wait for"))
    if not spec.get("triggers"):
        problems.append(Problem("spec.triggers", "is empty; say what to do when the events have come"))
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    name, namespace = str(meta.get("name", "")), str(meta.get("namespace", ""))
    uid = str(meta.get("uid") or f"{namespace}.{name}")
    return Sensor(namespace, name, uid, dependencies, triggers, account_of(obj)), problems


def account_of(obj: Mapping[str, Json]) -> str:
    """The service account that a Sensor object names for its triggers; "" for none."""
    return str(((obj.get("spec") or {}).get("template") or {}).get("serviceAccountName") or "")


def _dependencies(specs: Sequence[Mapping[str, Json]], problems: list[Problem]) -> Iterable[Dependency]:
    seen: set[str] = set()
    for index, spec in enumerate(specs):
        where = f"spec.dependencies[{index}]"
        problems += [
            Problem(f"{where}.{key}", "is missing") for key in ("name", "eventSourceName", "eventName") if not spec.get(key)]
        name = str(spec.get("name", ""))
        if name in seen:
            problems.append(Problem(f"{where}.name", f"is {name!r}, which another dependency has already"))
        seen.add(name)
        _check_filters(spec, where, problems)
        yield Dependency(name, str(spec.get("eventSourceName", "")), str(spec.get("eventName", "")), spec)


def _check_filters(spec: Mapping[str, Json], where: str, problems: list[Problem]) -> None:
    filters = spec.get("filters") or {}
    if filters.get("script"):
        problems.append(Problem(
            f"{where}.filters.script", "Lua scripts are not run yet; write the test as `exprs` or `data`"))
    if spec.get("transform"):
        problems.append(Problem(
            f"{where}.transform", "transforms (jq, Lua) are not run yet; use dataTemplate in the parameters instead"))
    for index, one in enumerate(filters.get("data") or ()):
        if one.get("type") not in ("bool", "number", "string"):
            problems.append(Problem(
                f"{where}.filters.data[{index}].type", f"is {one.get('type')!r}; write bool, number or string"))
        if one.get("type") == "string":
            for number, value in enumerate(one.get("value") or ()):
                try:
                    compile_pattern(str(value))
                except ValueError as error:
                    problems.append(Problem(f"{where}.filters.data[{index}].value[{number}]", str(error)))
    for place, operator in (("filtersLogicalOperator", spec.get("filtersLogicalOperator")),
                            ("filters.dataLogicalOperator", filters.get("dataLogicalOperator")),
                            ("filters.exprLogicalOperator", filters.get("exprLogicalOperator"))):
        if operator not in (None, "", "and", "or"):
            problems.append(Problem(f"{where}.{place}", f"is {operator!r}; write and, or or"))


def _triggers(
    specs: Sequence[Mapping[str, Json]], dependencies: Sequence[Dependency], problems: list[Problem],
) -> Iterable[Trigger]:
    known = [one.name for one in dependencies]
    seen: set[str] = set()
    for index, spec in enumerate(specs):
        where = f"spec.triggers[{index}]"
        template = spec.get("template") or {}
        name = str(template.get("name", ""))
        if not name:
            problems.append(Problem(f"{where}.template.name", "is missing"))
        if name in seen:
            problems.append(Problem(f"{where}.template.name", f"is {name!r}, which another trigger has already"))
        seen.add(name)
        condition = _condition(template, where, known, problems)
        if condition is not None:
            yield Trigger(name, condition, spec, where)


def _condition(
    template: Mapping[str, Json], where: str, known: Sequence[str], problems: list[Problem],
) -> Condition | None:
    text = str(template.get("conditions") or "") or " && ".join(known)
    if not text:
        return None
    try:
        condition = parse_condition(text)
    except ExpressionError as error:
        problems.append(Problem(f"{where}.template.conditions", str(error)))
        return None
    for name, state in condition.terms:
        if name not in known:
            problems.append(Problem(
                f"{where}.template.conditions",
                f"names the dependency {name!r}, which does not exist{did_you_mean(name, known)}"))
            return None
        if state is not None:
            problems.append(Problem(
                f"{where}.template.conditions", f"{name}.{state}: dependencies have no states; write {name}"))
    return condition


def _fits(pattern: str, name: str) -> bool:
    if not _GLOB.intersection(pattern):
        return pattern == name
    return any(fnmatch.fnmatchcase(name, one) for one in _alternatives(pattern))


def is_pattern(text: str) -> bool:
    """Whether a source's or event's name stands for several."""
    return bool(_GLOB.intersection(text))


def _alternatives(pattern: str) -> list[str]:
    """``a{b,c}`` is ``ab`` or ``ac``."""
    start = pattern.find("{")
    end = pattern.find("}", start)
    if start < 0 or end < 0:
        return [pattern]
    head, tail = pattern[:start], pattern[end + 1:]
    return [one for word in pattern[start + 1:end].split(",") for one in _alternatives(head + word + tail)]
