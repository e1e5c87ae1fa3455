"""How a workflow's nodes are kept in its status: as they are, or, where they are many, as Argo keeps them then.

That is gzipped and base64-encoded in ``status.compressedNodes``, with ``status.nodes`` absent. An API server takes about
1.5 MB for one object, which 3,000 plain nodes fill; compressed, 40,000 fit. Long before that a plain status is slow: the
server goes through each field of each node, which takes ten times as long as taking in one long text.
"""

import asyncio
import base64
import gzip
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from argosy.errors import ArgosyError
from argosy.kube.answers import tells_of_size
from argosy.kube.contract import KubeError, Object

PACK_FROM = 64 * 1024  # bytes of the nodes as JSON: some 200 nodes; fewer are kept in a form that a person can read
UNPACK_BELOW = PACK_FROM // 2  # what was packed once is not unpacked and packed again for every node more or less
_LEVEL = 1  # two thirds of the time of the usual level, for a sixth more bytes
_LONG = 4 * 1024 * 1024  # bytes whose compression would keep everybody else waiting: a thread does it


class TooLarge(ArgosyError):
    """What has to be written down about a workflow does not fit into one object, not even compressed."""


class Packer:
    """Brings the status of one workflow into the form in which it is saved; it remembers which form that was."""

    def __init__(self, workflow: Mapping[str, Any]) -> None:
        self._packed = bool((workflow.get("status") or {}).get("compressedNodes"))

    async def packed(self, status: Mapping[str, Any]) -> dict[str, Any]:
        """`status`, with its nodes compressed where they are large."""
        nodes = status.get("nodes")
        if not nodes:
            return dict(status)
        plain = orjson.dumps(nodes)
        self._packed = len(plain) > (UNPACK_BELOW if self._packed else PACK_FROM)
        if not self._packed:
            return dict(status)
        text = await asyncio.to_thread(pack, plain) if len(plain) > _LONG else pack(plain)
        return {**{key: value for key, value in status.items() if key != "nodes"}, "compressedNodes": text}


def pack(plain: bytes) -> str:
    """The nodes' JSON as the text of ``status.compressedNodes``."""
    return base64.b64encode(gzip.compress(plain, _LEVEL, mtime=0)).decode()


def unpack(text: Any) -> Any:
    """The nodes that ``status.compressedNodes`` holds. Raises ArgosyError where it cannot be read."""
    try:
        return orjson.loads(gzip.decompress(base64.b64decode(text)))
    except (ValueError, TypeError, OSError, EOFError, zlib.error) as error:
        raise ArgosyError(f"status.compressedNodes cannot be read: {error}") from error


def unpacked(workflow: Object) -> Object:
    """`workflow` with its nodes in ``status.nodes``, in whichever form they came. Raises ArgosyError."""
    status = workflow.get("status")
    if not isinstance(status, dict) or not status.get("compressedNodes"):
        return workflow
    whole = {key: value for key, value in status.items() if key != "compressedNodes"}
    return {**workflow, "status": {**whole, "nodes": unpack(status["compressedNodes"])}}


def readable(workflow: Object) -> Object:
    """The same; nodes that somebody has made unreadable are left out."""
    try:
        return unpacked(workflow)
    except ArgosyError:
        return {**workflow, "status": {key: value for key, value in workflow["status"].items() if key != "compressedNodes"}}


def is_too_large(error: KubeError) -> bool:
    """Whether the API refused an object for its size (the server says so, or etcd behind it)."""
    return error.status == 413 or tells_of_size(str(error))


def too_large(workflow: Object) -> TooLarge:
    """What to tell the person whose workflow does not fit."""
    status = workflow.get("status") or {}
    size = len(orjson.dumps(workflow))
    packed = len(status.get("compressedNodes") or "")
    return TooLarge(
        f"the workflow has grown too large to be written down: {size / 1e6:.1f} MB ({packed / 1e6:.1f} MB of it are its "
        "compressed steps), and the API server refuses that; have parts of it run as workflows of their own, or hand on "
        "large values as artifacts instead of parameters")
