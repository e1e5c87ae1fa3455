"""Container sets in the engine: their containers are nodes from the moment that the pod is seen."""

from typing import Any

from controller.engine import ContainerSeen, PodGone, PodSeen, WantedPod, Wish
from tests.support.engine_world import World

SET = {"name": "set", "containerSet": {"containers": [
    {"name": "a", "image": "x"}, {"name": "b", "image": "x", "dependencies": ["a"]}]}}


def world(*templates: dict[str, Any], **options: Any) -> World:
    return World({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w", "namespace": "argo"},
        "spec": {"entrypoint": templates[0]["name"], "templates": list(templates)}}, **options)


def both(pod: WantedPod) -> PodSeen:
    return PodSeen(pod.node_id, "Succeeded", exit_code=0, containers=(
        ContainerSeen("a", "Succeeded"), ContainerSeen("b", "Succeeded")))


def test_containers_are_drawn_once_their_pod_is_there() -> None:
    here = world(SET)
    here.advance()
    assert list(here.run.status["nodes"]) == ["w"]
    here.start_pods()
    here.advance()
    assert here.node(".a")["children"] == [here.node(".b")["id"]]
    assert here.node("")["children"] == [here.node(".a")["id"]]
    assert (here.node(".b")["boundaryID"], here.node(".b")["type"], here.node(".b")["phase"]) == ("w", "Container", "Pending")


def test_a_saved_set_goes_on_where_it_was() -> None:
    for turn in range(4):
        twice = {"name": "main", "steps": [[{"name": "one", "template": "set"}], [{"name": "two", "template": "set"}]]}
        status = world(twice, SET, plan=both).to_end(restart_at=turn)
        assert (status["phase"], status["progress"], len(status["nodes"])) == ("Succeeded", "6/6", 9)


def test_a_pod_that_is_gone_takes_its_containers_along() -> None:
    here = world(SET)
    here.advance()
    here.run.observe(PodSeen("w", "Running", containers=(ContainerSeen("a", "Succeeded"), ContainerSeen("b", "Running"))))
    here.advance()
    here.run.observe(PodGone("w"))
    here.advance()
    assert (here.node(".a")["phase"], here.node(".b")["phase"], here.node(".b")["message"]) == (
        "Succeeded", "Error", "pod deleted")


def test_a_stop_ends_the_containers_that_run() -> None:
    here = world(SET)
    here.advance()
    here.start_pods()
    here.advance()
    here.run.observe(Wish(shutdown="Terminate"))
    here.advance()
    assert {here.node(name)["phase"] for name in ("", ".a", ".b")} == {"Failed"}


def test_an_older_sight_of_a_container_changes_nothing() -> None:
    here = world(SET)
    here.advance()
    for phase in ("Running", "Pending"):
        here.run.observe(PodSeen("w", "Running", containers=(ContainerSeen("a", phase), ContainerSeen("unknown", "Running"))))  # type: ignore[arg-type]
        here.advance()
    assert here.node(".a")["phase"] == "Running"
