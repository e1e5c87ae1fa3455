"""Reads how an image starts from its registry: its manifest, of an image for several machines Linux's, then its config.

The OCI distribution API over HTTPS: a registry that wants to know who asks says so in a challenge, which is answered
with the login (Basic), or with a token that its token server gives for the login (Bearer).
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import orjson

from argosy.errors import ArgosyError, Unavailable
from controller.images.logins import Login
from controller.images.references import DIGEST, Reference
from controller.pods.mounting import ImageCommand

_INDEXES: Final = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS: Final = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_MOST_BYTES: Final = 8 * 1024 * 1024  # a manifest has at most 4 MiB; a config with a long history has less than 1
_PATIENCE: Final = aiohttp.ClientTimeout(total=15, sock_connect=5)
_PARAMETER: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ARCHITECTURE: Final = "amd64"


class Refused(ArgosyError):
    """The registry does not tell; asking again will not help. The text is the reason."""


class Denied(Refused):
    """The registry wants somebody else to ask."""


class Registry:
    """One registry, asked about one image with one login (None: by nobody in particular)."""

    def __init__(self, session: aiohttp.ClientSession, reference: Reference, *, login: Login | None, plain: bool) -> None:
        self._session = session
        self._reference = reference
        self._login = login
        self._scheme = "http" if plain else "https"
        self._authorization = f"Bearer {login.registry_token}" if login is not None and login.registry_token else ""

    async def command(self) -> ImageCommand:
        """ENTRYPOINT and CMD of the image. Raises Refused, Denied, Unavailable."""
        manifest = await self._manifest(self._reference.version)
        if isinstance(manifest.get("manifests"), list):
            manifest = await self._manifest(_for_linux(manifest["manifests"]))
        config = manifest.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str):
            raise Refused("its manifest has no config: it was made before 2017, or it is no image")
        image = _tree(await self._read(f"blobs/{digest}", digest=digest))
        settings = image.get("config")
        settings = settings if isinstance(settings, dict) else {}
        return ImageCommand(entrypoint=_words(settings.get("Entrypoint")), command=_words(settings.get("Cmd")))

    async def _manifest(self, version: str) -> Mapping[str, Any]:
        digest = version if ":" in version else ""
        return _tree(await self._read(f"manifests/{version}", digest=digest, accept=", ".join((*_INDEXES, *_MANIFESTS))))

    async def _read(self, path: str, *, digest: str, accept: str = "*/*") -> bytes:
        if digest and not DIGEST.fullmatch(digest):
            raise Refused(f"it names its content {digest[:80]!r}, which is no digest")
        url = f"{self._scheme}://{self._reference.host}/v2/{self._reference.repository}/{path}"
        for attempt in (1, 2):
            headers = {"Accept": accept, **({"Authorization": self._authorization} if self._authorization else {})}
            async with self._session.get(url, headers=headers, timeout=_PATIENCE) as response:
                if response.status == 401 and attempt == 1:
                    await self._answer(response.headers.getall("WWW-Authenticate", []))
                    continue
                data = await _whole(response)
                _check(response, data)
            if digest and not _is(digest, data):
                raise Refused(f"{digest} is not what the registry sent under that name")
            return data
        raise AssertionError("the second answer is checked or returned")

    async def _answer(self, challenges: list[str]) -> None:
        """Show who we are, in the way that the registry asks for."""
        for challenge in challenges:
            kind, _, rest = challenge.partition(" ")
            if kind.lower() == "bearer":
                self._authorization = f"Bearer {await self._token(dict(_PARAMETER.findall(rest)))}"
                return
            if kind.lower() == "basic" and self._login is not None:
                self._authorization = aiohttp.encode_basic_auth(self._login.username, self._login.password)
                return
        raise Denied("it wants a login")

    async def _token(self, challenge: Mapping[str, str]) -> str:
        realm = challenge.get("realm", "")
        if not realm.startswith("https://") and not (self._scheme == "http" and realm.startswith("http://")):
            raise Refused(f"it sends us to {realm!r} for a token, which is no https address")
        query = {"service": challenge.get("service", ""),
                 "scope": challenge.get("scope") or f"repository:{self._reference.repository}:pull"}
        login = self._login
        if login is not None and login.identity_token:
            form = {**query, "grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": "argosy"}
            asking = self._session.post(realm, data=form, timeout=_PATIENCE)
        else:
            headers = {} if login is None else {"Authorization": aiohttp.encode_basic_auth(login.username, login.password)}
            asking = self._session.get(realm, params=query, headers=headers, timeout=_PATIENCE)
        async with asking as response:
            data = await _whole(response)
            _check(response, data)
        tree = _tree(data)
        token = tree.get("token") or tree.get("access_token")
        if not isinstance(token, str) or not token.isprintable():
            raise Refused(f"{realm} gave no token")
        return token


def _for_linux(manifests: list[Any]) -> str:
    """The digest of an image for Linux; how it starts is the same on all machines, so the usual one will do."""
    found: dict[str, str] = {}
    for entry in manifests:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        if isinstance(platform, dict) and platform.get("os") == "linux" and isinstance(entry.get("digest"), str):
            found.setdefault(str(platform.get("architecture")), entry["digest"])
    if not found:
        raise Refused("it is no image for Linux")
    return found.get(_ARCHITECTURE) or next(iter(found.values()))


def _check(response: aiohttp.ClientResponse, data: bytes) -> None:
    if response.status < 300:
        return
    told = _code(data)
    if response.status == 429 or response.status >= 500:
        wait = response.headers.get("Retry-After", "")
        raise Unavailable(f"it answered {response.status}{told}", retry_after_seconds=float(wait) if wait.isdigit() else None)
    if response.status in (401, 403):
        raise Denied(f"it does not let us read it ({response.status}{told})")
    raise Refused("it does not have it" if response.status == 404 else f"it answered {response.status}{told}")


def _code(data: bytes) -> str:
    """The registry's own name of the error. No more of the answer is told: an image may name any server at all."""
    try:
        code = orjson.loads(data)["errors"][0]["code"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return ""
    return f" {code}" if isinstance(code, str) and re.fullmatch("[A-Z_]{3,40}", code) else ""


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in response.content.iter_chunked(65536):
        data += piece
        if len(data) > _MOST_BYTES:
            raise Refused(f"it sent more than {_MOST_BYTES // 1024 // 1024} MiB where a manifest or config was asked for")
    return bytes(data)


def _is(digest: str, data: bytes) -> bool:
    algorithm, _, expected = digest.partition(":")
    return algorithm in ("sha256", "sha512") and hashlib.new(algorithm, data).hexdigest() == expected


def _tree(data: bytes) -> Mapping[str, Any]:
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError:
        tree = None
    if not isinstance(tree, dict):
        raise Refused("it answered something else than a registry does")
    return tree


def _words(value: Any) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list) else ()
