"""Whether the answer to an http template's request is a success: any 2xx, or what ``successCondition`` says. Pure."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from argosy.expressions import ExpressionError, evaluate
from controller.pods.assignment import HttpWork

RESULT_MOST = 256 << 10  # bytes of a body that become outputs.result


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; several headers of one name are told apart."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The body as a text."""
        return self.body.decode(errors="replace")


def verdict(work: HttpWork, reply: Reply) -> str:
    """Why the step has failed; "" where it has not."""
    if not work.success_condition:
        return "" if 200 <= reply.status < 300 else f"received non-2xx response code: {reply.status}"
    try:
        found = evaluate(work.success_condition, _variables(work, reply))
    except ExpressionError as error:
        return f"successCondition '{work.success_condition}': {error}"
    if not isinstance(found, bool):
        return f"successCondition '{work.success_condition}' gives {found!r}; it must be true or false"
    return "" if found else f"successCondition '{work.success_condition}' evaluated false"


def _variables(work: HttpWork, reply: Reply) -> Mapping[str, Any]:
    sent = base64.b64decode(work.body).decode(errors="replace")
    return {
        "request": {"method": work.method, "url": work.url, "body": sent,
                    "headers": _by_name((header.name, header.value) for header in work.headers)},
        "response": {"statusCode": reply.status, "body": reply.text, "headers": _by_name(reply.headers)},
    }


def _by_name(headers: Any) -> dict[str, list[str]]:
    """Lists of values by name, in the spelling that conditions are written in: ``Content-Type``."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault("-".join(part.capitalize() for part in name.split("-")), []).append(value)
    return found
