"""Which workflows a verb is about: those named, or those that selectors choose; and the same done to each."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from argosy.cli.session import Session
from argosy.errors import ArgosyError
from controller.operations import Filter, list_workflows

_F = TypeVar("_F", bound=Callable[..., Any])


def names_and_selectors(function: _F) -> _F:
    """WORKFLOW... with ``-l`` and ``--field-selector``."""
    for decorate in (
        click.option("--field-selector", "field_selector", metavar="SELECTOR", default="",
                     help="Also those whose fields match, such as metadata.name=hello."),
        click.option("-l", "--selector", "selector", metavar="SELECTOR", default="",
                     help="Also those whose labels match, such as team=data,env!=test."),
        click.argument("names", nargs=-1, metavar="WORKFLOW..."),
    ):
        function = decorate(function)
    return function


async def chosen(session: Session, names: Sequence[str], selector: str, field_selector: str) -> list[str]:
    """The names that are meant, each once. Raises ArgosyError where nothing was said."""
    if not names and not selector and not field_selector:
        raise click.UsageError("which workflow? Give its name, @latest for the newest one, or -l SELECTOR")
    found = [await session.resolve(name) for name in names]
    if selector or field_selector:
        only = Filter(label_selector=selector, field_selector=field_selector)
        listed = await list_workflows(session.kube, namespace=session.namespace, only=only)
        found.extend(item["metadata"]["name"] for item in reversed(listed))
    return list(dict.fromkeys(found))


async def for_each(session: Session, names: Sequence[str], action: Callable[[str], Awaitable[Any]], done: str) -> int:
    """Do `action` to each and say so; one that is refused does not keep the others from their turn."""
    failed = 0
    for name in names:
        try:
            async with session.naming(name) as resolved:
                await action(resolved)
        except ArgosyError as error:
            if len(names) == 1:
                raise
            failed += 1
            session.print([("error: ", "red"), (str(error), "")])
        else:
            session.print(f"workflow {name} {done}")
    if not names:
        session.print("no workflow matches")
    return 1 if failed else 0
