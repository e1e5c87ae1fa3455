"""``argosy completion``: the script that lets a shell complete commands."""

import click

from argosy.cli.options import VerbCommand


@click.command(cls=VerbCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    source <(argosy completion bash)
    argosy completion fish > ~/.config/fish/completions/argosy.fish
    """
    from click.shell_completion import get_completion_class

    from argosy.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None, "click completes every shell that is offered"
    click.echo(kind(cli, {}, "argosy", "_ARGOSY_COMPLETE").source())
