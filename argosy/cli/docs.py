"""``python -m argosy.cli.docs``: the page ``docs/cli.md``, made from the help of the commands themselves."""

import sys
from inspect import cleandoc

import click

from argosy.cli.main import cli
from argosy.cli.options import GLOBAL_OPTIONS, GlobalOption
from argosy.cli.verbs import VERBS

_HEAD = """# The command line

<!-- Made by `python -m argosy.cli.docs`; `make verify` compares. Change the commands' help, not this page. -->

`argosy COMMAND --help` prints what stands here. `@latest` stands for the newest workflow of the namespace wherever a
workflow's name is asked for. Exit codes: 0 success; 1 the workflow did not succeed, or the request failed; 2 the command
line was wrong.
"""


def page() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="argosy")
    parts = [_HEAD]
    for group in dict.fromkeys(verb.group for verb in VERBS):
        names = ", ".join(f"[{verb.name}](#argosy-{verb.name})" for verb in VERBS if verb.group == group)
        parts.append(f"- {group}: {names}")
    parts.append("\n## Options of every command\n\n" + _options(context, list(GLOBAL_OPTIONS)))
    for verb in VERBS:
        command = cli.get_command(context, verb.name)
        assert command is not None, f"verbs.py names {verb.name}, which has no command"
        parts.append(_section(command, click.Context(command, info_name=verb.name, parent=context), level=2))
    return "\n".join(parts).rstrip() + "\n"


def _section(command: click.Command, context: click.Context, *, level: int) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    own = [param for param in command.get_params(context) if not isinstance(param, GlobalOption)]
    text = f"\n{'#' * level} {context.command_path}\n\n```\n{usage}\n```\n\n{_help(command)}\n"
    options = _options(context, own)
    if options:
        text += f"\n{options}"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, "a group lists only commands that it has"
            text += _section(inner, click.Context(inner, info_name=name, parent=context), level=level + 1)
    return text


def _help(command: click.Command) -> str:
    """The help text; its paragraphs that are kept as they are (marked for click) are examples."""
    paragraphs = (command.help or "").split("\n\n")
    return "\n\n".join(_paragraph(text) for text in paragraphs)


def _paragraph(text: str) -> str:
    mark, _, rest = text.partition("\n")
    return f"```\n{cleandoc(rest)}\n```" if mark.strip() == "\b" else " ".join(text.split())


def _options(context: click.Context, params: list[click.Parameter]) -> str:
    shown = [param for param in params if isinstance(param, click.Option) and not param.hidden and "--help" not in param.opts]
    records = [param.get_help_record(context) for param in shown]
    rows = [(f"`{names}`", " ".join(text.split())) for names, text in filter(None, records)]
    if not rows:
        return ""
    return "| option | meaning |\n|---|---|\n" + "\n".join(
        f"| {names.replace('|', chr(92) + '|')} | {text.replace('|', chr(92) + '|')} |" for names, text in rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
