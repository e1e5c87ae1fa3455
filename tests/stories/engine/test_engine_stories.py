"""Stories of the engine, told in plain words: what happens to a workflow, and exactly what the engine makes of it.

A story is a text file beside this one. A command (with what belongs to it indented below), a line ``----`` and the
answer, then an empty line and the next command. ``python tests/stories/engine/test_engine_stories.py FILE...`` writes
the answers anew: read what has changed before you keep it. Commands:

    workflow            the spec, as YAML                object        something the workflow asks for, as YAML
    NODE runs           its pod is seen running          NODE waits REASON
    NODE succeeds [result=TEXT] [NAME=VALUE]             NODE fails [CODE]        NODE errors TEXT      NODE is gone
    NODE lost TEXT      the cluster took its pod away    NODE delayed TEXT  its pod cannot be made for now
    NODE refused TEXT   the pod cannot be made           NODE resumes [NAME=VALUE]
    after SECONDS       time passes                      stop, terminate, suspend, continue
    restart             a new process reads the status   show NODE [FIELD]        show status [FIELD]
"""

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.engine import (
    Answer,
    Changes,
    Outputs,
    PodDelayed,
    PodGone,
    PodRefused,
    PodSeen,
    Resumed,
    Run,
    Supplied,
    Wish,
)

STORIES = sorted(Path(__file__).parent.glob("*.story"))
EPOCH = 1_700_000_000.0


class Teller:
    """Carries out a story's commands and says what the engine answered."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.wish = Wish()
        self.objects: dict[tuple[str, str], Any] = {}
        self.workflow: dict[str, Any] = {}
        self.run = Run.load({"metadata": {"name": "wf"}, "spec": {}})

    def tell(self, command: str, below: str) -> list[str]:
        """The answer to one command."""
        words = shlex.split(command)
        whole: dict[str, Callable[[], list[str]]] = {
            "workflow": lambda: self.begin(below), "object": lambda: self.remember(below), "stop": lambda: self.ask("Stop"),
            "terminate": lambda: self.ask("Terminate"), "suspend": lambda: self.hold(suspend=True),
            "continue": lambda: self.hold(suspend=False), "restart": self.restart,
        }
        if command in whole:
            return whole[command]()
        if words[0] == "after":
            self.now += float(words[1])
            return self.advance()
        if words[0] == "show":
            return self.show(*words[1:])
        self.run.observe(self.seen(words[0], words[1], words[2:]))
        return self.advance()

    def begin(self, text: str) -> list[str]:
        self.workflow = {"metadata": {"name": "wf", "namespace": "default"}, "spec": yaml.safe_load(text)}
        self.run = Run.load(self.workflow)
        return self.advance()

    def remember(self, text: str) -> list[str]:
        item = yaml.safe_load(text)
        self.objects[item["kind"], item["metadata"]["name"]] = item
        return []

    def ask(self, how: Any) -> list[str]:
        self.wish = replace(self.wish, shutdown=how)
        self.run.observe(self.wish)
        return self.advance()

    def hold(self, *, suspend: bool) -> list[str]:
        self.wish = replace(self.wish, suspend=suspend)
        self.run.observe(self.wish)
        return self.advance()

    def restart(self) -> list[str]:
        spec = {**self.workflow["spec"], **({"suspend": True} if self.wish.suspend else {})}
        self.run = Run.load(json.loads(json.dumps({**self.workflow, "spec": spec, "status": self.run.status})))
        return self.advance()

    def seen(self, node: str, what: str, rest: list[str]) -> Any:
        node_id = next((key for key, entry in self.run.status["nodes"].items() if entry["name"] == node), node)
        values = dict(word.split("=", 1) for word in rest if "=" in word)
        match what:
            case "runs":
                return PodSeen(node_id, "Running", daemon_ready="ready" in rest, ip=values.get("ip", ""))
            case "waits":
                return PodSeen(node_id, "Pending", message=" ".join(rest))
            case "succeeds":
                result = values.pop("result", None)
                artifacts = tuple({"name": name, "s3": {"key": key}} for name, key in values.items() if key.startswith("/"))
                return PodSeen(node_id, "Succeeded", exit_code=0, outputs=Outputs(result, values, artifacts))
            case "fails":
                code = int(rest[0]) if rest else 1
                return PodSeen(node_id, "Failed", message=f"main: Error (exit code {code})", exit_code=code)
            case "lost":
                return PodSeen(node_id, "Error", message=" ".join(rest), lost=True)
            case "delayed":
                return PodDelayed(node_id, " ".join(rest))
            case "errors":
                return PodSeen(node_id, "Error", message=" ".join(rest))
            case "is":
                return PodGone(node_id)
            case "refused":
                return PodRefused(node_id, " ".join(rest))
            case "resumes":
                return Resumed(node_id, values)
            case "gets":
                return Supplied(node_id, values)
        raise AssertionError(f"a story says something unknown: {node} {what}")

    def advance(self) -> list[str]:
        said = self.said(self.run.advance(self.now))
        while self.run.needs:
            asked = sorted(self.run.needs, key=str)
            self.run.observe(*(Answer(need, self.objects.get((need.kind, need.name))) for need in asked))
            said += self.said(self.run.advance(self.now))
        return said or ["nothing"]

    def said(self, changes: Changes) -> list[str]:
        said = []
        for move in changes.moves:
            what = move.name if move.node_id else "workflow"
            why = f" ({_flat(move.message)})" if move.message else ""
            said.append(f"{what}: {move.before or 'new'} -> {move.after}{why}")
        for pod in changes.create:
            body = pod.template.get("container") or pod.template.get("script") or {}
            words = body.get("args") or ([body["source"]] if "source" in body else [])
            said.append(" ".join(["create", pod.pod_name, *map(str, words)]) + (" (result wanted)" if pod.wants_result else ""))
        said += [f"delete {pod.pod_name}" + (" at once" if pod.at_once else "") for pod in changes.delete]
        said += [f"ask for {need.kind} {need.name}" for need in changes.needs]
        if changes.wake_at is not None:
            said.append(f"wake in {changes.wake_at - self.now:g}s")
        return said

    def show(self, what: str, field: str = "") -> list[str]:
        shown: Any = self.run.status
        if what != "status":
            shown = next(entry for entry in self.run.status["nodes"].values() if entry["name"] == what)
        for part in field.split(".") if field else ():
            shown = shown.get(part)
        return yaml.safe_dump(shown, sort_keys=True, width=200).removesuffix("...\n").splitlines()


def _flat(text: str) -> str:
    return text.replace("\n", "\\n")


def steps_of(text: str) -> list[tuple[str, str, list[str]]]:
    """A story as (command, what belongs to it, answer)."""
    steps = []
    for block in text.strip().split("\n\n"):
        asked, _, answer = block.partition("\n----")
        lines = [line for line in asked.splitlines() if not line.startswith("#")]
        if lines:
            below = "\n".join(line.removeprefix("    ") for line in lines[1:])
            steps.append((lines[0], below, answer.strip("\n").splitlines()))
    return steps


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_the_engine_answers_as_the_story_says(story: Path) -> None:
    teller = Teller()
    for command, below, expected in steps_of(story.read_text()):
        assert [*teller.tell(command, below)] == expected, command


def write_anew(story: Path) -> None:
    """Put the engine's present answers into a story."""
    teller, blocks = Teller(), []
    for block in story.read_text().strip().split("\n\n"):
        asked = block.partition("\n----")[0]
        ((command, below, _),) = steps_of(asked) or [("", "", [])]
        answer = teller.tell(command, below) if command else None
        blocks.append(asked if answer is None else "\n".join([asked, "----", *answer]))
    story.write_text("\n\n".join(blocks) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_anew(Path(name))
