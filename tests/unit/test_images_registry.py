"""What a registry may answer that no good registry answers, and what is made of it."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from argosy.errors import SpecError, Unavailable
from argosy.kube.resources import SECRETS, SERVICE_ACCOUNTS
from controller.images.asking import Asked
from controller.images.contract import ImageCommand
from tests.support.faces import stored

CONFIG = json.dumps({"config": {"Entrypoint": ["/say"]}}).encode()
DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
MANIFEST = {"config": {"digest": DIGEST}}


@asynccontextmanager
async def registry(answers: Mapping[str, web.Response | bytes | Any]) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    """Its HOST:PORT, and what it was asked. An answer is a response, bytes, or a JSON tree, by the end of its path."""
    asked: list[web.BaseRequest] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        found = next((given for end, given in answers.items() if request.path.endswith(end)), None)
        if isinstance(found, web.Response):
            return found
        return web.Response(status=404) if found is None else web.Response(
            body=found if isinstance(found, bytes) else json.dumps(found).encode())

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def command(host: str) -> ImageCommand:
    async with stored() as kube:
        return await Asked(kube).command_of(f"{host}/a:1", namespace="team", service_account="default", pull_secrets=())


@pytest.mark.parametrize(("answers", "told"), [
    ({"/manifests/1": b"<html>"}, "something else than a registry"),
    ({"/manifests/1": [1]}, "something else than a registry"),
    ({"/manifests/1": {"schemaVersion": 1}}, "its manifest has no config"),
    ({"/manifests/1": {"config": {"digest": "../../secret"}}}, r"'\.\./\.\./secret', which is no digest"),
    ({"/manifests/1": {"manifests": [{"digest": "sha256:0/../..", "platform": {"os": "linux"}}]}}, "which is no digest"),
    ({"/manifests/1": {"manifests": [3, {"platform": None}, {"platform": {"os": "linux"}}]}}, "no image for Linux"),
    ({"/manifests/1": MANIFEST, "/" + DIGEST: CONFIG + b" "}, "is not what the registry sent under that name"),
    ({"/manifests/1": b" " * 9_000_000}, "sent more than 8 MiB"),
    ({"/manifests/1": web.Response(status=403, body=b'{"errors": [{"code": "DENIED", "message": "hush"}]}')},
     r"does not let us read it \(403 DENIED\);"),
    ({"/manifests/1": web.Response(status=418, body=b'{"errors": [{"code": "a secret"}]}')}, "it answered 418;"),
    ({"/manifests/1": web.Response(status=401)}, "wants a login"),
    ({"/manifests/1": web.Response(status=401, headers={"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'})},
     "which is no https address"),
])
async def test_what_is_no_image_is_refused_with_a_reason(answers: Mapping[str, Any], told: str) -> None:
    async with registry(answers) as (host, _asked):
        with pytest.raises(SpecError, match=told) as refused:
            await command(host)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(("answer", "seconds"), [
    (web.Response(status=429, headers={"Retry-After": "7"}), 7.0), (web.Response(status=503), None)])
async def test_a_registry_in_trouble_is_asked_again_later(answer: web.Response, seconds: float | None) -> None:
    async with registry({"/manifests/1": answer}) as (host, _asked):
        with pytest.raises(Unavailable, match=rf"does not answer what image '{host}/a:1' runs \(it answered") as later:
            await command(host)
    assert later.value.retry_after_seconds == seconds


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": {"Entrypoint": None, "Cmd": "sh"}}])
async def test_an_image_may_say_nothing_of_how_it_starts(config: Mapping[str, Any]) -> None:
    data = json.dumps(config).encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    async with registry({"/manifests/1": {"config": {"digest": digest}}, f"/{digest}": data}) as (host, _asked):
        assert await command(host) == ImageCommand()


async def test_content_may_lie_on_another_server_which_is_shown_no_login() -> None:
    auths = "eyJhdXRocyI6IHsiMTI3LjAuMC4xOioiOiB7InJlZ2lzdHJ5dG9rZW4iOiAiaHVzaCJ9fX0="  # {"auths": {"127.0.0.1:*": {...}}}
    async with registry({f"/{DIGEST}": CONFIG}) as (other, asked_there):
        moved = web.Response(status=307, headers={"Location": f"http://localhost:{other.rpartition(':')[2]}/x/{DIGEST}"})
        async with registry({"/manifests/1": MANIFEST, f"/{DIGEST}": moved}) as (host, asked_here), stored() as kube:
            await kube.create(SECRETS, {"metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
                                        "data": {".dockerconfigjson": auths}}, namespace="team")
            await kube.create(SERVICE_ACCOUNTS, {"metadata": {"name": "me"}}, namespace="team")
            assert await Asked(kube).command_of(f"{host}/a:1", namespace="team", service_account="me",
                                                pull_secrets=("pull",)) == ImageCommand(("/say",))
    assert [request.headers.get("Authorization") for request in asked_here] == ["Bearer hush"] * 2
    assert [request.headers.get("Authorization") for request in asked_there] == [None]


async def test_only_this_machines_own_registries_and_those_of_the_settings_are_asked_in_plain() -> None:
    async with registry({"/manifests/1": MANIFEST, f"/{DIGEST}": CONFIG}) as (host, _asked), stored() as kube:
        port = host.rpartition(":")[2]
        asked = {"namespace": "team", "service_account": "default", "pull_secrets": ()}
        for local in (host, f"localhost:{port}"):
            assert await Asked(kube).command_of(f"{local}/a:1", **asked) == ImageCommand(("/say",))
        plain = f"0.0.0.0:{port}"
        with pytest.raises(Unavailable, match="does not answer"):
            await Asked(kube).command_of(f"{plain}/a:1", **asked)
        assert await Asked(kube, insecure=frozenset({plain})).command_of(f"{plain}/a:1", **asked) == ImageCommand(("/say",))
