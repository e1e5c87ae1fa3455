"""Answers of an API server become our errors: nothing here does I/O."""

from typing import Any, Final

import orjson

from argosy.errors import Unavailable
from argosy.kube.contract import KUBE_ERRORS, BadRequest, KubeError

_BY_CODE: Final = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired", 422: "Invalid"}
# The server is there but cannot answer now: the same request may succeed a little later.
_TRY_AGAIN_REASONS: Final = frozenset({"ServerTimeout", "Timeout", "TooManyRequests", "ServiceUnavailable"})
_TRY_AGAIN_CODES: Final = frozenset({429, 502, 503, 504})
_SIGNS_OF_TOO_LARGE: Final = ("request is too large", "Too long", "larger than max", "Request entity too large",
                              "the most that is stored is")
# What the server takes for a failure of its own, and is the request's: it will be no better later.
_SIGNS_OF_A_BAD_REQUEST: Final = ("resourceVersion should not be set", "strconv.")


class Unauthorized(Unavailable):
    """The server does not know who we are (401).

    It may a little later: credentials are renewed and rotated, and those who check them can be away for a moment.
    """

    reason = "Unauthorized"


class ServerFailed(Unavailable):
    """The server, or what it asks in its turn (etcd, an admission webhook), has failed inside (500). That mostly passes."""

    reason = "InternalError"


def tells_of_size(text: str) -> bool:
    """Whether the API server, or etcd behind it, has refused an object for its size."""
    return any(sign in text for sign in _SIGNS_OF_TOO_LARGE)


def error_of(code: int, body: bytes, *, retry_after: str = "") -> KubeError | Unavailable:
    """The error that an answer with this status code and body means."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        tree = None
    if not isinstance(tree, dict) or tree.get("kind") != "Status":
        tree = {"message": body[:300].decode(errors="replace").strip() or f"the server answered {code}"}
    return error_of_status(tree, code=code, retry_after=retry_after)


def error_of_status(tree: dict[str, Any], *, code: int = 0, retry_after: str = "") -> KubeError | Unavailable:
    """The error that a `Status` object means; in a watch it comes without an HTTP status of its own."""
    code = code or int(tree.get("code") or 500)
    reason = str(tree.get("reason") or "")
    text = str(tree.get("message") or f"the server answered {code}")
    details = tree.get("details")
    details = details if isinstance(details, dict) else {}
    if reason in _TRY_AGAIN_REASONS or code in _TRY_AGAIN_CODES:
        asked = retry_after or str(details.get("retryAfterSeconds") or "")
        return Unavailable(text, retry_after_seconds=float(asked) if asked.isdecimal() else None)
    if code == 401:
        return Unauthorized(text)
    if code == 500 and any(sign in text for sign in _SIGNS_OF_A_BAD_REQUEST):
        return BadRequest(text, details=details)
    if code == 500 and not tells_of_size(text):
        return ServerFailed(text)
    kind = KUBE_ERRORS.get(reason) or KUBE_ERRORS.get(_BY_CODE.get(code, ""), KubeError)
    error = kind(text, details=details)
    if kind is KubeError:
        error.reason, error.status = reason or KubeError.reason, code
    return error


def warning_texts(headers: list[str]) -> list[str]:
    """The sentences in ``Warning: 299 - "..."`` headers."""
    texts = []
    for header in headers:
        start, end = header.find('"'), header.rfind('"')
        if header.startswith("299") and 0 <= start < end:
            texts.append(header[start + 1:end].replace('\\"', '"').replace("\\\\", "\\"))
    return texts
