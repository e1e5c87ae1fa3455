"""The assignment of a wanted pod: what must be done around its main command, read from the template's inputs and outputs."""

import posixpath
from collections.abc import Mapping
from functools import partial
from typing import Any

from argosy.errors import SpecError
from controller.engine.contract import WantedPod
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, ParameterOut, StagedFile
from controller.pods.containers import MAIN, SCRIPT_PATH
from controller.pods.keys import pod_key
from controller.pods.locations import (
    FOLDER,
    Repository,
    input_location,
    key_of,
    location_of,
    output_location,
    packing_of,
)

MAIN_LOGS = "main-logs"  # Argo's name for the log of the main container, kept as an artifact

Tree = Mapping[str, Any]


def build_assignment(wanted: WantedPod, workflow: Tree, spec: Tree, repository: Repository = FOLDER) -> Assignment | None:
    """What must be done around the main command, or None where the container can run exactly as written.

    Raises SpecError for an artifact that is kept where `repository` cannot reach.
    """
    template = wanted.template
    files: list[StagedFile] = []
    if (template.get("script") or {}).get("source"):
        files.append(StagedFile(path=SCRIPT_PATH, text=template["script"]["source"], mode=0o755))
    artifacts_in: list[ArtifactIn] = []
    for artifact in wanted.inputs.get("artifacts") or []:
        if "raw" in artifact:
            files.append(StagedFile(path=artifact["path"], text=artifact["raw"].get("data") or "",
                                    mode=artifact.get("mode") or 0o644))
        elif (fetched := _artifact_in(artifact, template, repository)) is not None:
            artifacts_in.append(fetched)
    outputs = template.get("outputs") or {}
    parameters = tuple(
        ParameterOut(item["name"], item["valueFrom"]["path"], _default(item["valueFrom"].get("default")))
        for item in outputs.get("parameters") or []
        if (item.get("valueFrom") or {}).get("path")
    )
    left = [item for item in outputs.get("artifacts") or [] if item.get("path")]
    logs_wanted = repository.takes_logs and _archives_logs(template, spec, repository)
    folder = pod_key(repository.key_format, wanted, workflow, spec) if left or logs_wanted else ""
    place = partial(output_location, template=template, repository=repository, folder=folder)
    artifacts_out = tuple(_artifact_out(item, place(item, file=_file_of(item)), repository) for item in left)
    logs = _logs(place({}, file="main.log"), repository) if logs_wanted else None
    if not (files or artifacts_in or wanted.wants_result or parameters or artifacts_out or logs):
        return None
    return Assignment(container=MAIN, files=tuple(files), artifacts_in=tuple(artifacts_in), result=wanted.wants_result,
                      parameters=parameters, artifacts_out=artifacts_out, logs=logs)


def _default(value: Any) -> str | None:
    return None if value is None else str(value)


def _artifact_in(artifact: Tree, template: Tree, repository: Repository) -> ArtifactIn | None:
    """Where to fetch an input artifact from; None for an optional one that nobody gave."""
    location = input_location(artifact, template)
    kind = location_of(location)
    where = f"inputs.artifacts.{artifact.get('name')}"
    if kind is None:
        if artifact.get("optional"):
            return None
        raise SpecError(where, "has no location and nobody passes it in; pass it with `from:` or give an s3 key")
    _check_reach(where, kind, repository)
    key = key_of(location)
    if key is None and kind != "http":
        raise SpecError(where, f"names no {'blob' if kind == 'azure' else 'key'} in its {kind} location; "
                        "pass it with `from:` or give a key")
    return ArtifactIn(
        name=artifact["name"], path=artifact["path"], key=key or location["http"].get("url") or "",
        archive=packing_of(artifact, default=""), mode=artifact.get("mode"), recurse=bool(artifact.get("recurseMode")),
        optional=bool(artifact.get("optional")), sub_path=artifact.get("subPath") or "", location=location,
    )


def _artifact_out(artifact: Tree, location: dict[str, Any], repository: Repository) -> ArtifactOut:
    kind = location_of(location) or ""
    _check_reach(f"outputs.artifacts.{artifact.get('name')}", kind, repository)
    level = ((artifact.get("archive") or {}).get("tar") or {}).get("compressionLevel")
    return ArtifactOut(name=artifact["name"], path=artifact["path"], key=key_of(location) or location["http"].get("url") or "",
                       archive=packing_of(artifact, default="tar"), compression_level=level,
                       optional=bool(artifact.get("optional")), location=location)


def _file_of(artifact: Tree) -> str:
    """The last part of a key that nobody chose; a file that is not packed keeps its name."""
    packing = packing_of(artifact, default="tar")
    if packing == "none":
        return posixpath.basename(str(artifact["path"]).rstrip("/")) or str(artifact["name"])
    return f"{artifact['name']}{'.zip' if packing == 'zip' else '.tgz'}"


def _check_reach(where: str, kind: str, repository: Repository) -> None:
    if kind not in repository.kinds:
        raise SpecError(where, f"is kept in '{kind}', which cannot be reached yet; use {' or '.join(repository.kinds)}, "
                        "or pass it with `from:`")


def _archives_logs(template: Tree, spec: Tree, repository: Repository) -> bool:
    """What the installation wishes holds for all; else the template's word, then the workflow's."""
    if repository.archive_logs:
        return True
    own = (template.get("archiveLocation") or {}).get("archiveLogs")
    return bool(spec.get("archiveLogs") if own is None else own)


def _logs(location: dict[str, Any], repository: Repository) -> ArtifactOut:
    _check_reach("archiveLogs", location_of(location) or "", repository)
    return ArtifactOut(name=MAIN_LOGS, path="", key=key_of(location) or "", archive="none", location=location)
