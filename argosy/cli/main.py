"""The `argosy` command: finds the verb, imports only its module, and turns every error into a sentence.

Exit codes: 0 success; 1 the workflow did not succeed, or the request failed; 2 the command line itself was wrong.
"""

import importlib
import sys
from typing import Any

import click

from argosy.cli.options import GLOBAL_OPTIONS, GlobalOptionsMixin
from argosy.cli.verbs import VERBS
from argosy.errors import ArgosyError

_BY_NAME = {verb.name: verb for verb in VERBS}


class LazyGroup(GlobalOptionsMixin, click.Group):
    """A group whose commands are modules that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every verb, in the order of the table."""
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the verb's module and take its command."""
        verb = _BY_NAME.get(cmd_name)
        if verb is None:
            return None
        command: click.Command = importlib.import_module(f"argosy.cli.{verb.module}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; for an unknown one say what it may have meant."""
        if args and args[0] not in _BY_NAME and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _BY_NAME, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "argosy --help lists the commands"
            raise click.UsageError(f"there is no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Print the table of verbs, by group, without importing any of them."""
        width = max(len(verb.name) for verb in VERBS)
        for group in dict.fromkeys(verb.group for verb in VERBS):
            with formatter.section(group):
                formatter.write_dl([(verb.name.ljust(width), verb.help) for verb in VERBS if verb.group == group])


@click.command(
    cls=LazyGroup, params=[], context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="argosy COMMAND --help tells more about a command. @latest stands for the newest workflow.",
)
def cli() -> None:
    """Events in, workflows out: runs Argo Workflows and Argo Events manifests, here or on Kubernetes."""


_READER_GONE = 141  # what a shell says of a program that SIGPIPE ended: it did not come to its own end


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. No error leaves a traceback unless ``-v -v`` asks for it."""
    argv = sys.argv[1:] if args is None else args
    try:
        result: Any = cli.main(args=argv, prog_name="argosy", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        _tell_usage(error)
        return error.exit_code
    except click.Abort:
        return 130
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the last line of defence: told, with exit code 1
        return _tell(error, argv)
    return result if isinstance(result, int) else 0


def _tell_usage(error: click.UsageError) -> None:
    click.echo(f"error: {error.format_message()}", err=True)
    if error.ctx is not None:
        click.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help'.", err=True)


def _tell(error: BaseException, argv: list[str]) -> int:
    """Say what went wrong, for a person; returns the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, BrokenPipeError):
        _close_quietly()
        return _READER_GONE
    if isinstance(error, BaseExceptionGroup) and (len(error.exceptions) == 1 or not _wants_traceback(argv)):
        return _tell(error.exceptions[0], argv)  # the first to fail; the others were ended because of it
    if _wants_traceback(argv):
        import traceback

        traceback.print_exception(error)
        return 1
    if isinstance(error, click.ClickException):
        click.echo(f"error: {error.format_message()}", err=True)
        return error.exit_code
    if isinstance(error, ArgosyError):
        click.echo(f"error: {error}", err=True)
    elif isinstance(error, OSError):
        click.echo(f"error: {error.filename + ': ' if error.filename else ''}{error.strerror or error}", err=True)
    else:
        click.echo(f"error: this is a bug in argosy: {type(error).__name__}: {error}\n"
                   "       run the command again with -v -v to see where", err=True)
    return 1


def _wants_traceback(argv: list[str]) -> bool:
    from argosy.settings import read_environment

    flags = [word for word in argv if word in ("-v", "--verbose", "-vv")]
    return len(flags) > 1 or "-vv" in flags or read_environment().debug


def _close_quietly() -> None:
    """The reader of our output has gone (``| head``): say nothing more, not even at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


cli.params.extend(GLOBAL_OPTIONS)

if __name__ == "__main__":
    main()
