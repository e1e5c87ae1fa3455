"""Pull secrets: which of their logins are meant for an image, as the kubelet chooses them.

A secret's keys name registries: ``registry.example.com``, with a path (``registry.example.com/team``), with a glob
(``*.example.com``), or as old docker wrote them (``https://index.docker.io/v1/``).
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from argosy.kube.contract import Object
from controller.images.references import DOCKER_HUB, Reference

_FILES: Final = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


@dataclass(frozen=True, slots=True)
class Login:
    """What is shown to a registry: a name and password, or a token that is exchanged for another, or one used as it is."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


def logins_for(reference: Reference, secrets: Iterable[Object]) -> tuple[Login, ...]:
    """The logins of these secrets that are meant for the image, the most exact first."""
    found = [(key, login) for secret in secrets for key, entry in _entries(secret).items()
             if _is_meant(key, reference) and (login := _login(entry)) is not None]
    found.sort(key=lambda each: len(_place(each[0])), reverse=True)
    return tuple(dict.fromkeys(login for _key, login in found))


def _entries(secret: Object) -> Mapping[str, Any]:
    """By registry, what a secret holds; one that cannot be read holds nothing, as for the kubelet."""
    file = _FILES.get(str(secret.get("type")), "")
    try:
        tree = orjson.loads(base64.b64decode((secret.get("data") or {}).get(file) or "e30="))
    except (binascii.Error, orjson.JSONDecodeError, TypeError):
        return {}
    if file == ".dockerconfigjson" and isinstance(tree, dict):
        tree = tree.get("auths")
    return {key: entry for key, entry in tree.items() if isinstance(entry, dict)} if isinstance(tree, dict) else {}


def _login(entry: Mapping[str, Any]) -> Login | None:
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            username, _, password = base64.b64decode(str(entry["auth"])).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
    login = Login(username, password.rstrip("\0"), str(entry.get("identitytoken") or ""), str(entry.get("registrytoken") or ""))
    return login if login != Login() else None


def _place(key: str) -> str:
    """The registry and path that a key means."""
    place = key.split("://", 1)[-1].rstrip("/")
    for version in ("/v1", "/v2"):
        place = place.removesuffix(version)
    host, slash, path = place.partition("/")
    return (DOCKER_HUB if host in ("index.docker.io", "registry-1.docker.io") else host) + slash + path


def _is_meant(key: str, reference: Reference) -> bool:
    host, _, path = _place(key).partition("/")
    parts, own = host.split("."), reference.registry.split(".")
    return (len(parts) == len(own) and all(fnmatchcase(name, part) for name, part in zip(own, parts, strict=True))
            and (not path or reference.repository == path or reference.repository.startswith(f"{path}/")))
