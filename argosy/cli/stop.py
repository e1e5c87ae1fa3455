"""``argosy stop``: end workflows, but still run their exit handlers."""

from collections.abc import Sequence

import click

from argosy.cli.chosen import chosen, for_each, names_and_selectors
from argosy.cli.options import VerbCommand
from argosy.cli.session import Session, run_verb
from controller import operations


@click.command(cls=VerbCommand)
@names_and_selectors
@click.option("--node-field-selector", "nodes", metavar="SELECTOR", default="",
              help="Fail only the waiting suspend steps that match, such as displayName=approve.")
@click.option("--message", metavar="TEXT", default="", help="The message to leave on those steps.")
@click.option("--dry-run", "dry_run", is_flag=True, help="Only say which workflows would be stopped.")
def command(
    *, names: tuple[str, ...], selector: str, field_selector: str, nodes: str, message: str, dry_run: bool
) -> int:
    """End workflows: nothing new starts, what runs is ended, exit handlers still run.

    \b
    argosy stop my-workflow
    argosy stop @latest
    argosy stop -l team=data
    """

    async def work(session: Session) -> int:
        found = await chosen(session, names, selector, field_selector)
        return await stop(session, found, nodes=nodes, message=message, dry_run=dry_run)

    return run_verb(work)


async def stop(
    session: Session, names: Sequence[str], *, nodes: str = "", message: str = "", dry_run: bool = False
) -> int:
    """Stop each of the workflows."""
    return await for_each(
        session, names,
        lambda name: operations.stop(session.kube, name, namespace=session.namespace, nodes=nodes, message=message,
                                     dry_run=dry_run, clock=session.clock),
        "would be stopped" if dry_run else "is being stopped")
