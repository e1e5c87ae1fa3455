"""The containers of a pod and the volumes that they mount: main as the template writes it, and those beside it."""

from collections.abc import Iterable, Mapping
from typing import Any

from argosy.errors import SpecError
from controller.pods.container_sets import containers_of_set

MAIN = "main"
SCRIPT_PATH = "/argo/staging/script"
WORK_FILE = "/tmp/argosy/work.json"  # noqa: S108  inside a pod of its own, where nothing else writes
OWN_COMMAND = ("python3", "-m", "argosy.cli.main")
OWN_IMAGE = "argosy"  # of a pod that our own program does the work of; a cluster's pod gets the name that was set
_PROGRESS = {"name": "ARGO_PROGRESS_FILE", "value": "/dev/null"}  # nobody reads it yet
_RESTRICTED = {  # what the strictest of Kubernetes' Pod Security Standards asks for; our program needs no more
    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
    "runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"},
}

Tree = Mapping[str, Any]


def containers_of(template: Tree) -> dict[str, Any]:
    """``containers`` and, where there are any, ``initContainers`` (native sidecars among them)."""
    mains = containers_of_set(template) if template.get("containerSet") else [_main_container(template)]
    source = (template.get("script") or {}).get("source") or ""
    mains = [_with_progress(item, source) for item in mains]
    main = next((item for item in mains if item["name"] == MAIN), mains[0])
    found: dict[str, Any] = {"containers": [*mains, *(_beside(item, main) for item in template.get("sidecars") or ())]}
    if template.get("initContainers"):
        found["initContainers"] = [_beside(item, main) for item in template["initContainers"]]
    return found


def _main_container(template: Tree) -> dict[str, Any]:
    if template.get("script"):
        container = {key: value for key, value in template["script"].items() if key != "source"}
        if template["script"].get("source"):
            container["args"] = [*(container.get("args") or []), SCRIPT_PATH]
    elif template.get("container"):
        container = dict(template["container"])
    elif template.get("resource"):
        container = {"image": OWN_IMAGE, "command": [*OWN_COMMAND, "resource", WORK_FILE]}
    elif template.get("http"):
        container = {"image": OWN_IMAGE, "command": [*OWN_COMMAND, "request", WORK_FILE], "env": [
            {"name": header_variable(number), "valueFrom": header["valueFrom"]}
            for number, header in enumerate(template["http"].get("headers") or ()) if header.get("valueFrom")]}
    else:
        raise SpecError("template", "has neither container, script, containerSet, resource nor http; no pod can be made of it")
    return {**container, "name": MAIN}


def _with_progress(container: dict[str, Any], source: str) -> dict[str, Any]:
    """A script that writes there how far it is would fail where the variable names no file."""
    name, variables = _PROGRESS["name"], container.get("env") or []
    texts = (source, *(container.get("command") or ()), *(container.get("args") or ()))
    if not any(name in str(text) for text in texts) or any(item.get("name") == name for item in variables):
        return container
    return {**container, "env": [*variables, _PROGRESS]}


def on_cluster(container: Tree, own_image: str) -> Tree:
    """A container of our own program as a kubelet runs it: its image by name, and no rights. Any other is left as it is.

    What a `podSpecPatch` says of its rights counts.
    """
    if container.get("image") != OWN_IMAGE:
        return container
    return {**container, "image": own_image, "securityContext": {**_RESTRICTED, **(container.get("securityContext") or {})}}


def header_variable(number: int) -> str:
    """The variable with a request's header that a Secret holds; so its pod needs no right to read Secrets."""
    return f"REQUEST_HEADER_{number}"


def _beside(item: Tree, main: Tree) -> dict[str, Any]:
    """A user's extra container; with ``mirrorVolumeMounts`` it sees the main container's volumes too."""
    container = {key: value for key, value in item.items() if key != "mirrorVolumeMounts"}
    if item.get("mirrorVolumeMounts"):
        own = {mount["mountPath"] for mount in item.get("volumeMounts") or []}
        mirrored = [mount for mount in main.get("volumeMounts") or [] if mount["mountPath"] not in own]
        container["volumeMounts"] = [*(item.get("volumeMounts") or []), *mirrored]
    return container


def volumes_of(containers: Tree, template: Tree, spec: Tree, workflow_name: str) -> list[dict[str, Any]]:
    """The volumes that these containers mount, each once; a template's volume hides the workflow's of the same name.

    Raises SpecError where a container mounts what nobody declares.
    """
    declared: dict[str, dict[str, Any]] = {}
    for volume in (*_claim_volumes(spec, workflow_name), *(spec.get("volumes") or ()), *(template.get("volumes") or ())):
        declared[volume["name"]] = volume
    mounted: dict[str, dict[str, Any]] = {}
    for container in (*containers["containers"], *(containers.get("initContainers") or ())):
        for name in _mounted_by(container):
            if name not in declared:
                known = f"there are {', '.join(sorted(declared))}" if declared else "there are none"
                raise SpecError(f"container {container.get('name')}", f"mounts volume '{name}', which is not declared "
                                f"({known}); add it to the template's or the workflow's volumes")
            mounted[name] = declared[name]
    return list(mounted.values())


def _mounted_by(container: Tree) -> Iterable[str]:
    for field in ("volumeMounts", "volumeDevices"):
        for mount in container.get(field) or ():
            yield mount["name"]


def _claim_volumes(spec: Tree, workflow_name: str) -> list[dict[str, Any]]:
    """The volumes that ``volumeClaimTemplates`` give: one for each claim that the workflow brings along."""
    return [
        {"name": claim["metadata"]["name"],
         "persistentVolumeClaim": {"claimName": claim_name(workflow_name, claim["metadata"]["name"])}}
        for claim in spec.get("volumeClaimTemplates") or []
    ]


def claim_name(workflow_name: str, template_name: str) -> str:
    """The claim that a workflow makes from a template: ``<workflow>-<template's name>``, as Argo names it."""
    return f"{workflow_name}-{template_name}"
