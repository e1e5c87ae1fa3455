"""A matcher that walks all ways through a pattern at once: its time is the text's length times the pattern's size."""

import re
from dataclasses import dataclass, field

from argosy.expressions.limits import TooMuch
from argosy.expressions.pattern_syntax import Edge, Either, Group, Letter, Piece, Repeat, Row

MAX_PROGRAM = 5_000
MAX_WORK = 2_000_000  # about a second
Spans = tuple[tuple[int, int], ...]
Thread = tuple[int, list[int]]  # where in the program, and the places remembered on the way
# Steps of the program: test one letter, be at an edge, remember a place, go on at two places (the first is preferred).
LETTER, EDGE, SAVE, SPLIT, JUMP, DONE = range(6)


@dataclass(slots=True)
class Step:
    """One step, with the places where it goes on."""

    op: int
    test: re.Pattern[str] | None = None
    to: int = 0
    other: int = 0
    known: dict[str, bool] = field(default_factory=dict)


class Machine:
    """The program of one pattern."""

    def __init__(self, piece: Piece, groups: int) -> None:
        self.steps: list[Step] = []
        self.slots = 2 * (groups + 1)
        self.write(Group(piece, 0, None))
        self.add(Step(DONE))
        self.work = 0

    def add(self, step: Step) -> int:
        self.steps.append(step)
        if len(self.steps) > MAX_PROGRAM:
            raise TooMuch("the regular expression repeats too much")
        return len(self.steps) - 1

    def write(self, piece: Piece) -> None:
        match piece:
            case Letter(python):
                self.add(Step(LETTER, re.compile(python)))
            case Edge(python):
                self.add(Step(EDGE, re.compile(python)))
            case Row(items):
                for item in items:
                    self.write(item)
            case Either(items):
                self.write_either(items)
            case Group(body, number, _):
                self.add(Step(SAVE, to=2 * number))
                self.write(body)
                self.add(Step(SAVE, to=2 * number + 1))
            case Repeat():
                self.write_repeat(piece)

    def write_either(self, items: tuple[Piece, ...]) -> None:
        ends: list[int] = []
        for item in items[:-1]:
            split = self.add(Step(SPLIT))
            self.write(item)
            ends.append(self.add(Step(JUMP)))
            self.steps[split].to, self.steps[split].other = split + 1, len(self.steps)
        self.write(items[-1])
        for end in ends:
            self.steps[end].to = len(self.steps)

    def write_repeat(self, piece: Repeat) -> None:
        for _ in range(piece.least):
            self.write(piece.body)
        if piece.most is None:
            split = self.add(Step(SPLIT))
            self.write(piece.body)
            self.add(Step(JUMP, to=split))
            self.branch(split, greedy=piece.greedy)
            return
        splits: list[int] = []
        for _ in range(piece.most - piece.least):
            splits.append(self.add(Step(SPLIT)))
            self.write(piece.body)
        for split in splits:
            self.branch(split, greedy=piece.greedy)

    def branch(self, split: int, *, greedy: bool) -> None:
        within, after = split + 1, len(self.steps)
        step = self.steps[split]
        step.to, step.other = (within, after) if greedy else (after, within)

    def search(self, text: str, start: int) -> Spans | None:
        """The spans of the first match and its groups, (-1, -1) for groups that took no part."""
        self.work = 0
        best: list[int] | None = None
        threads: list[Thread] = []
        for at in range(start, len(text) + 1):
            seen = set[int]()
            ready: list[Thread] = []
            for place, slots in threads:
                if self.follow([(place, slots)], (text, at), seen, ready):
                    break
            else:
                if best is None:
                    self.follow([(0, [-1] * self.slots)], (text, at), seen, ready)
            threads = []
            for place, slots in ready:
                if self.steps[place].op == DONE:
                    best = slots
                    break
                if at < len(text) and self.fits(self.steps[place], text[at]):
                    threads.append((place + 1, slots))
            if not threads and best is not None:
                break
        return None if best is None else tuple(zip(best[::2], best[1::2], strict=True))

    def follow(self, waiting: list[Thread], here: tuple[str, int], seen: set[int], ready: list[Thread]) -> bool:
        """Go along the steps that read nothing; whether the pattern's end was reached."""
        text, at = here
        while waiting:
            place, slots = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            self.work += 1
            if self.work > MAX_WORK:
                raise TooMuch("the regular expression takes too long on this text")
            step = self.steps[place]
            if step.op == JUMP:
                waiting.append((step.to, slots))
            elif step.op == SPLIT:
                waiting += ((step.other, slots), (step.to, slots))
            elif step.op == SAVE:
                waiting.append((place + 1, [*slots[: step.to], at, *slots[step.to + 1 :]]))
            elif step.op == EDGE:
                if step.test is not None and step.test.match(text, at) is not None:
                    waiting.append((place + 1, slots))
            else:
                ready.append((place, slots))
                if step.op == DONE:
                    return True
        return False

    @staticmethod
    def fits(step: Step, letter: str) -> bool:
        known = step.known.get(letter)
        if known is None:
            known = step.test is not None and step.test.match(letter) is not None
            if len(step.known) < 1000:
                step.known[letter] = known
        return known
