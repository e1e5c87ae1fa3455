"""Manifests read from files and judged as the controller will judge them, each finding with its file and line."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from argosy.errors import ArgosyError, SpecErrors
from argosy.kube.contract import Kube, NotFound, Object
from argosy.kube.resources import CLUSTER_WORKFLOW_TEMPLATES, WORKFLOW_TEMPLATES

if TYPE_CHECKING:
    from argosy.manifests import Manifest

TEMPLATES = {resource.kind: resource for resource in (WORKFLOW_TEMPLATES, CLUSTER_WORKFLOW_TEMPLATES)}
Key: TypeAlias = tuple[str, str]  # (kind, name) of a stored template

_SUFFIXES = (".yaml", ".yml", ".json")


def read_text(name: str) -> str:
    """A file's text, or standard input's for ``-``. Raises ArgosyError with what to do instead."""
    if name == "-":
        return sys.stdin.read()
    if "://" in name:
        raise ArgosyError(f"{name}: URLs are not read; fetch it first, such as: curl -sfL {name} | argosy submit -")
    try:
        return Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ArgosyError(f"{name}: is no UTF-8 text ({error.reason} at byte {error.start})") from error
    except IsADirectoryError as error:
        raise ArgosyError(f"{name}: is a folder; name the files in it") from error
    except OSError as error:
        raise ArgosyError(f"{name}: {error.strerror or error}") from error


def source_of(name: str) -> str:
    """What a file is called in messages."""
    return "<stdin>" if name == "-" else name


def read_files(names: Sequence[str]) -> list["Manifest"]:
    """The manifests of the files, in order. Raises ArgosyError, or SpecErrors with file and line."""
    from argosy.manifests import load_manifests

    return [manifest for name in names for manifest in load_manifests(read_text(name), source=source_of(name))]


def files_in(paths: Iterable[str]) -> list[str]:
    """Files as they are, folders as the manifests below them in order of their names. Raises ArgosyError."""
    found: list[str] = []
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            found.append(path)
            continue
        inside = sorted(str(file) for file in Path(path).rglob("*") if file.suffix in _SUFFIXES and file.is_file())
        if not inside:
            raise ArgosyError(f"{path}: holds no manifests (files that end with {', '.join(_SUFFIXES)})")
        found.extend(inside)
    return found


def parser_of(kind: str) -> Callable[..., Any] | None:
    """What reads objects of an Argo kind; None for a kind that is not Argo's."""
    if kind in ("EventSource", "EventBus", "Sensor"):
        from events import spec as events_spec

        return {"EventSource": events_spec.parse_event_source, "EventBus": events_spec.parse_event_bus,
                "Sensor": events_spec.parse_sensor}[kind]
    from controller import spec

    return {
        "Workflow": spec.parse_workflow, "WorkflowTemplate": spec.parse_workflow_template,
        "ClusterWorkflowTemplate": spec.parse_workflow_template, "CronWorkflow": spec.parse_cron_workflow,
        "WorkflowEventBinding": spec.parse_workflow_event_binding,
    }.get(kind)


def checked(manifest: "Manifest") -> Any:
    """The manifest read into its model (None where it is no Argo kind). Raises SpecErrors with file and line."""
    parse = parser_of(str(manifest.object.get("kind")))
    if parse is None or not str(manifest.object.get("apiVersion", "")).startswith("argoproj.io/"):
        return None
    try:
        return parse(manifest.object)
    except SpecErrors as error:
        raise SpecErrors(manifest.placed(error.problems)) from None


def references(tree: Any) -> Iterator[Key]:
    """Every templateRef and workflowTemplateRef below `tree`."""
    if isinstance(tree, list):
        for item in tree:
            yield from references(item)
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key in ("templateRef", "workflowTemplateRef") and isinstance(value, dict) and value.get("name"):
            yield "ClusterWorkflowTemplate" if value.get("clusterScope") else "WorkflowTemplate", str(value["name"])
        else:
            yield from references(value)


async def fetch_templates(kube: Kube, namespace: str, known: dict[Key, Any], missing: set[Key]) -> None:
    """Take what is missing, and what that refers to, from the server into `known`; what is not there stays missing."""
    from controller.spec import parse_workflow_template

    asked: set[Key] = set()
    while missing - asked:
        key = min(missing - asked)
        asked.add(key)
        resource = TEMPLATES[key[0]]
        try:
            stored = await kube.get(resource, key[1], namespace=namespace if resource.namespaced else "")
        except NotFound:
            continue
        known[key] = parse_workflow_template(stored)
        missing = missing | (set(references(stored)) - known.keys())


async def check_before_submit(kube: Kube, namespace: str, workflow: Object, place: "Manifest | None" = None) -> None:
    """Judge a workflow that is about to run, with the stored templates that it uses. Raises SpecErrors."""
    from controller.spec import check_workflow, parse_workflow

    templates: dict[Key, Any] = {}
    await fetch_templates(kube, namespace, templates, set(references(workflow)))
    try:
        model = parse_workflow(workflow)
        found = check_workflow(model, lambda kind, name: templates.get((kind, name)), needs_values=True)
        errors = [problem for problem in found if problem.severity == "error"]
    except SpecErrors as error:
        errors = error.problems
    if errors:
        raise SpecErrors(place.placed(errors) if place else errors)
