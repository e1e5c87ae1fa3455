"""A world for the engine without processes or cluster: pods do what a plan says, ConfigMaps and templates are given."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from controller.engine import Answer, Changes, ContainerSeen, Need, Outputs, PodSeen, Resumed, Run, WantedPod

Plan = Callable[[WantedPod], PodSeen | None]  # how a pod ends; None: it runs on


def succeeds(pod: WantedPod) -> PodSeen:
    """The plan of a world in which nothing goes wrong."""
    return PodSeen(pod.node_id, "Succeeded", exit_code=0)


class World:
    """Drives one run to its end, moment by moment."""

    def __init__(
        self, workflow: Mapping[str, Any], *, plan: Plan = succeeds, objects: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.workflow = {"metadata": {}, **workflow}
        self.plan = plan
        self.objects = {(item["kind"], item["metadata"]["name"]): item for item in objects}
        self.now = 1_000_000.0
        self.run = Run.load(self.workflow)
        self.running: dict[str, WantedPod] = {}
        self.created: list[str] = []
        self.most_running = 0
        self.changes: list[Changes] = []

    def restart(self) -> None:
        """A new process goes on from the saved status; pods that run are seen again."""
        import json

        saved = json.loads(json.dumps({**self.workflow, "status": self.run.status}))
        self.run = Run.load(saved)
        self.advance()
        self.run.observe(*map(self._runs, self.running.values()))

    def advance(self) -> Changes:
        """One advance, with every question answered at once."""
        changes = self.run.advance(self.now)
        self.changes.append(changes)
        while self.run.needs:
            self.run.observe(*(self._answer(need) for need in sorted(self.run.needs, key=str)))
            changes = self.run.advance(self.now)
            self.changes.append(changes)
        for gone in changes.delete:
            self.running.pop(gone.node_id, None)
        return changes

    def start_pods(self) -> None:
        """Make the pods that are wanted, and show them running."""
        for pod in list(self.run.wanted.values()):
            if pod.node_id not in self.running:
                self.created.append(pod.pod_name)
                self.running[pod.node_id] = pod
        self.most_running = max(self.most_running, len(self.running))
        self.run.observe(*map(self._runs, self.running.values()))

    def end_pod(self, node_id: str) -> bool:
        """End one pod as the plan says."""
        end = self.plan(self.running[node_id])
        if end is None:
            return False
        del self.running[node_id]
        self.run.observe(end)
        return True

    def to_end(self, *, most_rounds: int = 10_000, restart_at: int = -1) -> dict[str, Any]:
        """Go on until the workflow has ended, or nothing more can happen; the status."""
        for turn in range(most_rounds):
            changes = self.advance()
            if self.run.ended:
                break
            if turn == restart_at:
                self.restart()
                changes = self.advance()
            before = len(self.created)
            self.start_pods()
            self.advance()
            ended = [self.end_pod(node_id) for node_id in sorted(self.running)]
            if not any(ended) and len(self.created) == before:
                changes = self.advance()
                if changes.wake_at is None:
                    break
                self.now = max(self.now, changes.wake_at)
            else:
                self.now += 1
        self.advance()
        return self.run.status

    def resume(self, name: str, **parameters: str) -> None:
        """A person lets a suspend node go on."""
        node = next(node for node in self.run.status["nodes"].values() if node["displayName"] == name)
        self.run.observe(Resumed(node["id"], parameters))

    def node(self, name: str) -> dict[str, Any]:
        """The entry of a node, by its name without the workflow's."""
        whole = self.run.name + name
        return next(node for node in self.run.status["nodes"].values() if node["name"] == whole)

    def _runs(self, pod: WantedPod) -> PodSeen:
        ready = bool(pod.template.get("daemon"))
        return PodSeen(pod.node_id, "Running", daemon_ready=ready, ip="10.0.0.1", host="node-1")

    def _answer(self, need: Need) -> Answer:
        return Answer(need, self.objects.get((need.kind, need.name)))


def outcome(pod: WantedPod, golden: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> PodSeen:
    """How a pod ended in a recorded run, of which `nodes` are all nodes by name."""
    phase = golden["phase"]
    members = [(item["name"], nodes[f"{pod.node_name}.{item['name']}"])
               for item in (pod.template.get("containerSet") or {}).get("containers") or ()]
    code = golden.get("exitCode")
    declared = (pod.template.get("outputs") or {}).get("artifacts") or ()
    kept = [item for item in declared if item["name"] in golden["artifacts"]]
    return PodSeen(
        pod.node_id, phase, message=golden.get("message") or "", exit_code=None if code is None else int(code),
        outputs=Outputs(
            golden.get("result"), golden["outputs"],
            tuple({**item, "s3": {"key": f"{pod.pod_name}/{item['name']}"}} for item in kept),
        ),
        containers=tuple(ContainerSeen(name, node["phase"], node["message"]) for name, node in members),
    )
