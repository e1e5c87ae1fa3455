"""A pod's log over HTTP: the options of `kubectl logs`, and the log's bytes as they come."""

from collections.abc import AsyncIterator

from argosy.clock import Clock, from_rfc3339
from argosy.embedded.api.calls import Answer, Call, Stream
from argosy.embedded.api.paths import Target
from argosy.kube.contract import BadRequest, Kube


async def read_log(kube: Kube, clock: Clock, call: Call, target: Target) -> Answer | Stream:
    """The log of the pod that `target` names. Raises what Kube.logs raises, before the answer begins."""
    if call.flag("previous"):
        raise BadRequest(f"there is no earlier log of pod {target.name!r}: its containers have not been started again")
    pieces = kube.logs(
        target.name, namespace=target.namespace, container=call.query.get("container", ""), follow=call.flag("follow"),
        tail_lines=call.number("tailLines"), since_seconds=_since_seconds(clock, call),
        timestamps=call.flag("timestamps"))
    # The first piece is read before the answer begins: whatever is refused is refused with a status of its own.
    first = await anext(pieces, None)
    if first is None:
        return Answer("", media_type="text/plain")
    return Stream(_at_most(call.number("limitBytes"), first, pieces), media_type="text/plain")


def _since_seconds(clock: Clock, call: Call) -> float | None:
    text = call.query.get("sinceTime", "")
    if not text:
        return call.number("sinceSeconds")
    try:
        return max(0.0, clock.now() - from_rfc3339(text))
    except ValueError as error:
        raise BadRequest(f"sinceTime={text!r} is not a time such as 2026-11-24T08:00:00Z") from error


async def _at_most(limit: int | None, first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    left = limit
    piece: bytes | None = first
    while piece is not None:
        if left is not None:
            piece, left = piece[:left], left - len(piece)
        yield piece
        if left is not None and left <= 0:
            return
        piece = await anext(rest, None)
