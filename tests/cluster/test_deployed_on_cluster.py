"""The product inside the cluster, from its own manifests, image and roles: installed once for the namespace of these tests.

Its roles are checked from both sides: nothing that it asks for is forbidden, and nothing that it may do goes unused.
"""

import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import pytest_asyncio
import yaml

from argosy.clock import new_suffix
from argosy.kube.kubeconfig import KubeConfig
from tests.cluster import objects
from tests.cluster.binaries import run
from tests.cluster.installing import PARTS, finished, installed, last_words, pods, printing, wait_for
from tests.cluster.layout import BRIDGE_IP, KUBECONFIG, PATIENCE
from tests.cluster.requests_made import Right, requests_in, rights_of
from tests.support.s3_server import s3_serving

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / "examples/github-push"
TELLING = {"target": {"kind": "Deployment", "labelSelector": "app.kubernetes.io/component in (controller, sources, sensors)"},
           "patch": json.dumps([{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--verbose"}])}
ROLES = {
    "controller": ("argosy-controller", "argosy-controller-leases", "argosy-secrets"),
    "sources": ("argosy-sources", "argosy-secrets"),
    "sensors": ("argosy-sensors", "argosy-secrets", "argosy-impersonation"),
}
UNSEEN = {  # rights that are needed, and that these tests do not bring about
    Right("argoproj.io", "workflows/finalizers", "update"): "asked for by an admission plugin that is not on here",
    Right("coordination.k8s.io", "leases", "get"): "when the answer to a write of a lease was lost",
    Right("", "serviceaccounts", "impersonate"): "no request of its own, but the right to a header of others",
}


@pytest.fixture(scope="module")
def place(config: KubeConfig, own_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The namespace in which the product is at work."""
    namespace = f"deployed-{new_suffix(6)}"
    objects.kube("create", "namespace", namespace)
    try:
        with installed("namespace", namespace, tmp_path_factory.mktemp("kustomize"), patches=[TELLING]):
            yield namespace
    finally:
        objects.kube("delete", "namespace", namespace, "--wait=false")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def artifacts(place: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """A store for artifacts, where pods and this machine meet, and it is the namespace's usual one."""
    async with s3_serving(tmp_path_factory.mktemp("s3"), host=BRIDGE_IP) as s3:
        repository = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "artifact-repositories",
            "annotations": {"workflows.argoproj.io/default-artifact-repository": "usual"}},
            "data": {"usual": json.dumps({"s3": s3.location()})}}
        for each in (s3.secret(), repository):
            apply(place, json.dumps(each))
        yield


def test_a_signed_push_becomes_a_finished_workflow(place: str) -> None:
    for name in ("secret", "workflow-template", "event-source", "sensor"):
        apply(place, (DEMO / f"{name}.yaml").read_text())
    await_serving(place, eventsource="github", sensor="github")
    answers = [push(pod["status"]["podIP"], delivery="a-push-of-ours") for pod in pods(place, "sources")]
    assert [answer["duplicate"] for answer in answers] == [False, True]
    ((name, phase),) = finished(place, "events.argoproj.io/sensor=github", 1).items()
    assert phase == "Succeeded"
    assert f"created Workflow {name}" in events(place, "explain", "a-push-of-ours")


def test_no_webhook_is_turned_away_while_the_sources_are_replaced(place: str) -> None:
    apply(place, json.dumps({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "EventSource", "metadata": {"name": "steady"},
        "spec": {"webhook": {"go": {"endpoint": "/steady", "port": "12000", "method": "POST"}}}}))
    for pod in pods(place, "sources"):
        await_line(place, pod["metadata"]["name"], f"source runs namespace={place} source=steady ")
    before = {pod["metadata"]["name"] for pod in pods(place, "sources")}
    objects.kube("rollout", "restart", f"--namespace={place}", "deployment/argosy-sources")
    sent: list[str] = []
    with printing("rollout", "status", f"--namespace={place}", "deployment/argosy-sources", PATIENCE) as progress:
        for _ in progress:
            sent += [post(f"http://{address}:12000/steady", b"{}", {})["id"] for address in ready_addresses(place)]
    assert not before & {pod["metadata"]["name"] for pod in pods(place, "sources")}
    assert len(sent) >= 4
    assert set(sent) <= set(events(place, "list", "--source=steady", "--limit=500", "--output=name").split())


def ready_addresses(namespace: str) -> list[str]:
    """Where the Service of the webhooks leads, as anybody who stands behind it is told."""
    found = json.loads(objects.kube("get", "endpointslices", f"--namespace={namespace}", "--output=json",
                                    "--selector=kubernetes.io/service-name=argosy-webhooks"))["items"]
    return [address for each in found for end in each.get("endpoints") or () if end["conditions"].get("ready")
            for address in end["addresses"]]


def events(namespace: str, *words: str) -> str:
    """What `argosy events` says, asked of the bus."""
    bus = f"nats://{pods(namespace, 'nats')[0]['status']['podIP']}:4222"
    return run(sys.executable, "-m", "argosy.cli.main", "events", *words, f"--nats={bus}", f"--namespace={namespace}",
               f"--kubeconfig={KUBECONFIG}")


def push(address: str, *, delivery: str) -> dict[str, Any]:
    """Post the demo's push to a sources pod, as GitHub does."""
    body, secret = (DEMO / "push.body").read_bytes(), yaml.safe_load((DEMO / "secret.yaml").read_text())
    signature = hmac.new(secret["stringData"]["secret"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery,
               "X-Hub-Signature-256": f"sha256={signature}"}
    return post(f"http://{address}:12000/push", body, headers)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    request = Request(url, data=body, headers={"Content-Type": "application/json", **headers}, method="POST")
    with urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def apply(namespace: str, text: str) -> None:
    objects.kube("apply", f"--namespace={namespace}", "-f", "-", stdin=text)


def await_serving(namespace: str, *, eventsource: str, sensor: str) -> None:
    """Return when every replica serves them; their status tells of the first one only."""
    for part, kind, name in (("sources", "source", eventsource), ("sensors", "sensor", sensor)):
        for pod in pods(namespace, part):
            await_line(namespace, pod["metadata"]["name"], f"{kind} runs namespace={namespace} {kind}={name} ")


def await_line(namespace: str, pod: str, text: str) -> None:
    """Return when the pod has written a line that holds the text."""
    with printing("logs", f"--namespace={namespace}", "--follow", pod) as lines:
        assert any(text in line for line in lines)


def test_its_roles_allow_what_it_does_and_nothing_else(place: str) -> None:
    address = pods(place, "sources")[0]["status"]["podIP"]
    apply(place, (HERE / "everything.yaml").read_text().replace("ADDRESS", address))
    for sensor in ("everything", "writer", "powerless"):
        await_serving(place, eventsource="everything", sensor=sensor)
    wait_for(place, "cronworkflow/untaken", "jsonpath={.status.conditions[0].type}=SpecWarning")
    for flow in ("large", "calls"):
        wait_for(place, f"workflow/{flow}", "jsonpath={.status.phase}=Succeeded")
    post(f"http://{address}:12000/go", b"{}", {"Authorization": "Bearer let-me-in"})
    for made in ("written", "made", "ticks"):
        wait_for(place, f"configmap/{made}", "create")
    wait_for(place, "workflow/brings", "delete")
    phases = finished(place, "events.argoproj.io/sensor=everything", 3)
    assert set(phases.values()) == {"Succeeded"}, phases
    controllers = last_words(place, "controller")  # others take up what goes on
    print(*(line for line in controllers.splitlines() if "brings" in line), sep="\n")  # pytest shows it if this fails
    for flow in ("outlives", "lingers"):
        wait_for(place, f"workflow/{flow}", "jsonpath={.status.phase}=Succeeded")
    requests = {part: requests_in(last_words(place, part) + (controllers if part == "controller" else "")) for part in PARTS}
    ours = {part: [request for request in made if not request.user] for part, made in requests.items()}
    refused = {(part, request.right) for part in PARTS for request in ours[part] if request.status == 403}
    unused = {(part, right) for part in PARTS
              for right in granted(place, ROLES[part]) - {request.right for request in ours[part]} - UNSEEN.keys()}
    assert (refused, unused) == (set(), set())
    in_the_name_of = {(request.user, request.status) for request in requests["sensors"] if request.user}
    assert in_the_name_of == {(f"system:serviceaccount:{place}:writer", 201), (f"system:serviceaccount:{place}:powerless", 403)}


def granted(namespace: str, roles: tuple[str, ...]) -> set[Right]:
    found = json.loads(objects.kube("get", "roles", f"--namespace={namespace}", "--output=json"))["items"]
    return {right for role in found if role["metadata"]["name"] in roles for right in rights_of(role["rules"])}
