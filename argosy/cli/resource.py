"""``argosy resource``: what a resource template does, done inside its pod on a cluster. People have no use for it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from argosy.cli.options import VerbCommand
from argosy.cli.session import Session, remote_of, run_verb

if TYPE_CHECKING:
    from controller.pods.assignment import ResourceWork

_FAILED = 64  # the exit code of Argo's own program where the work of a resource template fails
_MESSAGE = Path("/dev/termination-log")


@click.command(cls=VerbCommand)
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> int:
    """Carry out the work in FILE, as the controller wrote it, with the pod's own service account.

    Output parameters are left as files beside it.
    """
    from controller.pods.assignment import ResourceWork
    from controller.pods.resource_work import output_path
    from controller.resources.contract import WorkFailed

    found: dict[str, str] = {}
    try:
        work = ResourceWork.from_json(file.read_bytes())
        manifest = Path(work.manifest_path).read_text() if work.manifest_path else work.manifest
        run_verb(lambda session: _carry_out(session, work, manifest, found))
    except (WorkFailed, OSError, ValueError) as error:
        return tell_reason(str(error))
    for number, field in enumerate(work.parameters):
        place = Path(output_path(number))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(found[field.name])
    return 0


def tell_reason(text: str) -> int:
    """Say why the work failed, in the log and, in a pod, where the step's message is taken from; the exit code."""
    sys.stderr.write(f"{text}\n")
    if _MESSAGE.exists():
        _MESSAGE.write_text(text)
    return _FAILED


async def _carry_out(session: Session, work: "ResourceWork", manifest: str, found: dict[str, str]) -> None:
    from argosy.kube.kinds import ServedKinds
    from controller.resources.carrying_out import carry_out

    kinds = ServedKinds(remote_of(session).get_json)
    found |= await carry_out(session.kube, work, manifest=manifest, kinds=kinds, clock=session.clock,
                             say=lambda text: print(text, file=session.out, flush=True))
