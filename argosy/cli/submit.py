"""``argosy submit``: workflows from files, standard input, or stored templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from argosy.cli.checking import check_before_submit, checked, read_files, read_text, source_of
from argosy.cli.draw import facts
from argosy.cli.ending import NOTHING, Afterwards, afterwards_options, see_to_the_end
from argosy.cli.options import VerbCommand, output_option, said
from argosy.cli.output import print_objects
from argosy.cli.session import Session, run_verb
from argosy.errors import ArgosyError
from argosy.kube.contract import Object
from controller import operations
from controller.operations import NO_OPTIONS, SubmitOptions

if TYPE_CHECKING:
    from argosy.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be submitted, and how."""

    workflows: Sequence["Manifest"] = ()
    source: str = ""
    options: SubmitOptions = NO_OPTIONS
    afterwards: Afterwards = NOTHING
    strict: bool = True
    dry_run: bool = False
    server_dry_run: bool = False
    output: str = ""


@click.command(cls=VerbCommand)
@click.argument("files", nargs=-1, metavar="[FILE... | -]")
@click.option("--from", "source", metavar="KIND/NAME", default="",
              help="Submit from a stored object, such as workflowtemplate/build or cronworkflow/nightly.")
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True,
              help="Give a parameter of the workflow this value.")
@click.option("-f", "--parameter-file", "parameter_file", metavar="FILE", default="",
              help="Take parameters from a YAML or JSON mapping; -p wins.")
@click.option("--entrypoint", metavar="TEMPLATE", default="", help="Start at this template instead.")
@click.option("--name", metavar="NAME", default="", help="Name the workflow so.")
@click.option("--generate-name", "generate_name", metavar="PREFIX", default="", help="Name it so, with a fresh ending.")
@click.option("-l", "--labels", metavar="LABELS", default="", help="Add labels, such as team=data,env=test.")
@click.option("--serviceaccount", "service_account", metavar="NAME", default="", help="Run the pods as this account.")
@click.option("--priority", type=int, default=None, metavar="NUMBER", help="Higher goes first where workflows queue.")
@click.option("--strict/--no-strict", default=True, help="Check the manifest before sending it (the default).")
@click.option("--dry-run", "dry_run", is_flag=True, help="Print what would be created; send nothing.")
@click.option("--server-dry-run", "server_dry_run", is_flag=True, help="Let the server check it; create nothing.")
@afterwards_options
@output_option("name", "json", "yaml", "wide")
def command(*, files: tuple[str, ...], **given: Any) -> int:
    """Create workflows. With --wait, --watch or --log the exit code says whether they succeeded.

    \b
    argosy submit workflow.yaml --watch
    argosy submit workflow.yaml -p message=hello --log
    argosy submit --from workflowtemplate/build -p revision=main
    cat workflow.yaml | argosy submit -
    """
    request = _request(files, given)

    async def work(session: Session) -> int:
        return await submit(session, request)

    return run_verb(work)


def _request(files: tuple[str, ...], given: dict[str, Any]) -> Request:
    if bool(files) == bool(given["source"]):
        raise click.UsageError("what should be submitted? Give FILEs (- is standard input), or --from KIND/NAME")
    workflows = load_workflows(files)
    if given["name"] and len(workflows) > 1:
        raise click.UsageError(f"--name {given['name']} cannot name {len(workflows)} workflows; use --generate-name")
    if given["strict"]:
        for manifest in workflows:
            checked(manifest)
    parameters = read_parameter_file(given["parameter_file"]) if given["parameter_file"] else {}
    parameters.update(said(operations.parse_parameters, given["parameters"]))
    return Request(
        workflows=workflows, source=given["source"], strict=given["strict"], dry_run=given["dry_run"],
        server_dry_run=given["server_dry_run"], output=given["output"],
        afterwards=Afterwards(wait=given["wait"], watch=given["watch"], log=given["log"]),
        options=SubmitOptions(
            parameters=parameters, labels=said(operations.parse_labels, given["labels"]), name=given["name"],
            generate_name=given["generate_name"], entrypoint=given["entrypoint"],
            service_account=given["service_account"], priority=given["priority"]))


async def submit(session: Session, request: Request) -> int:
    """Create all that was asked for, show it, and follow it if that was asked too."""
    if request.strict:
        for manifest in request.workflows:
            built = operations.with_options(manifest.object, request.options)
            await check_before_submit(session.kube, session.namespace, built, manifest)
    created = [await _create(session, manifest.object, request) for manifest in request.workflows]
    if request.source:
        created.append(await operations.submit_from(
            session.kube, request.source, namespace=session.namespace, options=request.options,
            dry_run=request.dry_run or request.server_dry_run))
    _show(session, created, request)
    if request.dry_run or request.server_dry_run or not request.afterwards:
        return 0
    return await see_to_the_end(session, created, request.afterwards)


async def _create(session: Session, workflow: Object, request: Request) -> Object:
    if request.dry_run:
        return operations.with_options(workflow, request.options)
    return await operations.submit(session.kube, workflow, namespace=session.namespace, options=request.options,
                                   dry_run=request.server_dry_run)


def _show(session: Session, created: Sequence[Object], request: Request) -> None:
    output = request.output or ("yaml" if request.dry_run else "")
    if print_objects(session, created, output) or request.afterwards.watch:
        return
    for index, workflow in enumerate(created):
        session.print(*([""] if index else []), *facts(workflow, now=session.clock.now()))


def load_workflows(files: Sequence[str]) -> list["Manifest"]:
    """The Workflow objects of the files. Raises ArgosyError for what is no Workflow."""
    found: list[Manifest] = []
    for name in files:
        here = read_files([name])
        for manifest in here:
            kind = manifest.object.get("kind")
            if kind != "Workflow":
                raise ArgosyError(f"{source_of(name)}: holds a {kind}; only a Workflow can be submitted. Store the {kind} "
                                  "first (argosy template create, or kubectl apply -f)")
        if not here:
            raise ArgosyError(f"{source_of(name)}: holds no Workflow")
        found.extend(here)
    return found


def read_parameter_file(name: str) -> dict[str, str]:
    """Parameters from a YAML or JSON mapping; what is no text is written as JSON."""
    import orjson
    import yaml

    try:
        tree = yaml.safe_load(read_text(name))
    except yaml.YAMLError as error:
        raise ArgosyError(f"{name}: {error}") from error
    if not isinstance(tree, dict):
        raise ArgosyError(f"{name}: holds no mapping; write lines such as `message: hello`")
    return {str(key): value if isinstance(value, str) else orjson.dumps(value).decode() for key, value in tree.items()}
