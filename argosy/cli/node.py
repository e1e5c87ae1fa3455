"""``argosy node set``: give a waiting suspend step its outcome."""

from collections.abc import Sequence

import click

from argosy.cli.chosen import for_each
from argosy.cli.options import VerbCommand, said
from argosy.cli.session import Session, run_verb
from controller import operations


@click.command(cls=VerbCommand)
@click.argument("action", type=click.Choice(["set"]), metavar="set")
@click.argument("name", metavar="WORKFLOW")
@click.option("--node-field-selector", "nodes", metavar="SELECTOR", default="",
              help="Which suspend steps, such as displayName=approve; all that wait if not given.")
@click.option("--phase", metavar="PHASE", default="", help="End the step: Succeeded, Failed, Error or Skipped.")
@click.option("-m", "--message", metavar="TEXT", default="", help="The message to leave on the step.")
@click.option("-p", "--output-parameter", "parameters", metavar="NAME=VALUE", multiple=True,
              help="Supply an output parameter that the step waits for.")
def command(*, action: str, name: str, nodes: str, phase: str, message: str, parameters: tuple[str, ...]) -> int:  # noqa: ARG001 - `set` is the only action
    """Give suspend steps that wait a phase, a message or output parameters.

    \b
    argosy node set my-workflow --node-field-selector displayName=approve -p approve=yes
    argosy node set @latest --phase Failed --message "not today"
    """

    async def work(session: Session) -> int:
        return await node_set(session, name, nodes=nodes, phase=phase, message=message, parameters=parameters)

    return run_verb(work)


async def node_set(
    session: Session, name: str, *, nodes: str = "", phase: str = "", message: str = "", parameters: Sequence[str] = ()
) -> int:
    """Set the steps of one workflow."""
    if not (phase or message or parameters):
        raise click.UsageError("what should be set? Give --phase, --message or -p NAME=VALUE")
    supplied = said(operations.parse_parameters, list(parameters))
    return await for_each(
        session, [name],
        lambda name: operations.node_set(session.kube, name, namespace=session.namespace, nodes=nodes, phase=phase,
                                         message=message, parameters=supplied, clock=session.clock),
        "has new values")
