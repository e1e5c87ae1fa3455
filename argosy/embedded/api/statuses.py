"""Errors as Kubernetes tells them: a `Status` object with a reason, a code and a sentence for people."""

from typing import Any

from argosy.errors import SpecErrors, Unavailable
from argosy.kube.contract import Invalid, KubeError, NotFound, Object, Resource


class Unauthorized(KubeError):
    """The caller did not show the token (401)."""

    reason, status = "Unauthorized", 401


class MethodNotAllowed(KubeError):
    """This path does not take this method (405)."""

    reason, status = "MethodNotAllowed", 405


class TooLarge(KubeError):
    """The body is longer than what is accepted (413)."""

    reason, status = "RequestEntityTooLarge", 413


class UnsupportedMediaType(KubeError):
    """The body is in a form that is not understood (415)."""

    reason, status = "UnsupportedMediaType", 415


def unknown_path(path: str) -> NotFound:
    """What the API server says when it knows no such group, version or resource."""
    return NotFound("the server could not find the requested resource", details={"path": path})


def failure(error: Exception) -> Object:
    """The `Status` object of a failed request."""
    if isinstance(error, KubeError):
        return _status(error.status, error.reason, str(error), error.details)
    if isinstance(error, SpecErrors):
        causes = [{"reason": "FieldValueInvalid", "message": problem.text, "field": problem.path}
                  for problem in error.problems]
        return _status(Invalid.status, Invalid.reason, str(error), {"causes": causes})
    if isinstance(error, Unavailable):
        details = {} if error.retry_after_seconds is None else {"retryAfterSeconds": max(1, round(error.retry_after_seconds))}
        return _status(503, "ServiceUnavailable", str(error), details)
    return _status(500, "InternalError", f"Internal error: {type(error).__name__}: {error}", {})


def _status(code: int, reason: str, message: str, details: dict[str, Any]) -> Object:
    body: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                    "reason": reason, "code": code}
    if details:
        body["details"] = details
    return body


def success(resource: Resource, name: str, uid: str) -> Object:
    """The `Status` object that answers a deletion: kubectl waits for the end of the object with this very uid."""
    details = {"name": name, "kind": resource.plural, "uid": uid}
    if resource.group:
        details["group"] = resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
