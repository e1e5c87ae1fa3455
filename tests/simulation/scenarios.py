"""Random workflows. What each pod does is foretold, so most have one right end, whatever the timing; the others are hasty.

A hasty workflow has failFast, perhaps a deadline, and a person may stop it: how far it gets depends on what comes first.
"""

from random import Random
from typing import Any

Tree = dict[str, Any]


def random_workflow(chance: Random, *, name: str) -> Tree:
    """A dag of leaf steps, retried steps, fan-outs and nested steps, with or without limits on what runs at once."""
    tasks: list[Tree] = []
    enhanced = chance.random() < 0.7  # a graph says either `depends` throughout, or `dependencies`
    for index in range(chance.randint(2, 7)):
        task: Tree = {"name": f"t{index}", "template": chance.choice(["leaf", "flaky", "sure", "nested", "fan"])}
        before = [f"t{number}" for number in range(index) if chance.random() < 0.4]
        if before and enhanced:
            task["depends"] = f" {chance.choice(['&&', '||'])} ".join(
                f"({one}.Succeeded || {one}.Failed)" if chance.random() < 0.5 else one for one in before)
        elif before:
            task["dependencies"] = before
        if chance.random() < 0.2:
            task["withItems"] = [1, 2, 3]
        tasks.append(task)
    hasty = chance.random() < 0.3
    main: Tree = {"name": "main", "failFast": hasty, "dag": {"failFast": hasty, "tasks": tasks}}
    spec: Tree = {"entrypoint": "main", "templates": [main, *_templates(chance)]}
    if hasty and chance.random() < 0.4:
        spec["activeDeadlineSeconds"] = chance.randint(4, 15)
    if chance.random() < 0.6:
        spec["parallelism"] = chance.randint(1, 3)
    if chance.random() < 0.3:
        main["parallelism"] = chance.randint(1, 3)
    if chance.random() < 0.4:
        spec["onExit"] = "sure"
    if chance.random() < 0.5:
        spec["podGC"] = {"strategy": chance.choice(["OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion"]),
                         "deleteDelayDuration": chance.choice(["0s", "1s", "10s"])}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec}


def is_hasty(workflow: Tree) -> bool:
    """Whether there are several right ends."""
    return bool(workflow["spec"]["templates"][0]["failFast"])


def _templates(chance: Random) -> list[Tree]:
    container = {"image": "alpine", "command": ["true"]}
    retry: Tree = {"limit": chance.randint(0, 3), "retryPolicy": "Always"}
    if chance.random() < 0.5:
        retry["backoff"] = {"duration": "2", "factor": 2}
    return [
        {"name": "leaf", "container": container},
        {"name": "sure", "container": container},
        {"name": "flaky", "retryStrategy": retry, "container": container},
        {"name": "nested", "steps": [
            [{"name": "a", "template": "sure"}, {"name": "b", "template": "flaky"}], [{"name": "c", "template": "leaf"}]]},
        {"name": "list-sure", "script": {"image": "alpine", "command": ["sh"], "source": "list"}},
        {"name": "fan", "steps": [
            [{"name": "list", "template": "list-sure"}],
            [{"name": "each", "template": "leaf", "withParam": "{{steps.list.outputs.result}}"}]]},
    ]
