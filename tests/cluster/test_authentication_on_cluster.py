"""Every way to show a real API server who we are: it tells us whom it took us for."""

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.clock import SystemClock
from argosy.kube.answers import Unauthorized
from argosy.kube.contract import Kube
from argosy.kube.kubeconfig import KubeConfig, load_kubeconfig, read_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import SERVICE_ACCOUNTS
from tests.cluster import objects
from tests.cluster.certificates import client_pair

_CREDENTIAL = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}


class LeapingClock(SystemClock):
    """The real time, and leaps that the test makes."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@pytest.fixture
async def tokens(kube: Kube, namespace: str) -> tuple[str, str]:
    """Tokens of the service accounts `first` and `second`."""
    for name in ("first", "second"):
        await kube.create(SERVICE_ACCOUNTS, {"metadata": {"name": name}}, namespace=namespace)
    first, second = (objects.kube("create", "token", name, f"--namespace={namespace}").strip() for name in ("first", "second"))
    return first, second


def kubeconfig(folder: Path, config: KubeConfig, user: Mapping[str, Any]) -> KubeConfig:
    """What is read from a kubeconfig for the test cluster with this user."""
    file = folder / "config"
    authority = base64.b64encode(config.authority.encode()).decode()
    file.write_text(yaml.safe_dump({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": config.server, "certificate-authority-data": authority}}],
        "users": [{"name": "u", "user": dict(user)}]}))
    return read_kubeconfig([file])


def plugin(folder: Path, *statuses: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig's user whose plugin gives these credentials, one after the other."""
    script = folder / "login.py"
    left = folder / "left.json"
    left.write_text(json.dumps(statuses))
    script.write_text(f"import json, pathlib\nleft = pathlib.Path({str(left)!r})\nfirst, *rest = json.loads(left.read_text())\n"
                      f"left.write_text(json.dumps(rest))\nprint(json.dumps({{**{_CREDENTIAL!r}, 'status': first}}))\n")
    return {"exec": {"apiVersion": _CREDENTIAL["apiVersion"], "command": sys.executable, "args": [str(script)]}}


async def who(remote: RemoteKube) -> str:
    """Whom the API server takes us for."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = await remote.post_json("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return str(answer["status"]["userInfo"]["username"]).rpartition(":")[2]


class TestPlugins:
    async def test_its_token_is_taken(self, config: KubeConfig, tmp_path: Path, tokens: tuple[str, str]) -> None:
        async with RemoteKube(kubeconfig(tmp_path, config, plugin(tmp_path, {"token": tokens[0]}))) as remote:
            assert [await who(remote) for _ in range(3)] == ["first"] * 3

    async def test_a_token_that_runs_out_is_renewed_before(
            self, config: KubeConfig, tmp_path: Path, tokens: tuple[str, str]) -> None:
        clock = LeapingClock()
        user = plugin(tmp_path, {"token": tokens[0], "expirationTimestamp": "2100-01-01T00:00:00Z"}, {"token": tokens[1]})
        async with RemoteKube(kubeconfig(tmp_path, config, user), clock=clock) as remote:
            assert await who(remote) == "first"
            clock.ahead = 100 * 366 * 86400.0
            assert await who(remote) == "second"

    async def test_a_token_that_the_server_refuses_is_renewed_once(
            self, config: KubeConfig, tmp_path: Path, tokens: tuple[str, str]) -> None:
        user = plugin(tmp_path, {"token": "stale"}, {"token": tokens[1]})
        async with RemoteKube(kubeconfig(tmp_path, config, user)) as remote:
            assert await who(remote) == "second"
        async with RemoteKube(kubeconfig(tmp_path, config, plugin(tmp_path, *[{"token": "stale"}] * 2))) as remote:
            with pytest.raises(Unauthorized):
                await who(remote)

    async def test_its_certificate_is_taken_and_a_new_one_when_that_is_refused(
            self, config: KubeConfig, tmp_path: Path) -> None:
        anna, forged, berta = (dict(zip(("clientCertificateData", "clientKeyData"), pair, strict=True)) for pair in (
            client_pair("anna"), client_pair("nobody", forged=True), client_pair("berta")))
        async with RemoteKube(kubeconfig(tmp_path, config, plugin(tmp_path, anna))) as remote:
            assert [await who(remote) for _ in range(2)] == ["anna"] * 2
        async with RemoteKube(kubeconfig(tmp_path, config, plugin(tmp_path, forged, berta))) as remote:
            assert [await who(remote) for _ in range(2)] == ["berta"] * 2


class TestCertificates:
    async def test_a_client_certificate_is_taken(self, config: KubeConfig, tmp_path: Path) -> None:
        certificate, key = client_pair("carla")
        (tmp_path / "me.crt").write_text(certificate)
        user = {"client-certificate": "me.crt", "client-key-data": base64.b64encode(key.encode()).decode()}
        async with RemoteKube(kubeconfig(tmp_path, config, user)) as remote:
            assert await who(remote) == "carla"


class TestTokenFiles:
    async def test_a_token_that_is_exchanged_in_its_file_is_read_again(
            self, config: KubeConfig, tmp_path: Path, tokens: tuple[str, str]) -> None:
        clock, file = LeapingClock(), tmp_path / "token"
        file.write_text(f"{tokens[0]}\n")
        async with RemoteKube(kubeconfig(tmp_path, config, {"tokenFile": "token"}), clock=clock) as remote:
            assert await who(remote) == "first"
            file.write_text(tokens[1])
            assert await who(remote) == "first"
            clock.ahead = 61
            assert await who(remote) == "second"

    async def test_a_pods_service_account_is_taken_and_its_exchanged_token_too(
            self, config: KubeConfig, namespace: str, tmp_path: Path, tokens: tuple[str, str]) -> None:
        for name, text in (("token", tokens[0]), ("ca.crt", config.authority), ("namespace", namespace)):
            (tmp_path / name).write_text(text)
        inside = load_kubeconfig(in_cluster_server=config.server, service_account_folder=tmp_path)
        assert inside.namespace == namespace
        async with RemoteKube(inside) as remote:
            assert await who(remote) == "first"
            (tmp_path / "token").write_text("stale")
        async with RemoteKube(inside) as remote:
            with pytest.raises(Unauthorized):
                await who(remote)
            (tmp_path / "token").write_text(tokens[1])
            assert await who(remote) == "second"
