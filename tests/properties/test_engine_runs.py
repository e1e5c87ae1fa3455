"""What holds for every workflow, whatever its shape and however its pods end."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.engine import Outputs, PodGone, PodRefused, PodSeen, Resumed, Run, Supplied, WantedPod, Wish
from controller.engine.moves import SETTLED
from tests.support.engine_world import World

# The templates of a workflow: every one calls only those after it, so that nothing recurses; the last ones are pods.
NAMES = ["t0", "t1", "t2", "t3", "t4"]
retries = st.fixed_dictionaries(
    {"limit": st.integers(0, 3)},
    optional={
        "retryPolicy": st.sampled_from(["Always", "OnFailure", "OnError"]),
        "backoff": st.fixed_dictionaries({"duration": st.sampled_from(["1", "3s"])}, optional={
            "factor": st.just(2), "maxDuration": st.just("9s")}),
        "expression": st.sampled_from(["lastRetry.exitCode == '1'", "asInt(retries) < 2"]),
    },
)
loops = st.one_of(
    st.just({}), st.just({}),
    st.fixed_dictionaries({"withItems": st.lists(st.sampled_from(["a", "b", 1, {"k": "v"}]), max_size=4)}),
    st.fixed_dictionaries({"withSequence": st.fixed_dictionaries({"count": st.integers(0, 4)})}),
)
continues = st.one_of(st.none(), st.fixed_dictionaries({"failed": st.booleans(), "error": st.booleans()}))
whens = st.sampled_from(["", "", "", "1 == 1", "1 == 2", "{{workflow.name}} == wf"])


@st.composite
def calls(draw: Any, name: str, callees: list[str]) -> dict[str, Any]:
    """A step or task."""
    call = {"name": name, "template": draw(st.sampled_from(callees)), **draw(loops)}
    if goes_on := draw(continues):
        call["continueOn"] = goes_on
    if when := draw(whens):
        call["when"] = when
    if draw(st.integers(0, 5)) == 0:
        call["onExit"] = "p"
    if draw(st.integers(0, 7)) == 0:
        kind = draw(st.sampled_from(["Running", "Failed", "Succeeded"]))
        call["hooks"] = {"mine": {"template": "p", "expression": f"KIND['{name}'].status == '{kind}'"}}
    return call


def _hooked(call: dict[str, Any], kind: str) -> dict[str, Any]:
    text = json.dumps(call).replace("KIND[", f"{kind}[")
    return json.loads(text)


def _states(name: str, tasks: list[dict[str, Any]]) -> list[str]:
    loop = any(task["name"] == name and (task.get("withItems") or task.get("withSequence")) for task in tasks)
    plain = ["", ".Succeeded", ".Failed", ".Skipped", ".Errored", ".Omitted"]
    return [*plain, ".AnySucceeded", ".AllFailed"] if loop else plain


@st.composite
def composites(draw: Any, name: str, callees: list[str]) -> dict[str, Any]:
    """A steps or dag template."""
    template: dict[str, Any] = {"name": name}
    if draw(st.integers(0, 2)) == 0:
        template["parallelism"] = draw(st.integers(1, 3))
    if draw(st.integers(0, 4)) == 0:
        template["failFast"] = True
    if draw(st.integers(0, 4)) == 0:
        template["retryStrategy"] = draw(retries)
    names = [f"n{i}" for i in range(draw(st.integers(1, 5)))]
    if draw(st.booleans()):
        groups: list[list[dict[str, Any]]] = [[]]
        for each in names:
            if groups[-1] and draw(st.booleans()):
                groups.append([])
            groups[-1].append(_hooked(draw(calls(each, callees)), "steps"))
        return template | {"steps": groups}
    tasks, with_states = [], draw(st.booleans())  # a graph writes either depends or dependencies
    for i, each in enumerate(names):
        task = _hooked(draw(calls(each, callees)), "tasks")
        before = draw(st.lists(st.sampled_from(names[:i]), unique=True, max_size=2)) if i else []
        if with_states:
            task.pop("continueOn", None)
        if before and with_states:
            joint = draw(st.sampled_from([" && ", " || "]))
            task["depends"] = joint.join(b + draw(st.sampled_from(_states(b, tasks))) for b in before)
        elif before:
            task["dependencies"] = before
        tasks.append(task)
    return template | {"dag": {"tasks": tasks, **draw(st.sampled_from([{}, {"failFast": False}]))}}


@st.composite
def workflows(draw: Any) -> dict[str, Any]:
    """A whole workflow."""
    count = draw(st.integers(1, 4))
    templates = [draw(composites(NAMES[i], [*NAMES[i + 1:count], "p", "p", "r"])) for i in range(count)]
    pods = [
        {"name": "p", "container": {"image": "x"}},
        {"name": "r", "container": {"image": "x"}, "retryStrategy": draw(retries)},
    ]
    spec: dict[str, Any] = {"entrypoint": "t0", "templates": [*templates, *pods]}
    if draw(st.integers(0, 2)) == 0:
        spec["parallelism"] = draw(st.integers(1, 4))
    if draw(st.integers(0, 3)) == 0:
        spec["onExit"] = "p"
    if draw(st.integers(0, 6)) == 0:
        spec["activeDeadlineSeconds"] = draw(st.integers(1, 8))
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "wf"}, "spec": spec}


def fate(luck: int) -> Any:
    """Pods that fail now and then, each always in the same way."""

    def plan(pod: WantedPod) -> PodSeen:
        draw = hashlib.sha256(f"{luck}{pod.node_name}".encode()).digest()[0]
        if draw < 150:
            return PodSeen(pod.node_id, "Succeeded", exit_code=0, outputs=Outputs("1"))
        if draw < 220:
            return PodSeen(pod.node_id, "Failed", message="main: Error (exit code 1)", exit_code=1)
        return PodSeen(pod.node_id, "Error", message="lost")

    return plan


def shown(status: dict[str, Any]) -> dict[str, Any]:
    """A status in which order does not matter."""
    whole = json.loads(json.dumps(status))
    for node in whole.get("nodes", {}).values():
        for key in ("children", "outboundNodes"):
            if key in node:
                node[key] = sorted(node[key])
    return whole


common = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)


@common
@given(workflows(), st.integers(0, 9))
def test_every_run_ends_once_its_pods_end(workflow: dict[str, Any], luck: int) -> None:
    world = World(workflow, plan=fate(luck))
    status = world.to_end()
    assert world.run.ended, status
    assert not status.get("message", "").startswith("invalid spec"), "the generator must make valid workflows"
    assert all(node["phase"] in SETTLED for node in status["nodes"].values())
    assert not world.run.wanted
    assert len(world.created) == len(set(world.created)), "a pod was made twice for one attempt"
    limit = workflow["spec"].get("parallelism")
    assert not limit or world.most_running <= limit


@common
@given(workflows(), st.integers(0, 9))
def test_a_template_never_runs_more_children_than_it_allows(workflow: dict[str, Any], luck: int) -> None:
    world = World(workflow, plan=fate(luck))
    limits = {t["name"]: t["parallelism"] for t in workflow["spec"]["templates"] if "parallelism" in t}
    for _ in range(300):
        changes = world.advance()
        nodes = world.run.status.get("nodes", {})
        for node in nodes.values():
            limit = limits.get(node.get("templateName", ""))
            if limit and node["type"] in ("Steps", "DAG"):
                inside = [
                    other for other in nodes.values()
                    if other.get("boundaryID") == node["id"] and other["type"] in ("Pod", "Steps", "DAG")
                    and other["phase"] in ("Pending", "Running")
                ]
                assert len(inside) <= limit
        if world.run.ended:
            break
        world.start_pods()
        world.advance()
        for node_id in list(world.running)[:1]:
            world.end_pod(node_id)
        world.now = max(world.now + 1, changes.wake_at or 0)


@common
@given(workflows(), st.integers(0, 9))
def test_the_same_history_gives_the_same_end(workflow: dict[str, Any], luck: int) -> None:
    one, other = World(workflow, plan=fate(luck)), World(workflow, plan=fate(luck))
    assert json.dumps(one.to_end()) == json.dumps(other.to_end())
    assert one.created == other.created


@common
@given(workflows(), st.integers(0, 9), st.integers(0, 12))
def test_a_new_process_goes_on_where_the_old_one_stopped(workflow: dict[str, Any], luck: int, moment: int) -> None:
    straight, broken = World(workflow, plan=fate(luck)), World(workflow, plan=fate(luck))
    expected = shown(straight.to_end())
    assert shown(broken.to_end(restart_at=moment)) == expected
    assert len(broken.created) == len(set(broken.created))


@common
@given(workflows(), st.integers(0, 9), st.integers(0, 5), st.sampled_from(["Stop", "Terminate"]))
def test_a_stopped_run_ends(workflow: dict[str, Any], luck: int, moment: int, how: Any) -> None:
    world = World(workflow, plan=fate(luck))
    world.to_end(most_rounds=moment)
    if world.run.ended:
        return
    world.run.observe(Wish(shutdown=how))
    status = world.to_end()
    assert world.run.ended, status
    assert not world.run.wanted
    assert all(node["phase"] in SETTLED for node in status["nodes"].values())


@common
@given(workflows(), st.integers(0, 9))
def test_work_is_counted_by_what_changes(workflow: dict[str, Any], luck: int) -> None:
    world = World(workflow, plan=fate(luck))
    world.to_end()
    nodes = len(world.run.status["nodes"])
    assert world.run.nodes.work <= 40 * (nodes + 2)


def test_a_run_that_has_ended_stays_as_it_is() -> None:
    template = {"name": "p", "container": {"image": "x"}}
    workflow = {"metadata": {"name": "wf"}, "spec": {"entrypoint": "p", "templates": [template]}}
    world = World(workflow)
    status = world.to_end()
    again = Run.load({**workflow, "status": status})
    assert again.ended
    assert not again.advance(world.now + 1).status_changed


@pytest.mark.parametrize("name", ["container", "script"])
def test_a_template_of_one_pod_needs_no_group(name: str) -> None:
    body = {"image": "x", "source": "echo"} if name == "script" else {"image": "x"}
    workflow = {"metadata": {"name": "wf"}, "spec": {"entrypoint": "p", "templates": [{"name": "p", name: body}]}}
    status = World(workflow).to_end()
    assert list(status["nodes"]) == ["wf"]


@st.composite
def sights(draw: Any) -> list[Any]:
    """Anything that somebody may say, true or not: kinds of observation with a number that picks the node."""
    kinds = st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Error", "gone", "refused", "resumed", "supplied",
                             "stranger", "hold", "go", "later"])
    return draw(st.lists(st.tuples(kinds, st.integers(0, 50)), max_size=60))


def _sight(world: World, kind: str, number: int) -> None:
    ids = sorted(world.run.status.get("nodes", {"wf": {}}))
    node_id = ids[number % len(ids)]
    match kind:
        case "gone":
            world.run.observe(PodGone(node_id))
        case "refused":
            world.run.observe(PodRefused(node_id, "no"))
        case "resumed":
            world.run.observe(Resumed(node_id, {"x": "1"} if number % 2 else {}))
        case "supplied":
            world.run.observe(Supplied(node_id, {"x": "1"} if number % 2 else {}, "m" if number % 3 else ""))
        case "stranger":
            world.run.observe(PodSeen(f"wf-{number}", "Running"))
        case "hold" | "go":
            world.run.observe(Wish(suspend=kind == "hold"))
        case "later":
            world.now += number
        case _:
            world.run.observe(PodSeen(node_id, kind, message="m", daemon_ready=number % 5 == 0))  # type: ignore[arg-type]


@common
@given(workflows(), sights())
def test_no_observation_whatever_breaks_a_run(workflow: dict[str, Any], seen: list[Any]) -> None:
    world = World(workflow)
    world.advance()
    for kind, number in seen:
        _sight(world, kind, number)
        changes = world.advance()
        assert changes.wake_at is None or changes.wake_at > world.now
    world.run.observe(Wish())
    for _ in range(300):
        changes = world.advance()
        if world.run.ended:
            break
        for key, node in world.run.status["nodes"].items():
            if node["type"] == "Pod" and node["phase"] not in SETTLED:
                world.run.observe(PodSeen(key, "Succeeded"))
        world.now = max(world.now + 1, changes.wake_at or 0)
    assert world.run.ended
