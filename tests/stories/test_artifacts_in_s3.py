"""On one machine, an artifact that names a store of its own goes there where its secrets are known, else into the folder."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from argosy.embedded.throwaway import throwaway
from argosy.kube.contract import Kube, Object
from argosy.kube.resources import SECRETS
from argosy.settings import Settings
from tests.support.manifests import run_to_end
from tests.support.s3_server import S3, s3_serving


@pytest.fixture
async def s3(tmp_path: Path) -> AsyncIterator[S3]:
    async with s3_serving(tmp_path) as server:
        yield server


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with throwaway(settings=Settings()) as system:
        yield system


def handing_over(location: dict[str, Any], **spec: Any) -> Object:
    """A workflow whose first step leaves a folder at the location, and whose second reads it there."""
    steps = [[{"name": "make", "template": "make"}],
             [{"name": "take", "template": "take", "arguments": {"artifacts": [
                 {"name": "in", "from": "{{steps.make.outputs.artifacts.out}}"}]}}]]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"}, "spec": {
        "entrypoint": "main", **spec, "templates": [
            {"name": "main", "steps": steps},
            {"name": "make", "container": {"image": "busybox", "command": ["sh", "-c", "mkdir /tmp/out; echo hi > /tmp/out/a"]},
             "outputs": {"artifacts": [{"name": "out", "path": "/tmp/out", "s3": location}]}},
            {"name": "take", "container": {"image": "busybox", "command": ["grep", "hi", "/tmp/in/a"]},
             "inputs": {"artifacts": [{"name": "in", "path": "/tmp/in"}]}}]}}


async def test_with_its_secrets_the_store_itself_is_used(kube: Kube, s3: S3) -> None:
    await kube.create(SECRETS, s3.secret(), namespace="argo")
    ended = await run_to_end(kube, handing_over(s3.location(key="a/b.tgz")))
    assert ended["status"]["phase"] == "Succeeded", ended["status"]
    assert s3.keys() == ["a/b.tgz"]


async def test_without_its_secrets_the_folder_stands_for_it(kube: Kube, s3: S3) -> None:
    ended = await run_to_end(kube, handing_over(s3.location(key="a/b.tgz")))
    assert ended["status"]["phase"] == "Succeeded", ended["status"]
    assert s3.keys() == []


async def test_an_input_over_http_is_fetched_from_its_url(kube: Kube, s3: S3) -> None:
    s3.put("there", b"hi")
    flow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"}, "spec": {
        "entrypoint": "main", "templates": [{
            "name": "main", "container": {"image": "busybox", "command": ["grep", "hi", "/tmp/in"]},
            "inputs": {"artifacts": [{"name": "in", "path": "/tmp/in", "http": {"url": s3.sign("GET", "there")}}]}}]}}
    ended = await run_to_end(kube, flow)
    assert ended["status"]["phase"] == "Succeeded", ended["status"]


async def test_a_wrong_secret_ends_the_step_with_the_stores_own_words(kube: Kube, s3: S3) -> None:
    secret = s3.secret()
    secret["stringData"]["secretKey"] = "wrong"
    await kube.create(SECRETS, secret, namespace="argo")
    ended = await run_to_end(kube, handing_over(s3.location(key="a/b.tgz")))
    assert ended["status"]["phase"] in ("Error", "Failed")
    (made,) = (node for node in ended["status"]["nodes"].values() if node["displayName"] == "make")
    assert made["message"].startswith(f"cannot save output artifact 'out': http://{s3.endpoint}/artifacts/a/b.tgz answers 403")
