"""The API runs commands on the user's machine: who may reach it, and what it leaves on the disk."""

import ssl
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from argosy.clock import SystemClock
from argosy.embedded.api import ApiFace, tls
from argosy.errors import ArgosyError
from argosy.kube.answers import Unauthorized
from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import PODS
from tests.support.faces import config_in, reached, served, stored

DAY = 86400.0
NOW = 1_790_000_000.0


@pytest.fixture
async def face(tmp_path: Path) -> AsyncIterator[ApiFace]:
    async with stored() as kube, served(kube, tmp_path) as face:
        yield face


async def status_of(face: ApiFace, *, path: str = "/api/v1/pods", **headers: str) -> int:
    sent = {"Authorization": f"Bearer {face.token}", **headers}
    async with aiohttp.ClientSession() as session, session.get(
            face.url + path, headers={key: value for key, value in sent.items() if value}, ssl=False) as response:
        body = await response.json(content_type=None) if response.status >= 400 else {}
        assert response.status < 400 or (body["kind"], body["code"]) == ("Status", response.status)
        return response.status


async def test_a_caller_with_the_token_is_answered(face: ApiFace) -> None:
    assert await status_of(face) == 200


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer täken"])
async def test_a_caller_without_the_token_is_refused(face: ApiFace, shown: str) -> None:
    assert await status_of(face, Authorization=shown) == 401


async def test_health_needs_no_token(face: ApiFace) -> None:
    assert await status_of(face, path="/readyz", Authorization="") == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "10.0.0.1", "localhost.evil.example", "[", "::"])
async def test_a_name_that_was_rebound_to_this_machine_is_refused(face: ApiFace, host: str) -> None:
    assert await status_of(face, Host=host) == 403
    assert await status_of(face, path="/readyz", Host=host) == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8443"])
async def test_every_name_of_this_machine_is_accepted(face: ApiFace, host: str) -> None:
    assert await status_of(face, Host=host) == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null"])
async def test_a_web_page_of_another_origin_is_refused(face: ApiFace, origin: str) -> None:
    assert await status_of(face, Origin=origin) == 403


async def test_a_web_page_of_its_own_is_accepted(face: ApiFace) -> None:
    assert await status_of(face, Origin=face.url) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.2"])
def test_it_listens_on_loopback_only(host: str, tmp_path: Path) -> None:
    with pytest.raises(ArgosyError, match=r"use 127\.0\.0\.1"):
        ApiFace(kube=None, folder=tmp_path, clock=SystemClock(), host=host)  # type: ignore[arg-type] # never reached


async def test_secrets_on_disk_are_for_their_owner_only(face: ApiFace, tmp_path: Path) -> None:
    files = [tmp_path / "kubeconfig", *(tmp_path / "api").iterdir()]
    assert {file.name for file in files} == {"kubeconfig", "token", "ca.pem", "server.pem"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "api").stat().st_mode) == 0o700


async def test_the_kubeconfig_of_yesterday_works_after_a_restart(tmp_path: Path) -> None:
    async with stored() as kube:
        async with served(kube, tmp_path) as first:
            config, port = config_in(tmp_path), int(first.url.rpartition(":")[2])
        async with served(kube, tmp_path, port=port), RemoteKube(config) as remote:
            assert (await remote.list(PODS)).items == []


async def test_a_client_that_trusts_another_authority_is_told_so(face: ApiFace, tmp_path: Path) -> None:
    other = tls.identity(tmp_path / "other", now=SystemClock().now())
    config = KubeConfig(server=face.url, authority=other.authority, token=face.token, source="other.yaml")
    async with RemoteKube(config) as remote:
        with pytest.raises(ArgosyError, match=r"not signed by the authority in other\.yaml"):
            await remote.list(PODS)


async def test_the_certificate_passes_the_strict_checks_of_newer_pythons(face: ApiFace) -> None:
    context = ssl.create_default_context(cadata=face.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in ("127.0.0.1", "localhost"):
        address = face.url.replace("127.0.0.1", host)
        async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz", ssl=context) as response:
            assert await response.text() == "ok"


async def test_a_client_with_a_wrong_token_is_told_so(face: ApiFace, tmp_path: Path) -> None:
    config = KubeConfig(server=face.url, authority=face.authority, token="wrong")
    async with RemoteKube(config) as remote:
        with pytest.raises(Unauthorized, match="does not accept the credentials of the token"):
            await remote.list(PODS)


async def test_a_client_may_skip_the_verification(face: ApiFace) -> None:
    async with RemoteKube(KubeConfig(server=face.url, insecure=True, token=face.token)) as remote:
        assert (await remote.list(PODS)).items == []


async def test_the_token_is_never_shown(face: ApiFace, tmp_path: Path) -> None:
    async with reached(tmp_path) as remote:
        assert face.token not in repr(remote.config)


def test_certificates_are_kept(tmp_path: Path) -> None:
    first = tls.identity(tmp_path, now=NOW)
    before = first.server_file.read_text()
    assert tls.identity(tmp_path, now=NOW + 300 * DAY) == first
    assert first.server_file.read_text() == before


def test_a_certificate_that_ends_soon_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    first = tls.identity(tmp_path, now=NOW)
    before = first.server_file.read_text()
    assert tls.identity(tmp_path, now=NOW + 340 * DAY).authority == first.authority
    assert first.server_file.read_text() != before


def test_an_authority_that_a_server_certificate_could_outlive_is_renewed(tmp_path: Path) -> None:
    first = tls.identity(tmp_path, now=NOW)
    assert tls.identity(tmp_path, now=NOW + 3300 * DAY).authority != first.authority


@pytest.mark.parametrize("name", ["ca.pem", "server.pem"])
@pytest.mark.parametrize("damage", ["", "# renew after 2099-01-01T00:00:00Z\n", "cut", "\0\1\xff"])
def test_damaged_certificates_are_made_again(tmp_path: Path, name: str, damage: str) -> None:
    tls.identity(tmp_path, now=NOW)
    file = tmp_path / name
    file.write_text(file.read_text()[:300] if damage == "cut" else damage)
    made = tls.identity(tmp_path, now=NOW)
    assert isinstance(made.context(), ssl.SSLContext)
    assert made == tls.identity(tmp_path, now=NOW)


def test_a_certificate_of_another_authority_is_made_again(tmp_path: Path) -> None:
    tls.identity(tmp_path, now=NOW)
    (tmp_path / "ca.pem").unlink()
    before = (tmp_path / "server.pem").read_text()
    tls.identity(tmp_path, now=NOW)
    assert (tmp_path / "server.pem").read_text() != before
