"""What can change about who we are, asked of kubernetes-asyncio: exec plugins, token files, OpenID Connect, a pod's account.

Its loaders are used without the 850 typed models that importing the package brings along: 60 ms in place of 1.1 s,
4 MB in place of 70. While they are imported, empty shells stand in for the package and its `client`; then the shells go,
so that whoever imports the library later gets the whole of it.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from argosy.errors import ArgosyError, Unavailable

_PATIENCE_SECONDS: Final = 60.0  # for a plugin, which may have to ask a server of its own
_PLUGIN_FAILED: Final = "exec: process returned "


@dataclass(frozen=True, slots=True)
class Credential:
    """How to show who we are, until `ends` (seconds since 1970) if that is known."""

    header: str = field(default="", repr=False)  # of Authorization
    certificate: str = field(default="", repr=False)  # PEM
    key: str = field(default="", repr=False)  # PEM
    ends: float | None = None
    oidc: Mapping[str, str] = field(default_factory=dict, repr=False)  # the provider's settings, with renewed tokens


class Refused(ArgosyError):
    """The loader cannot use what it was given; the text is its reason."""


async def credential_of(server: str, user: Mapping[str, Any]) -> Credential:
    """What the `user` entry of a kubeconfig leads to, asked anew. Raises Refused, Unavailable, OSError."""
    loaders = _loaders()
    name = "only"
    loader = loaders.UserLoader(config_base_path="", config_dict={
        "current-context": name, "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": server}}], "users": [{"name": name, "user": user}]})
    found = loaders.Configuration()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await loader.load_and_set(found)
    except TimeoutError as error:
        raise Unavailable(f"gave no credential within {_PATIENCE_SECONDS:.0f} seconds") from error
    except loaders.ConfigException as error:
        text = str(error)
        if text.startswith(_PLUGIN_FAILED):
            code, _, said = text.removeprefix(_PLUGIN_FAILED).partition(". ")
            raise Unavailable(f"failed with exit code {code}: {said[-300:]}") from error
        raise Refused(text) from error
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    header = str(found.api_key.get("BearerToken") or "").strip()
    if not header.isprintable():
        raise Refused("the token has line breaks or other characters that no token has")
    expiry = getattr(loader, "exec_plugin_expiry", None)
    return Credential(
        header=header, certificate=loader.certificate, key=loader.key, ends=expiry.timestamp() if expiry else None,
        oidc=loader.renewed)


def check_service_account(server: str, *, token_file: Path, authority_file: Path) -> None:
    """Raises Refused where a pod's service account cannot be used."""
    loaders = _loaders()
    parts = urlsplit(server)
    loader = loaders.InClusterConfigLoader(
        token_filename=str(token_file), cert_filename=str(authority_file), try_refresh_token=False, environ={
            loaders.SERVICE_HOST_ENV_NAME: parts.hostname or "",
            loaders.SERVICE_PORT_ENV_NAME: str(parts.port or 443)})
    try:
        loader.load_and_set(loaders.Configuration())
    except loaders.ConfigException as error:
        raise Refused(str(error)) from error


def _loaders() -> ModuleType:
    """`argosy.kube.loaders`, imported without the models that ``kubernetes_asyncio.client`` imports."""
    # It logs what it also raises, and whoever handles the error tells it.
    logging.getLogger("kubernetes_asyncio.config").setLevel(logging.CRITICAL)
    if "kubernetes_asyncio.client" not in sys.modules and "argosy.kube.loaders" not in sys.modules:
        names = ("kubernetes_asyncio", "kubernetes_asyncio.client")
        try:
            shell = [_put_shell(name) for name in names][-1]
            vars(shell)["Configuration"] = import_module("kubernetes_asyncio.client.configuration").Configuration
            vars(shell)["ApiClient"] = _api_client
            return import_module("argosy.kube.loaders")
        finally:
            for name in names:
                sys.modules.pop(name, None)
    return import_module("argosy.kube.loaders")


def _put_shell(name: str) -> ModuleType:
    """A package in sys.modules that has its submodules, and has not run its own code."""
    spec = find_spec(name)
    assert spec is not None, f"{name} is installed with us"
    sys.modules[name] = module_from_spec(spec)
    return sys.modules[name]


def _api_client(*args: Any, **kwargs: Any) -> Any:
    """For functions of the library that make an ApiClient; their module imports the name at once."""
    return import_module("kubernetes_asyncio.client").ApiClient(*args, **kwargs)
