"""Label and field selectors: their text becomes a question that an object's labels and fields answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from argosy.kube.contract import BadRequest

_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"[-A-Za-z0-9_.]*"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_ORDER = re.compile(rf"\s*({_KEY})\s*([<>])\s*(-?\d+)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")

FIELDS = frozenset({
    "metadata.name", "metadata.namespace", "status.phase", "spec.nodeName", "spec.restartPolicy",
    "spec.serviceAccountName", "status.podIP", "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
    "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
    "reason", "reportingComponent", "source", "type",
})


@dataclass(frozen=True, slots=True)
class Term:
    """One requirement on one label or field."""

    key: str
    verb: str  # "in", "notin", "exists", "absent", "<", ">"
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` satisfy it. As in Kubernetes, `!=` and `notin` hold where the label is absent."""
        value = labels.get(self.key)
        match self.verb:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        return _ordered(value, self.verb, next(iter(self.values)))


def _ordered(value: str | None, verb: str, bound: str) -> bool:
    try:
        found = int(value or "")
    except ValueError:
        return False
    return found < int(bound) if verb == "<" else found > int(bound)


@dataclass(frozen=True, slots=True)
class Selector:
    """What a list or a watch asks for; an empty one takes everything."""

    labels: tuple[Term, ...] = ()
    fields: tuple[Term, ...] = ()

    def takes(self, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
        """Whether an object with these labels and fields is asked for."""
        return all(term.holds(labels) for term in self.labels) and all(
            _field_holds(term, fields) for term in self.fields)

    def exact(self, field: str) -> str | None:
        """The one value that `field` must have, if the selector says so."""
        for term in self.fields:
            if term.key == field and term.verb == "in":
                return next(iter(term.values))
        return None


def _field_holds(term: Term, fields: Mapping[str, str]) -> bool:
    return (fields.get(term.key, "") in term.values) == (term.verb == "in")


@lru_cache(maxsize=512)
def parse_selector(label_selector: str, field_selector: str) -> Selector:
    """Read both texts. Raises BadRequest with the place that cannot be read."""
    return Selector(_label_terms(label_selector), _field_terms(field_selector))


def _label_terms(text: str) -> tuple[Term, ...]:
    terms: list[Term] = []
    at = 0
    while at < len(text.rstrip()):
        term, at = _label_term(text, at)
        terms.append(term)
        if at < len(text):
            if text[at] != "," or not text[at + 1:].strip():
                raise _unreadable("label", text, at)
            at += 1
    return tuple(terms)


def _label_term(text: str, at: int) -> tuple[Term, int]:
    if found := _SET.match(text, at):
        values = frozenset(value.strip() for value in found[3].split(","))
        if not all(re.fullmatch(_VALUE, value) for value in values):
            raise _unreadable("label", text, found.start(3))
        return Term(found[1], found[2], values), found.end()
    if found := _EQUAL.match(text, at):
        return Term(found[1], "notin" if found[2] == "!=" else "in", frozenset((found[3],))), found.end()
    if found := _ORDER.match(text, at):
        return Term(found[1], found[2], frozenset((found[3],))), found.end()
    if found := _EXISTS.match(text, at):
        return Term(found[2], "absent" if found[1] else "exists"), found.end()
    raise _unreadable("label", text, at)


def _field_terms(text: str) -> tuple[Term, ...]:
    terms: list[Term] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = re.fullmatch(r"([A-Za-z.]+)\s*(==|=|!=)\s*(.*)", part)
        if not found:
            raise _unreadable("field", text, text.find(part))
        if found[1] not in FIELDS:
            raise BadRequest(f'field selector "{part}": the field {found[1]} cannot be selected by; '
                             f"use one of {', '.join(sorted(FIELDS))}")
        terms.append(Term(found[1], "notin" if found[2] == "!=" else "in", frozenset((found[3],))))
    return tuple(terms)


def _unreadable(kind: str, text: str, at: int) -> BadRequest:
    found = text[at:at + 20] or "the end"
    return BadRequest(f'{kind} selector "{text}" cannot be read at "{found}" (position {at}); write for example '
                      + ('"app=web,tier in (a, b),!old"' if kind == "label" else '"status.phase=Running"'))
