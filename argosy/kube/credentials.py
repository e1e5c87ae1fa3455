"""The Authorization header and the client certificate of a KubeConfig, renewed when they run out."""

import asyncio
import base64
import os
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from argosy.clock import Clock, from_rfc3339
from argosy.errors import Unavailable
from argosy.kube.kubeconfig import ExecPlugin, KubeConfig, KubeconfigError

_TOKEN_FILE_SECONDS: Final = 60.0  # a pod's token is rotated in place
_EARLY_SECONDS: Final = 30.0
_PLUGIN_SECONDS: Final = 60.0


class Credentials:
    """Shows who we are. An exec plugin is asked once, and again when its credential runs out or is refused."""

    def __init__(self, config: KubeConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._lock = asyncio.Lock()
        self._header = ""
        self._good_until = -1.0
        self.client_certificate = config.client_certificate
        self.client_key = config.client_key

    @property
    def renewable(self) -> bool:
        """Whether asking again can give another credential."""
        return self._config.exec_plugin is not None or self._config.token_file is not None

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
        if config.token:
            return f"Bearer {config.token}", float("inf")
        if config.token_file is not None:
            try:
                return f"Bearer {config.token_file.read_text().strip()}", self._clock.now() + _TOKEN_FILE_SECONDS
            except OSError as error:
                raise KubeconfigError(f"{config.token_file}: cannot be read: {error}") from error
        if config.username:
            pair = base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
            return f"Basic {pair}", float("inf")
        return "", float("inf")

    async def _ask_plugin(self, plugin: ExecPlugin) -> tuple[str, float]:
        credential = await run_plugin(plugin, self._config)
        status = credential.get("status") or {}
        self.client_certificate = str(status.get("clientCertificateData") or self._config.client_certificate)
        self.client_key = str(status.get("clientKeyData") or self._config.client_key)
        ends = float("inf")
        if status.get("expirationTimestamp"):
            with suppress(ValueError):
                ends = from_rfc3339(str(status["expirationTimestamp"])) - _EARLY_SECONDS
        token = str(status.get("token") or "")
        return (f"Bearer {token}" if token else ""), ends

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


async def run_plugin(plugin: ExecPlugin, config: KubeConfig) -> dict[str, Any]:
    """The ExecCredential that a plugin prints. Raises KubeconfigError, Unavailable."""
    info: dict[str, Any] = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.provide_cluster_info:
        info["spec"]["cluster"] = {
            "server": config.server, "insecure-skip-tls-verify": config.insecure,
            "certificate-authority-data": base64.b64encode(config.authority.encode()).decode()}
    # The plugin is the user's own program: it finds its settings in the user's own environment.
    env = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}  # noqa: TID251
    try:
        process = await asyncio.create_subprocess_exec(
            plugin.command, *plugin.args, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
    except OSError as error:
        raise KubeconfigError(f"the credential plugin {plugin.command!r} cannot be started: {error.strerror or error}"
                              + (f"; {plugin.install_hint}" if plugin.install_hint else "")) from error
    try:
        async with asyncio.timeout(_PLUGIN_SECONDS):
            out, err = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise Unavailable(f"the credential plugin {plugin.command!r} failed with exit code {process.returncode}: "
                          f"{err.decode(errors='replace').strip()[-300:]}")
    try:
        tree = orjson.loads(out)
    except orjson.JSONDecodeError as error:
        raise KubeconfigError(f"the credential plugin {plugin.command!r} printed no ExecCredential: {error}") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("status") or {}, dict):
        raise KubeconfigError(f"the credential plugin {plugin.command!r} printed no ExecCredential")
    return tree


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
