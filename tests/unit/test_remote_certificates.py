"""The certificates of both sides: ours is the newest there is, and the server's is verified as kubectl verifies it."""

import asyncio
import base64
import json
import ssl
import sys
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from argosy.clock import SystemClock
from argosy.errors import Unavailable
from argosy.kube.answers import Unauthorized
from argosy.kube.kubeconfig import ExecPlugin, KubeConfig, read_kubeconfig
from argosy.kube.remote import RemoteKube
from tests.support.authorities import Authority, Pair, serving, shown_by

# The library asks for the time in a way that Python 3.12 and later warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utc:DeprecationWarning")


async def say_who(request: web.Request) -> web.StreamResponse:
    return web.json_response({"who": shown_by(request)})


async def who(kube: RemoteKube) -> str:
    return str((await kube.get_json("/x"))["who"])


class Clock(SystemClock):
    """The real time, moved ahead by the test."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def giving(folder: Path, pair: Pair, ends: str = "2090-01-01T00:00:00Z") -> ExecPlugin:
    """A plugin that gives this certificate until it is told to give another (by being called so again)."""
    file = folder / "credential"
    file.write_text(json.dumps({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {
            "token": "same", "clientCertificateData": pair.certificate, "clientKeyData": pair.key,
            "expirationTimestamp": ends}}))
    return ExecPlugin(command="cat", args=(str(file),))


def kubeconfig(folder: Path, server: str, authority: str, pair: Pair) -> KubeConfig:
    """A kubeconfig that names the files of the client's certificate and key."""
    put(folder, pair)
    file = folder / "config"
    file.write_text(yaml.safe_dump({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {
            "server": server, "certificate-authority-data": base64.b64encode(authority.encode()).decode()}}],
        "users": [{"name": "u", "user": {"client-certificate": "me.crt", "client-key": "me.key"}}]}))
    return read_kubeconfig([file])


def put(folder: Path, pair: Pair) -> None:
    """Replace both files, as whoever rotates them does."""
    for name, text in (("me.crt", pair.certificate), ("me.key", pair.key)):
        (folder / "new").write_text(text)
        (folder / "new").rename(folder / name)


class TestOurs:
    async def test_a_certificate_that_was_renewed_before_it_ended_is_shown(self, tmp_path: Path) -> None:
        authority, clock = Authority(), Clock()
        plugin = giving(tmp_path, authority.pair("anna"))
        async with serving(say_who, authority.server_context(tmp_path)) as url, RemoteKube(
                KubeConfig(url, authority=authority.certificate, exec_plugin=plugin), clock=clock) as kube:
            assert await who(kube) == "anna"
            giving(tmp_path, authority.pair("berta"), ends="2190-01-01T00:00:00Z")
            assert await who(kube) == "anna"
            clock.ahead = 80 * 366 * 86400.0
            assert [await who(kube), await who(kube)] == ["berta", "berta"]

    async def test_what_is_under_way_when_it_changes_comes_to_its_end(self, tmp_path: Path) -> None:
        authority, clock = Authority(), Clock()
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path == "/slow":
                begun.set()
                await may_end.wait()
            return await say_who(request)

        plugin = giving(tmp_path, authority.pair("anna"))
        async with serving(answer, authority.server_context(tmp_path)) as url, RemoteKube(
                KubeConfig(url, authority=authority.certificate, exec_plugin=plugin), clock=clock) as kube:
            slow = asyncio.ensure_future(kube.get_json("/slow"))
            await begun.wait()
            giving(tmp_path, authority.pair("berta"), ends="2190-01-01T00:00:00Z")
            clock.ahead = 80 * 366 * 86400.0
            assert await asyncio.gather(*(who(kube) for _ in range(8))) == ["berta"] * 8
            may_end.set()
            assert (await slow)["who"] == "anna"

    @pytest.mark.parametrize("by", ["plugin", "files"])
    async def test_one_that_the_server_refuses_is_replaced_and_the_call_made_again(self, tmp_path: Path, by: str) -> None:
        authority = Authority()

        async def answer(request: web.Request) -> web.StreamResponse:
            if (name := shown_by(request)) == "anna":
                give_berta()
            return web.json_response({"who": name}, status=401 if name == "anna" else 200)

        def give_berta() -> None:
            berta = authority.pair("berta")
            giving(tmp_path, berta) if by == "plugin" else put(tmp_path, berta)

        async with serving(answer, authority.server_context(tmp_path)) as url:
            config = kubeconfig(tmp_path, url, authority.certificate, authority.pair("anna"))
            if by == "plugin":
                config = KubeConfig(url, authority=authority.certificate, exec_plugin=giving(tmp_path, authority.pair("anna")))
            async with RemoteKube(config) as kube:
                assert [await who(kube), await who(kube)] == ["berta", "berta"]

    async def test_files_that_were_rotated_are_read_again(self, tmp_path: Path) -> None:
        authority = Authority()
        async with serving(say_who, authority.server_context(tmp_path)) as url, RemoteKube(
                kubeconfig(tmp_path, url, authority.certificate, authority.pair("anna"))) as kube:
            assert await who(kube) == "anna"
            put(tmp_path, authority.pair("berta"))
            assert await who(kube) == "berta"

    async def test_files_that_are_half_rotated_are_left_for_later(self, tmp_path: Path) -> None:
        authority = Authority()
        async with serving(say_who, authority.server_context(tmp_path)) as url, RemoteKube(
                kubeconfig(tmp_path, url, authority.certificate, authority.pair("anna"))) as kube:
            assert await who(kube) == "anna"
            berta = authority.pair("berta")
            (tmp_path / "me.crt").write_text(berta.certificate)
            assert await who(kube) == "anna"
            (tmp_path / "me.key").unlink()
            assert await who(kube) == "anna"
            put(tmp_path, berta)
            assert await who(kube) == "berta"

    async def test_many_calls_that_are_refused_at_once_ask_for_one_new_credential(self, tmp_path: Path) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            good = request.headers["Authorization"] == "Bearer t2"
            return web.json_response({"done": True}, status=200 if good else 401)

        count = tmp_path / "count"
        script = ("import json, pathlib\n"
                  f"count = pathlib.Path({str(count)!r})\n"
                  "asked = count.read_text() + '.' if count.exists() else '.'\n"
                  "count.write_text(asked)\n"
                  "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',\n"
                  "                  'status': {'token': f't{len(asked)}'}}))\n")
        plugin = ExecPlugin(command=sys.executable, args=("-c", script))
        async with serving(answer) as url, RemoteKube(KubeConfig(url, exec_plugin=plugin)) as kube:
            assert await asyncio.gather(*(kube.get_json("/x") for _ in range(8))) == [{"done": True}] * 8
        assert len(count.read_text()) == 2

    async def test_a_plugin_that_breaks_after_it_has_worked_is_waited_for(self, tmp_path: Path) -> None:
        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.json_response({})

        (tmp_path / "login").write_text("#!/bin/sh\ncat " + str(tmp_path / "credential"))
        (tmp_path / "login").chmod(0o755)
        clock = Clock()
        giving(tmp_path, Authority().pair("anna"))
        async with serving(answer) as url, RemoteKube(
                KubeConfig(url, exec_plugin=ExecPlugin(command=str(tmp_path / "login"))), clock=clock) as kube:
            await kube.get_json("/x")
            (tmp_path / "login").unlink()
            clock.ahead = 80 * 366 * 86400.0
            with pytest.raises(Unavailable, match="cannot be started"):
                await kube.get_json("/x")


class TestTheServers:
    @pytest.fixture(autouse=True)
    def strict(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Python 3.13 and later begin so; here every version does."""
        original = ssl.create_default_context

        def create(*given: object, **options: object) -> ssl.SSLContext:
            context = original(*given, **options)  # type: ignore[arg-type] # handed on
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            return context

        monkeypatch.setattr(ssl, "create_default_context", create)

    async def test_an_authority_without_key_identifiers_is_trusted(self, tmp_path: Path) -> None:
        authority = Authority(plain=True)
        anna = authority.pair("anna")
        context = authority.server_context(tmp_path)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        async with serving(say_who, context) as url, RemoteKube(KubeConfig(
                url, authority=authority.certificate, client_certificate=anna.certificate, client_key=anna.key)) as kube:
            assert await who(kube) == "anna"

    async def test_another_authority_is_not(self, tmp_path: Path) -> None:
        authority = Authority(plain=True)
        async with serving(say_who, authority.server_context(tmp_path)) as url, RemoteKube(
                KubeConfig(url, authority=Authority(plain=True).certificate)) as kube:
            with pytest.raises(Unavailable, match="is not signed by the authority"):
                await who(kube)


async def test_a_refusal_says_whose_credentials_are_refused(tmp_path: Path) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=401)

    async with serving(answer) as url, RemoteKube(KubeConfig(url, token="t", user="anna", source="/the/config")) as kube:
        with pytest.raises(Unauthorized, match=rf"{url} does not accept .*user 'anna' in /the/config"):
            await kube.get_json("/x")
