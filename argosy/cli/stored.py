"""The verbs for stored templates, the same for WorkflowTemplates and ClusterWorkflowTemplates."""

from collections.abc import Sequence
from typing import Any

import click

from argosy.cli.checking import checked, read_files
from argosy.cli.draw import duration_text
from argosy.cli.options import VerbGroup, output_option
from argosy.cli.output import print_objects, table, to_text
from argosy.cli.session import Session, run_verb
from argosy.cli.tree import age_seconds
from argosy.errors import ArgosyError
from argosy.kube.contract import NotFound, Object, Resource

_PAGE = 500


def template_group(resource: Resource, name: str) -> click.Group:
    """The group ``argosy template`` or ``argosy cluster-template``."""
    group = VerbGroup(name, help=f"Manage {resource.kind}s.")
    for build in (_create, _update, _get, _list, _delete, _lint):
        build(group, resource)
    return group


def _named(resource: Resource, verb: str) -> str:
    return f"{verb} {resource.kind}s."


def _create(group: click.Group, resource: Resource) -> None:
    @group.command("create", help=_named(resource, "Store") + " One that is there already is an error.")
    @click.argument("files", nargs=-1, required=True, metavar="FILE...")
    @output_option("name", "json", "yaml")
    def _command(*, files: tuple[str, ...], output: str) -> int:
        return run_verb(lambda session: create(session, resource, files, output=output))


def _update(group: click.Group, resource: Resource) -> None:
    @group.command("update", help=_named(resource, "Replace stored"))
    @click.argument("files", nargs=-1, required=True, metavar="FILE...")
    @output_option("name", "json", "yaml")
    def _command(*, files: tuple[str, ...], output: str) -> int:
        return run_verb(lambda session: create(session, resource, files, output=output, replace=True))


def _get(group: click.Group, resource: Resource) -> None:
    @group.command("get", help=_named(resource, "Show"))
    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @output_option("name", "json", "yaml")
    def _command(*, names: tuple[str, ...], output: str) -> int:
        return run_verb(lambda session: get(session, resource, names, output=output))


def _list(group: click.Group, resource: Resource) -> None:
    @group.command("list", help=_named(resource, "List"))
    @click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="List those of every namespace.",
                  hidden=not resource.namespaced)
    @click.option("-l", "--selector", metavar="SELECTOR", default="", help="Only those whose labels match.")
    @output_option("name", "json", "yaml", "wide")
    def _command(*, everywhere: bool, selector: str, output: str) -> int:
        return run_verb(lambda session: show_all(session, resource, everywhere=everywhere, selector=selector, output=output))


def _delete(group: click.Group, resource: Resource) -> None:
    @group.command("delete", help=_named(resource, "Delete"))
    @click.argument("names", nargs=-1, metavar="NAME...")
    @click.option("--all", "all", is_flag=True, help="All there are.")
    def _command(*, names: tuple[str, ...], all: bool) -> int:
        if bool(names) == all:
            raise click.UsageError("which? Give names, or --all")
        return run_verb(lambda session: delete(session, resource, names, every=all))


def _lint(group: click.Group, resource: Resource) -> None:
    @group.command("lint", help=_named(resource, "Check the manifests of") + " The same as: argosy lint --offline")
    @click.argument("paths", nargs=-1, required=True, metavar="PATH...")
    def _command(*, paths: tuple[str, ...]) -> int:
        from argosy.cli.lint import lint_offline

        return lint_offline(paths)


async def create(
    session: Session, resource: Resource, files: Sequence[str], *, output: str = "", replace: bool = False
) -> int:
    """Create (or replace) the templates that the files hold."""
    stored = [await _store(session, resource, obj, replace=replace) for obj in _read(resource, files)]
    if not print_objects(session, stored, output):
        for obj in stored:
            session.print(f"{resource.singular} {obj['metadata']['name']} {'updated' if replace else 'created'}")
    return 0


async def _store(session: Session, resource: Resource, obj: Object, *, replace: bool) -> Object:
    namespace = (obj.get("metadata") or {}).get("namespace") or session.namespace if resource.namespaced else ""
    if not replace:
        return await session.kube.create(resource, obj, namespace=namespace)
    current = await session.kube.get(resource, obj["metadata"]["name"], namespace=namespace)
    obj["metadata"] = {**current["metadata"], **obj["metadata"]}
    return await session.kube.replace(resource, obj)


def _read(resource: Resource, files: Sequence[str]) -> list[Object]:
    manifests = read_files(files)
    for manifest in manifests:
        if manifest.object.get("kind") != resource.kind:
            raise ArgosyError(f"{manifest.source}: holds a {manifest.object.get('kind')}; "
                              f"this stores only {resource.kind}s")
        checked(manifest)
    return [manifest.object for manifest in manifests]


async def get(session: Session, resource: Resource, names: Sequence[str], *, output: str = "") -> int:
    """Show templates: as `output` says, or name, age, entry point and the templates inside."""
    namespace = session.namespace if resource.namespaced else ""
    found = [await session.kube.get(resource, name, namespace=namespace) for name in names]
    if not print_objects(session, found, output):
        for obj in found:
            session.print(*_facts(obj, session.clock.now()))
    return 0


def _facts(obj: Object, now: float) -> list[Any]:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    created = metadata.get("creationTimestamp")
    lines: list[Any] = [[("Name:         ", "dim"), (metadata["name"], "bold")]]
    if metadata.get("namespace"):
        lines.append([("Namespace:    ", "dim"), (metadata["namespace"], "")])
    if created:
        lines.append([("Created:      ", "dim"), (f"{created} ({duration_text(age_seconds(created, now))} ago)", "")])
    if spec.get("entrypoint"):
        lines.append([("Entrypoint:   ", "dim"), (str(spec["entrypoint"]), "")])
    lines += [[("Parameter:    ", "dim"), (f"{item.get('name')}={item.get('value', item.get('default', ''))}", "")]
              for item in (spec.get("arguments") or {}).get("parameters") or []]
    lines += [[("Template:     ", "dim"), (str(item.get("name")), "")] for item in spec.get("templates") or []]
    return lines


async def show_all(
    session: Session, resource: Resource, *, everywhere: bool = False, selector: str = "", output: str = ""
) -> int:
    """List the templates by name."""
    namespace = "" if everywhere or not resource.namespaced else session.namespace
    found = sorted(await _all(session, resource, namespace, selector), key=lambda obj: str(obj["metadata"]["name"]))
    if output == "json":
        session.print(to_text(found, "json"))
    elif not found:
        session.print(f"no {resource.singular} found")
    elif not print_objects(session, found, output):
        now = session.clock.now()
        titles = [*(["NAMESPACE"] if everywhere else []), "NAME", "AGE"]
        session.print(*table(titles, [_row(obj, now, everywhere=everywhere) for obj in found]))
    return 0


def _row(obj: Object, now: float, *, everywhere: bool) -> list[str]:
    metadata = obj["metadata"]
    age = duration_text(age_seconds(metadata.get("creationTimestamp"), now))
    return [*([metadata.get("namespace", "")] if everywhere else []), metadata["name"], age]


async def _all(session: Session, resource: Resource, namespace: str, selector: str) -> list[Object]:
    found: list[Object] = []
    token = ""
    while True:
        page = await session.kube.list(resource, namespace=namespace, label_selector=selector, limit=_PAGE,
                                       continue_token=token)
        found.extend(page.items)
        token = page.continue_token
        if not token:
            return found


async def delete(session: Session, resource: Resource, names: Sequence[str], *, every: bool = False) -> int:
    """Delete the named templates, or all of them."""
    namespace = session.namespace if resource.namespaced else ""
    chosen = [obj["metadata"]["name"] for obj in await _all(session, resource, namespace, "")] if every else list(names)
    for name in chosen:
        try:
            await session.kube.delete(resource, name, namespace=namespace)
        except NotFound:
            if not every:
                raise
        session.print(f"{resource.singular} {name} deleted")
    return 0


