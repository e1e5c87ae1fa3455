"""Every file in examples/ runs to its end, by the command a reader would type."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def argosy(*words: str, patience_seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "argosy.cli.main", *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=patience_seconds, check=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_succeeds(path: Path) -> None:
    ran = argosy("run", str(path), "-o", "json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["status"]["phase"] == "Succeeded"


def test_every_example_is_free_of_complaints() -> None:
    checked = argosy("lint", "--offline", "examples")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_demo_turns_a_signed_push_into_a_finished_workflow() -> None:
    shown = subprocess.run([sys.executable, "examples/github-push/demo.py"], cwd=ROOT, capture_output=True, text=True,
                           timeout=120, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "The workflow ended: Succeeded" in shown.stdout
