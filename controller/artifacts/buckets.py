"""A bucket of S3, or of what speaks its language: read from its YAML and secrets, asked, and signed for.

Requests are signed here, so that a pod gets URLs and no credentials. This module alone imports obstore.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from argosy.errors import SpecError, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Store

EXPIRES_SECONDS = 7 * 24 * 3600  # the most that this kind of signature allows: a pod may wait long before it starts
_METADATA_SERVER = "169.254.169.254"  # where a machine of Amazon's learns which role it has
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")

Tree = Mapping[str, Any]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair, with the token that temporary ones have."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a bucket is and who asks; without `credentials`, whoever this machine is (an instance's or pod's own role)."""

    name: str
    endpoint: str  # with its scheme; "" for Amazon's own
    region: str
    virtual_host: bool
    credentials: Credentials | None
    authorities: str = ""  # certificates (PEM) that its own is signed by

    @property
    def base_url(self) -> str:
        """The URL below which the keys lie."""
        if self.virtual_host:
            return self.endpoint or f"https://{self.name}.s3.{self.region}.amazonaws.com"
        return f"{self.endpoint or f'https://s3.{self.region}.amazonaws.com'}/{self.name}"


def is_amazon(endpoint: str) -> bool:
    """Whether this is Amazon's own S3: its buckets have names of their own and know their regions."""
    return not endpoint or endpoint.partition(":")[0].endswith(_AMAZON)


def read_bucket(place: Tree, *, where: str, region: str, credentials: Credentials | None, authorities: str) -> Bucket:
    """The bucket that an `s3` location names. Raises SpecError."""
    name = str(place["bucket"])
    host = str(place.get("endpoint") or "").rstrip("/")
    if "://" in host or "/" in host:
        raise SpecError(f"{where}.s3.endpoint", f"is '{host}'; write host and port alone, such as minio:9000, and "
                        "`insecure: true` for one without TLS")
    scheme = "http" if place.get("insecure") else "https"
    style = str(place.get("addressingStyle") or "")
    virtual = style.startswith("virtual") or (style != "path" and is_amazon(host) and "." not in name)
    endpoint = f"{scheme}://{f'{name}.' if virtual else ''}{host}" if host and host != "s3.amazonaws.com" else ""
    return Bucket(name, endpoint, region, virtual, credentials, authorities)


def check_key(key: str, where: str) -> str:
    """The key itself. Raises SpecError for one that stores and proxies would read in different ways."""
    if any(part in ("", ".", "..") for part in key.split("/")) or not key.isprintable():
        raise SpecError(where, f"has the key '{key}'; write names separated by single slashes, without '.' and '..'")
    return key


class Store:
    """Asks one bucket.

    The library's calls that block are used, in threads: its asynchronous ones may abort a program that ends soon after one.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._store = _open(bucket)

    async def sign(self, method: Literal["GET", "PUT"], key: str) -> str:
        """A URL with which anybody may do this for a while. Raises Unavailable where the credentials cannot be had."""
        from obstore import sign

        return await self._ask(lambda: sign(self._store, method, key, timedelta(seconds=EXPIRES_SECONDS)))

    async def keys_below(self, folder: str, *, most: int) -> list[str]:
        """The keys of the first objects in this folder; none where it may not be looked into. Raises Unavailable."""
        def look() -> list[str]:
            items = (item["path"] for page in self._store.list(folder) for item in page)
            return list(islice(items, most))

        try:
            return await self._ask(look)
        except PermissionError:
            return []

    async def holds(self, key: str) -> bool:
        """Whether there is an object of exactly this key that may be read. Raises Unavailable."""
        try:
            await self._ask(lambda: self._store.head(key))
        except (FileNotFoundError, PermissionError):
            return False
        return True

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The object's bytes, in pieces. Raises Unavailable, FileNotFoundError, PermissionError."""
        pieces = await self._ask(lambda: iter(self._store.get(key).stream()))
        while (piece := await self._ask(lambda: next(pieces, None))) is not None:
            yield bytes(piece)

    async def delete(self, key: str) -> None:
        """Forget this object; one that is not there is success. Raises Unavailable, PermissionError."""
        with suppress(FileNotFoundError):
            await self._ask(lambda: self._store.delete(key))

    async def _ask(self, call: Callable[[], Answer]) -> Answer:
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            return await asyncio.to_thread(call)
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise PermissionError(f"bucket {self.bucket.name} refuses it: {_in_one_line(error)}") from error
        except BaseError as error:
            why = _in_one_line(error)
            if self.bucket.credentials is None and _METADATA_SERVER in why:
                why = f"this machine has no credentials for it, neither in its environment nor as a role ({why})"
            raise Unavailable(f"bucket {self.bucket.name} cannot be asked: {why}") from error


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).partition("\n\nDebug source:")[0].split())


def _open(bucket: Bucket) -> "S3Store":
    from obstore.store import S3Store

    options: ClientConfig = {"allow_http": True, "timeout": "30s", "connect_timeout": "10s"}
    if bucket.authorities:
        options["root_certificate"] = bucket.authorities
    given: dict[str, Any] = {"endpoint": bucket.endpoint} if bucket.endpoint else {}
    credentials = bucket.credentials
    if credentials is not None:
        # Handed over through a callback: beside keys given plainly, a token from the environment would be taken as theirs.
        given["credential_provider"] = lambda: {
            "access_key_id": credentials.access_key, "secret_access_key": credentials.secret_key,
            "token": credentials.session_token or None, "expires_at": None}
    return S3Store(bucket.name, region=bucket.region, virtual_hosted_style_request=bucket.virtual_host,
                   client_options=options, retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)}, **given)
