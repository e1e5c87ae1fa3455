"""Input artifacts that must lie in their places before the main container starts.

The executor lays what it can from inside the main container. Where that may not write (its user need not be root, its root
may be read-only), or where others are to see the same artifacts (``mirrorVolumeMounts``), an init container of the same
image lays them in a volume, which the containers mount piece by piece: as Argo's does for every input artifact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from controller.pods.assignment import ArtifactIn, Assignment, StagedFile
from controller.pods.containers import SCRIPT_PATH, WORK_FILE

INIT = "init"  # as Argo calls its own
INPUTS = "argosy-inputs"
_FOLDER = "/var/run/argosy-inputs"
_OPEN_TO_ALL = ("/tmp/", "/var/tmp/")  # noqa: S108 - folders of images, not of this machine
_OF_MAIN = ("image", "imagePullPolicy", "resources", "securityContext")

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Laid:
    """`before` is for the init container, `rest` for main; `mounts` show what was laid to those who are to see it."""

    before: Assignment | None
    rest: Assignment
    mounts: tuple[dict[str, Any], ...] = ()


def divided(work: Assignment, main: Tree, pod: Tree, template: Tree) -> Laid:
    """Who lays which files and artifacts; `main` is empty in a container set that has no such container."""
    mirrored = any(item.get("mirrorVolumeMounts") for field in ("sidecars", "initContainers")
                   for item in template.get(field) or ())
    context = {**(pod.get("securityContext") or {}), **(main.get("securityContext") or {})}
    folders = [mount["mountPath"].rstrip("/") + "/" for mount in main.get("volumeMounts") or ()]

    def beforehand(item: StagedFile | ArtifactIn) -> bool:
        if item.path in (SCRIPT_PATH, WORK_FILE) or f"{item.path}/".startswith(tuple(folders)):
            return False
        open_to_it = context.get("runAsUser") == 0 or item.path.startswith(_OPEN_TO_ALL)
        return mirrored or bool(context.get("readOnlyRootFilesystem")) or not open_to_it

    every: tuple[StagedFile | ArtifactIn, ...] = (*work.files, *work.artifacts_in)
    paths = [item.path for item in every if beforehand(item)]
    if not paths or not main:
        return Laid(None, work)
    names = {path: str(number) for number, path in enumerate(paths)}
    before = Assignment(
        container=INIT, authorities=work.authorities,
        files=tuple(replace(item, path=f"{_FOLDER}/{names[item.path]}") for item in work.files if item.path in names),
        artifacts_in=tuple(replace(item, path=f"{_FOLDER}/{names[item.path]}")
                           for item in work.artifacts_in if item.path in names))
    rest = replace(work, files=tuple(item for item in work.files if item.path not in names),
                   artifacts_in=tuple(item for item in work.artifacts_in if item.path not in names))
    return Laid(before, rest, tuple({"name": INPUTS, "mountPath": path, "subPath": name} for path, name in names.items()))


def init_container(main: Tree, program: str, variables: list[dict[str, Any]], mounts: tuple[dict[str, Any], ...]) -> Tree:
    """Lays the artifacts, as the user whom main runs as."""
    return {"name": INIT, **{field: main[field] for field in _OF_MAIN if field in main},
            "command": [program, "--lay"], "env": variables,
            "volumeMounts": [*mounts, {"name": INPUTS, "mountPath": _FOLDER}]}
