"""The assignment of a wanted pod: what must be done around its main command, read from the template's inputs and outputs."""

from collections.abc import Mapping
from typing import Any

from argosy.errors import SpecError
from controller.engine.contract import WantedPod
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, ParameterOut, StagedFile
from controller.pods.containers import MAIN, SCRIPT_PATH
from controller.pods.locations import key_of, location_of, packing_of

Tree = Mapping[str, Any]


def build_assignment(wanted: WantedPod, workflow_name: str) -> Assignment | None:
    """What must be done around the main command, or None where the container can run exactly as written."""
    template = wanted.template
    files: list[StagedFile] = []
    if (template.get("script") or {}).get("source"):
        files.append(StagedFile(path=SCRIPT_PATH, text=template["script"]["source"], mode=0o755))
    artifacts_in: list[ArtifactIn] = []
    for artifact in wanted.inputs.get("artifacts") or []:
        if "raw" in artifact:
            files.append(StagedFile(path=artifact["path"], text=artifact["raw"].get("data") or "",
                                    mode=artifact.get("mode") or 0o644))
        elif (fetched := _artifact_in(artifact)) is not None:
            artifacts_in.append(fetched)
    outputs = template.get("outputs") or {}
    parameters = tuple(
        ParameterOut(item["name"], item["valueFrom"]["path"], _default(item["valueFrom"].get("default")))
        for item in outputs.get("parameters") or []
        if (item.get("valueFrom") or {}).get("path")
    )
    artifacts_out = tuple(_artifact_out(item, wanted, workflow_name) for item in outputs.get("artifacts") or []
                          if item.get("path"))
    if not (files or artifacts_in or wanted.wants_result or parameters or artifacts_out):
        return None
    return Assignment(container=MAIN, files=tuple(files), artifacts_in=tuple(artifacts_in), result=wanted.wants_result,
                      parameters=parameters, artifacts_out=artifacts_out)


def _default(value: Any) -> str | None:
    return None if value is None else str(value)


def _artifact_in(artifact: Tree) -> ArtifactIn | None:
    """Where to fetch an input artifact from; None for an optional one that nobody gave."""
    key = key_of(artifact)
    if key is None:
        if artifact.get("optional") and location_of(artifact) is None:
            return None
        kind = location_of(artifact)
        found = f"is kept in {kind!r}, which cannot be read yet" if kind else "has no location and nobody passes it in"
        raise SpecError(f"inputs.artifacts.{artifact.get('name')}", f"{found}; pass it with `from:` or give an s3 key")
    return ArtifactIn(
        name=artifact["name"], path=artifact["path"], key=key, archive=packing_of(artifact, default=""),
        mode=artifact.get("mode"), recurse=bool(artifact.get("recurseMode")),
        optional=bool(artifact.get("optional")), sub_path=artifact.get("subPath") or "",
    )


def _artifact_out(artifact: Tree, wanted: WantedPod, workflow_name: str) -> ArtifactOut:
    packing = packing_of(artifact, default="tar")
    key = key_of(artifact) or key_of(wanted.template.get("archiveLocation") or {})
    if key is None:
        ending = {"tar": ".tgz", "zip": ".zip"}.get(packing, "")
        key = f"{workflow_name}/{wanted.pod_name}/{artifact['name']}{ending}"
    level = ((artifact.get("archive") or {}).get("tar") or {}).get("compressionLevel")
    return ArtifactOut(name=artifact["name"], path=artifact["path"], key=key, archive=packing, compression_level=level,
                       optional=bool(artifact.get("optional")))
