"""``argosy version``: which Argosy this is."""

import click

from argosy import __version__
from argosy.cli.options import VerbCommand


@click.command(cls=VerbCommand)
@click.option("--short", is_flag=True, help="Print the number only.")
def command(*, short: bool) -> None:
    """Print the version."""
    click.echo(__version__ if short else f"argosy {__version__}")
