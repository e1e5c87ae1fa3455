"""A pod's assignment, outside its containers: inputs laid ready before it starts, outputs kept after it ended."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from controller.artifacts.contract import ArtifactError, ArtifactStore
from controller.artifacts.web import WebStore
from controller.pods.assignment import Assignment, Handover


def stage(
    assignment: Assignment, folder: Path, store: ArtifactStore, rewrite: Callable[[str], str] | None,
) -> list[dict[str, Any]]:
    """Lay the assignment's files and input artifacts into `folder`/staged; what the shim is to do with them.

    An artifact is in the `store`, unless it has a URL of its own.

    `rewrite` changes the text of files, where the container's paths are not those that they name. Raises ArtifactError
    where an artifact is missing.
    """
    items: list[dict[str, Any]] = []
    for number, file in enumerate(assignment.files):
        source = f"f{number}"
        (folder / "staged" / source).write_text(rewrite(file.text) if rewrite else file.text)
        items.append({"source": source, "path": file.path, "mode": file.mode, "recurse": False, "what": "the file"})
    for number, artifact in enumerate(assignment.artifacts_in):
        source, key = f"a{number}", artifact.url or artifact.key
        where = WebStore(artifact.headers) if artifact.url else store
        try:
            if artifact.optional and not where.exists(key):
                continue
            where.load(key, folder / "staged" / source, archive=artifact.archive, sub_path=artifact.sub_path)
        except ArtifactError as error:
            raise ArtifactError(f"input artifact '{artifact.name}': {error}") from error
        items.append({"source": source, "path": artifact.path, "mode": artifact.mode, "recurse": artifact.recurse,
                      "what": f"input artifact '{artifact.name}'"})
    return items


def hand_over(assignment: Assignment, captured: dict[str, Any], folder: Path, store: ArtifactStore) -> Handover:
    """Keep the gathered artifacts in the store, and say what the command left behind."""
    problems = list(captured["problems"])
    kept = []
    for artifact in assignment.artifacts_out:
        place = captured["artifacts"].get(artifact.name)
        if place is None:
            continue
        try:
            where = WebStore(artifact.headers) if artifact.url else store
            where.save(folder / "gathered" / place, artifact.url or artifact.key, archive=artifact.archive,
                       compression_level=artifact.compression_level)
            kept.append(artifact.name)
        except ArtifactError as error:
            problems.append(f"cannot save output artifact '{artifact.name}': {error}")
    return Handover(result=captured.get("result"), parameters=captured["parameters"], artifacts=kept,
                    error="; ".join(problems))
