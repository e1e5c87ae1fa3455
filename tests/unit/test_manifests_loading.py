"""Files of manifests become objects, and problems find their line."""

import pytest

from argosy.errors import Problem, SpecErrors
from argosy.manifests import load_manifests

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: hello
spec:
  entrypoint: main
  templates:
  - name: main
    container:
      image: busybox
"""


def refusal(text: str | bytes) -> str:
    with pytest.raises(SpecErrors) as told:
        load_manifests(text, source="m.yaml")
    return str(told.value)


def test_a_manifest_knows_its_lines() -> None:
    (manifest,) = load_manifests(WORKFLOW, source="m.yaml")
    assert manifest.line_of("spec.templates[0].container.image") == 10
    assert manifest.line_of("spec.templates[0].container") == 9
    assert manifest.line_of("spec.templates[0].outputs.parameters[3]") == 8  # the nearest place that is written


def test_problems_get_file_and_line() -> None:
    (manifest,) = load_manifests(WORKFLOW, source="m.yaml")
    (placed,) = manifest.placed([Problem("spec.entrypoint", "is odd")])
    assert str(placed) == "m.yaml:6: spec.entrypoint: is odd"


def test_documents_and_lists_give_one_manifest_each() -> None:
    listed = "kind: List\napiVersion: v1\nitems:\n- {kind: Secret, apiVersion: v1}\n- kind: Sensor\n  apiVersion: v1\n"
    manifests = load_manifests(f"{WORKFLOW}---\n{listed}")
    assert [manifest.object["kind"] for manifest in manifests] == ["Workflow", "Secret", "Sensor"]
    assert manifests[2].line_of("kind") == 16


def test_json_is_read_as_json() -> None:
    text = '{"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "\\ud83d\\ude00", "b\\/c": 1.0}}'
    (manifest,) = load_manifests(text)
    assert manifest.object["data"] == {"a": "\N{GRINNING FACE}", "b/c": 1}


def test_a_byte_order_mark_is_no_matter() -> None:
    assert load_manifests(b"\xef\xbb\xbf" + WORKFLOW.encode())[0].object["kind"] == "Workflow"


def test_nothing_gives_nothing() -> None:
    assert load_manifests("") == load_manifests("---\n# a comment\n---\n") == []


@pytest.mark.parametrize(("text", "told"), [
    (b"\xff\xfea\x00", "m.yaml:1: is UTF-16; save it as UTF-8"),
    (b"a: 1\nb: \xe9", "m.yaml:2: is not UTF-8 (byte 0xe9); save it as UTF-8"),
    ("hello", 'm.yaml:1: is the text "hello"; a manifest is an object that begins with apiVersion and kind'),
    ("kind: X", "m.yaml:1: has no apiVersion; write one, such as 'apiVersion: argoproj.io/v1alpha1'"),
    ("apiVersion: v1\nkind: 5", 'm.yaml:2: kind: must be text, but is the number 5; write "5" in quotes'),
    ('{"kind": "A", "kind": "B", "apiVersion": "v1"}', "m.yaml:1: the key 'kind' is there twice; remove or rename one of them"),
    ("kind: List\napiVersion: v1\nitems: [3]",
     "m.yaml:3: items[0]: is the number 3; a manifest is an object that begins with apiVersion and kind"),
])
def test_what_is_no_manifest_is_told_so(text: str | bytes, told: str) -> None:
    assert refusal(text) == told
