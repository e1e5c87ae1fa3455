"""The Authorization header and the client certificate of a KubeConfig, renewed when they run out.

A token, a password or a certificate that stands in the kubeconfig is used as it is; whatever can change is asked of
kubernetes-asyncio (`authenticators`), which is imported only then.
"""

import asyncio
import base64
import logging
import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from argosy.clock import Clock
from argosy.errors import Unavailable
from argosy.kube.kubeconfig import ExecPlugin, KubeConfig, KubeconfigError, remember_tokens

if TYPE_CHECKING:
    from argosy.kube.authenticators import Credential

_log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS: Final = 60.0  # a pod's token is rotated in place, an OpenID Connect token runs out
_EARLY_SECONDS: Final = 30.0


class Credentials:
    """Shows who we are. An exec plugin is asked once, and again when its credential runs out or is refused."""

    def __init__(self, config: KubeConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._lock = asyncio.Lock()
        self._header = ""
        self._good_until = -1.0
        self._oidc = config.oidc
        self.client_certificate = config.client_certificate
        self.client_key = config.client_key

    @property
    def renewable(self) -> bool:
        """Whether asking again can give another credential."""
        config = self._config
        return config.exec_plugin is not None or config.token_file is not None or bool(config.oidc)

    def forget(self) -> None:
        """The server refused it: ask again next time."""
        self._good_until = -1.0

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
        self.client_certificate = found.certificate or self._config.client_certificate
        self.client_key = found.key or self._config.client_key
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
        """How the server is verified, and our client certificate if there is one. Raises KubeconfigError."""
        config = self._config
        try:
            context = ssl.create_default_context(cadata=config.authority or None)
        except ssl.SSLError as error:
            raise KubeconfigError(f"{config.source}: the certificate authority cannot be used: {error}") from error
        if config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            _load_pair(context, self.client_certificate, self.client_key)
        return context


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


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL takes certificates from files only; mkstemp's are ours alone, and gone at once."""
    handle, name = tempfile.mkstemp(prefix="argosy-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{key}\n{certificate}")
        context.load_cert_chain(name)
    except ssl.SSLError as error:
        raise KubeconfigError(f"the client certificate or its key cannot be used: {error}") from error
    finally:
        Path(name).unlink()
