"""The Helm chart and the kustomizations are two ways to the same objects: what one says, the other says."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.binaries import HELM_MODULE, ensure_programs, kubectl, program, run
from tests.cluster.installing import DEPLOY

CHART = DEPLOY / "helm/argosy"


@pytest.fixture(scope="module")
def helm() -> str:
    ensure_programs((HELM_MODULE,))
    return str(program("helm"))


def templated(helm: str, *options: str, name: str = "argosy") -> list[dict[str, Any]]:
    return objects(run(helm, "template", name, str(CHART), "--namespace=argosy", *options))


def kustomized(folder: Path) -> list[dict[str, Any]]:
    return objects(run(kubectl(), "kustomize", str(folder)))


def objects(text: str) -> list[dict[str, Any]]:
    return [tree for tree in yaml.load_all(text, Loader=yaml.CSafeLoader) if tree]


def by_name(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The objects by kind and name, with lists whose order says nothing in one order."""
    for each in objects:
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            for key in ("env", "ports"):
                container.get(key, []).sort(key=lambda entry: entry["name"])
        for texts in (each.get("data", {}), each.get("stringData", {})):
            texts.update({key: text.strip() for key, text in texts.items()})
        if each["kind"] == "Service":
            each["spec"]["ports"].sort(key=lambda entry: entry["name"])
    return {f"{each['kind']} {each['metadata']['name']}": each for each in objects}


@pytest.mark.parametrize(("overlay", "options"), [
    ("namespace", ()), ("cluster", ("--set", "namespaced=false")),
])
def test_the_chart_makes_the_objects_of_the_kustomization(helm: str, overlay: str, options: tuple[str, ...]) -> None:
    chart, kustomization = by_name(templated(helm, *options)), by_name(kustomized(DEPLOY / f"overlays/{overlay}"))
    assert chart.keys() == kustomization.keys()
    for name, wanted in kustomization.items():
        assert chart[name] == wanted, name


@pytest.mark.parametrize(("component", "values"), [
    ("nats-cluster", "nats.replicas=3"), ("own-nats", "nats.enabled=false,nats.existingSecret=argosy-nats"),
])
def test_another_choice_of_nats_is_the_same_in_both(helm: str, tmp_path: Path, component: str, values: str) -> None:
    here = Path("../" * (len(tmp_path.parts) - 1)) / DEPLOY.relative_to("/")
    (tmp_path / "kustomization.yaml").write_text(json.dumps({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [f"{here}/overlays/namespace"], "components": [f"{here}/components/{component}"]}))
    assert by_name(templated(helm, "--set", values)) == by_name(kustomized(tmp_path))


def test_the_chart_brings_argos_kinds(helm: str) -> None:
    brought = by_name(templated(helm, "--include-crds"))
    for file in (DEPLOY / "crds").glob("*.yaml"):
        (definition,) = objects(file.read_text())
        assert brought.pop(f"CustomResourceDefinition {definition['metadata']['name']}") == definition
    assert brought == by_name(templated(helm))


def test_a_nats_of_ones_own_takes_the_place_of_the_charts(helm: str) -> None:
    made = by_name(templated(helm, "--set", "nats.enabled=false", "--set", "nats.url=nats://bus.example:4222"))
    assert not [name for name in made if name.startswith("StatefulSet")]
    assert made["Secret argosy-nats"]["stringData"] == {"url": "nats://bus.example:4222"}
    made = by_name(templated(helm, "--set", "nats.enabled=false", "--set", "nats.existingSecret=our-bus"))
    assert "Secret argosy-nats" not in made
    assert "our-bus" in json.dumps(made["Deployment argosy-sources"])


@pytest.mark.parametrize(("options", "told"), [
    (("nats.enabled=false",), "name the NATS server that carries the events"),
    (("nats.url=nats://bus.example",), "nats.enabled makes a NATS server; set it to false"),
    (("webhooks.ingress.enabled=true",), "name the host that senders use"),
])
def test_what_does_not_fit_together_is_told(helm: str, options: tuple[str, ...], told: str) -> None:
    words = [word for option in options for word in ("--set", option)]
    done = subprocess.run([helm, "template", "argosy", str(CHART), *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert told in done.stderr


def test_releases_side_by_side_have_nothing_in_common(helm: str) -> None:
    options = ("--set", "webhooks.ingress.enabled=true", "--set", "webhooks.ingress.host=a.example")
    ours, theirs = by_name(templated(helm, *options)), by_name(templated(helm, *options, name="second"))
    assert len(ours) == len(theirs)
    assert not ours.keys() & theirs.keys()
    labels = theirs["Deployment second-argosy-sources"]["spec"]["selector"]["matchLabels"]
    assert theirs["Service second-argosy-webhooks"]["spec"]["selector"] == labels
    assert labels["app.kubernetes.io/name"] == "second-argosy"
