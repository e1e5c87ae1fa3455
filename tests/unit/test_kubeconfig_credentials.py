"""How we show who we are: tokens, files that rotate, exec plugins, client certificates."""

import sys
from pathlib import Path

import aiohttp.web
import pytest

from argosy.errors import ArgosyError, Unavailable
from argosy.kube.answers import Unauthorized
from argosy.kube.credentials import Credentials
from argosy.kube.kubeconfig import ExecPlugin, KubeConfig, KubeconfigError
from argosy.kube.remote import RemoteKube

SERVER = "https://a"


class HandClock:
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def plugin(tmp_path: Path, script: str, **env: str) -> ExecPlugin:
    """A plugin that counts how often it was asked (`asked`) and prints the ExecCredential that `script` evaluates to."""
    file = tmp_path / "plugin.py"
    file.write_text(
        "import json, os, pathlib, sys\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "asked = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(asked))\n"
        f"found = {script}\n"
        "named = {'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential'}\n"
        "print(json.dumps({**named, **found} if isinstance(found, dict) else found))\n")
    return ExecPlugin(command=sys.executable, args=(str(file),), env=env, install_hint="install it")


async def test_a_token_and_a_password_become_a_header() -> None:
    assert await Credentials(KubeConfig(SERVER, token="t"), HandClock()).authorization() == "Bearer t"
    named = KubeConfig(SERVER, username="u", password="p")
    assert await Credentials(named, HandClock()).authorization() == "Basic dTpw"
    assert await Credentials(KubeConfig(SERVER), HandClock()).authorization() == ""


async def test_a_token_file_is_read_again_after_a_while(tmp_path: Path) -> None:
    clock, file = HandClock(), tmp_path / "token"
    file.write_text("one\n")
    credentials = Credentials(KubeConfig(SERVER, token_file=file), clock)
    assert await credentials.authorization() == "Bearer one"
    file.write_text("two\n")
    assert await credentials.authorization() == "Bearer one"
    clock.time += 61
    assert await credentials.authorization() == "Bearer two"


async def test_a_plugin_is_asked_once_and_again_when_its_credential_runs_out(tmp_path: Path) -> None:
    clock = HandClock()
    asked = plugin(tmp_path, "{'status': {'token': f't{asked}', 'expirationTimestamp': '2026-09-21T15:13:20Z'}}")
    credentials = Credentials(KubeConfig(SERVER, exec_plugin=asked), clock)
    clock.time = 1_790_002_000.0
    assert [await credentials.authorization() for _ in range(3)] == ["Bearer t1"] * 3
    clock.time += 1_000_000
    assert await credentials.authorization() == "Bearer t2"


async def test_a_plugin_is_told_about_the_cluster_and_its_own_settings(tmp_path: Path) -> None:
    script = "{'status': {'token': os.environ['FLAVOR'] + json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind']}}"
    config = KubeConfig(SERVER, exec_plugin=plugin(tmp_path, script, FLAVOR="sweet"))
    assert await Credentials(config, HandClock()).authorization() == "Bearer sweetExecCredential"


@pytest.mark.parametrize(("script", "told"), [
    ("sys.exit('no login')", "failed with exit code 1: no login"),
    ("[1]", "printed no ExecCredential"),
    ("{'status': 3}", "printed no ExecCredential"),
    ("exec('print(1.0.0)')", "failed with exit code 1"),
])
async def test_a_plugin_that_fails_is_told(tmp_path: Path, script: str, told: str) -> None:
    credentials = Credentials(KubeConfig(SERVER, exec_plugin=plugin(tmp_path, script)), HandClock())
    with pytest.raises(ArgosyError, match=told):
        await credentials.authorization()


async def test_a_plugin_that_is_not_installed_is_told_with_its_hint() -> None:
    missing = ExecPlugin(command="/nowhere/login", install_hint="run: brew install login")
    with pytest.raises(KubeconfigError, match=r"cannot be started.*brew install login"):
        await Credentials(KubeConfig(SERVER, exec_plugin=missing), HandClock()).authorization()


async def test_a_refused_credential_is_renewed_once_and_the_call_repeated(tmp_path: Path) -> None:
    seen: list[str] = []

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        seen.append(request.headers["Authorization"])
        return aiohttp.web.json_response({"items": []}, status=200 if seen[-1] == "Bearer t2" else 401)

    application = aiohttp.web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    asked = plugin(tmp_path, "{'status': {'token': f't{min(asked, 2)}'}}")
    try:
        async with RemoteKube(KubeConfig(f"http://{host}:{port}", exec_plugin=asked)) as remote:
            assert await remote.get_json("/x") == {"items": []}
        async with RemoteKube(KubeConfig(f"http://{host}:{port}", token="old")) as remote:
            with pytest.raises(Unauthorized):
                await remote.get_json("/x")
    finally:
        await runner.cleanup()
    assert seen == ["Bearer t1", "Bearer t2", "Bearer old"]


@pytest.mark.parametrize("part", ["authority", "client_certificate"])
def test_a_broken_certificate_is_told(part: str) -> None:
    with pytest.raises(KubeconfigError, match="cannot be used"):
        Credentials(KubeConfig(SERVER, **{part: "nonsense"}), HandClock()).tls()


async def test_an_unavailable_server_is_unavailable() -> None:
    async with RemoteKube(KubeConfig("https://127.0.0.1:1")) as remote:
        with pytest.raises(Unavailable, match="is `argosy up` running"):
            await remote.get_json("/version")
