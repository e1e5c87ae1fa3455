"""The whole embedded system, killed with SIGKILL at twenty random moments: no event is lost, and nothing is done twice.

Events arrive without pause while workflows run. A sender posts an event again, with the same id, until it is answered;
so each event counts once. In the end the decisions, the workflows and what their steps wrote are held against what
should have come of the events, computed here from the order in which the system kept them.
"""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import PODS, WORKFLOWS
from tests.support.killed_system import (
    NAMESPACE,
    Post,
    System,
    apply,
    deliver,
    github_push,
    hook_call,
    kube_of,
    left_behind,
    open_system,
)

KILLS = 20
PATIENCE_SECONDS = 85
MOST_LINES = 40  # of the log, after which a life may end
SECRET = "known to GitHub and us"
SENSORS_OF = {"push": ("pushes", "releases"), "order": ("orders",), "approve": ("releases",)}
STEPS_OF = {"push": 6, "order": 1, "release": 2}  # how many pods a workflow of each kind has

MANIFESTS = """
apiVersion: v1
kind: Secret
metadata: {name: github-webhook}
stringData: {secret: "@SECRET@"}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: github}
spec:
  github:
    push:
      repositories: [{owner: argosy, names: [lighthouse]}]
      webhook: {endpoint: /push, port: "12000", method: POST}
      events: ["*"]
      webhookSecret: {name: github-webhook, key: secret}
      contentType: json
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hooks}
spec:
  webhook:
    order: {endpoint: /order, port: "12000", method: POST}
    approve: {endpoint: /approve, port: "12000", method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: pushes}
spec:
  dependencies:
    - name: push
      eventSourceName: github
      eventName: push
      filters: {data: [{path: body.ref, type: string, value: ["refs/heads/main"]}]}
  triggers:
    - template:
        name: push
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: push-}
              spec:
                workflowTemplateRef: {name: pipeline}
                arguments: {parameters: [{name: event, value: ""}]}
          parameters:
            - {src: {dependencyName: push, dataKey: body.after}, dest: spec.arguments.parameters.0.value}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: orders}
spec:
  dependencies:
    - name: order
      eventSourceName: hooks
      eventName: order
      filters: {exprs: [{expr: number % 3 != 0, fields: [{name: number, path: body.number}]}]}
  triggers:
    - template:
        name: order
        argoWorkflow:
          operation: submit
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: order-}
              spec:
                entrypoint: pack
                arguments: {parameters: [{name: number, value: ""}]}
                volumes: [{name: ran, hostPath: {path: "@RAN@"}}]
                templates:
                  - name: pack
                    container:
                      image: alpine
                      command: [sh, -c]
                      args: ["echo {{pod.name}} >> @RAN@/steps; sleep 0.2; exit $(({{workflow.parameters.number}} % 5 == 0))"]
                      volumeMounts: [{name: ran, mountPath: "@RAN@"}]
          parameters:
            - {src: {dependencyName: order, dataKey: body.number}, dest: spec.arguments.parameters.0.value}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: releases}
spec:
  dependencies:
    - {name: push, eventSourceName: github, eventName: push}
    - {name: approve, eventSourceName: hooks, eventName: approve}
  triggers:
    - template:
        name: release
        conditions: push && approve
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: release-}
              spec:
                entrypoint: main
                volumes: [{name: ran, hostPath: {path: "@RAN@"}}]
                templates:
                  - name: main
                    dag:
                      tasks:
                        - {name: write, template: write}
                        - name: read
                          depends: write
                          template: read
                          arguments: {artifacts: [{name: notes, from: "{{tasks.write.outputs.artifacts.notes}}"}]}
                  - name: write
                    script:
                      image: alpine
                      command: [sh]
                      source: |
                        echo {{pod.name}} >> @RAN@/steps
                        echo "made by {{workflow.name}}" > /tmp/notes
                      volumeMounts: [{name: ran, mountPath: "@RAN@"}]
                    outputs: {artifacts: [{name: notes, path: /tmp/notes}]}
                  - name: read
                    inputs: {artifacts: [{name: notes, path: /tmp/read}]}
                    script:
                      image: alpine
                      command: [sh, -e]
                      source: |
                        echo {{pod.name}} >> @RAN@/steps
                        test "$(cat /tmp/read)" = "made by {{workflow.name}}"
                      volumeMounts: [{name: ran, mountPath: "@RAN@"}]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: pipeline}
spec:
  entrypoint: main
  arguments: {parameters: [{name: event}]}
  volumes: [{name: ran, hostPath: {path: "@RAN@"}}]
  templates:
    - name: main
      steps:
        - - {name: plan, template: plan}
        - - name: work
            template: work
            arguments: {parameters: [{name: item, value: "{{item}}"}]}
            withParam: "{{steps.plan.outputs.result}}"
          - {name: flaky, template: flaky}
        - - name: finish
            template: finish
            arguments:
              parameters:
                - {name: made, value: "{{steps.plan.outputs.parameters.made}}"}
                - {name: results, value: "{{steps.work.outputs.result}}"}
    - name: plan
      script:
        image: alpine
        command: [sh]
        source: |
          echo {{pod.name}} >> @RAN@/steps
          echo "{{workflow.parameters.event}}" > /tmp/made
          echo '["left", "right"]'
        volumeMounts: [{name: ran, mountPath: "@RAN@"}]
      outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}
    - name: work
      inputs: {parameters: [{name: item}]}
      script:
        image: alpine
        command: [sh]
        source: |
          echo {{pod.name}} >> @RAN@/steps
          sleep 0.3
          echo {{inputs.parameters.item}}
        volumeMounts: [{name: ran, mountPath: "@RAN@"}]
    - name: flaky
      retryStrategy: {limit: "3"}
      script:
        image: alpine
        command: [sh]
        source: |
          echo {{pod.name}} >> @RAN@/steps
          exit $(({{retries}} == 0))
        volumeMounts: [{name: ran, mountPath: "@RAN@"}]
    - name: finish
      inputs: {parameters: [{name: made}, {name: results}]}
      script:
        image: alpine
        command: [sh, -e]
        source: |
          echo {{pod.name}} >> @RAN@/steps
          test '{{inputs.parameters.made}}' = '{{workflow.parameters.event}}'
          test '{{inputs.parameters.results}}' = '["left","right"]'
        volumeMounts: [{name: ran, mountPath: "@RAN@"}]
"""


@dataclass(slots=True)
class Story:
    """One run: what was sent, and what of it was answered."""

    seed: int
    folder: Path
    sent: dict[str, Post] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def ran(self) -> Path:
        return self.folder / "ran"

    async def run(self) -> None:
        """Kill, wait until all is quiet, and compare."""
        self.ran.mkdir()
        async with asyncio.timeout(PATIENCE_SECONDS), open_system(self.data) as system:
            try:
                await self._kill_and_send(system)
                await self._until_decided(system)
                await system.ready()
                async with kube_of(self.data) as kube:
                    events = await self._events(kube)
                    workflows = await ended_workflows(kube, fired(events))
                    self._compare(events, workflows)
                    self._compare_steps(workflows, (await kube.list(PODS, namespace=NAMESPACE)).items)
                assert await system.stop(signal.SIGTERM) == 0
                assert not any("Traceback" in line for line in system.raw)
                assert list(left_behind(self.folder)) == []
                assert list((self.data / "pods" / "pods").iterdir()) == []
                await system.start()  # no lock is held: it starts once more
                assert await system.ready()
            except BaseException as error:
                told = "\n".join(system.raw[-60:])
                error.add_note(f"seed {self.seed}, life {system.lives}, data in {self.data}; its log ends:\n{told}")
                raise

    # ---- twenty kills, and events without pause ----

    async def _kill_and_send(self, system: System) -> None:
        chance = Random(self.seed)
        text = MANIFESTS.replace("@RAN@", str(self.ran)).replace("@SECRET@", SECRET)
        async with asyncio.TaskGroup() as group:
            applying = group.create_task(apply(system, text))
            for number in range(KILLS):
                await system.start()
                group.create_task(self._send(system, Random(f"{self.seed}/{number}"), number, applying))
                await MOMENTS[number % len(MOMENTS)](system, chance)
                await system.kill(chance)
            await system.start()

    async def _send(self, system: System, chance: Random, number: int, applying: "asyncio.Task[None]") -> None:
        await applying
        for kind in chance.choices(tuple(SENSORS_OF), k=3):
            post = self._post(kind, f"{kind}-{number}-{len(self.sent)}", chance)
            self.sent[post.id] = post
            await deliver(system, post)
            self.accepted.add(post.id)

    def _post(self, kind: str, id_: str, chance: Random) -> Post:
        if kind == "push":
            return github_push(id_, chance.choice(("main", "main", "side")), SECRET)
        return hook_call(id_, kind, {"number": chance.randrange(30)})

    # ---- quiet ----

    async def _until_decided(self, system: System) -> None:
        wanted = {(id_, sensor) for id_ in self.sent for sensor in SENSORS_OF[id_.split("-")[0]]}

        def all_decided() -> bool:
            told = {(line.fields.get("event"), line.fields.get("sensor")) for line in system.log if "decided" in line.text}
            return wanted <= told

        await system.until(all_decided)

    async def _events(self, kube: RemoteKube) -> list[dict[str, Any]]:
        """Every event with its decisions, in the order in which the system kept them."""
        base = f"/argosy/v1/namespaces/{NAMESPACE}/events"
        listed = await kube.get_json(base, {"limit": "1000"})
        order = [str(one["event"]["id"]) for one in sorted(listed, key=lambda one: int(one["event"]["sequence"]))]
        return [await kube.get_json(f"{base}/{id_}") for id_ in order]

    # ---- what should have come of it ----

    def _compare(self, events: list[dict[str, Any]], workflows: Mapping[str, Object]) -> None:
        assert self.accepted == self.sent.keys()
        assert Counter(event["id"] for event in events) == Counter(self.sent.keys()), "each event is kept exactly once"
        for event in events:
            sensors = sorted(decision["sensor"] for decision in event["decisions"])
            assert sensors == sorted(SENSORS_OF[event["id"].split("-")[0]]), f"decisions about {event['id']}"
        made = {intent: tuple(workflow["metadata"]["annotations"]["argosy.io/events"].split(","))
                for intent, workflow in workflows.items()}
        assert Counter(made.values()) == Counter(expected_firings(events))
        for workflow in workflows.values():
            assert workflow["status"]["phase"] == right_end(workflow), workflow["metadata"]["name"]

    def _compare_steps(self, workflows: Mapping[str, Object], pods: Iterable[Object]) -> None:
        ran = Counter((self.ran / "steps").read_text().split())
        assert ran == Counter(pod["metadata"]["name"] for pod in pods), "each pod ran once"
        for workflow in workflows.values():
            nodes = [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"]
            assert len(nodes) == STEPS_OF[kind_of(workflow)], workflow["metadata"]["name"]
        assert ran.total() == sum(STEPS_OF[kind_of(workflow)] for workflow in workflows.values())


async def while_it_starts(system: System, chance: Random) -> None:
    """Before it is ready, most times."""
    await asyncio.sleep(chance.uniform(0, 1.2))


async def while_it_works(system: System, chance: Random) -> None:
    """After some lines of its log, and a little more."""
    life, lines = system.life, chance.randint(1, MOST_LINES)
    await happened(system, chance, lambda: life is None or life.lines >= lines, within_seconds=2)


async def while_it_joins_events(system: System, chance: Random) -> None:
    """About when the sensor with two dependencies decides: it lets come back first what the life before had in hand."""
    before = len(system.log)
    await happened(system, chance, lambda: any(
        line.fields.get("sensor") == "releases" and "decided" in line.text for line in system.log[before:]),
        within_seconds=8)


async def happened(system: System, chance: Random, holds: Callable[[], bool], *, within_seconds: float) -> None:
    """A little after that, or when that time has passed: a quiet system is killed too."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            await system.until(holds)
    await asyncio.sleep(chance.uniform(0, 0.05))


# Each is a random moment of another kind; the times are part of what is random, nothing waits for them.
MOMENTS = (while_it_starts, while_it_works, while_it_works, while_it_works, while_it_joins_events)


def fired(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """The intents of all decisions that fired."""
    return {decision["intent"] for event in events for decision in event["decisions"] if decision["outcome"] == "fired"}


async def ended_workflows(kube: RemoteKube, intents: set[str]) -> dict[str, Object]:
    """The workflow of each intent, once all workflows have ended. Two for one intent are a failure."""
    found: dict[str, Object] = {}
    async for event in kube.watch(WORKFLOWS, namespace=NAMESPACE):
        workflow = event.object
        uids = {one["metadata"]["uid"]: one for one in found.values()}
        intent = workflow["metadata"]["annotations"]["argosy.io/intent"]
        assert intent not in found or workflow["metadata"]["uid"] in uids, f"two workflows for {intent}"
        found[intent] = workflow
        if found.keys() >= intents and all(one.get("status", {}).get("finishedAt") for one in found.values()):
            break
    listing = await kube.list(WORKFLOWS, namespace=NAMESPACE)
    assert len(listing.items) == len(found)
    assert found.keys() == intents, "workflows that nobody decided about"
    return found


def expected_firings(events: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    """The ids of the events behind each workflow that should exist, computed from the events in their order."""
    held: dict[str, str] = {}
    for event in events:
        kind, body = event["id"].split("-")[0], event["event"]["data"]["body"]
        if kind == "push" and body["ref"] == "refs/heads/main":
            yield (event["id"],)
        if kind == "order" and body["number"] % 3 != 0:
            yield (event["id"],)
        if kind in ("push", "approve"):
            held[kind] = event["id"]
            if len(held) == 2:
                yield tuple(sorted(held.values()))
                held.clear()


def kind_of(workflow: Object) -> str:
    """push, order or release."""
    return str(workflow["metadata"]["name"]).split("-")[0]


def right_end(workflow: Object) -> str:
    """The phase in which it must end: an order whose number is a multiple of five fails."""
    given = (workflow["spec"].get("arguments") or {}).get("parameters") or ()
    numbers = [int(one["value"]) for one in given if one["name"] == "number"]
    return "Failed" if numbers and numbers[0] % 5 == 0 else "Succeeded"


@pytest.mark.parametrize("seed", [1])
async def test_killed_twenty_times_every_event_is_decided_and_every_workflow_runs_once_to_its_right_end(
    seed: int, tmp_path: Path,
) -> None:
    await Story(seed, tmp_path).run()


LOST = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: @NAME@}
spec:
  entrypoint: wait
  volumes: [{name: ran, hostPath: {path: "@RAN@"}}]
  templates:
    - name: wait
      @RETRY@
      script:
        image: alpine
        command: [sh]
        source: |
          echo {{pod.name}} >> @RAN@/steps
          test "$(wc -l < @RAN@/steps)" -gt 2 || sleep 600
        volumeMounts: [{name: ran, mountPath: "@RAN@"}]
"""


async def test_killed_together_with_its_pods_a_step_ends_in_error_and_says_why_or_is_tried_again(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    ran.mkdir()
    async with asyncio.timeout(60), open_system(tmp_path / "data") as system:
        await system.start()
        await system.ready()
        retry = 'retryStrategy: {limit: "2", retryPolicy: OnError}'
        for name, strategy in (("once", ""), ("again", retry)):
            await apply(system, LOST.replace("@NAME@", name).replace("@RAN@", str(ran)).replace("@RETRY@", strategy))
        async with kube_of(system.data) as kube:
            await until_running(kube, {"once", "again"})
        await system.kill(Random(0), everything_in=tmp_path)
        assert list(left_behind(tmp_path)) == []
        await system.start()
        await system.ready()
        async with kube_of(system.data) as kube:
            once, again = await ended(kube, "once"), await ended(kube, "again")
    assert once["status"]["phase"] == "Error"
    assert "The processes of this pod are gone and left no outcome" in once["status"]["message"]
    assert again["status"]["phase"] == "Succeeded"
    attempts = sorted(node["phase"] for node in again["status"]["nodes"].values() if node["type"] == "Pod")
    assert attempts == ["Error", "Succeeded"]
    assert set(Counter((ran / "steps").read_text().split()).values()) == {1}, "no pod ran twice"


async def until_running(kube: RemoteKube, workflows: set[str]) -> None:
    """Wait until a container of each workflow runs."""
    left = set(workflows)
    async for event in kube.watch(PODS, namespace=NAMESPACE):
        statuses = event.object.get("status", {}).get("containerStatuses") or ()
        if any("running" in one["state"] for one in statuses):
            left.discard(event.object["metadata"]["labels"]["workflows.argoproj.io/workflow"])
        if not left:
            return


async def ended(kube: RemoteKube, name: str) -> Object:
    """The workflow, once it has ended."""
    async for event in kube.watch(WORKFLOWS, namespace=NAMESPACE, field_selector=f"metadata.name={name}"):
        if event.object.get("status", {}).get("finishedAt"):
            return event.object
    raise AssertionError("the watch ended early")
