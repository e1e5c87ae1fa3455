"""The event sources' shell: watches EventSource objects, tells each what is wrong with it, and runs its events."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from random import Random

from argosy.backoff import Backoff
from argosy.clock import Clock
from argosy.errors import ArgosyError, Problem, SpecError, SpecErrors, Unavailable
from argosy.kube.contract import Kube, Object
from argosy.kube.resources import EVENT_SOURCES
from argosy.kube.watching import changes
from argosy.logs import note
from events.bus.contract import Bus, Foreign
from events.conditions import Condition, tell, warnings_of
from events.journal import Journal
from events.spec import effectless, parse_event_source
from sources.contract import Kinds, Runner, Source, World
from sources.listening import Bound, Listener, urls
from sources.publishing import Publisher
from sources.registry import KINDS, NOT_KINDS
from sources.secrets import KubeSecrets

log = logging.getLogger(__name__)

_START_SECONDS = 10.0


@dataclass(slots=True)
class _Running:
    """An EventSource that is known, and what runs for it."""

    obj: Object
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    bound: list[Bound] = field(default_factory=list)
    told: list[Condition] = field(default_factory=list)
    foreign: str = ""  # why the bus takes nothing of its namespace

    @property
    def endpoints(self) -> frozenset[str]:
        """What it declares, and others may declare as well."""
        return frozenset(bound.route.endpoint for bound in self.bound)


class SourcesService:
    """Runs all event sources of `namespace` (of all namespaces if it is empty). Webhooks are served at `url`.

    `public_url` is what senders outside are told instead, where something stands between them and the listener.
    """

    def __init__(
        self, kube: Kube, bus: Bus, *, clock: Clock, host: str = "127.0.0.1", port: int = 0,
        chance: Random | None = None, kinds: Kinds = KINDS, namespace: str = "", public_url: str = "",
    ) -> None:
        self._kube, self._bus, self._clock, self._kinds = kube, bus, clock, kinds
        self._namespace = namespace
        self._chance = chance or Random()
        self._secrets = KubeSecrets(kube, clock=clock)
        self._world = World(kube, bus, clock, self._secrets)
        self.listener = Listener(host=host, port=port, secrets=self._secrets, public_url=public_url)
        self._known: dict[str, _Running] = {}
        self._started: list[asyncio.Event] = []

    @property
    def url(self) -> str:
        """Where the shared listener serves, once the service is ready."""
        return self.listener.url

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled; ready once every source that there is takes events."""
        await self.listener.start()
        synced = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_ready(synced, ready))
                async for change in changes(
                        self._kube, EVENT_SOURCES, clock=self._clock, chance=self._chance, namespace=self._namespace,
                        synced=synced):
                    await self._apply(change.object, gone=change.type == "DELETED", group=group)
        finally:
            await self.listener.stop()

    async def _tell_ready(self, synced: asyncio.Event, ready: asyncio.Event) -> None:
        await synced.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                for started in list(self._started):
                    await started.wait()
        ready.set()
        self._started.clear()

    async def _apply(self, obj: Object, *, gone: bool, group: asyncio.TaskGroup) -> None:
        uid = str(obj["metadata"]["uid"])
        known = self._known.get(uid)
        if gone or obj["metadata"].get("deletionTimestamp"):
            if known is not None:
                await self._stop(known)
                del self._known[uid]
                await self._tell_rivals(known.endpoints, but=known)
            return
        if known is not None and known.obj.get("spec") == obj.get("spec"):
            known.obj = obj
            return
        sources, problems = self._read(obj)
        before = known.endpoints if known is not None else frozenset()
        if known is not None and not sources and (known.bound or known.tasks):
            known.obj = obj  # senders know nothing of a broken edit: go on as before
            known.remarks = ["the edit is broken, so what ran before it runs on"]
        else:
            new = _Running(obj)
            await self._replace(known, new, uid, sources, group)
            known = new
        known.problems = problems
        await self._tell(known)
        await self._tell_rivals(before | known.endpoints, but=known)
        group.create_task(self._tell_if_foreign(known))

    async def _tell(self, known: _Running) -> None:
        known.told = self._conditions(known)
        await tell(self._kube, EVENT_SOURCES, known.obj, known.told, clock=self._clock)

    async def _tell_if_foreign(self, known: _Running) -> None:
        """The bus may keep this namespace for another cluster; senders are asked to come again until that is put right."""
        try:
            await self._bus.claim(str(known.obj["metadata"].get("namespace", "")))
        except Foreign as error:
            known.foreign = str(error)
            if any(one is known for one in self._known.values()):
                await self._tell(known)
        except Unavailable:
            return

    async def _tell_rivals(self, endpoints: frozenset[str], *, but: _Running) -> None:
        """Who declares an endpoint too may have lost it, or have it now."""
        for other in list(self._known.values()):
            if other is not but and endpoints & other.endpoints and other.told != self._conditions(other):
                await self._tell(other)

    async def _replace(
        self, old: _Running | None, new: _Running, uid: str, sources: list[Source], group: asyncio.TaskGroup,
    ) -> None:
        """Run `new` instead of `old`; a hook that both have is never without somebody who listens."""
        self._known[uid] = new
        if old is not None:
            await _end(old.tasks)
        for source in sources:
            await self._start(source, new, group)
        if old is not None:
            for bound in old.bound:
                await self.listener.unbind(bound)

    def _read(self, obj: Object) -> tuple[list[Source], list[Problem]]:
        """The events that can run; and what is wrong with the others, or has no effect."""
        try:
            parse_event_source(obj)
            sources, problems = self._sources(obj)
            return sources, [*problems, *effectless(obj)]
        except SpecErrors as error:
            return [], error.problems
        except SpecError as error:
            return [], [Problem(error.path, error.text)]
        except Exception as error:
            log.exception("reading an event source failed")
            return [], [Problem("spec", f"{type(error).__name__}: {error}")]

    def _sources(self, obj: Object) -> tuple[list[Source], list[Problem]]:
        meta, spec = obj["metadata"], obj.get("spec") or {}
        sources: list[Source] = []
        problems: list[Problem] = []
        for kind, entries in spec.items():
            if kind in NOT_KINDS or not entries:
                continue
            if kind not in self._kinds:
                known = ", ".join(sorted((*self._kinds.hooks, *self._kinds.runners)))
                problems.append(Problem(f"spec.{kind}", f"is not supported yet; there are {known}"))
                continue
            for event, entry in entries.items():
                source = Source(str(meta.get("namespace", "")), str(meta["name"]), str(event), kind, entry or {})
                found = list(self._kinds.check(source, exposed=self.listener.exposed))
                problems += found
                if not any(one.severity == "error" for one in found):
                    sources.append(source)
        if not sources and not problems:
            problems.append(Problem("spec", "names no source of events"))
        return sources, problems

    async def _start(self, source: Source, known: _Running, group: asyncio.TaskGroup) -> None:
        emit = Publisher(source, Journal(self._bus, source.namespace), clock=self._clock)
        hook = self._kinds.hooks.get(source.kind)
        note(log, "source runs", namespace=source.namespace, source=source.name, name=source.event, kind=source.kind)
        if hook is not None:
            meta = known.obj["metadata"]
            since = (str(meta.get("creationTimestamp") or ""), str(meta["uid"]))
            bound = Bound(source, hook, hook.route(source), emit, since)
            known.bound.append(bound)
            await self.listener.bind(bound)
            return
        started = asyncio.Event()
        self._started.append(started)
        runner = self._kinds.runners[source.kind]
        known.tasks.append(group.create_task(
            self._keep_running(runner, source, emit, started), name=f"source {source.name}/{source.event}"))

    async def _keep_running(self, runner: Runner, source: Source, emit: Publisher, started: asyncio.Event) -> None:
        """Start a runner again when it fails: its trouble is its own."""
        failures = 0
        while True:
            try:
                await runner.run(source, emit, self._world, started)
            except ArgosyError as error:
                note(log, "source failed", level=logging.WARNING, namespace=source.namespace, source=source.name,
                     name=source.event, reason=str(error))
            except Exception:
                log.exception("source failed")
            else:
                return
            started.set()
            await self._clock.sleep(Backoff(first_seconds=1.0).wait_seconds(failures, self._chance))
            failures += 1

    async def _stop(self, known: _Running) -> None:
        for bound in known.bound:
            await self.listener.unbind(bound)
        await _end(known.tasks)

    def _conditions(self, known: _Running) -> list[Condition]:
        problems = known.problems
        remarks = [*known.remarks, *(
            f"{bound.source.place}: {remark}" for bound in known.bound for remark in self.listener.remarks(bound))]
        errors = "\n".join(str(problem) for problem in problems if problem.severity == "error")
        told = "\n".join(filter(None, (urls(self.listener, known.bound), *remarks)))
        reason = "InvalidSpec" if errors else ""
        found = [Condition("SourcesProvided", not errors, reason, errors)]
        if known.foreign:
            found.append(Condition("Deployed", False, "ForeignBus", known.foreign))
        elif known.bound or known.tasks:
            found.append(Condition("Deployed", True, "SeeMessage" if remarks else "", told))
        else:
            found.append(Condition("Deployed", False, "NothingToRun", "none of its events can run\n" + errors))
        return [*found, *warnings_of(problems)]


async def _end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
