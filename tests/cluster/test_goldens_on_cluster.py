"""Argo's own examples on a real cluster, compared with what the real Argo did with them on one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from argosy.embedded.throwaway import apply_all
from argosy.kube.contract import AlreadyExists
from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, NAMESPACES, ROLE_BINDINGS, SECRETS
from argosy.lifecycle import running
from tests.cluster import images, objects
from tests.cluster.at_work import controller_of
from tests.cluster.layout import PATIENCE, PATIENCE_SECONDS
from tests.support import goldens
from tests.support.manifests import objects_in, run_to_end
from tests.support.s3_server import S3, s3_serving

pytestmark = pytest.mark.skipif(not goldens.GOLDEN.is_dir(), reason="the recorded answers are not beside this checkout")

NAMESPACE = "argo"  # as recorded
AT_ONCE = 8
BRIDGE = "10.88.64.1"  # where pods and this machine meet


@pytest.fixture(scope="module")
def verdicts(config: KubeConfig, own_image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, goldens.Verdict]:
    """All examples, run once, some at a time."""
    return asyncio.run(_run_all(config, goldens.cases(), tmp_path_factory.mktemp("s3")))


async def _run_all(config: KubeConfig, cases: list[str], folder: Path) -> dict[str, goldens.Verdict]:
    found: dict[str, goldens.Verdict] = {}
    limit = asyncio.Semaphore(AT_ONCE)
    async with s3_serving(folder, host=BRIDGE) as s3, RemoteKube(config) as kube, _prepared(kube, s3):

        async def one(case: str) -> None:
            async with limit:
                workflow = goldens.as_sent(next(
                    item for item in objects_in(goldens.manifest_of(case)) if item["kind"] == "Workflow"))
                try:
                    ended = await run_to_end(kube, workflow, namespace=NAMESPACE, patience_seconds=PATIENCE_SECONDS)
                except Exception as error:  # noqa: BLE001 - one case that cannot be run must not hide the others
                    found[case] = goldens.Verdict(0, f"{type(error).__name__}: {error}")
                    return
                found[case] = goldens.compare(goldens.golden(case), goldens.normal(ended), random=case in goldens.DICE)

        await asyncio.gather(*(one(case) for case in cases))
    return found


@asynccontextmanager
async def _prepared(kube: RemoteKube, s3: S3) -> AsyncIterator[None]:
    """The namespace with what the examples refer to, a service account that may do what they do, and a controller."""
    await _without_namespace()  # of a run that was cut short
    await kube.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    async with running([controller_of(kube, NAMESPACE, home=NAMESPACE, own_image=images.ARGOSY)]):
        try:
            objects.kube("wait", "--for=create", PATIENCE, "serviceaccount/default", f"--namespace={NAMESPACE}")
            await _apply_surroundings(kube, s3)
            yield
        finally:
            # While the controller is there, and their Secrets: it deletes artifacts before a workflow goes.
            await asyncio.to_thread(objects.kube, "delete", "workflows", "--all", f"--namespace={NAMESPACE}", PATIENCE)
            await _without_namespace()


async def _apply_surroundings(kube: RemoteKube, s3: S3) -> None:
    await kube.create(ROLE_BINDINGS, {
        "metadata": {"name": "steps"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default"}]}, namespace=NAMESPACE)
    await kube.create(SECRETS, s3.secret(), namespace=NAMESPACE)
    await kube.create(CONFIG_MAPS, {"metadata": {"name": "workflow-controller-configmap"}, "data": {
        "images": json.dumps({"argoproj/argosay:v2": {"entrypoint": ["/argosay"]}}),
        "artifactRepository": json.dumps({"archiveLogs": True, "s3": s3.location()})}}, namespace=NAMESPACE)
    await kube.create(CONFIG_MAPS, {"metadata": {"name": "artifact-repositories"}, "data": {
        "my-key": json.dumps({"s3": s3.location()})}}, namespace=NAMESPACE)
    for path in sorted(goldens.FIXTURES.glob("*.yaml")):
        with suppress(AlreadyExists):  # those of the whole cluster stay behind
            await apply_all(kube, objects_in(path), namespace=NAMESPACE)


async def _without_namespace() -> None:
    """Delete it, and wait until it is gone; a run that was cut short may have left finalizers that nobody takes off."""
    left = json.loads(objects.kube("get", "workflows", f"--namespace={NAMESPACE}", "--output=json"))["items"]
    for name in (item["metadata"]["name"] for item in left if item["metadata"].get("finalizers")):
        objects.kube("patch", "workflow", name, f"--namespace={NAMESPACE}", "--type=merge",
                     "--patch", '{"metadata": {"finalizers": null}}')
    await asyncio.to_thread(objects.kube, "delete", "namespace", NAMESPACE, "--ignore-not-found", PATIENCE)


@pytest.mark.parametrize("case", goldens.cases() if goldens.GOLDEN.is_dir() else [])
def test_an_example_ends_as_it_did_on_the_real_argo(case: str, verdicts: dict[str, goldens.Verdict]) -> None:
    verdict = verdicts[case]
    assert verdict.level >= goldens.NEEDED_LEVEL, f"{case}: level {verdict.level}, {verdict.difference}"
