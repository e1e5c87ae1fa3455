"""``argosy list``: the workflows there are."""

from collections.abc import Sequence

import click

from argosy.cli.draw import duration_text
from argosy.cli.options import VerbCommand, output_option, parse_duration
from argosy.cli.output import print_objects, table, to_text
from argosy.cli.paint import PHASE_STYLES, Segment
from argosy.cli.session import Session, run_verb
from argosy.cli.tree import age_seconds, duration_seconds
from argosy.kube.contract import Object
from controller.operations import Filter, list_workflows, phase_of


@click.command(cls=VerbCommand)
@click.option("-A", "--all-namespaces", "all_namespaces", is_flag=True, help="List those of every namespace.")
@click.option("--status", "phases", metavar="PHASES", multiple=True,
              help="Only in these phases, separated by commas: Pending, Running, Succeeded, Failed, Error.")
@click.option("--running", is_flag=True, help="Only those that have not ended.")
@click.option("--completed", is_flag=True, help="Only those that have ended.")
@click.option("--resubmitted", is_flag=True, help="Only those that were resubmitted from another.")
@click.option("-l", "--selector", metavar="SELECTOR", default="", help="Only those whose labels match.")
@click.option("--field-selector", "field_selector", metavar="SELECTOR", default="",
              help="Only those whose fields match, such as metadata.name=hello.")
@click.option("--prefix", metavar="TEXT", default="", help="Only those whose names begin so.")
@click.option("--since", metavar="DURATION", default="", help="Only those created in the last 10m, 3h, 1d.")
@click.option("--older", metavar="DURATION", default="", help="Only those that ended longer ago than 10m, 3h, 1d.")
@click.option("--chunk-size", "chunk_size", type=int, default=0, hidden=True, help="Taken for Argo's sake; no effect.")
@click.option("--no-headers", "no_headers", is_flag=True, help="Print no titles.")
@output_option("name", "json", "yaml", "wide")
def command(
    *, all_namespaces: bool, phases: tuple[str, ...], running: bool, completed: bool, resubmitted: bool, selector: str,
    field_selector: str, prefix: str, since: str, older: str, chunk_size: int, no_headers: bool,  # noqa: ARG001 - kept for scripts that pass it
    output: str,
) -> int:
    """List workflows, newest first.

    \b
    argosy list -n argo
    argosy list --running
    argosy list --status Failed,Error --since 1h
    """
    if running and completed:
        raise click.UsageError("--running and --completed exclude each other")

    async def work(session: Session) -> int:
        now = session.clock.now()
        only = Filter(
            label_selector=selector, field_selector=field_selector, phases=parse_phases(phases), prefix=prefix,
            state="running" if running else "completed" if completed else "", resubmitted=resubmitted,
            created_since=now - parse_duration(since) if since else None,
            finished_before=now - parse_duration(older) if older else None)
        found = await list_workflows(session.kube, namespace="" if all_namespaces else session.namespace, only=only)
        show_list(session, found, output=output, all_namespaces=all_namespaces, header=not no_headers)
        return 0

    return run_verb(work)


def parse_phases(texts: Sequence[str]) -> frozenset[str]:
    """``Failed,Error``, in any case, as phases. A word that is no phase is a usage error."""
    known = {phase.lower(): phase for phase in ("Pending", "Running", "Succeeded", "Failed", "Error")}
    words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    for word in words:
        if word.lower() not in known:
            raise click.UsageError(f"{word!r} is no phase of a workflow; there are {', '.join(known.values())}")
    return frozenset(known[word.lower()] for word in words)


def show_list(
    session: Session, workflows: Sequence[Object], *, output: str = "", all_namespaces: bool = False, header: bool = True
) -> None:
    """Print the workflows as a table, or as `output` says."""
    if output == "json":
        session.print(to_text(list(workflows), "json"))
        return
    if not workflows and output in ("", "wide"):
        session.print("no workflows found")
        return
    if print_objects(session, workflows, output):
        return
    titles = ["NAMESPACE"] if all_namespaces else []
    titles += ["NAME", "STATUS", "AGE", "DURATION", "PRIORITY"]
    titles += ["PROGRESS", "PARAMETERS"] if output == "wide" else []
    titles.append("MESSAGE")
    now = session.clock.now()
    rows = [_row(item, now, wide=output == "wide", all_namespaces=all_namespaces) for item in workflows]
    session.print(*table(titles, rows, header=header))


def _row(workflow: Object, now: float, *, wide: bool, all_namespaces: bool) -> list[str | Segment]:
    metadata, spec, status = workflow["metadata"], workflow.get("spec") or {}, workflow.get("status") or {}
    phase = phase_of(workflow)
    shown = f"{phase} (Suspended)" if spec.get("suspend") and phase == "Running" else phase
    row: list[str | Segment] = [metadata.get("namespace", "")] if all_namespaces else []
    row += [metadata["name"], (shown, PHASE_STYLES.get(phase, "")),
            duration_text(age_seconds(metadata.get("creationTimestamp"), now)),
            duration_text(duration_seconds(status, now)), str(spec.get("priority") or 0)]
    if wide:
        parameters = (spec.get("arguments") or {}).get("parameters") or []
        row += [str(status.get("progress") or ""),
                ",".join(f"{item.get('name')}={str(item.get('value', ''))[:50]}" for item in parameters)]
    row.append((" ".join(str(status.get("message") or "").split()), "dim"))
    return row
