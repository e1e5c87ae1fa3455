"""``argosy retry``: run the failed steps of ended workflows again."""

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


@click.command(cls=VerbCommand)
@names_and_selectors
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True,
              help="Give a parameter of the workflow this value from now on.")
@click.option("--restart-successful", "restart_successful", is_flag=True,
              help="Also run the steps again that --node-field-selector names, and what follows them.")
@click.option("--node-field-selector", "nodes", metavar="SELECTOR", default="",
              help="Which steps --restart-successful means, such as displayName=build.")
@afterwards_options
@output_option("name", "json", "yaml", "wide")
def command(*, names: tuple[str, ...], selector: str, field_selector: str, **given: Any) -> int:
    """Run the failed steps of ended workflows again, in the same object; what succeeded is kept.

    \b
    argosy retry my-workflow
    argosy retry @latest --watch
    argosy retry @latest --restart-successful --node-field-selector displayName=build
    """
    afterwards = Afterwards(wait=given["wait"], watch=given["watch"], log=given["log"])

    async def work(session: Session) -> int:
        found = await chosen(session, names, selector, field_selector)
        return await retry(session, found, parameters=given["parameters"], nodes=given["nodes"], output=given["output"],
                           restart_successful=given["restart_successful"], afterwards=afterwards)

    return run_verb(work)


async def retry(
    session: Session, names: Sequence[str], *, parameters: Sequence[str] = (), nodes: str = "",
    restart_successful: bool = False, output: str = "", afterwards: Afterwards = NOTHING,
) -> int:
    """Retry each of the workflows, show it, and follow it if that was asked."""
    values = said(operations.parse_parameters, list(parameters))
    retried: list[Object] = []
    for name in names:
        async with session.naming(name) as resolved:
            retried.append(await operations.retry(
                session.kube, resolved, namespace=session.namespace, nodes=nodes, parameters=values,
                restart_successful=restart_successful, clock=session.clock))
    if not print_objects(session, retried, output) and not afterwards.watch:
        for workflow in retried:
            session.print(*facts(workflow, now=session.clock.now()))
    return await see_to_the_end(session, retried, afterwards) if afterwards else 0
