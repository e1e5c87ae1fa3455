"""What follows a submit, retry or resubmit: nothing, a wait, the live tree or the logs; and the exit code of the outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from argosy.cli.draw import heading
from argosy.cli.follow import follow
from argosy.cli.screen import open_screen
from argosy.cli.session import Session
from argosy.kube.contract import Object
from controller.operations import phase_of

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What to do once the workflows exist."""

    wait: bool = False
    watch: bool = False
    log: bool = False

    def __bool__(self) -> bool:
        return self.wait or self.watch or self.log


NOTHING = Afterwards()


def afterwards_options(function: _F) -> _F:
    """``-w/--wait``, ``--watch``, ``--log``."""
    for decorate in (
        click.option("--log", is_flag=True, help="Print the logs until the workflow ends."),
        click.option("--watch", is_flag=True, help="Show the tree of steps until the workflow ends."),
        click.option("-w", "--wait", "wait", is_flag=True, help="Wait until the workflow ends."),
    ):
        function = decorate(function)
    return function


async def see_to_the_end(session: Session, workflows: Sequence[Object], afterwards: Afterwards) -> int:
    """Follow each workflow as asked; 0 if all of them succeeded, else 1."""
    code = 0
    for workflow in workflows:
        metadata = workflow["metadata"]
        code = max(code, await see_one(session, metadata["name"], metadata["namespace"], afterwards))
    return code


async def see_one(session: Session, name: str, namespace: str, afterwards: Afterwards) -> int:
    """Follow one workflow; 0 if it succeeded."""
    if afterwards.watch or afterwards.log:
        with open_screen(session.out, color=session.color, tree=afterwards.watch, clock=session.clock) as screen:
            ended = await follow(session.kube, name, namespace=namespace, screen=screen, logs=afterwards.log,
                                 clock=session.clock)
    else:
        ended = await follow(session.kube, name, namespace=namespace, screen=_Silence(), clock=session.clock)
    if not afterwards.watch:
        session.print(heading(ended, now=session.clock.now()))
    return outcome(ended)


def outcome(workflow: Object) -> int:
    """The exit code that an ended workflow means."""
    return 0 if phase_of(workflow) == "Succeeded" else 1


class _Silence:
    """A screen that shows nothing."""

    def show(self, workflow: Object) -> None:
        """Nothing."""

    def log(self, step: str, text: str) -> None:
        """Nothing."""
