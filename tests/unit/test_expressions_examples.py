"""The expressions in Argo's own example manifests are read, and those whose outcome is on record give it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.expressions import decide, evaluate, names, parse_condition
from argosy.placeholders import fill, tags
from argosy.placeholders.parts import Formula, parts_of

PEERS = Path(__file__).parents[2].parent / "shared" / "peers" / "argo-workflows"
pytestmark = pytest.mark.skipif(not PEERS.exists(), reason="Argo's example manifests are not beside this repository")


def documents() -> list[Any]:
    return [
        document
        for path in sorted((PEERS / "examples").glob("**/*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        if document
    ]


def walk(tree: Any, key: str = "") -> list[tuple[str, str]]:
    """Every text with the key it stands at."""
    if isinstance(tree, str):
        return [(key, tree)]
    if isinstance(tree, dict):
        return [found for name, value in tree.items() for found in walk(value, str(name))]
    return [found for value in tree for found in walk(value, key)] if isinstance(tree, list) else []


def test_every_expression_in_the_examples_is_read() -> None:
    seen = {"formula": 0, "expression": 0, "depends": 0, "when": 0}
    for document in documents():
        tags(document)
        for key, text in walk(document):
            for part in parts_of(text):
                if isinstance(part, Formula):
                    names(part.source)
                    seen["formula"] += 1
            if key == "expression":
                names(re.sub(r"\{\{[^}]*\}\}", "true", text))
                seen["expression"] += 1
            elif key == "depends":
                assert parse_condition(text).terms
                seen["depends"] += 1
            elif key == "when":
                assert decide(re.sub(r"\{\{[^}]*\}\}", "1" if "<" in text else "word", text)) in (True, False)
                seen["when"] += 1
    assert all(count > 3 for count in seen.values()), seen


def example(name: str) -> Any:
    return yaml.safe_load((PEERS / "examples" / f"{name}.yaml").read_text())


def outcome(name: str) -> Any:
    return json.loads((PEERS / "golden" / f"{name}.json").read_text())


JSON_EXAMPLES = ["expression-destructure-json", "expression-destructure-json-complex", "expression-reusing-verbose-snippets"]


@pytest.mark.parametrize("name", JSON_EXAMPLES)
def test_inputs_computed_by_expressions_are_those_on_record(name: str) -> None:
    spec = example(name)["spec"]
    scope = {f"workflow.parameters.{p['name']}": p["value"] for p in spec["arguments"]["parameters"]}
    recorded = outcome(name)["nodes"]["WF"]["inputs"]
    given = {p["name"]: p["value"] for p in spec["templates"][0]["inputs"]["parameters"]}
    for parameter, value in recorded.items():
        assert fill(given[parameter], scope) == value


def test_the_expression_tags_example_gives_what_is_on_record() -> None:
    main, pod = example("expression-tag-template-workflow")["spec"]["templates"]
    items = json.loads(fill(main["dag"]["tasks"][0]["withParam"], {}))
    assert items == [3]
    greeting = next(text for _, text in walk(pod) if "hello" in text)
    recorded = outcome("expression-tag-template-workflow")["nodes"]["WF.task-0(0:3)"]
    year = recorded["outputs"]["output"].split("@ ")[1].strip()
    scope = {"inputs.parameters.foo": recorded["inputs"]["foo"], "workflow.creationTimestamp": f"{year}-01-01T00:00:00Z"}
    assert fill(greeting, scope).strip() == recorded["outputs"]["output"].strip()


@pytest.mark.parametrize(
    ("exit_code", "message", "safe", "again"),
    [
        ("2", "", "true", True),
        ("2", "", "false", False),
        ("2", "pod deleted", "false", True),
        ("1", "pod deleted", "true", False),
    ],
)
def test_the_retry_condition_of_the_example_decides(exit_code: str, message: str, safe: str, again: bool) -> None:
    texts = [text for key, text in walk(example("retry-conditional")) if key == "expression"]
    source = fill(texts[0], {"inputs.parameters.safe-to-retry": safe})
    last = {"exitCode": exit_code, "status": "Failed", "duration": "5", "message": message}
    assert evaluate(source, {"lastRetry": last}) is again


def test_an_output_falls_back_when_its_producer_was_skipped() -> None:
    texts = [text for key, text in walk(example("skipped-output-defaults__expression-fallback")) if key == "expression"]
    env = {"tasks": {"producer": {"outputs": {"parameters": {"msg": None}}}}}
    assert evaluate(texts[0], env) == "expr-fallback"
