"""The running cluster for the tests: `make cluster` brings it up, and without it they fail rather than pass unseen."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from argosy.clock import new_suffix
from argosy.kube.contract import Conflict, Kube, NotFound
from argosy.kube.kubeconfig import KubeConfig, read_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, NAMESPACES, ROLE_BINDINGS, ROLES, WORKFLOWS
from tests.cluster import images, objects
from tests.cluster.layout import HOME, KUBECONFIG, PATIENCE
from tests.cluster.processes import process_id
from tests.cluster.up import NAMES

pytest.register_assert_rewrite("tests.conformance.test_kube")


@pytest.fixture(scope="session")
def config() -> KubeConfig:
    stopped = [name for name in NAMES if process_id(name) is None]
    if stopped:
        pytest.fail(f"the test cluster is not up ({', '.join(stopped)} not running): make cluster")
    return read_kubeconfig([KUBECONFIG])


@pytest.fixture(scope="session")
def own_image(config: KubeConfig, testrun_uid: str) -> str:
    """The name of this tree's image, built and loaded once, whichever worker of the run comes first."""
    done = HOME / f"loaded-{testrun_uid}"
    with (HOME / "loading").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            images.load_argosy()
            done.touch()
    return images.ARGOSY


@pytest.fixture
async def kube(config: KubeConfig) -> AsyncIterator[RemoteKube]:
    async with RemoteKube(config) as remote:
        yield remote


@pytest.fixture
async def namespace(kube: Kube) -> AsyncIterator[str]:
    """A namespace of the test's own, which goes with all that is in it."""
    name = f"test-{new_suffix(8)}"
    await kube.create(NAMESPACES, {"metadata": {"name": name}})
    objects.kube("wait", "--for=create", PATIENCE, "serviceaccount/default", f"--namespace={name}")
    yield name
    for used in (name, f"{name}-2"):  # some tests make a second one
        await _release(kube, used)
        with suppress(NotFound, Conflict):  # the test has deleted it itself, or it is being deleted
            await kube.delete(NAMESPACES, used)


async def _release(kube: Kube, namespace: str) -> None:
    """Take finalizers off what a test leaves: whoever would do it is gone with the test."""
    for resource in (WORKFLOWS, CONFIG_MAPS):
        for item in (await kube.list(resource, namespace=namespace)).items:
            if item["metadata"].get("finalizers"):
                with suppress(NotFound):
                    await kube.patch(resource, item["metadata"]["name"], {"metadata": {"finalizers": None}},
                                     namespace=namespace)


@pytest.fixture
async def handing_over(kube: Kube, namespace: str) -> None:
    """Pods of the namespace may store outputs that are too large for a termination message."""
    await kube.create(ROLES, {"metadata": {"name": "executor"}, "rules": [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}]},
        namespace=namespace)
    await kube.create(ROLE_BINDINGS, {
        "metadata": {"name": "executor"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "executor"},
        "subjects": [{"kind": "ServiceAccount", "name": "default"}]}, namespace=namespace)
