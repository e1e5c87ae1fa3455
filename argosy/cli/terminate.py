"""``argosy terminate``: end workflows at once."""

from collections.abc import Sequence

import click

from argosy.cli.chosen import chosen, for_each, names_and_selectors
from argosy.cli.options import VerbCommand
from argosy.cli.session import Session, run_verb
from controller import operations


@click.command(cls=VerbCommand)
@names_and_selectors
@click.option("--dry-run", "dry_run", is_flag=True, help="Only say which workflows would be terminated.")
def command(*, names: tuple[str, ...], selector: str, field_selector: str, dry_run: bool) -> int:
    """End workflows at once: what runs is killed and exit handlers do not run.

    \b
    argosy terminate my-workflow
    argosy terminate @latest
    """

    async def work(session: Session) -> int:
        return await terminate(session, await chosen(session, names, selector, field_selector), dry_run=dry_run)

    return run_verb(work)


async def terminate(session: Session, names: Sequence[str], *, dry_run: bool = False) -> int:
    """Terminate each of the workflows."""
    return await for_each(
        session, names,
        lambda name: operations.terminate(session.kube, name, namespace=session.namespace, dry_run=dry_run,
                                          clock=session.clock),
        "would be terminated" if dry_run else "is being terminated")
