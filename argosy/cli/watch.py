"""``argosy watch``: the live tree of a workflow until it ends."""

import click

from argosy.cli.ending import Afterwards, see_one
from argosy.cli.options import VerbCommand
from argosy.cli.session import Session, run_verb


@click.command(cls=VerbCommand)
@click.argument("name", metavar="WORKFLOW")
@click.option("--log", is_flag=True, help="Print the logs of its steps above the tree.")
def command(*, name: str, log: bool) -> int:
    """Watch a workflow until it ends; the exit code says whether it succeeded.

    \b
    argosy watch my-workflow
    argosy watch @latest
    """

    async def work(session: Session) -> int:
        return await watch(session, name, log=log)

    return run_verb(work)


async def watch(session: Session, name: str, *, log: bool = False) -> int:
    """Show the workflow until it ends."""
    async with session.naming(name) as resolved:
        return await see_one(session, resolved, session.namespace, Afterwards(watch=True, log=log))
