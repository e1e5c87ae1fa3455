"""Label and field selectors: their text becomes a question that an object's labels and fields answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from argosy.kube.contract import BadRequest
from argosy.kube.label_selectors import Term, label_terms, unreadable

FIELDS = frozenset({
    "metadata.name", "metadata.namespace", "status.phase", "spec.nodeName", "spec.restartPolicy",
    "spec.serviceAccountName", "status.podIP", "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
    "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
    "reason", "reportingComponent", "source", "type",
})


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
    return Selector(label_terms(label_selector), _field_terms(field_selector))


def _field_terms(text: str) -> tuple[Term, ...]:
    terms: list[Term] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = re.fullmatch(r"([A-Za-z.]+)\s*(==|=|!=)\s*(.*)", part)
        if not found:
            raise unreadable("field", text, text.find(part))
        if found[1] not in FIELDS:
            raise BadRequest(f'field selector "{part}": the field {found[1]} cannot be selected by; '
                             f"use one of {', '.join(sorted(FIELDS))}")
        terms.append(Term(found[1], "notin" if found[2] == "!=" else "in", frozenset((found[3],))))
    return tuple(terms)
