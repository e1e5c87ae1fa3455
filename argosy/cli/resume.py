"""``argosy resume``: let suspended workflows and waiting suspend steps go on."""

from collections.abc import Sequence

import click

from argosy.cli.chosen import chosen, for_each, names_and_selectors
from argosy.cli.options import VerbCommand, said
from argosy.cli.session import Session, run_verb
from controller import operations


@click.command(cls=VerbCommand)
@names_and_selectors
@click.option("--node-field-selector", "nodes", metavar="SELECTOR", default="",
              help="Resume only the waiting suspend steps that match, such as displayName=approve.")
@click.option("-p", "--output-parameter", "parameters", metavar="NAME=VALUE", multiple=True,
              help="Supply an output parameter that a suspend step waits for.")
@click.option("--message", metavar="TEXT", default="", help="The message to leave on the resumed steps.")
def command(
    *, names: tuple[str, ...], selector: str, field_selector: str, nodes: str, parameters: tuple[str, ...], message: str
) -> int:
    """Let suspended workflows go on, and the suspend steps in them that wait.

    \b
    argosy resume my-workflow
    argosy resume @latest --node-field-selector displayName=approve -p approve=yes
    """

    async def work(session: Session) -> int:
        found = await chosen(session, names, selector, field_selector)
        return await resume(session, found, nodes=nodes, parameters=parameters, message=message)

    return run_verb(work)


async def resume(
    session: Session, names: Sequence[str], *, nodes: str = "", parameters: Sequence[str] = (), message: str = ""
) -> int:
    """Resume each of the workflows."""
    supplied = said(operations.parse_parameters, list(parameters))
    return await for_each(
        session, names,
        lambda name: operations.resume(session.kube, name, namespace=session.namespace, nodes=nodes,
                                       parameters=supplied, message=message, clock=session.clock),
        "is resumed")
