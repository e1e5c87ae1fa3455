"""``argosy resubmit``: run old workflows again as new ones."""

from collections.abc import Sequence
from typing import Any

import click

from argosy.cli.chosen import chosen, names_and_selectors
from argosy.cli.draw import facts
from argosy.cli.ending import NOTHING, Afterwards, afterwards_options, see_to_the_end
from argosy.cli.options import VerbCommand, output_option, said
from argosy.cli.output import print_objects
from argosy.cli.session import Session, run_verb
from argosy.kube.contract import Object
from controller import operations
from controller.operations import NO_OPTIONS, SubmitOptions


@click.command(cls=VerbCommand)
@names_and_selectors
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True,
              help="Give a parameter of the new workflow this value.")
@click.option("--priority", type=int, default=None, metavar="NUMBER", help="The new workflow's priority.")
@afterwards_options
@output_option("name", "json", "yaml", "wide")
def command(*, names: tuple[str, ...], selector: str, field_selector: str, **given: Any) -> int:
    """Run workflows again from their beginning, as new workflows.

    \b
    argosy resubmit my-workflow
    argosy resubmit @latest --watch
    """
    afterwards = Afterwards(wait=given["wait"], watch=given["watch"], log=given["log"])
    options = SubmitOptions(parameters=said(operations.parse_parameters, given["parameters"]), priority=given["priority"])

    async def work(session: Session) -> int:
        found = await chosen(session, names, selector, field_selector)
        return await resubmit(session, found, options=options, output=given["output"], afterwards=afterwards)

    return run_verb(work)


async def resubmit(
    session: Session, names: Sequence[str], *, options: SubmitOptions = NO_OPTIONS, output: str = "",
    afterwards: Afterwards = NOTHING,
) -> int:
    """Submit each of the workflows anew, show it, and follow it if that was asked."""
    created: list[Object] = []
    for name in names:
        async with session.naming(name) as resolved:
            created.append(await operations.resubmit(session.kube, resolved, namespace=session.namespace,
                                                     options=options))
    if not print_objects(session, created, output) and not afterwards.watch:
        for workflow in created:
            session.print(*facts(workflow, now=session.clock.now()))
    return await see_to_the_end(session, created, afterwards) if afterwards else 0
