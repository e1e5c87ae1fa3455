"""``argosy suspend``: start no new steps for now."""

from collections.abc import Sequence

import click

from argosy.cli.chosen import chosen, for_each, names_and_selectors
from argosy.cli.options import VerbCommand
from argosy.cli.session import Session, run_verb
from controller import operations


@click.command(cls=VerbCommand)
@names_and_selectors
def command(*, names: tuple[str, ...], selector: str, field_selector: str) -> int:
    """Start no new steps until the workflow is resumed; steps that run go on to their end.

    \b
    argosy suspend my-workflow
    argosy suspend @latest
    """

    async def work(session: Session) -> int:
        return await suspend(session, await chosen(session, names, selector, field_selector))

    return run_verb(work)


async def suspend(session: Session, names: Sequence[str]) -> int:
    """Suspend each of the workflows."""
    return await for_each(
        session, names,
        lambda name: operations.suspend(session.kube, name, namespace=session.namespace, clock=session.clock),
        "is suspended")
