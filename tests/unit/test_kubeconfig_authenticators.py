"""What kubernetes-asyncio's loaders are given and what is made of their answers."""

import base64
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from aiohttp import web

from argosy.clock import SystemClock
from argosy.embedded.api.tls import Identity, identity
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.credentials import Credentials
from argosy.kube.kubeconfig import KubeConfig, KubeconfigError, load_kubeconfig, read_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS
from argosy.kube.watching import changes
from tests.support.scripted_server import server

# The library asks for the time in a way that Python 3.12 and later warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utc:DeprecationWarning")


def token(ends: int) -> str:
    """An id-token that says when it ends; nobody here checks its signature."""
    body = base64.urlsafe_b64encode(json.dumps({"exp": ends, "iss": "them"}).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


OLD, NEW = token(1_000_000_000), token(4_000_000_000)


def kubeconfig(folder: Path, user: Mapping[str, Any], cluster: Mapping[str, Any] | None = None) -> Path:
    file = folder / "config"
    file.write_text(yaml.safe_dump({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://a", **(cluster or {})}}],
        "users": [{"name": "other", "user": {"token": "t"}}, {"name": "u", "user": dict(user)}]}))
    return file


@asynccontextmanager
async def issuer(folder: Path, answer: Mapping[str, str], status: int = 200) -> AsyncIterator[tuple[str, Identity, list[Any]]]:
    """An OpenID Connect issuer over HTTPS: its address, its identity, and what it was asked."""
    own = identity(folder / "issuer", now=SystemClock().now())
    asked: list[Any] = []

    async def told(request: web.Request) -> web.Response:
        return web.json_response({"token_endpoint": f"https://127.0.0.1:{runner.addresses[0][1]}/token"})

    async def renewed(request: web.Request) -> web.Response:
        asked.append({**await request.post(), "who": request.headers["Authorization"]})
        return web.json_response(dict(answer), status=status)

    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", told)
    application.router.add_post("/token", renewed)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own.context()).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", own, asked
    finally:
        await runner.cleanup()


def login(url: str, authority: str = "", id_token: str = OLD, **settings: str) -> dict[str, Any]:
    trusted = {"idp-certificate-authority-data": base64.b64encode(authority.encode()).decode()} if authority else {}
    return {"auth-provider": {"name": "oidc", "config": {
        "client-id": "me", "client-secret": "hush", "idp-issuer-url": url, "id-token": id_token,
        "refresh-token": "first", **trusted, **settings}}}


class TestOpenIdConnect:
    async def test_a_token_that_is_still_good_is_used(self, tmp_path: Path) -> None:
        config = read_kubeconfig([kubeconfig(tmp_path, login("https://127.0.0.1:1", id_token=NEW))])
        assert await Credentials(config, SystemClock()).authorization() == f"Bearer {NEW}"

    async def test_one_that_has_run_out_is_renewed_and_kept_for_kubectl(self, tmp_path: Path) -> None:
        async with issuer(tmp_path, {"id_token": NEW, "refresh_token": "second"}) as (url, own, asked):
            file = kubeconfig(tmp_path, login(url, own.authority))
            config = read_kubeconfig([file])
            assert config.oidc["refresh-token"] == "first"
            assert await Credentials(config, SystemClock()).authorization() == f"Bearer {NEW}"
        secret = base64.b64encode(b"me:hush").decode()
        assert asked == [{"grant_type": "refresh_token", "refresh_token": "first", "who": f"Basic {secret}"}]
        kept = read_kubeconfig([file])
        assert (kept.oidc["id-token"], kept.oidc["refresh-token"]) == (NEW, "second")
        assert "hush" not in repr(kept)

    async def test_an_issuer_that_keeps_the_refresh_token_is_asked_with_it_again(self, tmp_path: Path) -> None:
        async with issuer(tmp_path, {"id_token": NEW}) as (url, own, _asked):
            file = kubeconfig(tmp_path, login(url, own.authority))
            await Credentials(read_kubeconfig([file]), SystemClock()).authorization()
        assert read_kubeconfig([file]).oidc["refresh-token"] == "first"

    async def test_an_issuer_that_cannot_be_verified_is_told_no_secret(self, tmp_path: Path) -> None:
        async with issuer(tmp_path, {"id_token": NEW}) as (url, _own, asked):
            config = read_kubeconfig([kubeconfig(tmp_path, login(url))])
            with pytest.raises(ArgosyError, match="certificate verify failed"):
                await Credentials(config, SystemClock()).authorization()
        assert asked == []

    async def test_a_refused_renewal_says_so(self, tmp_path: Path) -> None:
        async with issuer(tmp_path, {"error": "invalid_grant"}, status=400) as (url, own, _asked):
            config = read_kubeconfig([kubeconfig(tmp_path, login(url, own.authority))])
            with pytest.raises(KubeconfigError, match=r"auth-provider oidc gives no token: .*log in again"):
                await Credentials(config, SystemClock()).authorization()

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_an_issuer_that_cannot_answer_now_is_waited_for(self, tmp_path: Path, status: int) -> None:
        async with issuer(tmp_path, {"error": "busy"}, status=status) as (url, own, _asked):
            config = read_kubeconfig([kubeconfig(tmp_path, login(url, own.authority))])
            with pytest.raises(Unavailable, match=f"auth-provider oidc cannot renew the id-token: .*{status}"):
                await Credentials(config, SystemClock()).authorization()

    async def test_an_issuer_that_is_not_there_is_waited_for(self, tmp_path: Path) -> None:
        config = read_kubeconfig([kubeconfig(tmp_path, login("https://127.0.0.1:1"))])
        with pytest.raises(Unavailable, match=r"cannot renew the id-token: https://127\.0\.0\.1:1 cannot be asked"):
            await Credentials(config, SystemClock()).authorization()

    async def test_a_watch_outlives_an_issuer_that_is_away(self, tmp_path: Path) -> None:
        answers = [web.json_response({"metadata": {"resourceVersion": "7"}, "items": [
            {"metadata": {"name": "a", "uid": "u", "resourceVersion": "7"}}]})]
        config = read_kubeconfig([kubeconfig(tmp_path, login("https://127.0.0.1:1"))])

        class Mending(SystemClock):
            """The first wait is for an issuer that nobody answers for; then there is one."""

            async def sleep(self, seconds: float) -> None:
                kube._credentials._oidc = {**config.oidc, "id-token": NEW}

        async with server(*answers) as url, RemoteKube(replace(config, server=url)) as kube:
            seen = changes(kube, CONFIG_MAPS, clock=Mending(), chance=Random(1))
            assert (await anext(seen)).object["metadata"]["name"] == "a"
            await seen.aclose()

    async def test_without_a_refresh_token_one_must_log_in_again(self, tmp_path: Path) -> None:
        config = read_kubeconfig([kubeconfig(tmp_path, login("https://127.0.0.1:1", **{"refresh-token": ""}))])
        with pytest.raises(KubeconfigError, match="no refresh-token to renew it with: log in again"):
            await Credentials(config, SystemClock()).authorization()


class TestPlugins:
    async def test_a_plugin_that_asks_for_it_is_told_about_the_cluster(self, tmp_path: Path) -> None:
        (tmp_path / "login").write_text(
            f"#!{sys.executable}\nimport json, os\nasked = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            "told = asked['spec']['cluster']\n"
            "print(json.dumps({'apiVersion': asked['apiVersion'], 'kind': 'ExecCredential', 'status': {\n"
            "    'token': told['server'] + ' ' + told['config']['audience']}}))\n")
        (tmp_path / "login").chmod(0o755)
        file = kubeconfig(tmp_path, {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./login", "provideClusterInfo": True}}, {
                "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "team"}}]})
        assert await Credentials(read_kubeconfig([file]), SystemClock()).authorization() == "Bearer https://a team"

    async def test_a_plugin_may_give_a_certificate(self, tmp_path: Path) -> None:
        own = identity(tmp_path / "tls", now=SystemClock().now())
        pem = own.server_file.read_text()
        key, certificate = pem[:pem.index("-----BEGIN CERT")], pem[pem.index("-----BEGIN CERT"):]
        credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                      "status": {"clientCertificateData": certificate, "clientKeyData": key}}
        file = kubeconfig(tmp_path, {"exec": {"command": "echo", "args": [json.dumps(credential)]}})
        credentials = Credentials(read_kubeconfig([file]), SystemClock())
        assert await credentials.authorization() == ""
        assert (credentials.client_certificate, credentials.client_key) == (certificate, key)
        assert isinstance(credentials.tls(), ssl.SSLContext)

    @pytest.mark.parametrize(("status", "told"), [
        ({}, "without status.token or status.clientCertificateData"),
        ({"token": "a\nb"}, "line breaks"),
        ({"token": "a", "expirationTimestamp": "soon"}, "printed no ExecCredential"),
    ])
    async def test_a_credential_that_is_none_is_told(self, tmp_path: Path, status: Any, told: str) -> None:
        credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
        file = kubeconfig(tmp_path, {"exec": {"command": "echo", "args": [json.dumps(credential)]}})
        with pytest.raises(KubeconfigError, match=told):
            await Credentials(read_kubeconfig([file]), SystemClock()).authorization()


class TestTokenFiles:
    async def test_the_file_counts_more_than_the_token_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "fresh").write_text("fresh\n")
        config = read_kubeconfig([kubeconfig(tmp_path, {"token": "stale", "tokenFile": "fresh"})])
        assert await Credentials(config, SystemClock()).authorization() == "Bearer fresh"

    @pytest.mark.parametrize(("text", "told"), [("", "is empty"), (None, "cannot be read"), ("a\nb", "line breaks")])
    async def test_a_file_without_a_token_is_told(self, tmp_path: Path, text: str | None, told: str) -> None:
        if text is not None:
            (tmp_path / "token").write_text(text)
        with pytest.raises(KubeconfigError, match=told):
            await Credentials(KubeConfig("https://a", token_file=tmp_path / "token"), SystemClock()).authorization()

    @pytest.mark.parametrize("missing", ["ca.crt", "token"])
    def test_a_service_account_that_is_empty_is_told(self, tmp_path: Path, missing: str) -> None:
        for name in ("token", "ca.crt", "namespace"):
            (tmp_path / name).write_text("" if name == missing else "x")
        with pytest.raises(KubeconfigError, match=r"service account cannot be used: .*empty"):
            load_kubeconfig(service_account_folder=tmp_path)


class TestTheLibrary:
    SCRIPT = """
import asyncio, sys
from argosy.kube.authenticators import credential_of
assert "kubernetes_asyncio" not in sys.modules
assert asyncio.run(credential_of("https://a", {"token": "t"})).header == "Bearer t"
assert "kubernetes_asyncio.config.kube_config" in sys.modules
assert not any(name.startswith("kubernetes_asyncio.client.models") for name in sys.modules)
"""

    def run(self, script: str) -> None:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_its_models_are_not_loaded(self) -> None:
        self.run(self.SCRIPT)

    def test_whoever_wants_the_whole_library_still_gets_it(self) -> None:
        self.run(self.SCRIPT + """
import kubernetes_asyncio
from kubernetes_asyncio import client, config, watch
assert client.V1Pod and kubernetes_asyncio.__project__ and watch.Watch
from kubernetes_asyncio.client import ApiClient, CoreV1Api
async def made():
    made = await config.new_client_from_config_dict({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://a"}}]})
    assert type(made) is ApiClient and CoreV1Api(made)
    await made.close()
asyncio.run(made())
""")
