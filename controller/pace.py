"""When a workflow's status is saved next: soon after a quick save, later after a slow one; saving stays a small share. Pure."""

SHARE = 8  # how many times as long as a save took the next one is put off
SOON_SECONDS = 0.05  # a quick step begins and ends within it, and is written once
LATE_SECONDS = 2.0  # what a person reads is never older than this


class Pace:
    """When the next save is due; a new one is due at once."""

    def __init__(self) -> None:
        self.due = 0.0

    def saved(self, started_at: float, ended_at: float) -> None:
        """A save took from then to then."""
        self.due = ended_at + min(max(SHARE * (ended_at - started_at), SOON_SECONDS), LATE_SECONDS)

    def hurry(self) -> None:
        """What is to be saved stands nowhere else any more."""
        self.due = 0.0

    def lets_wait(self, now: float) -> bool:
        """Whether the last save is so recent that the next can wait."""
        return 0 < self.due - now <= LATE_SECONDS  # more than the most there is: somebody set the clock back
