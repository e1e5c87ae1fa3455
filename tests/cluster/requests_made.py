"""Which requests a program has made, read from its own log (`--verbose`), in the terms that RBAC speaks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"asked: (?P<method>\w+) (?P<path>\S+)(?P<watch> \(watch\))? as (?P<user>\S+): (?P<status>\d+)")
_PATH = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/[^/]+)?/(?P<resource>[^/]+)"
                   r"(?:/(?P<name>[^/]+)(?:/(?P<subresource>[^/]+))?)?$")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_FOR_EVERYBODY = re.compile(r"/version|/api(/v1)?|/apis(/[^/]+/[^/]+)?")  # whoever may ask anything may ask this
_OURSELVES = "ourselves"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """A verb upon a resource."""

    group: str
    resource: str
    verb: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the status code that it was answered with."""

    right: Right
    user: str  # whose rights counted; empty for the program's own
    status: int


def requests_in(log: str) -> list[Request]:
    """All requests that the log tells of."""
    return [Request(_right(found), "" if found["user"] == _OURSELVES else found["user"], int(found["status"]))
            for found in _LINE.finditer(log) if not _FOR_EVERYBODY.fullmatch(found["path"])]


def rights_of(rules: Iterable[dict[str, Any]]) -> set[Right]:
    """What the rules of a role grant."""
    return {Right(group, resource, verb) for rule in rules for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


def _right(found: re.Match[str]) -> Right:
    path = _PATH.match(found["path"])
    assert path, f"{found['path']} is no path of an object"
    resource = path["resource"] + (f"/{path['subresource']}" if path["subresource"] else "")
    if found["watch"]:
        verb = "watch"
    elif found["method"] == "GET":
        verb = "get" if path["name"] else "list"
    elif found["method"] == "DELETE":
        verb = "delete" if path["name"] else "deletecollection"
    else:
        verb = _VERBS[found["method"]]
    return Right(path["group"] or "", resource, verb)
