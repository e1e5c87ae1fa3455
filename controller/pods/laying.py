"""Input artifacts that must lie in their places before the main container starts.

The executor lays what it can from inside the main container. Where that may not write (its user need not be root, its root
may be read-only), or where others are to see the same artifacts (``mirrorVolumeMounts``), an init container of the same
image lays them in a volume, which the containers mount piece by piece: as Argo's does for every input artifact. What
belongs into a volume of the user's it lays there, where containers that start before main are to find it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from controller.pods.assignment import ArtifactIn, Assignment, StagedFile
from controller.pods.containers import SCRIPT_PATH, WORK_FILE

INIT = "init"  # as Argo calls its own
INPUTS = "argosy-inputs"
_FOLDER = "/var/run/argosy-inputs"
_OPEN_TO_ALL = ("/tmp/", "/var/tmp/")  # noqa: S108 - folders of images, not of this machine
_OF_MAIN = ("image", "imagePullPolicy", "resources", "securityContext")

Tree = Mapping[str, Any]
Item = TypeVar("Item", StagedFile, ArtifactIn)


@dataclass(frozen=True, slots=True)
class Laid:
    """`before` is for the init container, `rest` for main.

    `mounts` show what was laid to those who are to see it; `own_mounts` are those of main that the init container needs.
    """

    before: Assignment | None
    rest: Assignment
    mounts: tuple[dict[str, Any], ...] = ()
    own_mounts: tuple[dict[str, Any], ...] = ()


def divided(work: Assignment, main: Tree, pod: Tree, template: Tree) -> Laid:
    """Who lays which files and artifacts; `main` is empty in a container set that has no such container."""
    mirrored = any(item.get("mirrorVolumeMounts") for field in ("sidecars", "initContainers")
                   for item in template.get(field) or ())
    context = {**(pod.get("securityContext") or {}), **(main.get("securityContext") or {})}
    others_first = bool(template.get("containerSet") or template.get("initContainers"))
    folders = tuple(mount["mountPath"].rstrip("/") + "/" for mount in main.get("volumeMounts") or ())

    def beforehand(item: StagedFile | ArtifactIn) -> bool:
        if item.path in (SCRIPT_PATH, WORK_FILE):
            return False
        if f"{item.path}/".startswith(folders):
            return others_first
        open_to_it = context.get("runAsUser") == 0 or item.path.startswith(_OPEN_TO_ALL)
        return mirrored or bool(context.get("readOnlyRootFilesystem")) or not open_to_it

    every: tuple[StagedFile | ArtifactIn, ...] = (*work.files, *work.artifacts_in)
    first = tuple(item for item in every if beforehand(item))
    if not first or not main:
        return Laid(None, work)
    declared = {item.get("name"): (item.get("path") or "").rstrip("/")
                for item in (template.get("inputs") or {}).get("artifacts") or ()}
    roots = {item.path: _root(item, declared) for item in first}  # the files of a folder go together
    numbers = {root: str(number) for number, root in enumerate(dict.fromkeys(
        root for root in roots.values() if not f"{root}/".startswith(folders)))}

    def placed(item: Item) -> Item:
        root = roots[item.path]
        return replace(item, path=f"{_FOLDER}/{numbers[root]}{item.path[len(root):]}") if root in numbers else item

    before = Assignment(
        container=INIT, authorities=work.authorities, files=tuple(placed(item) for item in work.files if item in first),
        artifacts_in=tuple(placed(item) for item in work.artifacts_in if item in first))
    rest = replace(work, files=tuple(item for item in work.files if item not in first),
                   artifacts_in=tuple(item for item in work.artifacts_in if item not in first))
    mounts = tuple({"name": INPUTS, "mountPath": root, "subPath": number} for root, number in numbers.items())
    return Laid(before, rest, mounts, tuple(main.get("volumeMounts") or ()) if len(numbers) < len(set(roots.values())) else ())


def _root(item: StagedFile | ArtifactIn, declared: Tree) -> str:
    """The path that the template gives the artifact which this is, or is one file of."""
    root = declared.get(item.name) if isinstance(item, ArtifactIn) else ""
    return root if root and f"{item.path}/".startswith(f"{root}/") else item.path.rstrip("/")


def init_container(main: Tree, program: str, variables: list[dict[str, Any]], mounts: tuple[dict[str, Any], ...]) -> Tree:
    """Lays the artifacts, as the user whom main runs as."""
    return {"name": INIT, **{field: main[field] for field in _OF_MAIN if field in main},
            "command": [program, "--lay"], "env": variables,
            "volumeMounts": [*mounts, {"name": INPUTS, "mountPath": _FOLDER}]}
