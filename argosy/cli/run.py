"""``argosy run``: one workflow in a system of its own, shown while it runs; nothing is left behind."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from argosy.cli.checking import check_before_submit, checked, read_files
from argosy.cli.ending import outcome
from argosy.cli.follow import follow
from argosy.cli.options import DEFAULT_NAMESPACE, Globals, VerbCommand, output_option, read_globals, said
from argosy.cli.output import print_objects
from argosy.cli.screen import open_screen
from argosy.cli.session import Session
from argosy.cli.submit import read_parameter_file
from argosy.errors import ArgosyError
from argosy.kube.contract import Kube, Object
from argosy.settings import Settings, find_settings, load_settings, read_environment
from controller import operations
from controller.operations import NO_OPTIONS, SubmitOptions

if TYPE_CHECKING:
    from argosy.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Job:
    """The workflow to run, what is applied before it, and how it is shown."""

    workflow: Object
    place: "Manifest | None" = None  # where the workflow stands, for messages
    others: tuple[Object, ...] = ()
    options: SubmitOptions = NO_OPTIONS
    namespace: str = DEFAULT_NAMESPACE
    output: str = ""
    logs: bool = True


@click.command(cls=VerbCommand)
@click.argument("file", metavar="FILE")
@click.option("--with", "others", metavar="FILE", multiple=True,
              help="Apply the objects of this file first, such as templates, ConfigMaps and Secrets.")
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True,
              help="Give a parameter of the workflow this value.")
@click.option("-f", "--parameter-file", "parameter_file", metavar="FILE", default="",
              help="Take parameters from a YAML or JSON mapping; -p wins.")
@click.option("--entrypoint", metavar="TEMPLATE", default="", help="Start at this template instead.")
@click.option("--name", metavar="NAME", default="", help="Name the workflow so.")
@click.option("--log/--no-log", "log", default=True, help="Show what the steps print (the default).")
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), default=None, metavar="FILE",
              help="The settings, such as what stands in for images; else $ARGOSY_SETTINGS.")
@output_option("name", "json", "yaml")
def command(*, file: str, others: tuple[str, ...], **given: Any) -> int:
    """Run the workflow in FILE (- is standard input) on this machine, without any server; needs nothing set up.

    The exit code says whether it succeeded. With -o json the finished Workflow is all that is printed on standard output.

    \b
    argosy run workflow.yaml
    argosy run workflow.yaml --with templates.yaml -p message=hello
    argosy run workflow.yaml -o json | jq .status.phase
    """
    environment, shared = read_environment(), read_globals()
    parameters = read_parameter_file(given["parameter_file"]) if given["parameter_file"] else {}
    parameters.update(said(operations.parse_parameters, given["parameters"]))
    manifest, beside = _workflow_of(file)
    job = Job(
        workflow=manifest.object, place=manifest, others=(*_objects_of(others), *beside), output=given["output"],
        logs=given["log"],
        options=SubmitOptions(parameters=parameters, entrypoint=given["entrypoint"], name=given["name"]),
        namespace=shared.namespace or environment.namespace or DEFAULT_NAMESPACE)
    settings = load_settings(find_settings(given["settings_file"], None, environment))
    heard: list[int] = []
    try:
        return asyncio.run(_run(job, settings, shared, heard))
    except asyncio.CancelledError:
        return 128 + heard[0]  # as a shell tells that a signal ended a program


def _workflow_of(file: str) -> tuple["Manifest", list[Object]]:
    """The one Workflow of the file, and what else it holds."""
    manifests = read_files([file])
    workflows = [item for item in manifests if item.object.get("kind") == "Workflow"]
    if len(workflows) != 1:
        raise ArgosyError(f"{file}: holds {len(workflows) or 'no'} Workflow{'s' if len(workflows) > 1 else ''}; run takes "
                          "exactly one (give templates with --with FILE)")
    checked(workflows[0])
    return workflows[0], [item.object for item in manifests if item.object.get("kind") != "Workflow"]


def _objects_of(files: Sequence[str]) -> list[Object]:
    return [item.object for item in read_files(files)]


async def _run(job: Job, settings: Settings, shared: Globals, heard: list[int]) -> int:
    _end_on_signals(heard)
    from argosy.embedded.throwaway import throwaway

    async with throwaway(settings=settings) as kube:
        return await run_once(kube, job, out=sys.stdout, err=sys.stderr, color=shared.color)


def _end_on_signals(heard: list[int]) -> None:
    """Clean up for SIGTERM and a closed terminal as for Ctrl-C: nobody else would end the pods and remove their folder."""
    task = asyncio.current_task()
    assert task is not None, "a coroutine that runs has a task"

    def end(number: int) -> None:
        heard.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            asyncio.get_running_loop().add_signal_handler(number, end, number)


async def run_once(kube: Kube, job: Job, *, out: TextIO, err: TextIO, color: bool | None = None) -> int:
    """Apply, submit, follow to the end; 0 if the workflow succeeded."""
    from argosy.embedded.throwaway import apply_all

    await apply_all(kube, job.others, namespace=job.namespace)
    built = operations.with_options(job.workflow, job.options)
    await check_before_submit(kube, job.namespace, built, job.place)
    created = await operations.submit(kube, built, namespace=job.namespace)
    metadata = created["metadata"]
    _tell_warnings(created, err)
    shown = err if job.output else out
    with open_screen(shown, color=color, tree=not job.output or err.isatty()) as screen:
        ended = await follow(kube, metadata["name"], namespace=metadata["namespace"], screen=screen,
                             logs=job.logs and not job.output)
    print_objects(Session(kube, namespace=job.namespace, out=out, color=color), [ended], job.output)
    return outcome(ended)


def _tell_warnings(workflow: Object, err: TextIO) -> None:
    """What the workflow says and nothing heeds: told beside the output, as a server would tell it."""
    from controller.spec import effectless

    err.writelines(f"warning: {problem}\n" for problem in effectless(workflow))
