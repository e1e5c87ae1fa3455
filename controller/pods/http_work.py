"""An ``http`` template becomes a request, told in full to whoever makes it: the pod runtime, or our program in a pod."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from argosy.errors import SpecError
from controller.engine.contract import WantedPod
from controller.pods.assignment import Assignment, Header, HttpWork

_TIMEOUT_SECONDS = 30.0  # as Argo's documentation says

Tree = Mapping[str, Any]


def with_request(assignment: Assignment | None, wanted: WantedPod) -> Assignment:
    """The assignment of a pod that makes an http template's request. Raises SpecError."""
    http = wanted.template["http"]
    url = str(http.get("url") or "")
    if not url.startswith(("http://", "https://")):
        raise SpecError("http.url", f"is '{url}'; write an address that begins with http:// or https://")
    body = str(http.get("body") or "").encode()
    if (http.get("bodyFrom") or {}).get("bytes"):
        try:
            body = base64.b64decode(http["bodyFrom"]["bytes"], validate=True)
        except binascii.Error as error:
            raise SpecError("http.bodyFrom.bytes", f"must be base64: {error}") from error
    work = HttpWork(
        method=str(http.get("method") or "GET").upper(), url=url, body=base64.b64encode(body).decode(),
        headers=tuple(_header(item) for item in http.get("headers") or ()),
        verify=not http.get("insecureSkipVerify"), timeout_seconds=float(http.get("timeoutSeconds") or _TIMEOUT_SECONDS),
        success_condition=str(http.get("successCondition") or ""))
    return replace(assignment or Assignment(), result=True, request=work)


def _header(item: Tree) -> Header:
    secret = (item.get("valueFrom") or {}).get("secretKeyRef") or {}
    name, value = str(item.get("name") or ""), str(item.get("value") or "")
    if any(letter in name + value for letter in "\r\n\0") or not name:
        raise SpecError("http.headers", f"header '{name}' must have a name, and no line break in it or in its value")
    return Header(name, value, str(secret.get("name") or ""), str(secret.get("key") or ""))
