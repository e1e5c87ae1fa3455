"""Keys of Secrets, kept for a few seconds so that a busy webhook does not ask the API for every request."""

import base64
import binascii
from collections.abc import Mapping

from argosy.clock import Clock
from argosy.kube.contract import Kube, NotFound
from argosy.kube.resources import SECRETS
from events.rules.event import Json
from sources.contract import SecretMissing

KEEP_SECONDS = 5.0
_MOST_KEPT = 1000


class KubeSecrets:
    """Reads Secrets through a Kube. Values are never logged."""

    def __init__(self, kube: Kube, *, clock: Clock) -> None:
        self._kube, self._clock = kube, clock
        self._kept: dict[tuple[str, str, str], tuple[float, str]] = {}

    async def read(self, namespace: str, selector: Mapping[str, Json], *, fresh: bool = False) -> str:
        """The value of a ``{name, key}`` selector, without blanks around it."""
        name, key = str(selector.get("name", "")), str(selector.get("key", ""))
        if not name or not key:
            raise SecretMissing("it is named without `name` or `key`")
        kept = self._kept.get((namespace, name, key))
        if kept and not fresh and self._clock.now() - kept[0] < KEEP_SECONDS:
            return kept[1]
        try:
            found = await self._kube.get(SECRETS, name, namespace=namespace)
        except NotFound as error:
            raise SecretMissing(f"there is no Secret {name!r} in namespace {namespace!r}") from error
        value = _value(found, name, key)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[namespace, name, key] = (self._clock.now(), value)
        return value


def _value(secret: Mapping[str, Json], name: str, key: str) -> str:
    """The value. An empty one is as good as none: everybody knows it."""
    value = _text(secret, name, key)
    if not value:
        raise SecretMissing(f"Secret {name!r}, key {key!r}: the value is empty")
    return value


def _text(secret: Mapping[str, Json], name: str, key: str) -> str:
    plain = (secret.get("stringData") or {}).get(key)
    if plain is not None:
        return str(plain).strip()
    encoded = (secret.get("data") or {}).get(key)
    if encoded is None:
        raise SecretMissing(f"Secret {name!r} has no key {key!r}")
    try:
        return base64.b64decode(encoded, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SecretMissing(f"Secret {name!r}, key {key!r}: the value is not base64 of text") from error
