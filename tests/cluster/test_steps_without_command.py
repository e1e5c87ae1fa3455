"""Steps that leave their command to their image, which both the kubelet and the controller ask a registry for."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from argosy.kube.contract import Object
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS, PODS, SECRETS, WORKFLOWS
from argosy.lifecycle import running
from controller.images.configured import ARGO_CONFIG_MAP
from tests.cluster.at_work import ENDED, controller_of, nodes_of, until
from tests.cluster.images import images
from tests.cluster.registries import PASSWORD, USER, Pusher, ensure_registry, password, registry

ECHO = {"Entrypoint": ["/bin/echo", "the", "image", "says"], "Cmd": ["nothing"], "Env": ["PATH=/bin"]}


@pytest.fixture
async def host(tmp_path: Path, kube: RemoteKube, namespace: str) -> AsyncIterator[str]:
    """A registry that wants the login of the secret `pull`, with the image team/say:1."""
    ensure_registry()
    (busybox,) = (image for image in images() if "docker.io/library/busybox:latest" in image.names)
    async with registry(tmp_path) as open_host, aiohttp.ClientSession() as session:
        await Pusher(session, open_host, "team/say").image(ECHO, layers=(busybox.layers[0]().read_bytes(),), tag="1")
    async with registry(tmp_path, password(tmp_path)) as closed_host:
        auths = {closed_host: {"username": USER, "password": PASSWORD}}
        await kube.create(SECRETS, {
            "metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(json.dumps({"auths": auths}).encode()).decode()},
        }, namespace=namespace)
        yield closed_host


@pytest.fixture(autouse=True)
async def controller(kube: RemoteKube, namespace: str, host: str) -> AsyncIterator[None]:
    """A controller at work, which counts the namespace as its own."""
    async with running([controller_of(kube, namespace, home=namespace)]):
        yield


async def ended(kube: RemoteKube, namespace: str, container: Object, *, pending: str = "", **spec: Any) -> Object:
    """Run a step of this container, whose result is the workflow's, to its end, or until it waits for that reason; its node."""
    await kube.create(WORKFLOWS, {"metadata": {"name": "flow"}, "spec": {"entrypoint": "main", **spec, "templates": [
        {"name": "main", "steps": [[{"name": "say", "template": "say"}]], "outputs": {"parameters": [
            {"name": "said", "valueFrom": {"parameter": "{{steps.say.outputs.result}}"}}]}},
        {"name": "say", "container": container}]}}, namespace=namespace)

    def over(flow: Object) -> list[Object]:
        nodes = nodes_of({"nodes": {}, **(flow.get("status") or {})})
        return [node for name, node in nodes.items()
                if name == "say" and (node["phase"] in ENDED or (pending and pending in node.get("message", "")))]

    return over(await until(kube, WORKFLOWS, namespace, over))[0]


async def test_the_registry_tells_the_command_to_whoever_may_pull_the_image(
        kube: RemoteKube, namespace: str, host: str) -> None:
    node = await ended(kube, namespace, {"image": f"{host}/team/say:1", "args": ["hello"]},
                       imagePullSecrets=[{"name": "pull"}])
    assert (node["phase"], node["outputs"]["result"]) == ("Succeeded", "the image says hello"), node


async def test_an_image_that_nobody_knows_is_an_error_that_says_what_to_write(
        kube: RemoteKube, namespace: str, host: str) -> None:
    node = await ended(kube, namespace, {"image": f"{host}/team/say:none"}, imagePullSecrets=[{"name": "pull"}])
    assert node["phase"] == "Error", node
    assert "it does not have it; write the `command:`" in node["message"]
    assert (await kube.list(PODS, namespace=namespace)).items == []


async def test_a_registry_that_does_not_answer_is_waited_for_and_told(kube: RemoteKube, namespace: str) -> None:
    container = {"image": "127.0.0.1:1/team/say:1"}
    node = await ended(kube, namespace, container, pending="127.0.0.1:1 does not answer what image")
    assert node["phase"] == "Pending", node


async def test_argos_list_of_images_is_asked_before_any_registry(kube: RemoteKube, namespace: str) -> None:
    await kube.create(CONFIG_MAPS, {"metadata": {"name": ARGO_CONFIG_MAP}, "data": {
        "images": "busybox: {entrypoint: [/bin/echo, listed], cmd: [nothing]}\n"}}, namespace=namespace)
    node = await ended(kube, namespace, {"image": "busybox"})
    assert (node["phase"], node["outputs"]["result"]) == ("Succeeded", "listed nothing"), node
