"""What a sensor waits for, and which events count."""

import re
from collections.abc import Sequence

from argosy.manifests.findings import did_you_mean
from controller.spec.checks.report import Report
from events.spec.dependency import DataFilter, EventDependency, EventDependencyFilter, ExprFilter, TimeFilter

_COMPARATORS = (">=", ">", "=", "!=", "<", "<=")
_TYPES = ("bool", "number", "string")
_OPERATORS = ("and", "or")
_CLOCK = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d")


def check_dependencies(dependencies: Sequence[EventDependency], path: str, report: Report) -> None:
    """Each needs a name of its own, and says which event of which source it means."""
    if not dependencies:
        report.error(path, "must have at least one dependency")
    seen: dict[str, int] = {}
    for at, dependency in enumerate(dependencies):
        here = f"{path}[{at}]"
        for key, value in (
            ("name", dependency.name), ("eventSourceName", dependency.event_source_name),
            ("eventName", dependency.event_name),
        ):
            if not value:
                report.error(f"{here}.{key}", "is required")
        if dependency.name in seen:
            report.error(f"{here}.name", f"'{dependency.name}' is already the name of {path}[{seen[dependency.name]}]")
        seen.setdefault(dependency.name, at)
        _check_operator(dependency.filters_logical_operator, f"{here}.filtersLogicalOperator", report)
        if dependency.filters is not None:
            _check_filters(dependency.filters, f"{here}.filters", report)


def _check_filters(filters: EventDependencyFilter, path: str, report: Report) -> None:
    _check_operator(filters.data_logical_operator, f"{path}.dataLogicalOperator", report)
    _check_operator(filters.expr_logical_operator, f"{path}.exprLogicalOperator", report)
    for at, data in enumerate(filters.data):
        _check_data(data, f"{path}.data[{at}]", report)
    for at, expr in enumerate(filters.exprs):
        _check_expr(expr, f"{path}.exprs[{at}]", report)
    context = filters.context
    if context is not None and not (context.type or context.subject or context.source or context.datacontenttype):
        report.error(f"{path}.context", "names no attribute, so that no event would count; write type, source or subject")
    if filters.time is not None:
        _check_time(filters.time, f"{path}.time", report)


def _check_operator(operator: str, path: str, report: Report) -> None:
    if operator and operator not in _OPERATORS:
        report.error(path, f"must be 'and' or 'or', but is '{operator}'")


def _check_data(data: DataFilter, path: str, report: Report) -> None:
    if not data.path:
        report.error(f"{path}.path", "is required: which value of the payload is meant, such as body.ref")
    if data.type not in _TYPES:
        hint = did_you_mean(data.type, _TYPES) if data.type else ""
        report.error(f"{path}.type", f"must be one of {', '.join(_TYPES)}, but is '{data.type}'{hint}")
    if not data.value or not all(data.value):
        report.error(f"{path}.value", "must list what the value may be, and no empty text")
    if data.comparator and data.comparator not in _COMPARATORS:
        hint = "; did you mean '='?" if data.comparator == "==" else ""
        report.error(f"{path}.comparator", f"must be one of {' '.join(_COMPARATORS)}, but is '{data.comparator}'{hint}")
    for at, value in enumerate(data.value):
        if value and data.type == "number" and not _is_number(value):
            report.warn(f"{path}.value[{at}]", f"'{value}' is no number, so that the filter can never pass")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_expr(expr: ExprFilter, path: str, report: Report) -> None:
    if not expr.expr:
        report.error(f"{path}.expr", "is required")
    if not expr.fields:
        report.error(f"{path}.fields", "must name at least one value of the payload for the expression to read")
    for at, one in enumerate(expr.fields):
        if not one.name or not one.path:
            missing = "path" if one.name else "name"
            report.error(f"{path}.fields[{at}].{missing}", "is required")


def _check_time(time: TimeFilter, path: str, report: Report) -> None:
    for key, value in (("start", time.start), ("stop", time.stop)):
        if not _CLOCK.fullmatch(value):
            report.error(f"{path}.{key}", f"must be a time of day such as \"09:30:00\", but is '{value}'")
    if time.start and time.start == time.stop:
        report.error(f"{path}.stop", "is the same as start, so that no event would count")
