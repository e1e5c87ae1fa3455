"""``argosy delete``: workflows, by name or by what they have in common."""

from collections.abc import Sequence
from typing import Any

import click

from argosy.cli.list import parse_phases
from argosy.cli.options import VerbCommand, parse_duration
from argosy.cli.session import Session, run_verb
from argosy.kube.contract import NotFound, Object
from controller import operations
from controller.operations import Filter


@click.command(cls=VerbCommand)
@click.argument("names", nargs=-1, metavar="WORKFLOW...")
@click.option("--all", "all", is_flag=True, help="All workflows of the namespace.")
@click.option("-A", "--all-namespaces", "all_namespaces", is_flag=True, help="Look in every namespace.")
@click.option("--completed", is_flag=True, help="Those that have ended.")
@click.option("--older", metavar="DURATION", default="", help="Those that ended longer ago than 10m, 3h, 1d.")
@click.option("--status", "phases", metavar="PHASES", multiple=True, help="Those in these phases, such as Failed,Error.")
@click.option("--prefix", metavar="TEXT", default="", help="Those whose names begin so.")
@click.option("--resubmitted", is_flag=True, help="Those that were resubmitted from another.")
@click.option("-l", "--selector", metavar="SELECTOR", default="", help="Those whose labels match.")
@click.option("--field-selector", "field_selector", metavar="SELECTOR", default="", help="Those whose fields match.")
@click.option("--force", is_flag=True, help="Remove their finalizers first.")
@click.option("--dry-run", "dry_run", is_flag=True, help="Only say which would be deleted.")
def command(*, names: tuple[str, ...], **given: Any) -> int:
    """Delete workflows with their pods, by name or by what they have in common.

    \b
    argosy delete my-workflow
    argosy delete @latest
    argosy delete --completed --older 7d
    """
    narrowed = any(given[key] for key in ("completed", "older", "phases", "prefix", "resubmitted", "selector",
                                          "field_selector"))
    if not names and not narrowed and not given["all"]:
        raise click.UsageError("which workflows? Give names, @latest, --all, or what they have in common: --completed")

    async def work(session: Session) -> int:
        only = None
        if narrowed or given["all"]:
            only = Filter(
                label_selector=given["selector"], field_selector=given["field_selector"], prefix=given["prefix"],
                phases=parse_phases(given["phases"]), state="completed" if given["completed"] else "",
                resubmitted=given["resubmitted"],
                finished_before=session.clock.now() - parse_duration(given["older"]) if given["older"] else None)
        return await delete(session, names, only=only, all_namespaces=given["all_namespaces"], force=given["force"],
                            dry_run=given["dry_run"])

    return run_verb(work)


async def delete(
    session: Session, names: Sequence[str], *, only: Filter | None = None, all_namespaces: bool = False,
    force: bool = False, dry_run: bool = False,
) -> int:
    """Delete the named workflows, and those that `only` lets pass."""
    for name in names:
        async with session.naming(name) as resolved:
            if not dry_run:
                await operations.delete(session.kube, resolved, namespace=session.namespace, force=force)
            session.print(f"workflow {resolved} {'would be ' if dry_run else ''}deleted")
    if only is None:
        return 0
    found = await operations.list_workflows(
        session.kube, namespace="" if all_namespaces else session.namespace, only=only)
    for workflow in found:
        await _delete_listed(session, workflow, force=force, dry_run=dry_run)
    if not found:
        session.print("no workflow matches")
    return 0


async def _delete_listed(session: Session, workflow: Object, *, force: bool, dry_run: bool) -> None:
    metadata = workflow["metadata"]
    try:
        if not dry_run:
            await operations.delete(session.kube, metadata["name"], namespace=metadata["namespace"], force=force)
    except NotFound:
        return  # gone since it was listed: that is what was wanted
    session.print(f"workflow {metadata['name']} {'would be ' if dry_run else ''}deleted")
