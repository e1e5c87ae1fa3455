"""Label selectors: their text becomes terms that an object's labels, or anything else with keys and values, answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from argosy.kube.contract import BadRequest

_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"[-A-Za-z0-9_.]*"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_ORDER = re.compile(rf"\s*({_KEY})\s*([<>])\s*(-?\d+)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")


@dataclass(frozen=True, slots=True)
class Term:
    """One requirement on one label or field."""

    key: str
    verb: str  # "in", "notin", "exists", "absent", "<", ">"
    values: frozenset[str] = frozenset()
    written: str = field(default="", compare=False)  # the operator as the text has it

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


def label_terms(text: str) -> tuple[Term, ...]:
    """Read a label selector. Raises BadRequest with the place that cannot be read."""
    terms: list[Term] = []
    at = 0
    while at < len(text.rstrip()):
        term, at = _label_term(text, at)
        terms.append(term)
        if at < len(text):
            if text[at] != "," or not text[at + 1:].strip():
                raise unreadable("label", text, at)
            at += 1
    return tuple(terms)


def _label_term(text: str, at: int) -> tuple[Term, int]:
    if found := _SET.match(text, at):
        values = frozenset(value.strip() for value in found[3].split(","))
        if not all(re.fullmatch(_VALUE, value) for value in values):
            raise unreadable("label", text, found.start(3))
        return Term(found[1], found[2], values, found[2]), found.end()
    if found := _EQUAL.match(text, at):
        return Term(found[1], "notin" if found[2] == "!=" else "in", frozenset((found[3],)), found[2]), found.end()
    if found := _ORDER.match(text, at):
        return Term(found[1], found[2], frozenset((found[3],)), found[2]), found.end()
    if found := _EXISTS.match(text, at):
        return Term(found[2], "absent" if found[1] else "exists", written="!" if found[1] else "exists"), found.end()
    raise unreadable("label", text, at)


def unreadable(kind: str, text: str, at: int) -> BadRequest:
    """The refusal of a selector, which says where it stops making sense."""
    found = text[at:at + 20] or "the end"
    return BadRequest(f'{kind} selector "{text}" cannot be read at "{found}" (position {at}); write for example '
                      + ('"app=web,tier in (a, b),!old"' if kind == "label" else '"status.phase=Running"'))
