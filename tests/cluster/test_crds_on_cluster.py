"""The real API server takes our definitions, and by them every manifest that Argo's take."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy.kube.contract import Invalid, Kube
from argosy.kube.resources import CRON_WORKFLOWS, WORKFLOWS, resource_of
from argosy.manifests import load_manifests
from deploy.crds.generate import MODELS
from tests.cluster import objects
from tests.support.manifests import objects_in, yaml_blocks

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
SEED = SHARED / "seed" / "argo-workflows-module.md"
pytestmark = pytest.mark.usefixtures("config")  # the cluster is up


def manifests() -> list[dict[str, Any]]:
    """Every object of our kinds in the examples, and in Argo's and the seed document if they are beside this checkout."""
    paths = [*(ROOT / "examples").rglob("*.yaml"), *(SHARED / "peers" / "argo-workflows").glob("[ef]*/*.yaml")]
    found = [obj for path in sorted(paths) for obj in objects_in(path)]
    if SEED.is_file():
        whole = [block for block in yaml_blocks(SEED) if "kind:" in block and "metadata:" in block]
        found += [manifest.object for block in whole for manifest in load_manifests(block, source="seed")]
    return [obj for obj in found if resource_of(obj["apiVersion"], obj["kind"]) in MODELS]


def renamed(obj: dict[str, Any], number: int, namespace: str) -> dict[str, Any]:
    """In the test's own namespace, under a name that no other has."""
    rest = {key: value for key, value in obj["metadata"].items() if key != "generateName"}
    return {**obj, "metadata": {**rest, "name": f"manifest-{number}", "namespace": namespace}}


def test_plain_kubectl_apply_carries_the_definitions() -> None:
    told = objects.kube("apply", "--dry-run=server", "-f", str(objects.DEFINITIONS))
    assert len(told.splitlines()) == len(MODELS)


def test_every_manifest_is_accepted_under_strict_validation(namespace: str) -> None:
    sent = [renamed(obj, number, namespace) for number, obj in enumerate(manifests())]
    stream = "\n---\n".join(json.dumps(obj, ensure_ascii=False) for obj in sent)
    told = objects.kube("create", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-", stdin=stream)
    assert len(told.splitlines()) == len(sent)


async def test_what_is_accepted_is_kept_to_the_last_field(kube: Kube, namespace: str) -> None:
    for number, obj in enumerate(manifests()):
        resource = resource_of(obj["apiVersion"], obj["kind"])
        assert resource is not None
        sent = renamed(obj, number, namespace)
        kept = await kube.create(resource, sent, namespace=namespace if resource.namespaced else "", dry_run=True)
        assert kept["spec"] == sent["spec"], sent


async def test_what_version_3_wrote_is_kept(kube: Kube, namespace: str) -> None:
    spec = {"schedule": "* * * * *", "workflowSpec": {"podPriority": 5, "synchronization": {"mutex": {"name": "m"}}}}
    kept = await kube.create(CRON_WORKFLOWS, {"metadata": {"name": "old"}, "spec": spec}, namespace=namespace, dry_run=True)
    assert kept["spec"] == spec


async def test_a_value_of_another_type_is_refused_with_its_place(kube: Kube, namespace: str) -> None:
    with pytest.raises(Invalid, match=r"spec\.entrypoint in body must be of type string"):
        await kube.create(WORKFLOWS, {"metadata": {"name": "wrong"}, "spec": {"entrypoint": 5}}, namespace=namespace)


def test_kubectl_shows_argos_columns_and_explains_fields(namespace: str) -> None:
    objects.kube("create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "hello"},
        "spec": {}, "status": {"phase": "Failed", "startedAt": "2026-01-01T00:00:00Z", "message": "it failed"}}))
    header, row = objects.kube("get", "workflows", f"--namespace={namespace}").splitlines()
    assert header.split() == ["NAME", "STATUS", "AGE", "MESSAGE"]
    assert row.split()[:2] == ["hello", "Failed"]
    assert row.endswith("it failed")
    assert "A container: image, command, environment, mounts." in objects.kube("explain", "workflow.spec.templates.container")
