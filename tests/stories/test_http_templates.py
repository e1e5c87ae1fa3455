"""Http templates in the embedded system: a request, its answer as the result, and a judgement."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from argosy.embedded.throwaway import throwaway
from argosy.kube.contract import Kube
from argosy.kube.resources import SECRETS
from argosy.settings import Settings
from tests.support.manifests import run_to_end


class Site:
    """What is asked of it, and how it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str, str, dict[str, str]]] = []
        self.hold = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path, await request.text(), dict(request.headers)))
        if request.path == "/slow":
            await self.hold.wait()
        status = int(request.path.strip("/")) if request.path.strip("/").isdigit() else 200
        return web.Response(status=status, text=f"answer to {request.path}\n", headers={"x-kind": "test"})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    found, app = Site(), web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    found.hold.set()
    await runner.cleanup()


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with throwaway(settings=Settings()) as found:
        yield found


async def end_of(kube: Kube, **http: Any) -> dict[str, Any]:
    """The node of one request."""
    ended = await run_to_end(kube, {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "flow"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "http": http}],
                 "arguments": {"parameters": [{"name": "p", "value": "filled"}]}}}, patience_seconds=30)
    node: dict[str, Any] = ended["status"]["nodes"]["flow"]
    return node


async def test_the_answers_body_is_the_result(kube: Kube, site: Site) -> None:
    node = await end_of(kube, url=f"{site.url}/{{{{workflow.parameters.p}}}}", method="post", body="{{workflow.parameters.p}}!",
                        headers=[{"name": "x-one", "value": "1"}])
    assert (node["type"], node["phase"], node["outputs"]) == ("HTTP", "Succeeded", {"result": "answer to /filled\n"})
    (method, path, body, headers), = site.asked
    assert (method, path, body, headers["x-one"]) == ("POST", "/filled", "filled!", "1")


async def test_an_answer_that_is_no_success_fails_the_step_and_is_kept(kube: Kube, site: Site) -> None:
    node = await end_of(kube, url=f"{site.url}/404")
    assert (node["phase"], node["message"]) == ("Failed", "received non-2xx response code: 404")
    assert node["outputs"] == {"result": "answer to /404\n"}


@pytest.mark.parametrize(("condition", "message"), [
    ("response.statusCode == 404", ""),
    ('response.body contains "answer" && request.method == "GET"', ""),
    ('response.headers["X-Kind"][0] == "test"', ""),
    ("response.statusCode == 200", "successCondition 'response.statusCode == 200' evaluated false"),
    ("response.statusCode", "successCondition 'response.statusCode' gives 404; it must be true or false"),
])
async def test_a_success_condition_decides(kube: Kube, site: Site, condition: str, message: str) -> None:
    node = await end_of(kube, url=f"{site.url}/404", successCondition=condition)
    assert (node["phase"], node.get("message", "")) == ("Failed" if message else "Succeeded", message)


async def test_a_header_may_come_from_a_secret(kube: Kube, site: Site) -> None:
    await kube.create(SECRETS, {"metadata": {"name": "s"}, "data": {"k": base64.b64encode(b"hidden").decode()}},
                      namespace="argo")
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    assert (await end_of(kube, url=site.url, headers=[{"name": "x-key", "valueFrom": source}]))["phase"] == "Succeeded"
    assert site.asked[0][3]["x-key"] == "hidden"


async def test_a_body_may_be_bytes(kube: Kube, site: Site) -> None:
    await end_of(kube, url=site.url, method="PUT", bodyFrom={"bytes": base64.b64encode(b"bytes").decode()})
    assert site.asked[0][2] == "bytes"


@pytest.mark.parametrize(("http", "phase", "message"), [
    ({"url": "http://127.0.0.1:1/"}, "Failed", "GET http://127.0.0.1:1/: "),
    ({"url": "{site}/slow", "timeoutSeconds": 1}, "Failed", "GET {site}/slow: no answer within 1 seconds"),
    ({"url": "{site}", "headers": [{"name": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}, "Failed",
     "header x: there is no key 'k' in a Secret 's'"),
    ({"url": "ftp://x"}, "Error", "http.url: is 'ftp://x'"),
    ({"url": "{site}", "bodyFrom": {"bytes": "?"}}, "Error", "http.bodyFrom.bytes: must be base64"),
    ({"url": "{site}", "headers": [{"name": "x", "value": "a\nb"}]}, "Error", "http.headers: header 'x'"),
])
async def test_what_goes_wrong_is_told(kube: Kube, site: Site, http: dict[str, Any], phase: str, message: str) -> None:
    node = await end_of(kube, **{**http, "url": http["url"].replace("{site}", site.url)})
    assert node["phase"] == phase
    assert node["message"].startswith(message.replace("{site}", site.url)), node["message"]
