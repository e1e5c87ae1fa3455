"""What a path finds when there is nothing there: told apart from null, which is something."""

from enum import Enum
from typing import Final


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
