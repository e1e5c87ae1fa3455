"""Reads the source text and says what to do instead."""

import ast
import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("argosy", "controller", "events", "sources")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES_OF_A_MODULE = 500
MOST_LINES_OF_A_FUNCTION = 60
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_opens_with_a_sentence_that_a_user_would_understand(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring or not text.strip(), f"{_name(path)}: write one sentence that says what the module is for"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_small_enough_to_be_read_at_a_sitting(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MOST_LINES_OF_A_MODULE, f"{_name(path)} has {lines} lines: split it where a name appears"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_fits_on_a_page(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{_name(path)}:{node.lineno} {node.name} has {lines} lines: split it"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_has_a_name_that_says_what_it_is(path: Path) -> None:
    assert path.stem not in VAGUE_NAMES, f"{_name(path)}: name it after what it does, or move the code to where it belongs"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_is_left_for_later_in_the_text(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        marker = re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", line)
        assert not marker, f"{_name(path)}:{number} says {marker and marker[0]}: do it, or tell of it in docs/known-limits.md"
        bare = re.search(r"#\s*(type: ignore|noqa)\s*$", line)
        assert not bare, f"{_name(path)}:{number}: name the rule that is ignored, and why"


def test_no_other_distribution_owns_our_top_level_packages() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["argosy"])) <= {"argosy"}, f"{package} belongs to {owners[package]} as well"
