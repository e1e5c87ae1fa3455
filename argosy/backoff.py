"""How long to wait before the next try: doubling, capped, with jitter from the source that is handed in."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits: `first_seconds`, then `factor` times more each try, at most `most_seconds`."""

    first_seconds: float = 0.1
    factor: float = 2.0
    most_seconds: float = 30.0
    jitter: float = 0.2  # a fraction of the wait that may be added

    def wait_seconds(self, attempt: int, chance: Random | None = None, *, asked: float | None = None) -> float:
        """The wait before try number `attempt` (0 is the first repetition).

        What the other side has `asked` for counts instead, but neither less than the first wait nor more than the longest.
        """
        if asked is not None:
            return min(max(asked, self.first_seconds), self.most_seconds)
        seconds = min(self.most_seconds, self.first_seconds * self.factor ** min(attempt, 64))
        return seconds * (1 + self.jitter * chance.random()) if chance else seconds
