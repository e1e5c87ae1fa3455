"""The three kinds of error: the user's mistake, the world's failure, and (as AssertionError) our own bug."""

from dataclasses import dataclass


class ArgosyError(Exception):
    """Any error whose text is meant for a person."""


class SpecError(ArgosyError):
    """The user's mistake: where in the YAML, what was found, and what to write instead.

    `path` is the dotted place, such as ``spec.templates[2].dag.tasks[0].depends``; `source` is the file and
    line (``hello.yaml:12``), where they are known.
    """

    def __init__(self, path: str, found_and_what_instead: str, *, source: str = "") -> None:
        self.path = path
        self.text = found_and_what_instead
        self.source = source
        super().__init__(str(self))

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.text) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of a check that goes on to find more: an error, or a warning that changes nothing."""

    path: str
    text: str
    severity: str = "error"  # or "warning"
    source: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.text) if part)


class SpecErrors(ArgosyError):
    """Several mistakes of one object, all told at once."""

    def __init__(self, problems: list[Problem]) -> None:
        assert problems, "SpecErrors needs at least one problem"
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class Unavailable(ArgosyError):
    """The world's failure: worth trying again, with back-off. `retry_after_seconds` is what the other side asked for."""

    def __init__(self, text: str, *, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(text)
