"""What can be done to workflows: submit, stop, suspend, resume, retry, delete, list and more; one code for all callers.

The command line, sensors' triggers and the server call these functions with any `Kube`. Each that changes an object
reads it, decides, and writes it with the version it read; where somebody else was faster it looks again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from argosy.backoff import Backoff
from argosy.clock import Clock, SystemClock, from_rfc3339, to_rfc3339
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import AlreadyExists, Conflict, Kube, NotFound, Object
from argosy.kube.resources import PODS, WORKFLOWS
from controller.literals import mark
from controller.operations_build import (
    LABEL_RESUBMITTED_FROM,
    NO_OPTIONS,
    SubmitOptions,
    override_parameters,
    parse_labels,
    parse_parameters,
    parse_source,
    resubmission_of,
    with_options,
    workflow_from,
)
from controller.operations_nodes import (
    DONE_PHASES,
    Node,
    NodeSelector,
    has_ended,
    phase_of,
    read_nodes,
    write_nodes,
)
from controller.operations_retry import retried

_CLOCK = SystemClock()
_CONFLICT_WAITS = Backoff(first_seconds=0.02, most_seconds=1.0)
_CONFLICT_TRIES = 20
_PAGE = 500


class Refused(ArgosyError):
    """The workflow is in no state for what was asked."""


# ---- making ----


async def submit(
    kube: Kube, workflow: Object, *, namespace: str, options: SubmitOptions = NO_OPTIONS, once: bool = False,
    dry_run: bool = False,
) -> Object:
    """Create a Workflow from a manifest with the options laid over it; returns what was created.

    The manifest's own namespace wins over `namespace`. With `once` (and a certain name) a workflow that is there
    already is the answer, not an error: the caller tries again after a crash and creates nothing twice.
    """
    built = with_options(workflow, options)
    metadata = built["metadata"]
    metadata["namespace"] = metadata.get("namespace") or namespace
    try:
        return await kube.create(WORKFLOWS, built, namespace=metadata["namespace"], dry_run=dry_run)
    except AlreadyExists:
        if not once or not metadata.get("name"):
            raise
        return await kube.get(WORKFLOWS, metadata["name"], namespace=metadata["namespace"])


async def submit_from(
    kube: Kube, source: str, *, namespace: str, options: SubmitOptions = NO_OPTIONS, once: bool = False,
    dry_run: bool = False,
) -> Object:
    """Create a Workflow from a stored object, such as ``workflowtemplate/build`` or ``cronworkflow/nightly``."""
    resource, name = parse_source(source)
    try:
        stored = await kube.get(resource, name, namespace=namespace if resource.namespaced else "")
    except NotFound as error:
        where = f" in namespace {namespace!r}" if resource.namespaced else ""
        raise NotFound(f"there is no {resource.kind} {name!r}{where}") from error
    built = workflow_from(resource, stored)
    return await submit(kube, built, namespace=namespace, options=options, once=once, dry_run=dry_run)


async def resubmit(kube: Kube, name: str, *, namespace: str, options: SubmitOptions = NO_OPTIONS) -> Object:
    """Run an old workflow's spec again as a new workflow."""
    old = await kube.get(WORKFLOWS, name, namespace=namespace)
    return await submit(kube, resubmission_of(old), namespace=namespace, options=options)


# ---- steering ----


async def stop(
    kube: Kube, name: str, *, namespace: str, nodes: str = "", message: str = "", dry_run: bool = False,
    clock: Clock = _CLOCK,
) -> Object:
    """Start nothing new, end what runs, run exit handlers. With a node selector: fail just those suspend nodes."""
    if nodes:
        return await node_set(kube, name, namespace=namespace, nodes=nodes, phase="Failed", message=message,
                              dry_run=dry_run, clock=clock)
    return await _edit(kube, name, namespace, lambda workflow: _shut_down(workflow, "Stop"), dry_run=dry_run,
                       clock=clock)


async def terminate(
    kube: Kube, name: str, *, namespace: str, dry_run: bool = False, clock: Clock = _CLOCK
) -> Object:
    """End what runs at once, without exit handlers."""
    return await _edit(kube, name, namespace, lambda workflow: _shut_down(workflow, "Terminate"), dry_run=dry_run,
                       clock=clock)


async def suspend(kube: Kube, name: str, *, namespace: str, clock: Clock = _CLOCK) -> Object:
    """Start no new steps until the workflow is resumed; what runs goes on."""

    def change(workflow: Object) -> None:
        _still_going(workflow, "be suspended")
        workflow.setdefault("spec", {})["suspend"] = True

    return await _edit(kube, name, namespace, change, clock=clock)


async def resume(
    kube: Kube, name: str, *, namespace: str, nodes: str = "", parameters: Mapping[str, str] | None = None,
    message: str = "", clock: Clock = _CLOCK,
) -> Object:
    """Let a suspended workflow and its waiting suspend steps go on; with a node selector, only those steps.

    `parameters` are the values of output parameters that a suspend step expects to be supplied.
    """
    selector = NodeSelector.parse(nodes)

    def change(workflow: Object) -> None:
        _still_going(workflow, "be resumed")
        was_suspended = not selector and (workflow.get("spec") or {}).pop("suspend", None)
        every = read_nodes(workflow)
        waiting = [node for node in every.values() if _is_waiting(node) and selector.matches(node)]
        if selector and not waiting:
            raise Refused(f"no suspend step that waits matches {nodes!r}")
        if not waiting and not was_suspended and parameters:
            raise Refused(f"workflow {name!r} has no suspend step that waits for parameters")
        for node in waiting:
            _supply(node, parameters or {}, defaults=True)
            node.update(phase="Succeeded", finishedAt=to_rfc3339(clock.now()))
            if message:
                node["message"] = message
        if waiting:
            write_nodes(workflow, every)

    return await _edit(kube, name, namespace, change, clock=clock)


async def node_set(
    kube: Kube, name: str, *, namespace: str, nodes: str, phase: str = "", message: str = "",
    parameters: Mapping[str, str] | None = None, dry_run: bool = False, clock: Clock = _CLOCK,
) -> Object:
    """Give waiting suspend steps a phase, a message or output parameters."""
    selector = NodeSelector.parse(nodes)
    if phase and phase not in DONE_PHASES - {"Omitted"}:
        raise ArgosyError(f"a suspend step cannot be set to {phase!r}; write Succeeded, Failed, Error or Skipped")

    def change(workflow: Object) -> None:
        _still_going(workflow, "be changed")
        every = read_nodes(workflow)
        chosen = [node for node in every.values() if _is_waiting(node) and selector.matches(node)]
        if not chosen:
            raise Refused(f"no suspend step that waits matches {nodes!r}")
        for node in chosen:
            _supply(node, parameters or {}, defaults=phase == "Succeeded")
            if phase:
                node.update(phase=phase, finishedAt=to_rfc3339(clock.now()))
            if message:
                node["message"] = message
        write_nodes(workflow, every)

    return await _edit(kube, name, namespace, change, dry_run=dry_run, clock=clock)


async def retry(
    kube: Kube, name: str, *, namespace: str, nodes: str = "", restart_successful: bool = False,
    parameters: Mapping[str, str] | None = None, clock: Clock = _CLOCK,
) -> Object:
    """Run the failed steps of an ended workflow again, in the same object; what succeeded is kept.

    With `restart_successful`, the steps that `nodes` selects run again as well, and everything that follows them.
    """
    selector = NodeSelector.parse(nodes)

    def change(workflow: Object) -> set[str]:
        if not has_ended(workflow):
            raise Refused(f"workflow {name!r} is {phase_of(workflow)}; only an ended workflow can be retried")
        if phase_of(workflow) == "Succeeded" and not (restart_successful and selector):
            raise Refused(f"workflow {name!r} succeeded; to run steps of it again, say which: "
                          "--restart-successful --node-field-selector displayName=STEP")
        if parameters:
            override_parameters(workflow.setdefault("spec", {}), parameters)
            mark(workflow["metadata"], parameters)
        return retried(workflow, restart=selector if restart_successful else NodeSelector(), now=clock.now())

    # Pods go first: a controller that takes the workflow up again must not find the old outcome under the same name.
    before = await kube.get(WORKFLOWS, name, namespace=namespace)
    await _delete_pods_of(kube, before, change(before), clock)
    return await _edit(kube, name, namespace, change, clock=clock)


async def delete(kube: Kube, name: str, *, namespace: str, force: bool = False) -> None:
    """Delete a workflow and all that it owns; with `force`, whatever finalizers it still has."""
    if force:
        current = await kube.get(WORKFLOWS, name, namespace=namespace)
        if current["metadata"].get("finalizers"):
            await kube.patch(WORKFLOWS, name, {"metadata": {"finalizers": None}}, namespace=namespace)
    await kube.delete(WORKFLOWS, name, namespace=namespace)


# ---- looking ----


@dataclass(frozen=True, slots=True)
class Filter:
    """Which workflows are meant; what is empty does not narrow."""

    label_selector: str = ""
    field_selector: str = ""
    phases: frozenset[str] = frozenset()
    state: Literal["", "running", "completed"] = ""
    resubmitted: bool = False
    prefix: str = ""
    created_since: float | None = None
    finished_before: float | None = None

    def matches(self, workflow: Object) -> bool:
        """Whether the workflow passes what the API itself does not filter."""
        metadata = workflow["metadata"]
        if self.phases and phase_of(workflow) not in self.phases:
            return False
        if self.state and (self.state == "completed") != has_ended(workflow):
            return False
        if self.resubmitted and LABEL_RESUBMITTED_FROM not in (metadata.get("labels") or {}):
            return False
        if not metadata["name"].startswith(self.prefix):
            return False
        if self.created_since is not None and _seconds(metadata.get("creationTimestamp")) < self.created_since:
            return False
        if self.finished_before is None:
            return True
        finished = (workflow.get("status") or {}).get("finishedAt")
        return bool(finished) and _seconds(finished) < self.finished_before


EVERY = Filter()


async def list_workflows(kube: Kube, *, namespace: str, only: Filter = EVERY) -> list[Object]:
    """The workflows that `only` lets pass, newest first; an empty namespace means all."""
    found: list[Object] = []
    token = ""
    while True:
        page = await kube.list(
            WORKFLOWS, namespace=namespace, label_selector=only.label_selector,
            field_selector=only.field_selector, limit=_PAGE, continue_token=token)
        found.extend(workflow for workflow in page.items if only.matches(workflow))
        token = page.continue_token
        if not token:
            return sorted(found, key=_age_key, reverse=True)


async def latest(kube: Kube, *, namespace: str) -> str:
    """The name of the workflow that was created last. Raises NotFound if there is none."""
    newest = await list_workflows(kube, namespace=namespace)
    if not newest:
        raise NotFound(f"there is no workflow in namespace {namespace!r} yet; make one with: argosy submit FILE")
    name: str = newest[0]["metadata"]["name"]
    return name


# ---- how ----


async def _edit(
    kube: Kube, name: str, namespace: str, change: Callable[[Object], Any], *, clock: Clock, dry_run: bool = False
) -> Object:
    """Read, change, write; again from the start where somebody wrote in between."""
    for attempt in range(_CONFLICT_TRIES):
        workflow = await kube.get(WORKFLOWS, name, namespace=namespace)
        change(workflow)
        if dry_run:
            return workflow
        try:
            return await kube.replace(WORKFLOWS, workflow)
        except Conflict:
            await clock.sleep(_CONFLICT_WAITS.wait_seconds(attempt))
    raise Refused(f"workflow {name!r} changes so fast that {_CONFLICT_TRIES} tries to write were too slow; try again")


def _shut_down(workflow: Object, how: str) -> None:
    _still_going(workflow, "be shut down")
    workflow.setdefault("spec", {})["shutdown"] = how


def _still_going(workflow: Object, what: str) -> None:
    if has_ended(workflow):
        raise Refused(f"workflow {workflow['metadata']['name']!r} has ended ({phase_of(workflow)}) and cannot {what}")


def _is_waiting(node: Node) -> bool:
    return node.get("type") == "Suspend" and node.get("phase") not in DONE_PHASES


def _supply(node: Node, given: Mapping[str, str], *, defaults: bool) -> None:
    """Fill the step's supplied output parameters; with `defaults`, each must end with a value."""
    declared: list[dict[str, Any]] = (node.get("outputs") or {}).get("parameters") or []
    names = {item.get("name") for item in declared if "supplied" in (item.get("valueFrom") or {}) or "value" in item}
    unknown = sorted(set(given) - {str(item) for item in names})
    if unknown:
        expects = ", ".join(sorted(str(item) for item in names)) or "none"
        raise Refused(f"step {node.get('displayName')!r} expects no supplied parameter {unknown[0]!r}; "
                      f"it expects: {expects}")
    for item in declared:
        value_from = item.get("valueFrom") or {}
        if item.get("name") in given:
            item["value"] = given[item["name"]]
            item.pop("valueFrom", None)
        elif defaults and "supplied" in value_from and "value" not in item:
            if value_from.get("default") is None and item.get("default") is None:
                raise Refused(f"step {node.get('displayName')!r} waits for a value of {item.get('name')!r}; supply it: "
                              f"-p {item.get('name')}=VALUE")
            item["value"] = str(value_from["default"] if value_from.get("default") is not None else item["default"])
            item.pop("valueFrom", None)


async def _delete_pods_of(kube: Kube, workflow: Object, node_ids: set[str], clock: Clock) -> None:
    """Delete the pods of these nodes, and wait until they are gone. Raises Unavailable if one does not go."""
    metadata = workflow["metadata"]
    for attempt in range(_CONFLICT_TRIES):
        pods = await kube.list(PODS, namespace=metadata["namespace"],
                               label_selector=f"workflows.argoproj.io/workflow={metadata['name']}")
        left = [pod["metadata"] for pod in pods.items
                if (pod["metadata"].get("annotations") or {}).get("workflows.argoproj.io/node-id") in node_ids]
        if not left:
            return
        for pod in left:
            try:
                await kube.delete(PODS, pod["name"], namespace=metadata["namespace"], uid=pod["uid"], grace_seconds=0)
            except (NotFound, Conflict):
                continue  # gone, or another pod of that name by now: the next look tells
        await clock.sleep(_CONFLICT_WAITS.wait_seconds(attempt))
    raise Unavailable(f"pod {left[0]['name']!r} of an earlier run does not go away; delete it and try again")


def _seconds(text: str | None) -> float:
    return from_rfc3339(text) if text else 0.0


def _age_key(workflow: Object) -> tuple[str, int]:
    """Creation time has whole seconds; among equals, the one written last is most probably the newer."""
    metadata = workflow["metadata"]
    version = str(metadata.get("resourceVersion", "0"))
    return metadata.get("creationTimestamp") or "", int(version) if version.isdigit() else 0


__all__ = [
    "EVERY", "NO_OPTIONS", "Filter", "NodeSelector", "Refused", "SubmitOptions", "delete", "has_ended", "latest",
    "list_workflows", "node_set", "parse_labels", "parse_parameters", "parse_source", "phase_of", "read_nodes",
    "resubmit", "resume", "retry", "stop", "submit", "submit_from", "suspend", "terminate", "with_options",
]
