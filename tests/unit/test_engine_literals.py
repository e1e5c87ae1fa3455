"""A value that was brought from outside arrives as it is, wherever the workflow's arguments are read."""

from typing import Any

from controller.engine import PodSeen, Run
from controller.literals import LITERAL


def echo(name: str) -> dict[str, Any]:
    return {"name": name, "inputs": {"parameters": [{"name": "said"}, {"name": "where"}]},
            "container": {"image": "alpine", "args": ["{{inputs.parameters.said}}", "{{inputs.parameters.where}}"]}}


def run() -> Run:
    return Run.load({
        "metadata": {"name": "wf", "namespace": "here", "uid": "u", "annotations": {LITERAL: "said"}},
        "spec": {
            "entrypoint": "main", "onExit": "bye", "templates": [echo("main"), echo("bye")],
            "arguments": {"parameters": [{"name": "said", "value": "{{zz}} {{=1+1}}"},
                                         {"name": "where", "value": "{{workflow.namespace}}"}]}}})


def test_what_an_event_says_is_never_expanded_and_what_the_author_says_is() -> None:
    workflow = run()
    workflow.advance(0)
    [pod] = workflow.wanted.values()
    assert pod.template["container"]["args"] == ["{{zz}} {{=1+1}}", "here"]


def test_the_exit_handler_is_given_the_same_values() -> None:
    workflow = run()
    workflow.advance(0)
    [pod] = workflow.wanted.values()
    workflow.observe(PodSeen(pod.node_id, "Succeeded", exit_code=0))
    workflow.advance(1)
    [bye] = workflow.wanted.values()
    assert bye.template["container"]["args"] == ["{{zz}} {{=1+1}}", "here"]
