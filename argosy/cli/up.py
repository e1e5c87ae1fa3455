"""``argosy up``: the whole system on this machine, until Ctrl-C."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from argosy.cli.options import VerbCommand, read_globals
from argosy.cli.serving import serve_until_told, tell_ready
from argosy.settings import Settings, find_settings, load_settings, read_environment

if TYPE_CHECKING:
    from argosy.embedded.system import Urls


@click.command(cls=VerbCommand)
@click.option("--port", type=click.IntRange(0, 65535), default=None, metavar="PORT",
              help="The API's port; 0 picks free ports for everything.")
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), default=None, metavar="FILE",
              help="The settings; else $ARGOSY_SETTINGS or DIR/settings.yaml.")
def command(*, port: int | None, settings_file: Path | None) -> int:
    """Start the whole system here, and print one line that begins with `ready` when all parts serve. Ctrl-C ends it.

    Everything is kept in the folder that --data names ($ARGOSY_DATA or ~/.argosy if not given), so that it goes on where it
    was when it is started again. What happens is logged to standard error. KUBECONFIG=DIR/kubeconfig lets kubectl speak to
    it.

    \b
    argosy up
    argosy up --data ./here --port 0
    """
    environment = read_environment()
    given = read_globals()
    data = Path(given.data).expanduser() if given.data else environment.data_folder
    settings = load_settings(find_settings(settings_file, data, environment))
    return serve_until_told(_serve(data, settings=settings, port=port), verbose=bool(given.verbose))


async def _serve(data: Path, *, settings: Settings, port: int | None) -> None:
    from argosy.embedded.system import serve

    await serve(data, settings=settings, port=port, tell=_tell)


def _tell(urls: "Urls") -> None:
    tell_ready(urls.line().removeprefix("ready "))
