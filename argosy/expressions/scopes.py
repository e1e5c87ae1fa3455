"""Maps that refuse to be asked for what they do not hold."""

from collections.abc import Callable
from typing import Any


def no_hint(_name: str) -> str:
    """Nothing more to say about a missing name."""
    return ""


class StrictMap(dict[str, Any]):
    """A map in an environment whose missing members are mistakes, except where `??` or `?.` expects them.

    `hint` adds to the error what may have been meant, given the dotted name that is missing.
    """

    __slots__ = ("hint",)

    def __init__(self, hint: Callable[[str], str] = no_hint) -> None:
        self.hint = hint
        super().__init__()
