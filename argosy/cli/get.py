"""``argosy get``: a workflow's facts and its tree of steps."""

from collections.abc import Callable, Sequence

import click

from argosy.cli.draw import facts, tree_lines
from argosy.cli.options import VerbCommand, output_option, said
from argosy.cli.output import print_objects
from argosy.cli.session import Session, run_verb
from argosy.cli.tree import Row, tree_rows
from argosy.kube.contract import Object
from argosy.kube.resources import WORKFLOWS
from controller.operations_nodes import NodeSelector, read_nodes

EVERY_NODE = NodeSelector()


@click.command(cls=VerbCommand)
@click.argument("names", nargs=-1, required=True, metavar="WORKFLOW...")
@click.option("--status", "phase", metavar="PHASE", default="", help="Show only steps in this phase.")
@click.option("--node-field-selector", "nodes", metavar="SELECTOR", default="",
              help="Show only the steps that match, such as templateName=build.")
@output_option("name", "json", "yaml", "short", "wide")
def command(*, names: tuple[str, ...], phase: str, nodes: str, output: str) -> int:
    """Show workflows: facts, parameters, and the tree of steps with durations and messages.

    \b
    argosy get my-workflow
    argosy get @latest
    argosy get @latest -o yaml
    """

    async def work(session: Session) -> int:
        terms = ",".join(filter(None, (nodes, f"phase={phase}" if phase else "")))
        return await get(session, names, output=output, only=said(NodeSelector.parse, terms))

    return run_verb(work)


async def get(session: Session, names: Sequence[str], *, output: str = "", only: NodeSelector = EVERY_NODE) -> int:
    """Show each of the workflows; `only` narrows the steps that are shown."""
    found: list[Object] = []
    for name in names:
        async with session.naming(name) as resolved:
            found.append(await session.kube.get(WORKFLOWS, resolved, namespace=session.namespace))
    if print_objects(session, found, output):
        return 0
    for index, workflow in enumerate(found):
        session.print(*([""] if index else []))
        show(session, workflow, output=output, only=only)
    return 0


def show(session: Session, workflow: Object, *, output: str = "", only: NodeSelector = EVERY_NODE) -> None:
    """Print one workflow: its facts (not for ``short``), then its tree."""
    now = session.clock.now()
    if output != "short":
        session.print(*facts(workflow, now=now))
    rows = tree_rows(workflow, now=now, fold_over=None)
    if only:
        nodes = read_nodes(workflow)
        rows = [Row("", row.name, row.phase, row.kind, row.template, row.node_id, row.seconds, row.message)
                for row in rows if only.matches(nodes.get(row.node_id, {}))]
    if rows:
        session.print(*([] if output == "short" else [""]), *tree_lines(rows, pod_name=_pod_namer(workflow)))


def _pod_namer(workflow: Object) -> Callable[[Row], str]:
    """What each row's pod is called: only steps that are pods have one."""
    from controller.engine.ids import pod_name  # late: the engine's package costs more than the rest of this command

    nodes, name = read_nodes(workflow), workflow["metadata"]["name"]

    def of(row: Row) -> str:
        node = nodes.get(row.node_id)
        if row.kind != "Pod" or node is None:
            return ""
        reference = node.get("templateRef") or {}
        return pod_name(name, node["name"], node.get("templateName") or reference.get("template") or "")

    return of
