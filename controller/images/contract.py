"""What the executor must know of a container image: how it starts where its container names no command."""

from typing import Protocol

from controller.pods.mounting import ImageCommand


class Entrypoints(Protocol):
    """Knows how images start."""

    async def command_of(self, image: str, *, namespace: str, service_account: str,
                         pull_secrets: tuple[str, ...]) -> ImageCommand:
        """ENTRYPOINT and CMD of the image. Raises SpecError where they cannot be found out, Unavailable for now."""


__all__ = ["Entrypoints", "ImageCommand"]
