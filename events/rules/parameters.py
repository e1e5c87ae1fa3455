"""Parameters: values taken out of events and put into a trigger's template or object, by Argo's conversion rules.

A value is text unless ``useRawData`` asks for its JSON type. A template is tried before a key; what gives nothing falls
back to ``value``; a dependency that did not take part is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from argosy.errors import ArgosyError
from argosy.expressions import MISSING, ExpressionError, lookup, place, render
from events.rules.event import Event, Json, as_text, compact, whole
from events.rules.fields import field_of


class ParameterError(ArgosyError):
    """A parameter that cannot be filled: trying again would not help."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a source gave: its text, and the value itself where it has a JSON type of its own."""

    text: str
    raw: Json = MISSING


def apply(tree: Json, parameters: Sequence[Mapping[str, Json]], events: Mapping[str, Event], *, where: str) -> Json:
    """`tree` with every parameter put in its place. Raises ParameterError, naming the parameter under `where`."""
    for index, parameter in enumerate(parameters):
        path = f"{where}[{index}]"
        source = parameter.get("src") or {}
        value = resolve(source, events, where=path)
        if value is None:
            continue
        dest = str(parameter.get("dest", ""))
        put = value.raw if source.get("useRawData") and value.raw is not MISSING else value.text
        operation = parameter.get("operation") or "overwrite"
        if operation in ("append", "prepend"):
            current = lookup(tree, dest)
            if current is not MISSING:
                before = as_text(current)
                put = before + value.text if operation == "append" else value.text + before
        tree = _put(tree, dest, put, path)
    return tree


def payload(parameters: Sequence[Mapping[str, Json]], events: Mapping[str, Event], *, where: str) -> str | Json:
    """The payload that a list of parameters builds: a JSON tree; or, where ``dest`` is empty, the bare text."""
    tree: Json = MISSING
    for index, parameter in enumerate(parameters):
        path = f"{where}[{index}]"
        source = parameter.get("src") or {}
        value = resolve(source, events, where=path)
        if value is None:
            continue
        dest = str(parameter.get("dest", ""))
        if not dest:
            return value.text
        put = value.raw if source.get("useRawData") and value.raw is not MISSING else value.text
        tree = _put({} if tree is MISSING else tree, dest, put, path)
    return "" if tree is MISSING else tree


def resolve(source: Mapping[str, Json], events: Mapping[str, Event], *, where: str) -> Value | None:
    """The value of one ``src``; None if its dependency took no part and it has no default."""
    dependency = str(source.get("dependencyName", ""))
    default = source.get("value")
    event = events.get(dependency)
    if event is None:
        return Value(str(default)) if default is not None else None
    template, key, data = _what(source, event)
    if not template and not key:
        return Value(str(default) if default is not None else whole(event))
    troubles = []
    if template:
        try:
            text = render(template, {"Input": data})
            if text not in ("", "<no value>"):
                return Value(text)
            troubles.append(f"the template {template!r} gave nothing")
        except ExpressionError as error:
            troubles.append(str(error))
    if key:
        found, absent = field_of(data, key)
        if not absent:
            return _as_value(found)
        troubles.append(absent)
    if default is not None:
        return Value(str(default))
    raise ParameterError(
        f"{where}.src: {'; '.join(troubles)} (event {event.id} of dependency {dependency!r}). "
        "Correct the key, or give a default with `value:`")


def _what(source: Mapping[str, Json], event: Event) -> tuple[str, str, Json]:
    """The template, the key, and the tree that they read: the data if anything asks for it, else the context."""
    if source.get("dataKey") or source.get("dataTemplate"):
        return str(source.get("dataTemplate") or ""), str(source.get("dataKey") or ""), event.data
    return str(source.get("contextTemplate") or ""), str(source.get("contextKey") or ""), event.context


def _as_value(found: Json) -> Value:
    if isinstance(found, str):
        return Value(found)
    return Value(compact(found), found)


def _put(tree: Json, dest: str, value: Json, where: str) -> Json:
    try:
        return place(tree, dest, value)
    except ExpressionError as error:
        raise ParameterError(f"{where}.dest: {error}") from error
