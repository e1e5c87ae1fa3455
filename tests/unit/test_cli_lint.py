"""Lint: every mistake with its file and line, references across files, and an exit code that scripts can trust."""

import io
import re

import pytest

from argosy.cli.checking import fetch_templates, files_in
from argosy.cli.lint import Findings, cross_check, missing_templates, read_manifests, report
from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError
from argosy.kube.resources import WORKFLOW_TEMPLATES

GOOD = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  templates:
    - name: main
      container: {image: alpine, command: ["true"]}
"""
CALLER = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: caller-}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - name: call
            templateRef: {name: library, template: greet}
"""
LIBRARY = """apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: library}
spec:
  templates:
    - name: greet
      container: {image: alpine, command: ["true"]}
"""


def lint(*paths, output: str = "simple") -> tuple[int, str]:
    findings = read_manifests([str(path) for path in paths])
    cross_check(findings)
    out = io.StringIO()
    return report(findings, output=output, out=out), out.getvalue()


def written(folder, **files: str):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_a_good_manifest_passes(tmp_path):
    assert lint(written(tmp_path, good=GOOD)) == (0, "✔ 1 manifest checked, nothing wrong\n")


def test_an_unknown_field_is_told_with_file_line_and_what_was_meant(tmp_path):
    code, text = lint(written(tmp_path, bad=GOOD.replace("entrypoint", "entryPont")))
    assert code == 1
    assert text.startswith(f"{tmp_path}/bad.yaml:5: spec.entryPont")
    assert "entrypoint" in text


def test_yaml_that_cannot_be_read_is_told_with_its_line_and_the_other_files_are_still_checked(tmp_path):
    code, text = lint(written(tmp_path, broken="a: [1,\nb: 2\n", bad=GOOD.replace("entrypoint: main", "entrypoint: absent")))
    assert code == 1
    assert re.search(r"broken\.yaml:\d+: ", text)
    assert "bad.yaml:5: spec.entrypoint" in text


def test_pretty_groups_by_file_and_counts(tmp_path):
    _, text = lint(written(tmp_path, bad=GOOD.replace("entrypoint", "entryPont")), output="pretty")
    lines = text.splitlines()
    assert lines[0] == f"{tmp_path}/bad.yaml"
    assert lines[1].startswith("  ✖    5  spec.entryPont: ")
    assert re.fullmatch(r"\d+ errors?, 0 warnings", lines[-1])


def test_templates_in_other_files_are_found(tmp_path):
    assert lint(written(tmp_path, a=CALLER, b=LIBRARY))[0] == 0


def test_a_template_that_is_in_no_file_is_an_error_offline(tmp_path):
    code, text = lint(written(tmp_path, a=CALLER))
    assert code == 1
    assert "a.yaml:10: spec.templates[0].steps[0][0].templateRef" in text
    assert "library" in text


async def test_a_template_that_is_in_no_file_is_fetched_with_what_it_refers_to(tmp_path):
    import yaml

    kube = EmbeddedKube.open(":memory:", clock=SystemClock(), durable=False)
    middle = LIBRARY.replace('container: {image: alpine, command: ["true"]}',
                             "steps: [[{name: further, templateRef: {name: far, template: greet}}]]")
    for text in (middle, LIBRARY.replace("library", "far")):
        await kube.create(WORKFLOW_TEMPLATES, yaml.safe_load(text), namespace="default")
    findings = read_manifests([str(written(tmp_path, a=CALLER) / "a.yaml")])
    missing = missing_templates(findings)
    assert missing == {("WorkflowTemplate", "library")}
    await fetch_templates(kube, "default", findings.templates, missing)
    assert set(findings.templates) == {("WorkflowTemplate", "library"), ("WorkflowTemplate", "far")}
    cross_check(findings)
    assert findings.errors() == 0
    kube.close()


def test_kinds_of_others_are_left_alone_and_kinds_can_be_chosen(tmp_path):
    written(tmp_path, a=GOOD, map="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", b=LIBRARY)
    assert len(read_manifests([str(tmp_path)]).manifests) == 2
    assert [item.object["kind"] for item, _ in read_manifests([str(tmp_path)], kinds="workflows").manifests] == ["Workflow"]


def test_a_folder_without_manifests_is_told(tmp_path):
    with pytest.raises(ArgosyError, match="holds no manifests"):
        files_in([str(tmp_path)])


def test_nothing_to_check_is_said_and_is_no_error(tmp_path):
    (tmp_path / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert lint(tmp_path) == (0, "no Argo manifests found\n")


def test_no_findings_are_no_errors():
    assert Findings().errors() == 0
