"""Finds kinds of object by what people call them: in a fixed list, or by asking an API server which it serves."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from argosy.kube.contract import KubeError, NotFound, Resource, Unavailable
from argosy.kube.resources import resource_of

_API_VERSION = re.compile(r"([a-z0-9.-]+/)?[a-z0-9]+")  # what else may stand there would be another path of the server


class Kinds(Protocol):
    """Which kinds of object there are."""

    async def of_manifest(self, api_version: str, kind: str) -> Resource | None:
        """The kind that a manifest names. Raises KubeError, Unavailable where that cannot be found out."""

    async def of_word(self, word: str) -> Resource | None:
        """The kind that a word means to kubectl: ``pod``, ``pods``, ``po``, ``deployments.apps``."""


class ListedKinds:
    """Kinds from a list that somebody else keeps."""

    def __init__(self, resources: Callable[[], Iterable[Resource]]) -> None:
        self._resources = resources

    async def of_manifest(self, api_version: str, kind: str) -> Resource | None:
        """The kind that a manifest names."""
        return next((item for item in self._resources() if (item.api_version, item.kind) == (api_version, kind)), None)

    async def of_word(self, word: str) -> Resource | None:
        """The kind that a word means to kubectl."""
        return next((item for item in self._resources() if is_called(item, word)), None)


class ServedKinds:
    """Kinds that an API server tells; `get_json` reads a path of that server. What a manifest names is asked once."""

    def __init__(self, get_json: Callable[[str], Awaitable[Any]]) -> None:
        self._get_json = get_json
        self._found: dict[tuple[str, str], Resource] = {}

    async def of_manifest(self, api_version: str, kind: str) -> Resource | None:
        """The kind that a manifest names."""
        known = resource_of(api_version, kind) or self._found.get((api_version, kind))
        if known is not None:
            return known
        found = next((item for item in await self._served(api_version) if item.kind == kind), None)
        if found is not None:
            self._found[api_version, kind] = found
        return found

    async def of_word(self, word: str) -> Resource | None:
        """The kind that a word means to kubectl; core kinds come first, then those of each group's preferred version."""
        core = next((item for item in await self._served("v1") if is_called(item, word)), None)
        if core is not None:
            return core
        groups = (await self._get_json("/apis")).get("groups") or ()
        away: list[Unavailable] = []
        listings = await asyncio.gather(*(
            self._served_if_whole(group["preferredVersion"]["groupVersion"], away) for group in groups))
        found = next((item for listing in listings for item in listing if is_called(item, word)), None)
        if found is None and away:
            raise away[0]  # it may be the one that knows the word
        return found

    async def _served_if_whole(self, api_version: str, away: list[Unavailable]) -> list[Resource]:
        """What a group serves; one broken aggregated API must not hide all the others."""
        try:
            return await self._served(api_version)
        except KubeError:
            return []
        except Unavailable as error:
            away.append(error)
            return []

    async def _served(self, api_version: str) -> list[Resource]:
        if not _API_VERSION.fullmatch(api_version):
            return []
        try:
            tree = await self._get_json(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
        except NotFound:
            return []
        group, _, version = api_version.rpartition("/")
        return [
            Resource(group, version, item["name"], item["kind"], namespaced=bool(item.get("namespaced")),
                     singular=item.get("singularName") or item["kind"].lower(),
                     short_names=tuple(item.get("shortNames") or ()))
            for item in tree.get("resources") or () if "/" not in item["name"]
        ]


def is_called(resource: Resource, word: str) -> bool:
    """Whether kubectl's users call this kind so: by a name of it alone, or with its group, or version and group."""
    name, _, rest = word.lower().partition(".")
    names = (resource.plural, resource.singular, resource.kind.lower(), *resource.short_names)
    return name in names and rest in ("", resource.group, f"{resource.version}.{resource.group}")
