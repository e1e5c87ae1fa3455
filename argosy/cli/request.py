"""``argosy request``: the request of an http template, made inside its pod on a cluster. People have no use for it."""

import asyncio
import sys
from pathlib import Path

import click

from argosy.cli.options import VerbCommand
from argosy.cli.resource import tell_reason


@click.command(cls=VerbCommand)
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> int:
    """Make the request in FILE, as the controller wrote it, and print the answer's body."""
    from argosy.settings import read_variable
    from controller.pods.assignment import Header, HttpWork
    from controller.pods.containers import header_variable
    from controller.requests.judging import verdict
    from controller.requests.making import make_request
    from controller.resources.contract import WorkFailed

    async def secret(number: int, header: Header) -> str:
        del header
        return read_variable(header_variable(number))

    try:
        work = HttpWork.from_json(file.read_bytes())
        reply = asyncio.run(make_request(work, secret=secret))
    except (WorkFailed, OSError, ValueError) as error:
        return tell_reason(str(error))
    sys.stdout.buffer.write(reply.body + b"\n")  # a result is what was printed without its last newline
    sys.stdout.flush()
    problem = verdict(work, reply)
    return tell_reason(problem) if problem else 0
