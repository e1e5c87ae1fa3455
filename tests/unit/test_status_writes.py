"""How often a workflow's status is written: as time goes by, not as steps end; and what is written with it."""

from argosy.kube.resources import WORKFLOWS
from controller.pace import SOON_SECONDS
from tests.support.still_controller import graph, task, world

STEP_SECONDS = 0.01


async def writes_of(steps: int, *, at_once: int, seconds_each: float = STEP_SECONDS) -> dict[str, int]:
    """The controller's writes for so many steps, so many at a time, of which one ends each so many seconds."""
    async with world() as place:
        await place.submit(graph(task("each", withSequence={"count": str(steps)}), parallelism=at_once))
        async with place.controller():
            for number in range(steps):
                await place.end(await place.pod(f"each({number}:{number})"))
                place.clock.move(seconds_each)
            place.clock.move(1)
            assert (await place.over())["status"]["phase"] == "Succeeded"
        return dict(place.writes)


async def test_writes_do_not_grow_with_the_number_of_steps_that_end_in_a_given_time() -> None:
    some = await writes_of(80, at_once=5, seconds_each=0.01)
    many = await writes_of(320, at_once=5, seconds_each=0.0025)
    assert some["replace workflows"] <= 0.8 / SOON_SECONDS + 4
    assert many["replace workflows"] <= 0.8 / SOON_SECONDS + 4


async def test_a_plain_step_costs_one_create_and_a_share_of_the_writes() -> None:
    writes = await writes_of(100, at_once=10)
    assert writes.pop("create pods") == 100
    assert writes.pop("replace workflows") <= 100 * STEP_SECONDS / SOON_SECONDS + 4
    assert set(writes) <= {"create events"}


async def test_labels_and_annotations_of_the_spec_come_onto_the_workflow_once_and_may_then_be_changed() -> None:
    async with world() as place:
        given = {"labels": {"team": "blue"}, "annotations": {"about": "{{workflow.name}}"}}
        await place.submit(graph(task("a"), workflowMetadata=given))
        async with place.controller():
            pod = await place.pod("a")
            found = (await place.kube.get(WORKFLOWS, "w", namespace="default"))["metadata"]
            assert found["labels"]["team"] == "blue"
            assert found["annotations"]["about"] == "w"
            await place.kube.patch(WORKFLOWS, "w", {"metadata": {"labels": {"team": "red"}}}, namespace="default")
            await place.end(pod)
            place.clock.move(1)
            assert (await place.over())["metadata"]["labels"]["team"] == "red"
