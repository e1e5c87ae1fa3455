"""A request as the verbs see it, and what they answer: no HTTP library here, so that verbs are easy to read and test."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from argosy.kube.contract import BadRequest

Shape: TypeAlias = Literal["object", "table", "partial"]
_TRUE, _FALSE = frozenset({"1", "t", "true"}), frozenset({"", "0", "f", "false"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what is asked, of what, with which options, and in which shape the answer should come."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    accept: str = ""
    media_type: str = ""
    body: bytes = b""

    @property
    def shape(self) -> Shape:
        """The first shape among those that the caller accepts; whole objects if it names none."""
        for choice in self.accept.split(","):
            if "as=Table" in choice:
                return "table"
            if "as=PartialObjectMetadata" in choice:
                return "partial"
            if choice.strip().partition(";")[0] in ("application/json", "*/*"):
                break
        return "object"

    def flag(self, name: str) -> bool:
        """A yes-or-no option. Raises BadRequest for anything else."""
        text = self.query.get(name, "").lower()
        if text not in _TRUE | _FALSE:
            raise BadRequest(f"{name}={text!r} is neither true nor false")
        return text in _TRUE

    def number(self, name: str) -> int | None:
        """A whole number from 0 up, or None if the option is not there. Raises BadRequest for anything else."""
        text = self.query.get(name, "")
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise BadRequest(f"{name}={text!r} is not a whole number from 0 up")
        return int(text)

    def dry_run(self) -> bool:
        """Whether to do all but the last step. Raises BadRequest for a kind of dry run that is unknown."""
        text = self.query.get("dryRun", "")
        if text not in ("", "All"):
            raise BadRequest(f"dryRun={text!r} is unknown; write dryRun=All")
        return text == "All"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: a JSON tree (or text, or bytes as they are) and its HTTP status; a `lasting` one may be kept."""

    body: Any
    status: int = 200
    media_type: str = "application/json"
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on: pieces of bytes until it is over, or until `timeout_seconds` have passed."""

    pieces: AsyncIterator[bytes]
    media_type: str = "application/json"
    timeout_seconds: float | None = None
