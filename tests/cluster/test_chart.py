"""The Helm chart and the kustomizations are two ways to the same objects: what one says, the other says."""

import json
import re
import shlex
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
    """With the ConfigMap's name as it is before kustomize marks it with its content; the chart marks the pods instead."""
    return objects(re.sub(r"\bargosy-nats-[a-z0-9]{10}\b", "argosy-nats", run(kubectl(), "kustomize", str(folder))))


def objects(text: str) -> list[dict[str, Any]]:
    return [tree for tree in yaml.load_all(text, Loader=yaml.CSafeLoader) if tree]


def by_name(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The objects by kind and name, with lists whose order says nothing in one order."""
    for each in objects:
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            for key in ("env", "ports"):
                container.get(key, []).sort(key=lambda entry: entry["name"])
        each.get("spec", {}).get("template", {}).get("metadata", {}).pop("annotations", None)  # checksums, which have a test
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


def test_what_pods_read_only_when_they_start_replaces_them_when_it_changes(helm: str) -> None:
    def mark(name: str, *options: str) -> dict[str, str] | None:
        (found,) = (each for each in templated(helm, *options) if each["kind"] != "ServiceAccount"
                    and each["metadata"]["name"] == name and "template" in each.get("spec", {}))
        marks: dict[str, str] | None = found["spec"]["template"]["metadata"].get("annotations")
        return marks

    assert mark("argosy-nats") == mark("argosy-nats", "--set", "controller.replicas=3")
    assert mark("argosy-nats") != mark("argosy-nats", "--set", "nats.replicas=3")
    for part in ("argosy-sources", "argosy-sensors"):
        here, there = (mark(part, "--set", f"nats.enabled=false,nats.url=nats://{host}") for host in ("here", "there"))
        assert mark(part) == mark(part) != here != there
        assert mark(part, "--set", "nats.enabled=false,nats.existingSecret=ours") is None
    assert mark("argosy-controller") is None


@pytest.mark.parametrize(("options", "url"), [
    ("webhooks.service.port=80", "http://argosy-webhooks.$(NAMESPACE)"),
    ("webhooks.service.port=8080", "http://argosy-webhooks.$(NAMESPACE):8080"),
    ("webhooks.service.port=8080,webhooks.url=https://hooks.example.com", "https://hooks.example.com"),
])
def test_senders_are_told_the_port_that_the_service_has(helm: str, options: str, url: str) -> None:
    sources = by_name(templated(helm, "--set", options))["Deployment argosy-sources"]
    (container,) = sources["spec"]["template"]["spec"]["containers"]
    assert {"name": "ARGOSY_WEBHOOK_URL", "value": url} in container["env"]


def test_the_guides_values_leave_events_to_argo_until_they_are_moved(helm: str) -> None:
    guide = (DEPLOY.parent / "docs/from-argo.md").read_text()
    options = shlex.split(re.findall(r"helm install argosy \S+ ((?:.*\\\n)*.*)", guide)[0].replace("\\\n", " "))
    options = [word for word in options if word not in ("--namespace", "argosy", "--create-namespace")]
    made = by_name(templated(helm, *options))
    assert {part: made[f"Deployment argosy-{part}"]["spec"]["replicas"] for part in ("controller", "sources", "sensors")} == {
        "controller": 2, "sources": 0, "sensors": 0}
    (container,) = made["Deployment argosy-controller"]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["controller", "--health-port=8080", "--instance-id=argosy"]


def test_releases_side_by_side_have_nothing_in_common(helm: str) -> None:
    options = ("--set", "webhooks.ingress.enabled=true", "--set", "webhooks.ingress.host=a.example")
    ours, theirs = by_name(templated(helm, *options)), by_name(templated(helm, *options, name="second"))
    assert len(ours) == len(theirs)
    assert not ours.keys() & theirs.keys()
    labels = theirs["Deployment second-argosy-sources"]["spec"]["selector"]["matchLabels"]
    assert theirs["Service second-argosy-webhooks"]["spec"]["selector"] == labels
    assert labels["app.kubernetes.io/name"] == "second-argosy"
