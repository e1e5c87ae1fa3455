"""Pieces of bytes as they come from the network become whole lines, however long a line is."""

from collections.abc import Iterator


class LineBuffer:
    """Gather pieces; give each line as soon as it is whole. Work is in proportion to the bytes, not to the pieces."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Add `piece`; the lines that it completes, without their ends."""
        *whole, rest = piece.split(b"\n")
        for line in whole:
            if self._parts:
                self._parts.append(line)
                line = b"".join(self._parts)  # noqa: PLW2901 - the line is what its parts make together
                self._parts.clear()
            if line:
                yield line
        if rest:
            self._parts.append(rest)

    def rest(self) -> bytes:
        """What is left when nothing more comes."""
        left = b"".join(self._parts)
        self._parts.clear()
        return left
