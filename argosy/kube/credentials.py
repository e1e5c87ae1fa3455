"""The Authorization header and the client certificate of a KubeConfig, renewed when they run out.

A token, a password or a certificate that stands in the kubeconfig is used as it is, a certificate's files are read again
when they change; whatever else can change is asked of kubernetes-asyncio (`authenticators`), which is imported only then.
"""

import asyncio
import base64
import logging
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from argosy.clock import Clock
from argosy.errors import Unavailable
from argosy.kube.kubeconfig import ExecPlugin, KubeConfig, KubeconfigError, remember_tokens
from argosy.kube.trust import trusting

if TYPE_CHECKING:
    from argosy.kube.authenticators import Credential

_log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS: Final = 60.0  # a pod's token is rotated in place, an OpenID Connect token runs out
_EARLY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: its Authorization header, and the TLS settings with our certificate."""

    header: str = field(repr=False)
    tls: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class _Pair:
    """A client certificate and its key, as PEM; empty where there is none."""

    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


class Credentials:
    """Shows who we are. An exec plugin is asked once, and again when its credential runs out or is refused."""

    def __init__(self, config: KubeConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._lock = asyncio.Lock()
        self._header = ""
        self._good_until = -1.0
        self._oidc = config.oidc
        self._own = _Pair(config.client_certificate, config.client_key)
        self._own_stamp: tuple[tuple[int, ...], ...] | None = None  # of the files, as they were when they were read
        self._given: _Pair | None = None  # by the plugin
        self._tls: tuple[_Pair, ssl.SSLContext] | None = None
        self._were_usable = False

    @property
    def client_certificate(self) -> str:
        """The certificate that is shown now, as PEM; "" for none."""
        return self._pair.certificate

    @property
    def client_key(self) -> str:
        """Its key."""
        return self._pair.key

    @property
    def _pair(self) -> _Pair:
        return self._given or self._own

    async def shown(self) -> Shown:
        """What to show now. Raises Unavailable, and KubeconfigError where that has never worked.

        What has worked once will again: a plugin is being replaced, somebody has to log in anew. Until then callers wait.
        """
        try:
            self._look_at_files()
            header = await self.authorization()
            shown = Shown(header, self.tls())
        except KubeconfigError as error:
            if not self._were_usable:
                raise
            raise Unavailable(str(error)) from error
        self._were_usable = True
        return shown

    async def renewed(self, refused: Shown) -> bool:
        """The server has refused this: ask for another credential. Whether there is one. Raises as `shown` does."""
        config = self._config
        if await self.shown() == refused and (config.exec_plugin is not None or config.token_file is not None or config.oidc):
            self._good_until = -1.0
        return await self.shown() != refused

    async def authorization(self) -> str:
        """The value of the Authorization header, "" for none. Raises KubeconfigError, Unavailable."""
        if self._clock.now() < self._good_until:
            return self._header
        async with self._lock:
            if self._clock.now() >= self._good_until:
                self._header, self._good_until = await self._fresh()
            return self._header

    async def _fresh(self) -> tuple[str, float]:
        config = self._config
        if config.exec_plugin is not None:
            return await self._ask_plugin(config.exec_plugin)
        if config.oidc:
            return await self._ask_issuer()
        if config.token_file is not None:
            found = await self._ask({"tokenFile": str(config.token_file)}, f"{config.token_file}:", wrong="holds no token")
            if not found.header:
                raise KubeconfigError(f"{config.token_file}: is empty; it must hold a token")
            return found.header, self._clock.now() + _LOOK_AGAIN_SECONDS
        if config.token:
            return f"Bearer {config.token}", float("inf")
        if config.username:
            pair = base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
            return f"Basic {pair}", float("inf")
        return "", float("inf")

    async def _ask_plugin(self, plugin: ExecPlugin) -> tuple[str, float]:
        who = f"the credential plugin {plugin.command!r}"
        found = await self._ask({"exec": _entry(plugin, self._config)}, who, wrong="printed no ExecCredential",
                                broken="cannot be started", hint=plugin.install_hint)
        if not found.header and not found.certificate:
            raise KubeconfigError(f"{who} printed an ExecCredential without status.token or status.clientCertificateData")
        self._given = _Pair(found.certificate, found.key) if found.certificate else None
        return found.header, float("inf") if found.ends is None else found.ends - _EARLY_SECONDS

    async def _ask_issuer(self) -> tuple[str, float]:
        entry = {"auth-provider": {"name": "oidc", "config": dict(self._oidc)}}
        found = await self._ask(entry, f"{self._config.source}: auth-provider oidc", wrong="gives no token")
        if found.oidc:
            self._oidc = found.oidc
            try:
                # An issuer may take back the refresh token that it has replaced: kubectl needs the new one too.
                remember_tokens(self._config, found.oidc)
            except (OSError, KubeconfigError) as error:
                _log.warning("renewed tokens are not kept", extra={"file": str(self._config.user_file), "error": str(error)})
        return found.header, self._clock.now() + _LOOK_AGAIN_SECONDS

    async def _ask(
        self, user: Mapping[str, Any], who: str, *, wrong: str, broken: str = "cannot be read", hint: str = "",
    ) -> "Credential":
        from argosy.kube.authenticators import Refused, credential_of

        try:
            return await credential_of(self._config.server, user)
        except Refused as error:
            raise KubeconfigError(f"{who} {wrong}: {error}") from error
        except Unavailable as error:
            raise Unavailable(f"{who} {error}") from error
        except OSError as error:
            raise KubeconfigError(f"{who} {broken}: {error.strerror or error}" + (f"; {hint}" if hint else "")) from error

    def tls(self) -> ssl.SSLContext:
        """How the server is verified, and our client certificate if there is one. Raises KubeconfigError.

        It stays the same object for as long as nothing changes, so that connections are used again.
        """
        if self._tls is None or self._tls[0] != self._pair:
            self._tls = self._pair, self._new_tls()
        return self._tls[1]

    def _new_tls(self) -> ssl.SSLContext:
        config = self._config
        try:
            context = trusting(config.authority)
        except ssl.SSLError as error:
            raise KubeconfigError(f"{config.source}: the certificate authority cannot be used: {error}") from error
        if config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            _load_pair(context, self._pair)
        return context

    def _look_at_files(self) -> None:
        """Take our certificate's files anew where they have changed.

        Two files cannot be replaced at once: while they do not fit together, or one is not there, the old ones count.
        """
        files = [file for file in (self._config.client_certificate_file, self._config.client_key_file) if file is not None]
        if not files:
            return
        try:
            stamp = tuple((found.st_mtime_ns, found.st_ino, found.st_size) for found in (file.stat() for file in files))
            if stamp == self._own_stamp:
                return
            pair = _Pair(_newest(self._config.client_certificate_file, self._own.certificate),
                         _newest(self._config.client_key_file, self._own.key))
            _load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), pair)
        except (OSError, ValueError, KubeconfigError):
            return  # it is looked at again with the next call
        self._own, self._own_stamp = pair, stamp


def _newest(file: Path | None, before: str) -> str:
    return before if file is None else file.read_text()


def _entry(plugin: ExecPlugin, config: KubeConfig) -> dict[str, Any]:
    """The plugin as kubernetes-asyncio takes it, which has no way of its own to tell a plugin about the cluster."""
    command, args = plugin.command, list(plugin.args)
    if plugin.provide_cluster_info:
        info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False, "cluster": {
            "server": config.server, "insecure-skip-tls-verify": config.insecure,
            "certificate-authority-data": base64.b64encode(config.authority.encode()).decode(),
            **({"tls-server-name": config.tls_server_name} if config.tls_server_name else {}),
            **({"proxy-url": config.proxy_url} if config.proxy_url else {}),
            **({"config": plugin.config} if plugin.config is not None else {})}}}
        command, args = "env", [f"KUBERNETES_EXEC_INFO={orjson.dumps(info).decode()}", command, *args]
    return {"apiVersion": plugin.api_version, "command": command, "args": args,
            "env": [{"name": name, "value": value} for name, value in plugin.env.items()]}


def _load_pair(context: ssl.SSLContext, pair: _Pair) -> None:
    """OpenSSL takes certificates from files only; mkstemp's are ours alone, and gone at once."""
    handle, name = tempfile.mkstemp(prefix="argosy-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{pair.key}\n{pair.certificate}")
        context.load_cert_chain(name)
    except ssl.SSLError as error:
        raise KubeconfigError(f"the client certificate or its key cannot be used: {error}") from error
    finally:
        Path(name).unlink()
