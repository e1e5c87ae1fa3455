"""The README's tour, word by word: its fenced blocks are run in the order in which a reader would type them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 120
PUSH_URL = "http://127.0.0.1:12000/push"  # what the README posts to; taken on a machine where another Argosy runs


def tour() -> list[str]:
    """What the tour tells to type; a blank line or a new block begins a new piece."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## A tour of five minutes", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```\w*\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    return [piece.strip() for block in blocks for piece in block.split("\n\n")]


def piece_with(text: str) -> str:
    """The one piece of the tour that holds `text`."""
    [found] = [piece for piece in tour() if text in piece]
    return found


def typed(piece: str, env: Mapping[str, str]) -> str:
    """Type a piece into a shell; its output, where it succeeded."""
    script = piece.replace(".venv/bin/", f"{BIN}/")
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True,
                         timeout=PATIENCE_SECONDS, check=False)
    assert ran.returncode == 0, f"{piece}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


@contextmanager
def child(command: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on until it is told to end."""
    words = command.replace(".venv/bin/", f"{BIN}/").split()
    with subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def line_with(process: subprocess.Popen[str], pattern: str) -> str:
    """The next line of the child's output that matches; what comes before it is passed over."""
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"it ended without a line that matches {pattern!r}")


def push_url(env: Mapping[str, str]) -> str:
    """Where the event source says that a push should go."""
    told = json.loads(typed("kubectl wait --for=condition=Deployed eventsource/github -o json", env))
    [deployed] = [item for item in told["status"]["conditions"] if item["type"] == "Deployed"]
    elsewhere = re.search(r"send to (\S+) instead", deployed["message"])
    return elsewhere[1] if elsewhere else PUSH_URL


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has just cloned the repository."""
    return {"HOME": str(tmp_path), "PATH": f"{BIN}:{os.defpath}", "KUBECONFIG": str(tmp_path / ".argosy" / "kubeconfig")}


def test_the_tour_begins_with_workflows_that_need_no_server(home: dict[str, str]) -> None:
    assert "Succeeded" in typed(piece_with("argosy run"), home)
    assert "nothing wrong" in typed(piece_with("argosy lint"), home)


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "openssl"))), reason="curl and openssl send the tour's push")
def test_the_tour_runs_word_by_word(home: dict[str, str]) -> None:
    [up] = [piece for piece in tour() if piece.endswith("argosy up")]
    with child(f"{up} --port 0", home) as system:
        assert line_with(system, "^ready ").startswith("ready ")
        looked = typed(piece_with("argosy submit"), home)
        assert looked.count("Succeeded") >= 2  # as it was watched, and as it is listed
        prepared, watch = piece_with("kubectl apply").rsplit("\n", 1)
        assert "sensor.argoproj.io/github created" in typed(prepared, home)
        with child(watch, home) as watching:
            typed(piece_with("curl").replace(PUSH_URL, push_url(home)), home)
            line_with(watching, r"^ci-\S+ +Succeeded")
        assert "created Workflow ci-" in typed(piece_with("argosy events"), home)


def test_the_tour_tells_nothing_that_no_test_types() -> None:
    known = ("argosy run", "argosy up", "argosy submit", "kubectl apply", "curl", "argosy events", "argosy lint")
    assert [piece for piece in tour() if not any(word in piece for word in known)] == []
