"""``argosy wait``: until workflows end, saying nothing before."""

from collections.abc import Sequence

import click

from argosy.cli.chosen import chosen, names_and_selectors
from argosy.cli.ending import Afterwards, see_one
from argosy.cli.options import VerbCommand
from argosy.cli.session import Session, run_verb
from argosy.kube.contract import NotFound


@click.command(cls=VerbCommand)
@names_and_selectors
@click.option("--ignore-not-found", "ignore_not_found", is_flag=True, help="A workflow that does not exist has ended.")
def command(*, names: tuple[str, ...], selector: str, field_selector: str, ignore_not_found: bool) -> int:
    """Wait until workflows end; the exit code is 0 only if all of them succeeded.

    \b
    argosy wait my-workflow
    argosy wait @latest
    """

    async def work(session: Session) -> int:
        found = await chosen(session, names, selector, field_selector)
        return await wait(session, found, ignore_not_found=ignore_not_found)

    return run_verb(work)


async def wait(session: Session, names: Sequence[str], *, ignore_not_found: bool = False) -> int:
    """Wait for each of the workflows in turn."""
    code = 0
    for name in names:
        try:
            async with session.naming(name) as resolved:
                code = max(code, await see_one(session, resolved, session.namespace, Afterwards(wait=True)))
        except NotFound:
            if not ignore_not_found:
                raise
    return code
