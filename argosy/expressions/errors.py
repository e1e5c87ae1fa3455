"""What goes wrong in an expression, told with the source and the place in it marked."""

from collections.abc import Iterable
from itertools import islice

from argosy.errors import ArgosyError

MAX_WORDS = 2000  # among more words than this, looking for a near one takes too long
SHOWN_COLUMNS = 100  # longer lines are cut around the marked place


class ExpressionError(ArgosyError):
    """A mistake in an expression: what was found between `start` and `end` of `source`, and what to write instead."""

    def __init__(self, source: str, start: int, end: int, text: str) -> None:
        self.source = source
        self.start = max(0, min(start, len(source)))
        self.end = max(self.start, min(end, len(source)))
        self.text = text
        super().__init__(str(self))

    def __str__(self) -> str:
        """The text, then the line of the source with the place underlined."""
        begin = self.source.rfind("\n", 0, self.start) + 1
        stop = self.source.find("\n", self.start)
        line = self.source[begin : stop if stop >= 0 else len(self.source)]
        column = self.start - begin
        width = max(1, min(self.end - self.start, len(line) - column))
        if len(line) > SHOWN_COLUMNS:
            cut = max(0, min(column - 20, len(line) - SHOWN_COLUMNS))
            before, after = ("..." if cut else ""), ("..." if cut + SHOWN_COLUMNS < len(line) else "")
            line, column = before + line[cut : cut + SHOWN_COLUMNS] + after, column - cut + len(before)
            width = max(1, min(width, SHOWN_COLUMNS - (column - len(before))))
        pad = "".join("\t" if letter == "\t" else " " for letter in line[:column])
        return f"{self.text}\n  {line}\n  {pad}{'^' * width}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean 'x'?' when a known word is near, else nothing."""
    from difflib import get_close_matches

    words = [other for other in islice(known, MAX_WORDS) if other != word]
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if not near:
        lowered = {other.lower(): other for other in words}
        near = [lowered[match] for match in get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)]
    return f"; did you mean '{near[0]}'?" if near else ""
