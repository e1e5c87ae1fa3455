"""Carries the work of a resource template out: act once, wait until the object is as it should be, read values from it.

The object is watched, not asked again and again; only where the service account may not watch is it looked at every few
seconds. What is unavailable for a moment is tried again with growing waits; a server that fails inside, or does not know
us, again and again has given its answer.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.kube.answers import ServerFailed, Unauthorized
from argosy.kube.contract import Expired, Forbidden, Kube, KubeError, NotFound, Object, Unavailable
from argosy.kube.kinds import Kinds
from controller.pods.assignment import ResourceWork
from controller.resources.acting import Action
from controller.resources.conditions import Conditions
from controller.resources.contract import WorkFailed
from controller.resources.fields import read_fields
from controller.resources.targets import Target

_LOOK_SECONDS = 5.0  # where the object may be read and not watched
_MOST_REFUSALS = 15  # in a row; with the waits between them some four minutes
_GONE = "The resource has been deleted while its status was still being checked"


async def carry_out(
    kube: Kube, work: ResourceWork, *, manifest: str, kinds: Kinds, clock: Clock, say: Callable[[str], None],
    again_since: float | None = None,
) -> dict[str, str]:
    """Carry it out; the output parameters by name. `manifest` is the manifest's text, wherever it came from.

    `again_since` is set where it was begun then and nobody knows how far it came. Raises WorkFailed.
    """
    conditions = Conditions(work.success_condition, work.failure_condition)
    action = Action(kube, kinds, work, manifest=manifest, say=say)
    worker = _Worker(kube, clock, say, again_since)
    try:
        acted = await worker.act(action)
        if acted is None:
            return read_fields(work.parameters, None)
        target, obj = acted
        if conditions.any:
            obj = await worker.wait(target, conditions)
    except KubeError as error:
        raise WorkFailed(f"Error from server ({error.reason}): {error}") from error
    return read_fields(work.parameters, obj)


class _Worker:
    def __init__(self, kube: Kube, clock: Clock, say: Callable[[str], None], again_since: float | None) -> None:
        self._kube = kube
        self._clock = clock
        self._say = say
        self._again_since = again_since
        self._refusals = 0

    async def act(self, action: Action) -> tuple[Target, Object] | None:
        """Take the action. An answer that got lost leaves open whether it was taken, so it is then taken again."""
        began = self._clock.now()
        backoff, failures = Backoff(), 0
        while True:
            try:
                return await action.take(again_since=self._again_since)
            except Unavailable as error:
                self._again_since = began if self._again_since is None else self._again_since
                await self._put_off(error, backoff, failures)
                failures += 1

    async def wait(self, target: Target, conditions: Conditions) -> Object:
        """The object as it is when the conditions are met."""
        async with aclosing(self._versions(target)) as versions:
            async for obj in versions:
                if conditions.met(obj):
                    self._say("condition met")
                    return obj
        raise AssertionError("the object's versions have no end but an error")

    async def _versions(self, target: Target) -> AsyncGenerator[Object, None]:
        """The object as it is now, and after each change. Raises WorkFailed once it is gone."""
        backoff, failures = Backoff(), 0
        while True:
            try:
                obj = await self._kube.get(target.resource, target.name, namespace=target.namespace)
                self._refusals = 0
                yield obj
                async with aclosing(self._changes(target, obj["metadata"]["resourceVersion"])) as changes:
                    async for changed in changes:
                        failures = 0
                        yield changed
            except NotFound as error:
                raise WorkFailed(f"{_GONE}: {error}") from error
            except Unavailable as error:
                await self._put_off(error, backoff, failures)
                failures += 1

    async def _changes(self, target: Target, version: str) -> AsyncGenerator[Object, None]:
        """The object after each change, until the watch ends by itself; without the right to watch, nothing for a while."""
        try:
            async for event in self._kube.watch(target.resource, namespace=target.namespace, resource_version=version,
                                                field_selector=f"metadata.name={target.name}"):
                if event.type == "DELETED":
                    raise WorkFailed(f"{_GONE}: {target.resource.plural} {target.name}")
                if event.type != "BOOKMARK":
                    yield event.object
            await self._clock.sleep(Backoff().first_seconds)  # the connection has ended: go on from what there is now
        except Expired:
            return
        except Forbidden as error:
            self._say(f"may not watch ({error}): looking again in {_LOOK_SECONDS:.0f} seconds")
            await self._clock.sleep(_LOOK_SECONDS)

    async def _put_off(self, error: Unavailable, backoff: Backoff, failures: int) -> None:
        self._refusals = self._refusals + 1 if isinstance(error, ServerFailed | Unauthorized) else 0
        if isinstance(error, ServerFailed | Unauthorized) and self._refusals >= _MOST_REFUSALS:
            raise WorkFailed(f"Error from server ({error.reason}): {error}") from error
        wait = backoff.wait_seconds(failures, asked=error.retry_after_seconds)
        self._say(f"{error}; trying again in {wait:.1f} s")
        await self._clock.sleep(wait)
