"""What can stop a node for reasons of the user's own: a wrong value, or something that must be asked for first."""

from argosy.errors import ArgosyError
from controller.engine.contract import Need

# What reading the user's text may raise. Anything else is a mistake of ours and ends the run loudly.
USER_ERRORS = (ArgosyError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)


class NodeError(ArgosyError):
    """The user's mistake, found while a node was about to run: its text becomes the node's message."""


class Unanswered(Exception):
    """Something must be told first: the caller waits for the answer and tries again."""

    def __init__(self, need: Need) -> None:
        self.need = need
        super().__init__(f"{need.kind} {need.name} has not been read yet")
