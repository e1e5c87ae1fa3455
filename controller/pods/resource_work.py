"""A ``resource`` template becomes work on a Kubernetes object, told in full to whoever carries it out.

In the embedded system the pod runtime does it itself. In a cluster's pod our own program does: the executor lays the work
beside it as a file and reads the output parameters from files that the program leaves.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from argosy.errors import SpecError
from controller.engine.contract import WantedPod
from controller.engine.ids import fnv1a_32
from controller.pods.assignment import Assignment, FieldOut, ParameterOut, ResourceWork, StagedFile
from controller.pods.containers import WORK_FILE
from controller.pods.http_work import with_request
from controller.pods.locations import FOLDER, Repository
from controller.pods.manifest import owner_reference
from controller.pods.work import build_assignment

ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
_MERGES = ("strategic", "merge", "json")
_OUTPUTS = WORK_FILE.rpartition("/")[0] + "/outputs"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # those that Kubernetes ends generated names with

Tree = Mapping[str, Any]


def assignment_of(wanted: WantedPod, workflow: Tree, spec: Tree, repository: Repository = FOLDER) -> Assignment | None:
    """What must be done around a pod's main container, or in its place. Raises SpecError."""
    assignment = build_assignment(wanted, workflow, spec, repository)
    if wanted.template.get("http"):
        return with_request(assignment, wanted)
    if not wanted.template.get("resource"):
        return assignment
    return replace(assignment or Assignment(), work=_work(wanted, workflow))


def as_files(assignment: Assignment) -> Assignment:
    """The same for a program inside the pod: the work is a file, and so is each output parameter that it will leave."""
    if assignment.request is not None:
        file = StagedFile(WORK_FILE, assignment.request.to_json())
        return replace(assignment, files=(*assignment.files, file), request=None)
    work = assignment.work
    if work is None:
        return assignment
    outputs = tuple(ParameterOut(field.name, output_path(number)) for number, field in enumerate(work.parameters))
    file = StagedFile(WORK_FILE, work.to_json())
    return replace(assignment, files=(*assignment.files, file), parameters=outputs, work=None)


def output_path(number: int) -> str:
    """Where the program leaves the output parameter of that number."""
    return f"{_OUTPUTS}/{number}"


def _work(wanted: WantedPod, workflow: Tree) -> ResourceWork:
    resource, metadata = wanted.template["resource"], workflow["metadata"]
    action, merge = resource.get("action") or "", resource.get("mergeStrategy") or "strategic"
    if action not in ACTIONS:
        raise SpecError("resource.action", f"is '{action}'; write one of {', '.join(ACTIONS)}")
    if merge not in _MERGES:
        raise SpecError("resource.mergeStrategy", f"is '{merge}'; write one of {', '.join(_MERGES)}")
    work = ResourceWork(
        action=action, namespace=metadata["namespace"], manifest=resource.get("manifest") or "",
        manifest_path=_manifest_path(resource, wanted), flags=tuple(map(str, resource.get("flags") or ())),
        merge_strategy=merge, success_condition=resource.get("successCondition") or "",
        failure_condition=resource.get("failureCondition") or "",
        owner=owner_reference(workflow) if resource.get("setOwnerReference") else None,
        suffix=suffix_of(f"{metadata.get('uid', '')}/{wanted.pod_name}"), parameters=_fields(wanted.template),
    )
    if action == "delete" and (work.success_condition or work.failure_condition or work.parameters):
        raise SpecError("resource", "deletes an object, so there is nothing left to look at; leave out successCondition, "
                        "failureCondition and outputs.parameters")
    return work


def _manifest_path(resource: Tree, wanted: WantedPod) -> str:
    name = ((resource.get("manifestFrom") or {}).get("artifact") or {}).get("name")
    if not name:
        return ""
    for artifact in wanted.inputs.get("artifacts") or ():
        if artifact["name"] == name and artifact.get("path"):
            return str(artifact["path"])
    raise SpecError("resource.manifestFrom.artifact", f"names '{name}', which is no input artifact with a path")


def _fields(template: Tree) -> tuple[FieldOut, ...]:
    found = []
    for item in (template.get("outputs") or {}).get("parameters") or ():
        source = item.get("valueFrom") or {}
        if source.get("jsonPath") or source.get("jqFilter"):
            default = source.get("default")
            found.append(FieldOut(item["name"], source.get("jsonPath") or "", source.get("jqFilter") or "",
                                  None if default is None else str(default)))
    return tuple(found)


def suffix_of(cause: str) -> str:
    """The end of a generated name: it follows from what asks for it, so that asking twice makes one object."""
    number, letters = fnv1a_32(cause), ""
    for _ in range(5):
        number, digit = divmod(number, len(_LETTERS))
        letters += _LETTERS[digit]
    return letters
