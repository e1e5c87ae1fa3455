"""Which repository a workflow's artifacts go to, as ConfigMaps describe it."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecError
from argosy.kube.resources import CONFIG_MAPS
from controller.artifacts.repositories import Repositories
from controller.pods.locations import Repository

OWN, USUAL, INSTALLED = ({"s3": {"bucket": name, "endpoint": "store:9000"}} for name in ("own", "usual", "installed"))


class Cluster:
    """A store with ConfigMaps, and what a controller finds there."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self.kube = kube

    async def configure(self, namespace: str, name: str, data: dict[str, Any], *, default: str = "") -> None:
        annotations = {"workflows.argoproj.io/default-artifact-repository": default} if default else {}
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}
        await self.kube.create(CONFIG_MAPS, {"metadata": {"name": name, "annotations": annotations}, "data": texts},
                               namespace=namespace)

    async def found(self, ref: dict[str, str] | None = None, *, home: str = "argo", **status: Any) -> Repository:
        workflow = {"metadata": {"name": "w", "namespace": "ns"}, "status": status}
        spec = {"artifactRepositoryRef": ref} if ref is not None else {}
        return await Repositories(self.kube, clock=SystemClock(), home=home).find(workflow, spec)


@pytest.fixture
def cluster(tmp_path: Path) -> Any:
    kube = EmbeddedKube.open(tmp_path / "store.db", clock=SystemClock())
    yield Cluster(kube)
    kube.close()


async def test_where_nobody_configured_any_there_is_none(cluster: Cluster) -> None:
    assert (await cluster.found()).location == {}


async def test_the_installations_own_is_the_last_resort(cluster: Cluster) -> None:
    await cluster.configure("argo", "workflow-controller-configmap", {"artifactRepository": {**INSTALLED, "archiveLogs": True}})
    found = await cluster.found()
    assert (found.location, found.archive_logs, found.default) == (INSTALLED, True, True)
    assert found.found == {"default": True, "artifactRepository": {**INSTALLED, "archiveLogs": True}}
    assert (await cluster.found(home="")).location == {}


async def test_the_older_form_of_the_installations_configuration_is_read(cluster: Cluster) -> None:
    await cluster.configure("argo", "workflow-controller-configmap", {"config": {"artifactRepository": INSTALLED}})
    assert (await cluster.found()).location == INSTALLED


async def test_the_namespaces_default_goes_before_it_and_the_workflows_choice_before_both(cluster: Cluster) -> None:
    await cluster.configure("argo", "workflow-controller-configmap", {"artifactRepository": INSTALLED})
    await cluster.configure("ns", "artifact-repositories", {"usual": USUAL, "own": OWN}, default="usual")
    found = await cluster.found()
    assert (found.location, found.default) == (USUAL, False)
    assert {**found.found, "artifactRepository": None} == {
        "configMap": "artifact-repositories", "key": "usual", "namespace": "ns", "artifactRepository": None}
    assert (await cluster.found({"key": "own"})).location == OWN
    assert (await cluster.found({"configMap": "artifact-repositories"})).location == USUAL


async def test_a_chosen_config_map_is_also_looked_for_beside_the_controller(cluster: Cluster) -> None:
    await cluster.configure("argo", "shared", {"own": OWN})
    found = await cluster.found({"configMap": "shared", "key": "own"})
    assert (found.location, found.found["namespace"], found.default) == (OWN, "argo", False)


async def test_what_a_workflow_began_with_is_kept(cluster: Cluster) -> None:
    await cluster.configure("ns", "artifact-repositories", {"usual": USUAL}, default="usual")
    kept = await cluster.found(artifactRepositoryRef={"key": "usual", "artifactRepository": OWN})
    assert (kept.location, kept.found["key"]) == (OWN, "usual")


async def test_a_status_makes_no_repository_the_installations_own(cluster: Cluster) -> None:
    await cluster.configure("argo", "workflow-controller-configmap", {"artifactRepository": INSTALLED})
    assert not (await cluster.found(artifactRepositoryRef={"default": True, "artifactRepository": OWN})).default
    assert (await cluster.found(artifactRepositoryRef={"default": True, "artifactRepository": INSTALLED})).default


@pytest.mark.parametrize(("data", "ref", "text"), [
    ({"a": USUAL}, {"key": "b"}, "ConfigMap artifact-repositories: has no artifact repository 'b'; it has: a"),
    ({"a": USUAL}, {}, "spec.artifactRepositoryRef: names no key, and ConfigMap artifact-repositories has no annotation"),
    ({"a": "[1]"}, {"key": "a"}, "ConfigMap artifact-repositories: a: is no artifact repository; write a mapping such as"),
    ({"a": "s3: ["}, {"key": "a"}, "ConfigMap artifact-repositories: a: is no YAML"),
    ({"a": {"s3": "x"}}, {"key": "a"}, "ConfigMap artifact-repositories: a.s3: must be a mapping"),
])
async def test_what_is_wrong_with_a_configuration_is_told(
    cluster: Cluster, data: dict[str, Any], ref: dict[str, str], text: str,
) -> None:
    await cluster.configure("ns", "artifact-repositories", data)
    if ref == {}:
        ref = {"configMap": "artifact-repositories"}
    with pytest.raises(SpecError) as caught:
        await cluster.found(ref)
    assert str(caught.value).startswith(text)


async def test_a_config_map_that_is_not_there_is_told(cluster: Cluster) -> None:
    with pytest.raises(SpecError, match=r"names ConfigMap other, which is not in namespace ns; create it there"):
        await cluster.found({"configMap": "other", "key": "k"})
