"""Filters of a dependency: each clause is evaluated and its actual value kept, so that a refusal can be explained."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argosy.errors import ArgosyError
from argosy.expressions import evaluate_named, render
from argosy.expressions.patterns import compile_pattern
from events.rules.event import Event, Json, as_text
from events.rules.fields import field_of

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Clause:
    """One filter clause: where it stands, what it demands, what the event had, and how it ended."""

    where: str
    says: str
    actual: str
    passed: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a dependency's filters let an event through, and why."""

    passed: bool
    clauses: tuple[Clause, ...] = ()


def judge(dependency: Mapping[str, Json], event: Event) -> Verdict:
    """Apply the dependency's filters, combined by its logical operators (``and`` unless it says ``or``)."""
    filters = dependency.get("filters")
    if not filters:
        return Verdict(passed=True)
    groups = [
        _group(_exprs(filters.get("exprs") or (), event), filters.get("exprLogicalOperator")),
        _group(_data(filters.get("data") or (), event), filters.get("dataLogicalOperator")),
        _group(_context(filters.get("context") or {}, event), "and"),
        _group(_time(filters.get("time"), event), "and"),
    ]
    verdicts = [group for group in groups if group.clauses]
    clauses = tuple(clause for group in verdicts for clause in group.clauses)
    if dependency.get("filtersLogicalOperator") == "or" and verdicts:
        return Verdict(any(group.passed for group in verdicts), clauses)
    return Verdict(all(group.passed for group in verdicts), clauses)


def _group(clauses: Iterable[Clause], operator: Json) -> Verdict:
    found = tuple(clauses)
    if operator == "or":
        return Verdict(any(clause.passed for clause in found), found)
    return Verdict(all(clause.passed for clause in found), found)


def _data(filters: Sequence[Mapping[str, Json]], event: Event) -> Iterable[Clause]:
    for index, one in enumerate(filters):
        where, path = f"filters.data[{index}]", str(one.get("path", ""))
        wanted = [str(value) for value in one.get("value") or ()]
        comparator = one.get("comparator") or "="
        says = f"{path} {comparator} {' | '.join(wanted)} ({one.get('type')})"
        actual, absent = field_of(event.data, path)
        if absent:
            yield Clause(where, says, "", passed=False, error=absent)
            continue
        try:
            if one.get("template"):
                actual = _rendered(str(one["template"]), actual)
            passed = any(_compare(str(one.get("type")), actual, str(comparator), value) for value in wanted)
            error = "" if wanted else "no values to compare with"
        except (ArgosyError, ValueError) as trouble:
            passed, error = False, str(trouble)
        yield Clause(where, says, _shown(actual), passed, error)


def _rendered(template: str, actual: Json) -> str:
    text = render(template, {"Input": as_text(actual)})
    if text in ("", "<no value>"):
        raise ValueError(f"template {template!r} gave nothing")
    return text


def _compare(kind: str, actual: Json, comparator: str, wanted: str) -> bool:
    if kind == "bool":
        return _to_bool(wanted, strict=True) == _to_bool(actual)
    if kind == "number":
        return _compare_numbers(_to_number(actual), comparator, float(wanted))
    if kind == "string":
        found = compile_pattern(wanted).search(as_text(actual)) is not None
        return {"=": found, "!=": not found}.get(comparator, False)
    raise ValueError(f"type {kind!r} is unknown; write bool, number or string")


def _compare_numbers(actual: float, comparator: str, wanted: float) -> bool:
    return {
        "=": actual == wanted, "!=": actual != wanted, ">": actual > wanted, ">=": actual >= wanted,
        "<": actual < wanted, "<=": actual <= wanted,
    }.get(comparator, False)


def _to_bool(value: Json, *, strict: bool = False) -> bool:
    text = value if strict or not isinstance(value, str) else value.lower()
    if isinstance(text, str):
        if strict and text not in _TRUE | _FALSE:
            raise ValueError(f'{text!r} is no bool; write "true" or "false"')
        return text in _TRUE
    return bool(value) if isinstance(value, bool | int | float) else False


def _to_number(value: Json) -> float:
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else 0.0
    except ValueError:
        return 0.0


def _exprs(filters: Sequence[Mapping[str, Json]], event: Event) -> Iterable[Clause]:
    for index, one in enumerate(filters):
        where, says = f"filters.exprs[{index}]", str(one.get("expr", ""))
        values: dict[str, Json] = {}
        absent = ""
        for field in one.get("fields") or ():
            found, absent = field_of(event.data, str(field.get("path", "")))
            if absent:
                break
            values[str(field.get("name"))] = found
        if absent:
            yield Clause(where, says, _shown(values), passed=False, error=absent)
        elif values:  # an expression over no fields is passed over, as Argo does
            yield _evaluated(where, says, values)


def _evaluated(where: str, says: str, values: Mapping[str, Json]) -> Clause:
    try:
        return Clause(where, says, _shown(values), evaluate_named(says, values) is True)
    except ArgosyError as error:
        return Clause(where, says, _shown(values), passed=False, error=str(error))


def _context(wanted: Mapping[str, Json], event: Event) -> Iterable[Clause]:
    context = event.context
    for key in ("type", "subject", "source", "datacontenttype"):
        if wanted.get(key):
            yield Clause(
                f"filters.context.{key}", f"{key} = {wanted[key]}", str(context[key]), context[key] == wanted[key])


def _time(wanted: Mapping[str, Json] | None, event: Event) -> Iterable[Clause]:
    if not wanted:
        return
    start, stop, zone = (str(wanted.get(key) or "") for key in ("start", "stop", "timezone"))
    says = f"from {start} to {stop} {zone or 'UTC'}"
    try:
        at = datetime.fromisoformat(event.time).astimezone(ZoneInfo(zone) if zone else UTC)
        first, last = _clock_time(start), _clock_time(stop)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        yield Clause("filters.time", says, event.time, passed=False, error=str(error))
        return
    now = at.hour * 3600 + at.minute * 60 + at.second
    passed = first <= now < last if first < last else now >= first or now < last
    yield Clause("filters.time", says, at.strftime("%H:%M:%S"), passed)


def _clock_time(text: str) -> int:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60):
        raise ValueError(f"{text!r} is no time of day; write HH:MM:SS")
    return hours * 3600 + minutes * 60 + seconds


def _shown(value: Json) -> str:
    text = as_text(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."
