"""How much one evaluation may do, so that no manifest can stop the process by what it computes."""

MAX_SOURCE = 100_000  # letters of an expression
MAX_DEPTH = 60  # brackets within brackets; well inside what the interpreter's own stack carries
MAX_STEPS = 500_000  # nodes evaluated and list elements visited
MAX_TEXT = 10_000_000  # letters of one text
MAX_ITEMS = 1_000_000  # elements of one list


class TooMuch(ValueError):
    """An evaluation that would cross a limit."""


class Budget:
    """Counts the steps of one evaluation."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps away; raises when none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch(f"takes more than {MAX_STEPS} steps")


def check_text(letters: int) -> None:
    """Raise before a text of this many letters is made, if it would be too long."""
    if letters > MAX_TEXT:
        raise TooMuch(f"makes a text longer than {MAX_TEXT} letters")


def check_items(count: int) -> None:
    """Raise before a list of this many elements is made, if it would be too long."""
    if count > MAX_ITEMS:
        raise TooMuch(f"makes a list longer than {MAX_ITEMS} elements")
