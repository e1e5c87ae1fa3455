"""The command itself: quick to start, kind to mistakes, and documented as it is."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from argosy import __version__
from argosy.cli import docs, main
from argosy.cli.options import parse_duration
from argosy.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = main.run(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_documentation_is_what_the_commands_say():
    assert (ROOT / "docs" / "cli.md").read_text() == docs.page(), "run: python -m argosy.cli.docs > docs/cli.md"


def test_the_version_is_printed(capsys):
    assert run(capsys, "version") == (0, f"argosy {__version__}\n", "")
    assert run(capsys, "version", "--short") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_has_help_with_its_global_options(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert f"Usage: argosy {verb}" in out
    assert verb in ("events", "template", "cluster-template") or "Global options:" in out


def test_help_lists_every_verb(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for verb in VERBS:
        assert re.search(rf"^  {verb.name} +{re.escape(verb.help)}$", out, re.MULTILINE)


def test_help_and_version_import_no_heavy_library():
    heavy = ("rich", "aiohttp", "pydantic", "yaml", "asyncio", "nats", "controller.spec", "controller.engine")
    script = (
        "import sys; from argosy.cli import main\n"
        "main.run(['--help']); main.run(['version'])\n"
        f"print('LOADED', [name for name in {heavy!r} if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_an_unknown_verb_is_told_the_nearest(capsys):
    code, _, err = run(capsys, "sumbit")
    assert code == 2
    assert "did you mean 'submit'?" in err


def test_an_unknown_option_is_a_usage_error(capsys):
    code, _, err = run(capsys, "list", "--runing")
    assert code == 2
    assert "--runing" in err
    assert "argosy list --help" in err


@pytest.mark.parametrize(("words", "says"), [
    (("submit", "--from", "wftmpl/x", "-p", "message"), "NAME=VALUE"),
    (("submit", "--from", "wftmpl/x", "-l", "team"), "NAME=VALUE"),
    (("submit",), "what should be submitted"), (("submit", "x.yaml", "--from", "wftmpl/x"), "what should be submitted"),
    (("list", "--running", "--completed"), "exclude each other"), (("delete",), "which workflows"),
    (("logs", "w", "--since", "5m", "--since-time", "2026-11-24T08:00:00Z"), "exclude each other"),
    (("template", "delete"), "--all"), (("list", "-o", "xml"), "name, json, yaml, wide"),
])
def test_a_command_line_that_makes_no_sense_is_a_usage_error(capsys, words, says):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert says in err.replace("'", "")


def test_a_verb_without_its_argument_is_a_usage_error(capsys):
    code, _, err = run(capsys, "get")
    assert code == 2
    assert "WORKFLOW" in err


def test_without_any_server_the_remedy_is_named(capsys, monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "ARGOSY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    code, out, err = run(capsys, "list")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "argosy up" in err
    assert "Traceback" not in err


def test_a_server_that_does_not_answer_is_told_without_a_traceback(capsys, tmp_path):
    config = tmp_path / "kubeconfig"
    config.write_text("""
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: me, user: {}}]
""")
    code, _, err = run(capsys, "list", "--kubeconfig", str(config))
    assert code == 1
    assert err.startswith("error: ")
    assert "127.0.0.1:9" in err
    assert "Traceback" not in err


def test_a_bug_of_ours_is_called_one_and_verbose_shows_where(capsys, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(main.cli, "main", broken)
    code, _, err = run(capsys, "list")
    assert code == 1
    assert "bug in argosy: ZeroDivisionError: oops" in err
    assert "Traceback" not in err
    _, _, err = run(capsys, "list", "-v", "-v")
    assert "Traceback" in err


def test_an_interrupt_ends_quietly(capsys, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(main.cli, "main", interrupted)
    assert run(capsys, "list") == (130, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(capsys, shell):
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "_ARGOSY_COMPLETE" in out


@pytest.mark.parametrize(("text", "seconds"), [
    ("90", 90), ("90s", 90), ("1h30m", 5400), ("2d", 172800), ("1.5m", 90), ("500ms", 0.5)])
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "m", "-5s"])
def test_what_is_no_duration_is_told(text):
    with pytest.raises(click.UsageError, match="write for example"):
        parse_duration(text)


def test_a_reader_that_goes_away_ends_a_run_without_a_word_and_without_success(tmp_path):
    workflow = tmp_path / "talk.yaml"
    workflow.write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: talk-}\nspec:\n  entrypoint: main\n"
        "  templates: [{name: main, container: {image: alpine, command: [sh, -c, 'seq 100000']}}]\n")
    with subprocess.Popen([sys.executable, "-m", "argosy.cli.main", "run", str(workflow)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
