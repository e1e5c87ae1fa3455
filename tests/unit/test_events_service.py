"""The sensors' shell: start, edit, delete, retry, give up, replay; on simulated time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from argosy.errors import ArgosyError, Unavailable
from argosy.kube.answers import error_of
from argosy.kube.contract import Forbidden, Kube, Object
from argosy.kube.impersonation import impersonated
from argosy.kube.resources import EVENT_BUSES, SENSORS, WORKFLOWS
from events.bus.contract import Stream
from events.records import CALLS, NoRecord
from events.service import SensorsService
from tests.simulation.loop import LoopClock, simulate
from tests.support.events_world import NS, Running, World, creates, event, sensor

Story = Callable[[World], Awaitable[None]]


def play(story: Story) -> None:
    """Run a story on simulated time."""

    async def main() -> None:
        async with asyncio.timeout(24 * 3600):
            await story(World(LoopClock()))

    simulate(main(), seed=1)


class Failing:
    """A Kube that refuses to create, as often as told."""

    def __init__(self, kube: Kube, *errors: Exception) -> None:
        self._kube, self.errors, self.tries = kube, list(errors), []
        self.users: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def create(self, resource: Any, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        self.tries.append(await self._now())
        self.users.append(impersonated())
        if self.errors:
            raise self.errors.pop(0)
        return await self._kube.create(resource, obj, namespace=namespace, dry_run=dry_run)

    async def _now(self) -> float:
        return LoopClock().now()


def conditions(obj: Object) -> dict[str, dict[str, str]]:
    return {one["type"]: one for one in obj["status"]["conditions"]}


async def names(world: World) -> list[str]:
    return sorted(one["metadata"]["annotations"]["argosy.io/events"] for one in await world.workflows())


def test_a_sensor_that_works_says_so():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
        told = conditions(await world.kube.get(SENSORS, "sensor", namespace=NS))
        assert {type_: one["status"] for type_, one in told.items()} == {
            "DependenciesProvided": "True", "TriggersProvided": "True", "Deployed": "True"}

    play(story)


def test_a_broken_sensor_says_why_and_harms_nobody():
    async def story(world: World) -> None:
        broken = sensor([creates("t", conditions="pusch")], name="broken")
        await world.apply(broken)
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.settled(1)
        told = conditions(await world.kube.get(SENSORS, "broken", namespace=NS))
        assert told["Deployed"]["status"] == told["TriggersProvided"]["status"] == "False"
        assert told["DependenciesProvided"]["status"] == "True"
        assert "did you mean 'push'?" in told["TriggersProvided"]["message"]
        assert await names(world) == ["p1"]

    play(story)


def test_a_kind_of_trigger_that_is_not_supported_is_told_and_the_others_work():
    async def story(world: World) -> None:
        slack = {"template": {"name": "tell", "conditions": "push", "slack": {"channel": "x", "message": "y"}}}
        await world.apply(sensor([slack, creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.settled(2)
        told = conditions(await world.kube.get(SENSORS, "sensor", namespace=NS))
        assert "spec.triggers[0].template.slack: is not supported yet" in told["TriggersProvided"]["message"]
        assert told["Deployed"]["status"] == "True"
        assert await names(world) == ["p1"]
        [letter] = await world.records.list_dead_letters(NS)
        assert "slack, which is not supported yet" in letter["error"]

    play(story)


def test_a_trigger_of_a_kind_that_nothing_serves_is_told_on_the_sensor():
    async def story(world: World) -> None:
        job = creates("t")
        job["template"]["k8s"]["source"]["resource"] |= {"apiVersion": "batch/v1", "kind": "Job"}
        await world.apply(sensor([job]))
        async with world.start():
            await world.clock.sleep(1)
        told = conditions(await world.kube.get(SENSORS, "sensor", namespace=NS))
        assert told["Deployed"]["status"] == "True"
        place = "spec.triggers[0].template.k8s.source.resource"
        assert f"{place}: is a Job of batch/v1, a kind that nothing serves here" in told["SpecWarning"]["message"]

    play(story)


def test_an_event_bus_says_that_events_travel():
    async def story(world: World) -> None:
        await world.kube.create(EVENT_BUSES, {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "EventBus", "metadata": {"name": "default"},
            "spec": {"jetstream": {"version": "2.10.10"}}}, namespace=NS)
        async with world.start():
            await world.clock.sleep(1)
        told = conditions(await world.kube.get(EVENT_BUSES, "default", namespace=NS))
        assert told["Configured"]["status"] == told["Deployed"]["status"] == "True"
        assert "spec.jetstream: has no effect here" in told["SpecWarning"]["message"]

    play(story)


def test_an_event_bus_of_argo_events_is_left_to_it():
    async def story(world: World) -> None:
        for name, finalizers in (("argos", ["eventbus-controller"]), ("ours", [])):
            await world.kube.create(EVENT_BUSES, {
                "apiVersion": "argoproj.io/v1alpha1", "kind": "EventBus", "metadata": {"name": name, "finalizers": finalizers},
                "spec": {"jetstream": {"version": "2.10.10"}}}, namespace=NS)
        async with world.start():
            await world.clock.sleep(1)
        assert "status" not in await world.kube.get(EVENT_BUSES, "argos", namespace=NS)
        assert "status" in await world.kube.get(EVENT_BUSES, "ours", namespace=NS)

    play(story)


def test_what_has_no_effect_is_told():
    async def story(world: World) -> None:
        obj = sensor([creates("t", policy={"k8s": {"labels": {"a": "b"}, "backoff": {"steps": 1}}})])
        obj["spec"]["template"] = {"serviceAccountName": "argo-events-sa", "priorityClassName": "high"}
        await world.apply(obj)
        async with world.start():
            await world.clock.sleep(1)
        told = conditions(await world.kube.get(SENSORS, "sensor", namespace=NS))
        assert told["Deployed"]["status"] == "True"
        assert "spec.template.priorityClassName: has no effect" in told["SpecWarning"]["message"]
        assert "serviceAccountName" not in told["SpecWarning"]["message"]
        assert "policy.k8s: has no effect yet" in told["SpecWarning"]["message"]

    play(story)


def test_events_before_the_sensor_do_not_count_and_those_after_do():
    async def story(world: World) -> None:
        async with world.start():
            await world.send(event("before"))
            await world.clock.sleep(3)
            await world.apply(sensor([creates("t")]))
            await world.send(event("after"))
            await world.settled(1)
            await world.clock.sleep(10)
        assert await names(world) == ["after"]

    play(story)


def test_events_that_come_while_nobody_runs_are_done_later():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
        await world.send(event("p1"), event("p2"))
        await world.clock.sleep(3600)
        async with world.start():
            await world.settled(2)
        assert await names(world) == ["p1", "p2"]

    play(story)


def test_a_sensor_created_while_nobody_runs_gets_the_events_since():
    async def story(world: World) -> None:
        await world.send(event("before"))
        await world.clock.sleep(5)
        await world.apply(sensor([creates("t")]))
        await world.send(event("after"))
        async with world.start():
            await world.settled(1)
        assert await names(world) == ["after"]

    play(story)


def test_an_edited_sensor_goes_on_where_it_was_with_its_new_rules():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")], dependencies=["push", "tag"]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.clock.sleep(1)
            edited = sensor([creates("t", conditions="push && done")], dependencies=["push", "done"])
            await world.kube.patch(SENSORS, "sensor", {"spec": edited["spec"]}, namespace=NS)
            await world.send(event("d1", "done"))
            await world.settled(1)
        assert await names(world) == ["d1,p1"]

    play(story)


def test_a_sensor_that_is_broken_by_an_edit_misses_no_event_until_it_is_mended():
    async def story(world: World) -> None:
        obj = await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
            await world.kube.patch(SENSORS, "sensor", {"spec": {"triggers": []}}, namespace=NS)
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.clock.sleep(60)
            assert await world.workflows() == []
            await world.kube.patch(SENSORS, "sensor", {"spec": obj["spec"]}, namespace=NS)
            await world.settled(1)
        assert await names(world) == ["p1"]

    play(story)


def test_a_deleted_sensor_finishes_what_it_decided_and_leaves_nothing_behind():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t"), creates("both", conditions="push && tag")], dependencies=["push", "tag"]))
        kube = Failing(world.kube, *[Unavailable("away")] * 3)
        async with world.start(kube=kube):
            await world.clock.sleep(1)
            await world.send(event("p1"), event("t1", "tag"))
            await world.clock.sleep(0.5)
            await world.kube.delete(SENSORS, "sensor", namespace=NS)
            await world.settled(2)
            await world.clock.sleep(30)
            assert await world.bus.consumers(Stream.EVENTS, NS) == {}
            assert await world.bus.consumers(Stream.INTENTS, NS) == {}
        assert len(await world.workflows()) == 2

    play(story)


def test_what_was_decided_for_a_sensor_that_went_while_nobody_ran_is_done():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start(kube=Failing(world.kube, *[Unavailable("away")] * 100)):
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.clock.sleep(5)
        await world.kube.delete(SENSORS, "sensor", namespace=NS)
        async with world.start():
            await world.settled(1)
            await world.clock.sleep(30)
        assert await names(world) == ["p1"]
        assert await world.bus.consumers(Stream.EVENTS, NS) == {}
        assert await world.bus.consumers(Stream.INTENTS, NS) == {}

    play(story)


def test_a_retry_strategy_says_how_often_and_how_far_apart():
    async def story(world: World) -> None:
        strategy = {"steps": 3, "duration": "10s", "factor": "2"}
        await world.apply(sensor([creates("t", retryStrategy=strategy)]))
        kube = Failing(world.kube, *[Forbidden("quota")] * 9)
        async with world.start(kube=kube):
            await world.clock.sleep(1)
            await world.send(event("p1"))
            [outcome] = await world.settled(1)
        assert (outcome["outcome"], outcome["attempts"], outcome["text"]) == ("failed", 3, "quota")
        waits = [round(later - before) for before, later in zip(kube.tries, kube.tries[1:], strict=False)]
        assert waits == [10, 20]

    play(story)


def test_a_failure_of_the_world_is_tried_again_without_being_asked():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start(kube=Failing(world.kube, Unavailable("away"), Unavailable("away"))):
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.clock.sleep(1.5)
            told = await world.records.explain(NS, "p1")
            assert told["decisions"][0]["result"]["outcome"] == "retrying"
            [outcome] = await world.settled(1)
        assert (outcome["outcome"], outcome["attempts"]) == ("done", 3)

    play(story)


@pytest.mark.parametrize(("code", "message"), [
    (500, "etcdserver: leader changed"), (500, 'failed calling webhook "policy": connection refused'), (401, "Unauthorized"),
])
def test_what_an_api_server_in_trouble_answers_is_tried_again(code: int, message: str):
    async def story(world: World) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
        trouble = [error_of(code, json.dumps(status).encode()) for _ in range(3)]
        await world.apply(sensor([creates("t")]))
        async with world.start(kube=Failing(world.kube, *trouble)):
            await world.clock.sleep(1)
            await world.send(event("p1"))
            [outcome] = await world.settled(1)
        assert (outcome["outcome"], outcome["attempts"]) == ("done", 4)
        assert await world.records.list_dead_letters(NS) == []

    play(story)


def test_a_mistake_is_not_tried_again_but_kept_and_done_once_it_is_mended():
    async def story(world: World) -> None:
        bad = [{"src": {"dependencyName": "push", "dataKey": "body.nothing"}, "dest": "spec.entrypoint"}]
        good = [{"src": {"dependencyName": "push", "dataKey": "body.id"}, "dest": "spec.entrypoint"}]
        await world.apply(sensor([creates("t", parameters=bad)]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            [outcome] = await world.settled(1)
            assert (outcome["outcome"], outcome["attempts"]) == ("failed", 1)
            assert "path 'body.nothing' does not exist in the event" in outcome["text"]
            [letter] = await world.records.list_dead_letters(NS)
            assert letter["events"] == ["p1"]
            spec = sensor([creates("t", parameters=good)])["spec"]
            await world.kube.patch(SENSORS, "sensor", {"spec": spec}, namespace=NS)
            await world.clock.sleep(1)
            answer = await world.records.replay(NS, letter["id"])
            await world.settled(2)
            again = await world.records.replay(NS, letter["id"])
            await world.settled(3)
            assert answer["intent"] != again["intent"]
            [decision] = (await world.records.explain(NS, "p1"))["decisions"]
            assert (decision["result"]["outcome"], decision["result"]["replay"]) == ("done", again["intent"])
        [workflow] = await world.workflows()
        assert workflow["spec"]["entrypoint"] == "p1"
        [letter] = await world.records.list_dead_letters(NS)
        assert letter["replayedAs"] == again["intent"]
        with pytest.raises(NoRecord):
            await world.records.replay(NS, "nothing")

    play(story)


def test_what_fails_for_good_can_fire_its_own_trigger():
    async def story(world: World) -> None:
        fixed = creates("t")
        fixed["template"]["k8s"]["source"]["resource"]["kind"] = "Nonsense"
        fixed["dlqTrigger"] = creates("instead")
        await world.apply(sensor([fixed]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.settled(2)
        [workflow] = await world.workflows()
        assert workflow["metadata"]["labels"]["events.argoproj.io/trigger"] == "instead"

    play(story)


def test_a_slow_trigger_keeps_nobody_waiting():
    async def story(world: World) -> None:
        class Slow(Failing):
            async def create(self, resource: Any, obj: Object, **more: Any) -> Object:
                if obj["metadata"]["labels"]["events.argoproj.io/trigger"] == "slow":
                    await asyncio.sleep(1000)
                return await super().create(resource, obj, **more)

        await world.apply(sensor([creates("slow"), creates("quick")]))
        async with world.start(kube=Slow(world.kube)):
            await world.clock.sleep(1)
            await world.send(*(event(f"p{number}") for number in range(100)))
            await world.clock.sleep(30)
            assert len(await world.workflows()) == 100

    play(story)


def test_a_rate_limit_spreads_what_is_done_and_drops_nothing():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t", rateLimit={"unit": "Minute", "requestsPerUnit": 6})]))
        kube = Failing(world.kube)
        async with world.start(kube=kube):
            await world.clock.sleep(1)
            await world.send(*(event(f"p{number}") for number in range(5)))
            await world.settled(5)
        waits = [round(later - before) for before, later in zip(kube.tries, kube.tries[1:], strict=False)]
        assert waits == [10, 10, 10, 10]

    play(story)


def test_a_message_that_is_no_event_becomes_a_dead_letter_and_the_next_is_decided():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
            await world.bus.publish(Stream.EVENTS, NS, ("github", "push"), b"\xff not json")
            await world.send(event("p1"))
            await world.settled(1)
        [letter] = await world.records.list_dead_letters(NS)
        assert letter["kind"] == "event"
        assert "no CloudEvent" in letter["error"]
        assert await names(world) == ["p1"]

    play(story)


def test_the_same_delivery_sent_twice_fires_once_even_much_later():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"), event("p1"))
            await world.settled(1)
            await world.clock.sleep(24 * 3600 - 60)
            await world.send(event("p1"))
            await world.clock.sleep(30)
        assert await names(world) == ["p1"]

    async def main() -> None:
        await story(World(LoopClock()))

    simulate(main(), seed=1)


def test_an_object_with_a_fixed_name_belongs_to_the_events_that_made_it():
    async def story(world: World) -> None:
        fixed = creates("t")
        fixed["template"]["k8s"]["source"]["resource"]["metadata"] = {"name": "only"}
        await world.apply(sensor([fixed]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"), event("p2"))
            outcomes = await world.settled(2)
        assert sorted(one["outcome"] for one in outcomes) == ["done", "failed"]
        [failed] = [one for one in outcomes if one["outcome"] == "failed"]
        assert "Workflow 'only' exists already, and other events made it" in failed["text"]

    play(story)


def test_an_event_is_explained_from_source_to_object():
    async def story(world: World) -> None:
        filtered = {"name": "tag", "eventSourceName": "github", "eventName": "push",
                    "filters": {"data": [{"path": "body.id", "type": "string", "value": ["^t"]}]}}
        await world.apply(sensor(
            [creates("t", conditions="push"), creates("both"), creates("tags", conditions="tag")],
            dependencies=["push", filtered]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.settled(1)
            await world.clock.sleep(1)
        told = await world.records.explain(NS, "@latest")
        [workflow] = await world.workflows()
        assert told["text"] == [
            "event p1 from github/push (github) at 2026-11-24T10:00:00Z",
            "  sensor sensor, trigger t: fired: condition 'push' is met",
            "    dependency push: passed",
            f"    done: created Workflow {workflow['metadata']['name']}",
            "  sensor sensor, trigger both: waiting: condition 'push && tag' still waits for tag",
            "    dependency push: passed",
            "    dependency tag: refused",
            "      no  filters.data[0]: body.id = ^t (string): the event has 'p1'",
            ("  sensor sensor, trigger tags: filtered: dependency 'tag' refused the event: "
             "filters.data[0] (body.id = ^t (string)): the event has 'p1'"),
            "    dependency tag: refused",
            "      no  filters.data[0]: body.id = ^t (string): the event has 'p1'",
        ]
        [listed] = await world.records.list_events(NS)
        assert [one["outcome"] for one in listed["decisions"]] == ["fired", "waiting", "filtered"]
        assert await world.records.list_events(NS, source="gitlab") == []
        with pytest.raises(NoRecord, match="knows no event 'p9'"):
            await world.records.explain(NS, "p9")

    play(story)


def test_an_event_that_nobody_awaits_is_explained_too():
    async def story(world: World) -> None:
        await world.send(event("p1"))
        told = await world.records.explain(NS, "p1")
        assert told["event"]["data"] == {"body": {"id": "p1"}}
        assert "no sensor has decided about it" in told["text"][1]

    play(story)


def test_every_question_can_be_asked_over_http():
    async def story(world: World) -> None:
        await world.send(event("p1"))
        calls = {(one.method, one.path): one for one in CALLS}
        listed = calls["GET", "/argosy/v1/namespaces/{namespace}/events"]
        assert len(await listed.ask(world.records, {"namespace": NS, "limit": "1"})) == 1
        explain = calls["GET", "/argosy/v1/namespaces/{namespace}/events/{id}"]
        assert (await explain.ask(world.records, {"namespace": NS, "id": "p1"}))["id"] == "p1"
        letters = calls["GET", "/argosy/v1/namespaces/{namespace}/deadletters"]
        assert await letters.ask(world.records, {"namespace": NS}) == []
        replay = calls["POST", "/argosy/v1/namespaces/{namespace}/deadletters/{id}/replay"]
        with pytest.raises(ArgosyError):
            await replay.ask(world.records, {"namespace": NS, "id": "x"})

    play(story)


def test_workflows_carry_argos_labels():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
            await world.send(event("p1"))
            await world.settled(1)
        [workflow] = (await world.kube.list(
            WORKFLOWS, label_selector="events.argoproj.io/sensor=sensor,events.argoproj.io/trigger=t")).items
        assert workflow["metadata"]["labels"]["events.argoproj.io/action-timestamp"].isdigit()

    play(story)


def test_whoever_serves_one_namespace_leaves_the_sensors_of_others_alone():
    async def story(world: World) -> None:
        await world.apply(sensor([creates("t")]))
        async with world.start():
            await world.clock.sleep(1)
        other = SensorsService(world.kube, world.bus, clock=world.clock, chance=Random(1), namespace="elsewhere")
        async with Running(other):
            await world.send(event("e1"))
            await world.clock.sleep(60)
        assert await world.workflows() == []
        async with world.start():
            await world.settled(1)
        assert len(await world.workflows()) == 1

    play(story)


def test_what_failed_for_want_of_rights_is_done_again_with_those_that_the_sensor_names_now():
    async def story(world: World) -> None:
        obj = sensor([creates("t")])
        obj["spec"]["template"] = {"serviceAccountName": "powerless"}
        await world.apply(obj)
        kube = Failing(world.kube, Forbidden("workflows is forbidden"))
        async with world.start(kube=kube):
            await world.send(event("p1"))
            await world.settled(1)
            [letter] = await world.records.list_dead_letters(NS)
            await world.kube.patch(SENSORS, "sensor", {"spec": {"template": {"serviceAccountName": "deployer"}}}, namespace=NS)
            await world.records.replay(NS, letter["id"])
            await world.settled(2)
        assert kube.users == [f"system:serviceaccount:{NS}:powerless", f"system:serviceaccount:{NS}:deployer"]

    play(story)
