"""A real image registry (distribution's own) for as long as a block lasts, and images in it."""

import asyncio
import base64
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from argosy.clock import SystemClock, to_rfc3339
from tests.cluster.binaries import REGISTRY_MODULE, ensure_programs, program
from tests.cluster.certificates import self_signed
from tests.cluster.layout import PATIENCE_SECONDS

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
USER: Final = "builder"
PASSWORD: Final = "hush"
_HTPASSWD: Final = f"{USER}:$2b$04$/KAQnNmF7pmn53zorftdUOr97dKoB6o3sKhxdc3I4.ta5.do.JZkW\n"


def ensure_registry() -> None:
    """Build the registry, unless it is in the cache."""
    if not program("registry").exists() and shutil.which("go") is None and not os.environ.get("CI"):  # noqa: TID251 - CI has Go
        pytest.skip("needs Go to build a registry")
    ensure_programs((REGISTRY_MODULE,))


@asynccontextmanager
async def registry(folder: Path, auth: Mapping[str, Any] | None = None) -> AsyncIterator[str]:
    """The HOST:PORT of a registry that keeps its images in `folder`."""
    config = folder / f"config-{'-'.join(auth or ('open',))}.yaml"
    config.write_text(json.dumps({
        "version": 0.1, "log": {"level": "info"}, "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": "127.0.0.1:0"}, **({"auth": auth} if auth else {})}))
    environment = {"OTEL_TRACES_EXPORTER": "none", "PATH": "/usr/bin:/bin"}
    process = await asyncio.create_subprocess_exec(
        str(program("registry")), "serve", str(config), stderr=asyncio.subprocess.STDOUT, stdout=asyncio.subprocess.PIPE,
        env=environment)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            told = b""
            while (found := re.search(rb"listening on ([\d.:]+)", told)) is None:
                line = await process.stdout.readline()
                assert line, f"the registry ended: {told.decode()}"
                told += line
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(process.stdout.read())  # so that it can go on writing
            yield found.group(1).decode()
            process.terminate()
            await reading
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def password(folder: Path) -> Mapping[str, Any]:
    """Authentication by name and password."""
    (folder / "htpasswd").write_text(_HTPASSWD)
    return {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}


@asynccontextmanager
async def token_server(folder: Path) -> AsyncIterator[tuple[Mapping[str, Any], list[dict[str, Any]]]]:
    """Authentication by tokens that a server of their own gives to the USER: the registry's setting, and what was asked."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed("token-issuer", key)
    (folder / "issuer.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    asked: list[dict[str, Any]] = []

    async def give(request: web.Request) -> web.Response:
        form = dict(await request.post()) if request.method == "POST" else dict(request.query)
        asked.append({"method": request.method, **form})
        login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != login and form.get("refresh_token") != PASSWORD:
            return web.json_response({"errors": [{"code": "UNAUTHORIZED", "message": "who?"}]}, status=401)
        return web.json_response({"token": _token(key, certificate, form["service"], form["scope"])})

    application = web.Application()
    application.router.add_route("*", "/token", give)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        realm = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        yield {"token": {"realm": realm, "service": "images", "issuer": "issuer",
                         "rootcertbundle": str(folder / "issuer.pem")}}, asked
    finally:
        await runner.cleanup()


class Pusher:
    """Puts images into an open registry."""

    def __init__(self, session: aiohttp.ClientSession, host: str, repository: str) -> None:
        self._session = session
        self._base = f"http://{host}/v2/{repository}"

    async def image(self, config: Mapping[str, Any] | None, *, layers: tuple[bytes, ...] = (), tag: str = "") -> str:
        """The digest of an image whose config says `config`."""
        described = [await self._blob(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers]
        whole = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {
            "type": "layers", "diff_ids": [layer["digest"] for layer in described]}}
        return await self._manifest(MANIFEST, {
            "config": await self._blob(json.dumps(whole).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": described}, tag)

    async def index(self, *entries: tuple[str, str, str], tag: str) -> str:
        """The digest of an index of (digest, os, architecture)."""
        return await self._manifest(INDEX, {"manifests": [
            {"mediaType": MANIFEST, "digest": digest, "size": await self._size(digest),
             "platform": {"os": system, "architecture": machine}} for digest, system, machine in entries]}, tag)

    async def _manifest(self, media_type: str, tree: Mapping[str, Any], tag: str) -> str:
        data = json.dumps({"schemaVersion": 2, "mediaType": media_type, **tree}).encode()
        digest = _digest(data)
        async with self._session.put(f"{self._base}/manifests/{tag or digest}", data=data,
                                     headers={"Content-Type": media_type}) as response:
            assert response.status == 201, await response.text()
        return digest

    async def _size(self, digest: str) -> int:
        async with self._session.get(f"{self._base}/manifests/{digest}", headers={"Accept": MANIFEST}) as response:
            return len(await response.read())

    async def _blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = _digest(data)
        async with self._session.post(f"{self._base}/blobs/uploads/") as response:
            place = response.headers["Location"]
        async with self._session.put(f"{place}&digest={digest}", data=io.BytesIO(data)) as response:
            assert response.status == 201, await response.text()
        return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _token(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, service: str, scope: str) -> str:
    """A signed token that allows what was asked for."""
    kind, name, actions = scope.split(":")
    now = int(SystemClock().now())
    chain = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    head = {"typ": "JWT", "alg": "ES256", "x5c": [chain]}
    body = {"iss": "issuer", "sub": USER, "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now,
            "jti": to_rfc3339(now), "access": [{"type": kind, "name": name, "actions": actions.split(",")}]}
    signed = f"{_url64(json.dumps(head).encode())}.{_url64(json.dumps(body).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_url64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
