"""Whose lines are shown of a pod: main's, those of another container, or those of all containers of a set."""

import io

import pytest

from argosy.cli.follow import CONTAINER_SET_ANNOTATION, NODE_NAME_ANNOTATION, containers_to_read, follow_workflow
from argosy.embedded.throwaway import throwaway
from argosy.kube.resources import WORKFLOWS
from argosy.settings import Settings
from controller.pods.container_sets import SET_ANNOTATION, Turn, turns_to_json


def test_the_annotation_is_the_one_that_pods_have() -> None:
    assert CONTAINER_SET_ANNOTATION == SET_ANNOTATION


@pytest.mark.parametrize(("annotation", "asked", "read"), [
    (None, "", ["main"]), (None, "beside", ["beside"]), (turns_to_json((Turn("a"), Turn("b", ("a",)))), "", ["a", "b"]),
    (turns_to_json((Turn("a"),)), "a", ["a"]), ("{", "", ["main"]), ("[1]", "", ["main"]),
])
def test_the_containers_that_are_read(annotation: str | None, asked: str, read: list[str]) -> None:
    notes = {NODE_NAME_ANNOTATION: "w.step", **({SET_ANNOTATION: annotation} if annotation else {})}
    pod = {"metadata": {"name": "p", "annotations": notes}}
    assert [name for name, _ in containers_to_read(pod, asked)] == read


async def test_the_lines_of_a_sets_containers_stand_behind_their_names() -> None:
    out = io.StringIO()
    say = [{"name": name, "image": "busybox", "command": ["echo", f"from {name}"]} for name in ("a", "b")]
    async with throwaway(settings=Settings()) as kube:
        await kube.create(WORKFLOWS, {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", "containerSet": {"containers": say}}]}},
            namespace="argo")
        await follow_workflow(kube, "flow", namespace="argo", out=out, logs=True, color=False)
    assert {"a: from a", "b: from b"} <= set(out.getvalue().splitlines())
