"""Asks an image's registry how it starts, with the pull secrets of the pod and of its service account."""

import asyncio
import logging
import os
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from argosy.errors import SpecError, Unavailable
from argosy.kube.contract import Forbidden, Kube, NotFound, Object
from argosy.kube.resources import SECRETS, SERVICE_ACCOUNTS
from controller.images.contract import ImageCommand
from controller.images.logins import Login, logins_for
from controller.images.references import Reference, read_reference
from controller.images.registry import Denied, Refused, Registry

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS: Final = 20.0
_INSTEAD: Final = "write the `command:`, or say how the image starts under `images:` in the controller's settings"


class Asked:
    """Knows what registries know. `insecure` are the hosts that speak plain HTTP; this machine's own always may."""

    def __init__(self, kube: Kube, *, insecure: frozenset[str] = frozenset()) -> None:
        self._kube = kube
        self._insecure = insecure

    async def command_of(
        self, image: str, *, namespace: str, service_account: str, pull_secrets: tuple[str, ...],
    ) -> ImageCommand:
        """ENTRYPOINT and CMD of the image. Raises SpecError, Unavailable."""
        reference = read_reference(image)
        secrets, unread = await self._secrets(namespace, service_account, pull_secrets)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._ask(reference, logins_for(reference, secrets))
        except Refused as error:
            aside = f" (pull secrets that cannot be read: {', '.join(unread)})" if unread and isinstance(error, Denied) else ""
            raise SpecError("command", f"is missing, and {reference.registry} cannot tell what image '{image}' runs: "
                            f"{error}{aside}; {_INSTEAD}") from error
        except Unavailable as error:
            raise Unavailable(_unanswered(image, reference, str(error)),
                              retry_after_seconds=error.retry_after_seconds) from error
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable(_unanswered(image, reference, _reason(error))) from error

    async def _ask(self, reference: Reference, logins: tuple[Login, ...]) -> ImageCommand:
        """What the registry says to the first login that it accepts."""
        plain = reference.host in self._insecure or _is_here(reference.host)
        async with aiohttp.ClientSession(trust_env=True, headers={"User-Agent": "argosy"}) as session:
            for login in logins[:-1]:
                try:
                    return await Registry(session, reference, login=login, plain=plain).command()
                except Denied as error:
                    _log.debug("login denied", extra={"registry": reference.registry, "error": str(error)})
            return await Registry(session, reference, login=logins[-1] if logins else None, plain=plain).command()

    async def _secrets(
        self, namespace: str, service_account: str, names: tuple[str, ...],
    ) -> tuple[list[Object], list[str]]:
        """The pull secrets, and the names of those that cannot be read."""
        try:
            account = await self._kube.get(SERVICE_ACCOUNTS, service_account, namespace=namespace)
        except (NotFound, Forbidden):
            account = {}
        own = tuple(str(item.get("name")) for item in account.get("imagePullSecrets") or () if item.get("name"))
        found: list[Object] = []
        unread: list[str] = []
        for name in dict.fromkeys((*names, *own)):
            try:
                found.append(await self._kube.get(SECRETS, name, namespace=namespace))
            except (NotFound, Forbidden):
                unread.append(name)
        return found, unread


def _unanswered(image: str, reference: Reference, reason: str) -> str:
    return (f"{reference.registry} does not answer what image '{image}' runs ({reason}), and no `command:` says it; it is "
            f"asked again, unless you {_INSTEAD}")


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror or str(error)
    return "not in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__


def _is_here(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    return name in ("localhost", "::1") or name.startswith("127.")
