"""``successCondition`` and ``failureCondition``: label selectors whose keys are GJSON paths into the live object.

``status.phase in (Failed, Error)`` or ``status.succeeded > 2, status.ready == true``. All terms of a success condition
must hold; one term of a failure condition is enough.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from argosy.expressions import MISSING, lookup
from argosy.kube.contract import BadRequest
from argosy.kube.label_selectors import Term, label_terms
from controller.resources.contract import WorkFailed

_SYMBOLS = {"<": "lt", ">": "gt"}


class Conditions:
    """Both conditions of a resource template, read once. Raises WorkFailed for one that cannot be read."""

    def __init__(self, success: str, failure: str) -> None:
        self._success = _read("success condition", success)
        self._failure = _read("failure condition", failure)

    @property
    def any(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self._success or self._failure)

    def met(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object is as it should be. Raises WorkFailed where it has failed."""
        fields = _Fields(obj)
        for term in self._failure:
            if term.holds(fields):
                raise WorkFailed(f"failure condition '{_shown(term)}' evaluated true")
        return all(term.holds(fields) for term in self._success)


class _Fields(Mapping[str, str]):
    """An object's values as texts, by GJSON path."""

    def __init__(self, obj: Mapping[str, Any]) -> None:
        self._obj = obj

    def __getitem__(self, path: str) -> str:
        value = lookup(self._obj, path)
        if value is MISSING:
            raise KeyError(path)
        return "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _read(what: str, text: str) -> tuple[Term, ...]:
    try:
        return label_terms(text)
    except BadRequest as error:
        raise WorkFailed(f"{what} '{text}' cannot be read: {error}") from error


def _shown(term: Term) -> str:
    """The term in the words that Argo's messages have."""
    return f"{{{term.key} {_SYMBOLS.get(term.written, term.written)} [{' '.join(sorted(term.values))}]}}"
