"""The kinds of source: what they make of requests and instants."""

import asyncio
import hashlib
import hmac
import json
from datetime import datetime

import pytest

from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import CONFIG_MAPS
from events.bus.contract import Stream
from events.bus.memory import MemoryBus
from events.journal import Journal
from events.rules.event import from_bytes
from sources.calendar import Calendar
from sources.contract import Reading, Refused, Request, SecretMissing, Source, World
from sources.github import GitHub
from sources.publishing import Publisher, refused_by_filter
from sources.webhook import Webhook
from tests.simulation.loop import START, LoopClock, simulate


class Given:
    """Secrets that are given; an old value is told first, as a cache would."""

    def __init__(self, *values: str) -> None:
        self.values = values

    async def read(self, namespace: str, selector: dict, *, fresh: bool = False) -> str:
        if not self.values:
            raise SecretMissing("there is no Secret 'x' in namespace 'default'")
        return self.values[-1 if fresh else 0]


def source(kind: str, **spec) -> Source:
    return Source("default", "src", "ev", kind, spec)


def request(body: bytes = b"{}", *, method: str = "POST", query: dict | None = None, **headers: str) -> Request:
    found = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return Request(method, {"Content-Type": ["application/json"], **found}, query or {}, body)


def signed(body: bytes, key: str, **headers: str) -> Request:
    signature = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return request(body, X_Hub_Signature_256=signature, X_Github_Event="push", X_Github_Delivery="d-1", **headers)


GITHUB = source("github", webhook={"endpoint": "/p", "port": "1", "method": "POST"}, webhookSecret={"name": "x", "key": "y"})


async def test_a_webhook_hands_on_header_and_body():
    hook = source("webhook", metadata={"team": "a"})
    reading = await Webhook().read(request(b'{"a": [1]}', X_One="1", Authorization="Bearer t"), hook, Given())
    assert reading == Reading({
        "header": {"Content-Type": ["application/json"], "X-One": ["1"],
                   "Authorization": ["*** Masked Auth Secret ***"]},
        "body": {"a": [1]}, "metadata": {"team": "a"}})


async def test_a_webhook_reads_queries_and_forms_as_lists():
    got = await Webhook().read(request(b"", method="GET", query={"a": ["1", "2"]}), source("webhook"), Given())
    assert got.data["body"] == {"a": ["1", "2"]}
    form = request(b"a=1&a=2&b=", Content_Type="application/x-www-form-urlencoded; charset=utf-8")
    assert (await Webhook().read(form, source("webhook"), Given())).data["body"] == {"a": ["1", "2"], "b": [""]}


async def test_a_sender_may_give_the_events_id():
    assert (await Webhook().read(request(Idempotency_Key="k1"), source("webhook"), Given())).id == "k1"
    assert (await Webhook().read(request(Ce_Id="c1"), source("webhook"), Given())).id == "c1"


async def test_github_hands_on_headers_and_body_and_its_delivery_id():
    reading = await GitHub().read(signed(b'{"ref": "main"}', "key"), GITHUB, Given("key"))
    assert reading.id == "d-1"
    assert reading.data["body"] == {"ref": "main", "X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1"}
    assert reading.data["headers"]["X-Github-Event"] == ["push"]


async def test_github_may_send_a_form():
    body = b"payload=%7B%22ref%22%3A+%22main%22%7D"
    form = signed(body, "key", Content_Type="application/x-www-form-urlencoded")
    assert (await GitHub().read(form, GITHUB, Given("key"))).data["body"]["ref"] == "main"


async def test_a_secret_that_was_just_changed_works_at_once():
    assert await GitHub().read(signed(b"{}", "new"), GITHUB, Given("old", "new"))
    with pytest.raises(Refused) as refused:
        await GitHub().read(signed(b"{}", "other"), GITHUB, Given("old", "new"))
    assert refused.value.status == 403


async def test_without_its_secret_a_source_lets_nobody_in():
    with pytest.raises(Refused) as refused:
        await GitHub().read(signed(b"{}", "key"), GITHUB, Given())
    assert refused.value.status == 500
    assert "there is no Secret 'x'" in refused.value.text


async def test_a_signature_of_other_letters_than_ascii_is_only_wrong():
    with pytest.raises(Refused) as refused:
        await GitHub().read(request(X_Hub_Signature_256="sha256=\udcffä"), GITHUB, Given("key"))
    assert refused.value.status == 403


async def test_a_ping_of_github_is_answered_and_published_only_if_asked_for():
    ping = signed(b'{"zen": "x"}', "key")
    ping = Request(ping.method, {**ping.headers, "X-Github-Event": ["ping"]}, {}, ping.body)
    assert "ping" in (await GitHub().read(ping, GITHUB, Given("key"))).withheld
    asked = source("github", **GITHUB.spec, events=["*"])
    assert (await GitHub().read(ping, asked, Given("key"))).withheld == ""


@pytest.mark.parametrize(("kind", "spec", "place", "text"), [
    (Webhook(), {"port": "1", "method": "POST"}, "endpoint", "is missing"),
    (Webhook(), {"endpoint": "push", "port": "1", "method": "POST"}, "endpoint", "such as /push"),
    (Webhook(), {"endpoint": "/push", "method": "POST"}, "port", "is missing"),
    (Webhook(), {"endpoint": "/push", "port": "http", "method": "POST"}, "port", "from 1 to 65535"),
    (Webhook(), {"endpoint": "/push", "port": "1", "method": "post"}, "method", "write one of GET, POST"),
    (GitHub(), {"webhook": {"endpoint": "/push", "port": "1"}, "contentType": "xml"}, "contentType", "json or form"),
    (Calendar(), {}, "schedule", "is missing"),
    (Calendar(), {"schedule": "61 * * * *"}, "schedule", "minute: '61'"),
    (Calendar(), {"interval": "soon"}, "interval", "is not a length of time"),
    (Calendar(), {"interval": "10ms"}, "interval", "at least 1s"),
    (Calendar(), {"interval": "1m", "timezone": "Mars"}, "interval", "time zone 'Mars' is unknown"),
    (Calendar(), {"interval": "1m", "exclusionDates": ["EXDATE:yesterday"]}, "exclusionDates", "yesterday"),
])
def test_a_mistake_is_told_with_its_place(kind, spec: dict, place: str, text: str):
    problems = list(kind.check(source("k", **spec)))
    assert any(one.path == f"spec.k.ev.{place}" and text in one.text for one in problems), problems


def test_an_unsigned_github_source_is_warned_about():
    [problem] = GitHub().check(source("github", webhook={"endpoint": "/p", "port": "1"}))
    assert problem.severity == "warning"


def test_a_webhook_without_a_token_is_warned_about_where_strangers_reach_it():
    hook = source("webhook", endpoint="/go", port="1", method="POST")
    assert list(Webhook().check(hook)) == []
    [problem] = Webhook().check(hook, exposed=True)
    assert (problem.severity, problem.path) == ("warning", "spec.webhook.ev.authSecret")
    guarded = source("webhook", **hook.spec, authSecret={"name": "s", "key": "k"})
    assert list(Webhook().check(guarded, exposed=True)) == []


@pytest.mark.parametrize(("expression", "why"), [
    ("", ""), ('body.ref == "main"', ""), ('body.ref == "tags"', "filter.expression 'body.ref == \"tags\"' is false, not true"),
    ("body.n", "filter.expression 'body.n' is 3, not true"),
])
def test_a_source_may_filter_by_an_expression(expression: str, why: str):
    data = {"body": {"ref": "main", "n": 3}}
    assert refused_by_filter({"filter": {"expression": expression}}, data) == why


def test_a_filter_that_fails_says_so():
    assert refused_by_filter({"filter": {"expression": "body.ref =="}}, {"body": {}}).startswith("filter.expression failed")


async def test_what_is_withheld_leaves_a_record():
    bus = MemoryBus()
    publisher = Publisher(source("webhook"), Journal(bus, "default"), clock=LoopClock())
    accepted = await publisher(Reading({"body": {}}, id="e1", withheld="because"))
    assert accepted.withheld == "because"
    assert await bus.read(Stream.EVENTS, "default", (...,), last=1) == []
    [record] = await bus.read(Stream.DECISIONS, "default", ("event", "e1", ...), last=1)
    assert json.loads(record.data)["why"] == "because"


class Desk:
    """A calendar that is started and stopped on simulated time."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.bus = MemoryBus(self.clock)
        self.kube = EmbeddedKube.open(":memory:", clock=self.clock)

    async def run_for(self, seconds: float, **spec) -> None:
        entry = source("calendar", **spec)
        emit = Publisher(entry, Journal(self.bus, "default"), clock=self.clock)
        world = World(self.kube, self.bus, self.clock, Given())
        task = asyncio.ensure_future(Calendar().run(entry, emit, world, asyncio.Event()))
        await asyncio.wait([task], timeout=seconds)
        assert not task.done()
        task.cancel()

    async def minutes(self) -> list[float]:
        """When the events were meant for, in minutes from the start."""
        found = await self.bus.read(Stream.EVENTS, "default", (...,), last=1000)
        return [(datetime.fromisoformat(from_bytes(one.data).id).timestamp() - START) / 60 for one in found]


def test_a_calendar_emits_at_each_instant():
    async def main() -> None:
        desk = Desk()
        await desk.run_for(190, schedule="* * * * *")
        assert await desk.minutes() == [1, 2, 3]
        [first, *_] = await desk.bus.read(Stream.EVENTS, "default", (...,), last=10)
        assert from_bytes(first.data).data == {"eventTime": "2027-01-15 08:01:00 +0000 UTC"}

    simulate(main(), seed=0)


@pytest.mark.parametrize("spec", [{"schedule": "* * * * *"}, {"interval": "60s"}], ids=["schedule", "interval"])
def test_replicas_emit_each_instant_once(spec: dict):
    async def main() -> None:
        desk = Desk()
        first = asyncio.ensure_future(desk.run_for(400, **spec))
        await asyncio.sleep(17)
        await asyncio.gather(first, desk.run_for(383, **spec))
        minutes = await desk.minutes()
        assert minutes == [1, 2, 3, 4, 5, 6]
        records = await desk.bus.read(Stream.EVENTS, "default", (...,), last=1000)
        assert len(records) == 6

    simulate(main(), seed=0)


def test_a_replica_that_was_stopped_for_hours_does_not_tell_again_what_others_have_told():
    async def main() -> None:
        desk = Desk()
        entry = source("calendar", schedule="*/10 * * * *")
        told: list[str] = []

        async def emit(reading: Reading) -> None:
            await goes_on.wait()
            told.append(reading.id)

        goes_on = asyncio.Event()
        world = World(desk.kube, desk.bus, desk.clock, Given())
        stopped = asyncio.ensure_future(Calendar().run(entry, emit, world, asyncio.Event()))
        await desk.run_for(5 * 3600 + 30, schedule="*/10 * * * *")
        goes_on.set()
        await asyncio.sleep(1)
        assert len(told) <= 1, "only what it was about to tell"
        stopped.cancel()

    simulate(main(), seed=0)


def test_a_restart_neither_loses_nor_doubles_an_instant():
    async def main() -> None:
        desk = Desk()
        await desk.run_for(59, schedule="* * * * *")
        await desk.run_for(30, schedule="* * * * *")
        await desk.clock.sleep(45)
        await desk.run_for(60, schedule="* * * * *")
        assert await desk.minutes() == [1, 2, 3]

    simulate(main(), seed=0)


def test_a_long_absence_is_made_up_for_only_if_asked():
    async def main() -> None:
        desk = Desk()
        await desk.run_for(70, schedule="* * * * *")
        await desk.clock.sleep(600)
        await desk.run_for(65, schedule="* * * * *")
        assert await desk.minutes() == [1, 11, 12]
        await desk.clock.sleep(600)
        keep = {"catchup": {"enabled": True, "maxDuration": "5m"}, "configMap": {"name": "c", "createIfNotExist": True}}
        await desk.run_for(15, schedule="* * * * *", persistence=keep)
        assert await desk.minutes() == [1, 11, 12, 18, 19, 20, 21, 22]
        kept = await desk.kube.get(CONFIG_MAPS, "c", namespace="default")
        assert json.loads(kept["data"]["src.ev"]) == {"eventTime": "2027-01-15 08:22:00 +0000 UTC"}

    simulate(main(), seed=0)


def test_excluded_days_pass_in_silence():
    async def main() -> None:
        desk = Desk()
        await desk.run_for(3 * 86400, schedule="0 12 * * *", exclusionDates=["EXDATE:20270116T000000Z"])
        assert await desk.minutes() == [4 * 60, 4 * 60 + 2 * 24 * 60]

    simulate(main(), seed=0)


def test_an_interval_goes_on_in_its_own_step():
    async def main() -> None:
        desk = Desk()
        await desk.run_for(100, interval="30s", metadata={"a": "b"}, timezone="Asia/Tokyo")
        assert await desk.minutes() == [0.5, 1, 1.5]
        [first, *_] = await desk.bus.read(Stream.EVENTS, "default", (...,), last=10)
        assert from_bytes(first.data).data == {
            "eventTime": "2027-01-15 17:00:30 +0900 JST", "metadata": {"a": "b"}}

    simulate(main(), seed=0)
