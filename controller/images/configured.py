"""How images start as somebody has written it down: in our settings, or in the ConfigMap of an Argo installation.

The settings' ``images`` are those that also serve the embedded system: the first whose pattern matches counts. Argo's
``workflow-controller-configmap`` lists images by their exact names, under ``images`` or inside ``config``.
"""

import logging
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from argosy.clock import Clock
from argosy.errors import SpecError
from argosy.kube.contract import Forbidden, Kube, NotFound
from argosy.kube.resources import CONFIG_MAPS
from argosy.settings import ImageStandIn
from controller.images.contract import Entrypoints, ImageCommand
from controller.images.references import names_of

_log = logging.getLogger(__name__)
ARGO_CONFIG_MAP: Final = "workflow-controller-configmap"
_LOOK_AGAIN_SECONDS: Final = 60.0


class Configured:
    """Knows the images that are listed, and asks `others` about the rest."""

    def __init__(
        self, images: Sequence[ImageStandIn], others: Entrypoints, kube: Kube, *, clock: Clock, namespace: str,
    ) -> None:
        """`namespace` is where the controller, and so Argo's ConfigMap, is; "" where that is unknown."""
        self._images = tuple(image for image in images if image.entrypoint or image.command)
        self._others = others
        self._kube = kube
        self._clock = clock
        self._namespace = namespace
        self._listed: Mapping[str, ImageCommand] = {}
        self._good_until = -1.0

    async def command_of(
        self, image: str, *, namespace: str, service_account: str, pull_secrets: tuple[str, ...],
    ) -> ImageCommand:
        """ENTRYPOINT and CMD of the image. Raises SpecError, Unavailable."""
        names = names_of(image)
        for entry in self._images:
            if any(fnmatchcase(name, entry.pattern) for name in names):
                return ImageCommand(entry.entrypoint, entry.command)
        if self._clock.now() >= self._good_until:
            self._listed = await self._read()
            self._good_until = self._clock.now() + _LOOK_AGAIN_SECONDS
        listed = self._listed.get(image)
        if listed is not None:
            return listed
        return await self._others.command_of(
            image, namespace=namespace, service_account=service_account, pull_secrets=pull_secrets)

    async def _read(self) -> Mapping[str, ImageCommand]:
        if not self._namespace:
            return {}
        try:
            found = await self._kube.get(CONFIG_MAPS, ARGO_CONFIG_MAP, namespace=self._namespace)
        except (NotFound, Forbidden):
            return {}
        try:
            return listed_images(found.get("data") or {})
        except SpecError as error:
            _log.warning("images are not read", extra={"configmap": ARGO_CONFIG_MAP, "error": str(error)})
            return {}


def listed_images(data: Mapping[str, str]) -> dict[str, ImageCommand]:
    """The images that the data of Argo's ConfigMap lists. Raises SpecError."""
    whole = _mapping(data.get("config") or "{}", "config")
    images = _mapping(data["images"], "images") if "images" in data else whole.get("images") or {}
    if not isinstance(images, dict):
        raise SpecError("images", "must be a mapping from an image to its entrypoint and cmd")
    return {str(image): ImageCommand(_words(entry, "entrypoint", image), _words(entry, "cmd", image))
            for image, entry in images.items()}


def _mapping(text: str, key: str) -> Mapping[str, Any]:
    import yaml

    try:
        tree = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise SpecError(key, f"is no YAML: {error}") from error
    if not isinstance(tree, dict):
        raise SpecError(key, "must be a mapping")
    return tree


def _words(entry: Any, key: str, image: Any) -> tuple[str, ...]:
    words = entry.get(key) if isinstance(entry, dict) else entry
    if words is None:
        return ()
    if not isinstance(words, list):
        raise SpecError(f"images.{image}.{key}", f"is {words!r}; write a list of words, such as [/bin/sh]")
    return tuple(str(word) for word in words)
