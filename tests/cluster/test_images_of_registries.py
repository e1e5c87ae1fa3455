"""How an image starts, asked of a real registry with pull secrets that a real API server keeps."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from argosy.errors import SpecError, Unavailable
from argosy.kube.contract import Kube, PatchKind
from argosy.kube.resources import SECRETS, SERVICE_ACCOUNTS
from controller.images.asking import Asked
from controller.images.contract import ImageCommand
from tests.cluster.registries import PASSWORD, USER, Pusher, ensure_registry, password, registry, token_server

SAY = ImageCommand(("/say",), ("hello", "world"))
CONFIG = {"Entrypoint": ["/say"], "Cmd": ["hello", "world"]}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry's folder with images: team/say (several tags)."""
    ensure_registry()
    made = tmp_path_factory.mktemp("registry")
    asyncio.run(filled(made))
    return made


async def filled(made: Path) -> None:
    async with registry(made) as host, aiohttp.ClientSession() as session:
        pusher = Pusher(session, host, "team/say")
        plain = await pusher.image(CONFIG, tag="1")
        other = await pusher.image({"Entrypoint": ["/say.exe"]})
        arm = await pusher.image({"Entrypoint": ["/say-arm"]})
        await pusher.index((other, "windows", "amd64"), (arm, "linux", "arm64"), (plain, "linux", "amd64"), tag="many")
        await pusher.index((other, "windows", "amd64"), tag="windows")
        await pusher.index((arm, "linux", "arm64"), tag="arm")
        await pusher.image({"Cmd": ["bash"]}, tag="shell")
        await pusher.image(None, tag="bare")
        (made / "digest").write_text(plain)


async def asked(kube: Kube, namespace: str, image: str, *secrets: str, account: str = "default") -> ImageCommand:
    return await Asked(kube).command_of(image, namespace=namespace, service_account=account, pull_secrets=secrets)


async def keep_secret(kube: Kube, namespace: str, name: str, host: str, entry: Mapping[str, Any] | None = None) -> None:
    login = entry or {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    data = base64.b64encode(json.dumps({"auths": {host: login}}).encode()).decode()
    await kube.create(SECRETS, {"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
                                "data": {".dockerconfigjson": data}}, namespace=namespace)


class TestAnOpenRegistry:
    @pytest.mark.parametrize(("version", "command"), [
        (":1", SAY), (":many", SAY), (":arm", ImageCommand(("/say-arm",))), (":shell", ImageCommand(command=("bash",))),
        (":bare", ImageCommand()), ("@DIGEST", SAY), (":gone@DIGEST", SAY),
    ])
    async def test_it_tells_how_an_image_starts(
            self, kube: Kube, namespace: str, folder: Path, version: str, command: ImageCommand) -> None:
        version = version.replace("DIGEST", (folder / "digest").read_text())
        async with registry(folder) as host:
            assert await asked(kube, namespace, f"{host}/team/say{version}") == command

    @pytest.mark.parametrize(("image", "told"), [
        ("team/say:windows", "no image for Linux"), ("team/say:none", "does not have it"), ("no/such:1", "does not have it"),
        (f"team/say@sha256:{'0' * 64}", "does not have it"),
    ])
    async def test_what_it_has_not_is_told_with_a_remedy(
            self, kube: Kube, namespace: str, folder: Path, image: str, told: str) -> None:
        async with registry(folder) as host:
            with pytest.raises(SpecError, match=rf"command: is missing, and {host} cannot .*{told}; write the `command:`"):
                await asked(kube, namespace, f"{host}/{image}")

    async def test_content_that_was_changed_is_not_believed(
            self, kube: Kube, namespace: str, folder: Path) -> None:
        digest = (folder / "digest").read_text()
        blob = folder / "images/docker/registry/v2/blobs/sha256" / digest[7:9] / digest[7:] / "data"
        kept = blob.read_bytes()
        try:
            blob.write_bytes(kept.replace(b"schemaVersion", b"schemaversion"))
            async with registry(folder) as host:
                with pytest.raises((SpecError, Unavailable)):
                    await asked(kube, namespace, f"{host}/team/say@{digest}")
        finally:
            blob.write_bytes(kept)

    async def test_one_that_does_not_answer_may_answer_later(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not answer .*\(connection refused\).*write the `command:`"):
            await asked(kube, namespace, "127.0.0.1:1/team/say:1")


class TestARegistryWithPasswords:
    async def test_the_pods_secret_opens_it(self, kube: Kube, namespace: str, folder: Path) -> None:
        async with registry(folder, password(folder)) as host:
            await keep_secret(kube, namespace, "pull", host)
            assert await asked(kube, namespace, f"{host}/team/say:1", "pull") == SAY

    async def test_the_service_accounts_secret_opens_it_too(self, kube: Kube, namespace: str, folder: Path) -> None:
        async with registry(folder, password(folder)) as host:
            await keep_secret(kube, namespace, "pull", host)
            await kube.create(SERVICE_ACCOUNTS, {"metadata": {"name": "puller"}, "imagePullSecrets": [{"name": "pull"}]},
                              namespace=namespace)
            assert await asked(kube, namespace, f"{host}/team/say:many", account="puller") == SAY
            await kube.patch(SERVICE_ACCOUNTS, "puller", {"imagePullSecrets": None}, namespace=namespace, kind=PatchKind.MERGE)
            with pytest.raises(SpecError, match="wants a login"):
                await asked(kube, namespace, f"{host}/team/say:many", account="puller")

    async def test_a_wrong_login_is_passed_over_for_a_right_one(self, kube: Kube, namespace: str, folder: Path) -> None:
        async with registry(folder, password(folder)) as host:
            await keep_secret(kube, namespace, "wrong", f"{host}/team", {"username": USER, "password": "stale"})
            with pytest.raises(SpecError, match=r"does not let us read it \(401 UNAUTHORIZED\)") as refused:
                await asked(kube, namespace, f"{host}/team/say:1", "wrong", "missing")
            assert "(pull secrets that cannot be read: missing)" in str(refused.value)
            assert "stale" not in str(refused.value)
            await keep_secret(kube, namespace, "right", host)
            assert await asked(kube, namespace, f"{host}/team/say:1", "wrong", "right") == SAY


class TestARegistryWithTokens:
    async def test_a_login_is_exchanged_for_a_token(self, kube: Kube, namespace: str, folder: Path) -> None:
        async with token_server(folder) as (auth, seen), registry(folder, auth) as host:
            await keep_secret(kube, namespace, "pull", host)
            assert await asked(kube, namespace, f"{host}/team/say:many", "pull") == SAY
        assert seen == [{"method": "GET", "service": "images", "scope": "repository:team/say:pull"}]

    async def test_an_identity_token_is_exchanged_too(self, kube: Kube, namespace: str, folder: Path) -> None:
        async with token_server(folder) as (auth, seen), registry(folder, auth) as host:
            await keep_secret(kube, namespace, "pull", host, {"identitytoken": PASSWORD})
            assert await asked(kube, namespace, f"{host}/team/say:1", "pull") == SAY
        assert [(each["method"], each["grant_type"]) for each in seen] == [("POST", "refresh_token")]

    async def test_strangers_get_no_token(self, kube: Kube, namespace: str, folder: Path) -> None:
        async with token_server(folder) as (auth, _seen), registry(folder, auth) as host:
            with pytest.raises(SpecError, match=r"does not let us read it \(401 UNAUTHORIZED\)"):
                await asked(kube, namespace, f"{host}/team/say:1")
