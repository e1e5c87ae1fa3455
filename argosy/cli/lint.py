"""``argosy lint``: what is wrong with manifests, and where."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, TextIO

import click

from argosy.cli.checking import TEMPLATES, Key, checked, fetch_templates, files_in, read_text, references, source_of
from argosy.cli.options import VerbCommand, read_globals
from argosy.cli.paint import Line, print_lines
from argosy.cli.session import connect
from argosy.errors import ArgosyError, Problem, SpecErrors
from argosy.kube.contract import Object

if TYPE_CHECKING:
    from argosy.manifests import Manifest


@dataclass(slots=True)
class Findings:
    """What was read and found so far."""

    manifests: list[tuple["Manifest", Any]] = field(default_factory=list)  # with its model
    problems: list[Problem] = field(default_factory=list)
    templates: dict[Key, Any] = field(default_factory=dict)  # models, from the files or the server

    def errors(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)


@click.command(cls=VerbCommand)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--offline", is_flag=True, help="Ask no server: a template that is not in the files is an error.")
@click.option("--kinds", metavar="KINDS", default="", help="Only these kinds, separated by commas, such as workflows.")
@click.option("--strict/--no-strict", default=True, hidden=True, help="Taken for Argo's sake; lint is always strict.")
@click.option("-o", "--output", type=click.Choice(["pretty", "simple"]), default="pretty", metavar="FORMAT",
              help="pretty (grouped by file, the default) or simple (one finding a line).")
def command(*, paths: tuple[str, ...], offline: bool, kinds: str, strict: bool, output: str) -> int:  # noqa: ARG001 - see --strict
    """Check manifests: files, folders, or - for standard input. Each finding names file, line, place and remedy.

    Templates that refer to each other may lie in different files. The exit code is 1 if there is an error.

    \b
    argosy lint workflow.yaml
    argosy lint --offline ./manifests
    """
    return lint_offline(paths, kinds=kinds, output=output) if offline else asyncio.run(_lint(paths, kinds, output))


def lint_offline(paths: Sequence[str], *, kinds: str = "", output: str = "pretty") -> int:
    """Check the files alone, and print what was found; 1 if there is an error."""
    findings = read_manifests(paths, kinds=kinds)
    cross_check(findings)
    return report(findings, output=output, out=sys.stdout, color=read_globals().color)


async def _lint(paths: Sequence[str], kinds: str, output: str) -> int:
    """Check the files, with the server's templates where the files refer to others; 1 if there is an error."""
    findings = read_manifests(paths, kinds=kinds)
    missing = missing_templates(findings)
    if missing:
        try:
            async with connect(read_globals()) as session:
                await fetch_templates(session.kube, session.namespace, findings.templates, missing)
        except ArgosyError as error:
            names = ", ".join(sorted(f"{kind} {name}" for kind, name in missing))
            raise ArgosyError(f"the files refer to {names}, and no server can be asked: {error}\n"
                              "       name their files too, or check the files alone with --offline") from error
    cross_check(findings)
    return report(findings, output=output, out=sys.stdout, color=read_globals().color)


def read_manifests(paths: Sequence[str], *, kinds: str = "") -> Findings:
    """Read every file and every object in it; mistakes are gathered, not raised."""
    from argosy.manifests import load_manifests

    findings = Findings()
    for name in files_in(paths):
        try:
            manifests = load_manifests(read_text(name), source=source_of(name))
        except SpecErrors as error:
            findings.problems.extend(error.problems)
            continue
        for manifest in manifests:
            if _is_wanted(str(manifest.object.get("kind")), kinds):
                _read(manifest, findings)
    return findings


def _is_wanted(kind: str, kinds: str) -> bool:
    words = [word.strip().lower() for word in kinds.split(",") if word.strip()]
    return not words or kind.lower() in words or f"{kind.lower()}s" in words


def _read(manifest: "Manifest", findings: Findings) -> None:
    try:
        model = checked(manifest)
    except SpecErrors as error:
        findings.problems.extend(error.problems)
        return
    if model is None:
        return  # a ConfigMap or another kind that is not Argo's, kept beside the workflows
    findings.manifests.append((manifest, model))
    kind = manifest.object["kind"]
    if kind in TEMPLATES:
        findings.templates[kind, str(manifest.object.get("metadata", {}).get("name"))] = model


def missing_templates(findings: Findings) -> set[Key]:
    """The templates that are referred to and are in none of the files."""
    wanted: set[Key] = set()
    for manifest, _ in findings.manifests:
        wanted.update(references(manifest.object))
    return wanted - findings.templates.keys()


def cross_check(findings: Findings) -> None:
    """What only shows when a whole object is looked at: names that do not exist, missing arguments, loops."""
    for manifest, model in findings.manifests:
        kind = manifest.object["kind"]
        if kind in (*TEMPLATES, "Workflow", "CronWorkflow"):
            found = _of_workflow(manifest.object, model, findings)
        elif kind in ("EventSource", "EventBus", "Sensor"):
            found = _of_events(manifest.object, model)
        else:
            continue
        findings.problems.extend(manifest.placed(found))


def _of_workflow(obj: Object, model: Any, findings: Findings) -> list[Problem]:
    from controller.spec import check_workflow, effectless

    return [*check_workflow(model, lambda kind, name: findings.templates.get((kind, name))), *effectless(obj)]


def _of_events(obj: Object, model: Any) -> list[Problem]:
    from events.spec import check_event_bus, check_event_source, check_sensor, effectless

    checks: dict[str, Callable[[Any], list[Problem]]] = {
        "EventSource": check_event_source, "EventBus": check_event_bus, "Sensor": check_sensor}
    return [*checks[obj["kind"]](model), *effectless(obj)]


def report(findings: Findings, *, output: str, out: TextIO, color: bool | None = None) -> int:
    """Print the findings, and how many there are; 1 if there is an error."""
    problems = sorted(findings.problems, key=lambda problem: _place(problem.source))
    lines: list[Line | str] = []
    if output == "simple":
        lines += [f"{problem.severity}: {problem}" if problem.severity != "error" else str(problem)
                  for problem in problems]
    else:
        for file, group in groupby(problems, key=lambda problem: _place(problem.source)[0]):
            lines += [[(file or "(no file)", "bold")], *(_line(problem) for problem in group), ""]
    errors = findings.errors()
    warnings = len(problems) - errors
    if problems:
        lines.append([(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}", "red" if errors else "yellow")])
    elif not findings.manifests:
        lines.append("no Argo manifests found")
    else:
        lines.append([("✔ ", "green"), (f"{_count(len(findings.manifests), 'manifest')} checked, nothing wrong", "")])
    print_lines(out, *lines, color=color)
    return 1 if errors else 0


def _place(source: str) -> tuple[str, int]:
    file, _, line = source.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (source, 0)


def _line(problem: Problem) -> Line:
    number = _place(problem.source)[1]
    style = "red" if problem.severity == "error" else "yellow"
    sign = "✖" if problem.severity == "error" else "⚠"
    line: Line = [(f"  {sign} ", style), (f"{number or '?':>4}  ", "dim")]
    if problem.path:
        line.append((f"{problem.path}: ", "cyan"))
    line.append((problem.text, ""))
    return line


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
