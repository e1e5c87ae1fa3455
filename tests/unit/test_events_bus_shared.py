"""Several clusters on one NATS: none harms what another keeps there, and what it finds there is told."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import nats
import pytest

from argosy.clock import SystemClock
from argosy.embedded.nats import NatsServer
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import Object, Resource
from argosy.kube.resources import CONFIG_MAPS, EVENT_SOURCES, SENSORS
from argosy.lifecycle import running
from events.bus.contract import DAY_SECONDS, ConsumerSettings, Foreign, Stream
from events.bus.jetstream import JetStreamBus
from events.identity import ClusterIdentity
from events.service import SensorsService
from sources.service import SourcesService
from tests.support.events_world import creates, sensor

NS = "builds"
ALL = ConsumerSettings(filters=[(...,)])


@pytest.fixture
async def url(tmp_path) -> AsyncIterator[str]:
    server = NatsServer(tmp_path / "nats")
    async with running([server]):
        yield server.url


class Clusters:
    """Buses of several clusters over one NATS, closed at the end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[JetStreamBus] = []

    def bus(self, *names: str, **more) -> JetStreamBus:
        """As a cluster of these names sees it; without any, as `argosy up` and the command line do."""
        async def cluster(_namespace: str) -> frozenset[str]:
            return frozenset(names)

        made = JetStreamBus(self._url, cluster=cluster if names else None, **more)
        self._made.append(made)
        return made

    async def close(self) -> None:
        for bus in self._made:
            await bus.close()


@pytest.fixture
async def clusters(url: str) -> AsyncIterator[Clusters]:
    made = Clusters(url)
    yield made
    await made.close()


async def put(bus: JetStreamBus, namespace: str = NS, data: bytes = b"{}") -> int:
    return (await bus.publish(Stream.EVENTS, namespace, ("github", "push"), data)).sequence


async def test_a_cluster_touches_nothing_of_a_namespace_that_another_keeps_and_goes_on_with_its_own(clusters: Clusters):
    east, west = clusters.bus("east"), clusters.bus("west")
    await put(east)
    await east.consumer(Stream.EVENTS, NS, "sensor", ALL)
    await east.put_key(NS, ("sensor", "trigger"), b"half", revision=0)
    for attempt in (
        put(west), west.claim(NS), west.consumer(Stream.EVENTS, NS, "other", ALL), west.consumers(Stream.EVENTS, NS),
        west.drop_consumer(Stream.EVENTS, NS, "sensor"), west.drop_keys(NS, ("sensor",)), west.get_key(NS, ("sensor",)),
    ):
        with pytest.raises(Foreign, match=r"keeps namespace 'builds' of another cluster.*NATS account or server of its own"):
            await attempt
    await put(west, "theirs")
    assert (await west.namespaces(), await east.namespaces()) == (["theirs"], [NS])
    assert list(await east.consumers(Stream.EVENTS, NS)) == ["sensor"]
    assert await east.get_key(NS, ("sensor", "trigger")) is not None


async def test_replicas_and_parts_of_one_cluster_share_a_namespace(clusters: Clusters):
    sources, sensors = clusters.bus("east"), clusters.bus("east")
    await asyncio.gather(put(sources), sensors.claim(NS))
    assert len(await sensors.read(Stream.EVENTS, NS, (...,), last=9)) == 1


async def test_a_cluster_stays_itself_while_its_certificates_are_replaced(clusters: Clusters):
    for names in (["old"], ["old", "new"], ["new"]):
        await put(clusters.bus(*names))
    with pytest.raises(Foreign):
        await put(clusters.bus("old"))


async def test_what_an_earlier_version_kept_without_a_mark_is_taken_up_by_who_serves_it(clusters: Clusters):
    await put(clusters.bus(), data=b"early")
    later = clusters.bus("east")
    assert await later.namespaces() == [], "nobody knows yet whose it is"
    await put(later, data=b"late")
    assert [one.data for one in await later.read(Stream.EVENTS, NS, (...,), last=9)] == [b"early", b"late"]
    assert len(await clusters.bus().read(Stream.EVENTS, NS, (...,), last=9)) == 2, "the command line reads it still"
    with pytest.raises(Foreign):
        await put(clusters.bus("west"))


async def test_a_cluster_that_takes_the_place_of_another_takes_over_what_it_kept(clusters: Clusters):
    await put(clusters.bus("gone"), data=b"kept")
    await clusters.bus("heir", take_over=True).claim(NS)
    assert [one.data for one in await clusters.bus("heir").read(Stream.EVENTS, NS, (...,), last=9)] == [b"kept"]


async def test_events_are_kept_as_long_as_is_said_and_who_only_looks_changes_nothing(clusters: Clusters, url: str):
    async def ages() -> dict[str, float]:
        client = await nats.connect(url)
        try:
            found = await client.jetstream().streams_info()
            return {one.config.name.split("_")[0]: one.config.max_age / DAY_SECONDS for one in found}
        finally:
            await client.close()

    for keep, told in ((None, 7), (30 * DAY_SECONDS, 30), (None, 30), (2 * DAY_SECONDS, 2)):
        await put(clusters.bus("east", keep_seconds=keep))
        await put(clusters.bus())
        assert await ages() == {
            "EVENTS": told, "INTENTS": told, "DECISIONS": told, "DEADLETTERS": 90, "KV": 0}, keep


AUTHORITY = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


class Land:
    """A cluster: a store with its authority's certificate in each namespace."""

    def __init__(self, certificate: str) -> None:
        self.kube = EmbeddedKube.open(":memory:", clock=SystemClock())
        self._certificate = certificate

    async def found(self) -> "Land":
        for namespace in (NS, "later"):
            await self.kube.create(CONFIG_MAPS, {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"},
                "data": {"ca.crt": AUTHORITY.format(self._certificate)}}, namespace=namespace)
        return self

    async def told(self, resource: Resource, name: str, *, reason: str) -> str:
        """The message of its Deployed condition, once that has this reason."""
        async with asyncio.timeout(10):
            while True:
                obj = await self.kube.get(resource, name, namespace=NS)
                for one in (obj.get("status") or {}).get("conditions", ()):
                    if one["type"] == "Deployed" and one["reason"] == reason:
                        return str(one["message"])
                await asyncio.sleep(0.01)


@pytest.fixture
async def lands() -> AsyncIterator[tuple[Land, Land]]:
    made = await Land("ZWFzdA==").found(), await Land("d2VzdA==").found()
    yield made
    for one in made:
        one.kube.close()


async def test_a_cluster_is_known_by_the_certificates_of_its_authority(lands: tuple[Land, Land]):
    east, west = [await ClusterIdentity(land.kube)(NS) for land in lands]
    assert len(east) == len(west) == 1
    assert east != west
    assert await ClusterIdentity(lands[0].kube)("elsewhere") == frozenset()
    assert await ClusterIdentity(lands[0].kube, namespace=NS)("elsewhere") == east, "asked where it may ask"


async def test_what_a_sensor_of_another_cluster_keeps_is_no_orphan(lands: tuple[Land, Land], url: str):
    east, west = (JetStreamBus(url, cluster=ClusterIdentity(land.kube)) for land in lands)
    await east.consumer(Stream.EVENTS, NS, "of-the-east", ALL)
    await east.consumer(Stream.INTENTS, NS, "of-the-east/t", ConsumerSettings(filters=[("of-the-east", "t", None)]))
    await east.put_key(NS, ("of-the-east", "t"), b"half", revision=0)
    async with running([west]):
        await west.consumer(Stream.EVENTS, "later", "a-sensor-that-is-gone", ALL)  # namespaces are looked through by name
        async with running([SensorsService(lands[1].kube, west, clock=SystemClock())]), asyncio.timeout(10):
            while await west.consumers(Stream.EVENTS, "later"):
                await asyncio.sleep(0.01)
    assert list(await east.consumers(Stream.EVENTS, NS)) == ["of-the-east"]
    assert list(await east.consumers(Stream.INTENTS, NS)) == ["of-the-east/t"]
    assert await east.get_key(NS, ("of-the-east", "t")) is not None
    await east.close()


async def test_sources_and_sensors_say_why_the_bus_takes_nothing_of_their_namespace(lands: tuple[Land, Land], url: str):
    east, west = (JetStreamBus(url, cluster=ClusterIdentity(land.kube)) for land in lands)
    await east.claim(NS)
    await east.close()
    kube, clock = lands[1].kube, SystemClock()
    await kube.create(SENSORS, _in_builds(sensor([creates("t")])), namespace=NS)
    entry = {"endpoint": "/go", "port": "1", "method": "POST"}
    await kube.create(EVENT_SOURCES, _in_builds({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "EventSource", "metadata": {"name": "hooks"},
        "spec": {"webhook": {"go": entry}}}), namespace=NS)
    sources = SourcesService(kube, west, clock=clock)
    async with running([west, sources]), aiohttp.ClientSession() as session:
        serving = asyncio.ensure_future(SensorsService(kube, west, clock=clock).run(asyncio.Event()))
        for resource, name in ((SENSORS, "sensor"), (EVENT_SOURCES, "hooks")):
            told = await lands[1].told(resource, name, reason="ForeignBus")
            assert "keeps namespace 'builds' of another cluster" in told
        async with session.post(f"{sources.url}/builds/hooks/go", json={}) as answer:
            assert answer.status == 503
        serving.cancel()
        await asyncio.wait([serving])


def _in_builds(obj: Object) -> Object:
    obj["metadata"]["namespace"] = NS
    return obj
