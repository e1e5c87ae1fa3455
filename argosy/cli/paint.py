"""Lines as pieces of styled text, and how they become plain text or colours; no library is needed for either."""

from typing import TextIO, TypeAlias

Segment: TypeAlias = tuple[str, str]  # (text, style), a style such as "bold green" in words that rich knows too
Line: TypeAlias = list[Segment]

PHASE_STYLES = {
    "Succeeded": "green", "Running": "cyan", "Pending": "yellow", "Failed": "red", "Error": "bold red",
    "Skipped": "dim", "Omitted": "dim",
}
PHASE_SYMBOLS = {
    "Succeeded": "✔", "Running": "●", "Pending": "◷", "Failed": "✖", "Error": "⚠", "Skipped": "○", "Omitted": "○",
}
_CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36",
    "bright_blue": "94", "bright_magenta": "95",
}
LOG_STYLES = ("cyan", "green", "yellow", "magenta", "blue", "bright_blue", "bright_magenta")
_ASCII = str.maketrans({
    "✔": "+", "●": "*", "◷": ".", "✖": "x", "⚠": "!", "○": "o", "‖": "=", "├": "|", "└": "`", "─": "-", "│": "|", "┬": "-",
    "…": "~", "·": "-",
})


def plain(line: Line) -> str:
    """The line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def colored(line: Line) -> str:
    """The line with its styles as terminal codes."""
    return "".join(_code(text, style) for text, style in line).rstrip()


def _code(text: str, style: str) -> str:
    codes = ";".join(_CODES[word] for word in style.split() if word in _CODES)
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def print_lines(out: TextIO, *lines: Line | str, color: bool | None = None) -> None:
    """Print lines at once, with colours where the output takes them."""
    colors = wants_color(out, color)
    for line in lines:
        text = line if isinstance(line, str) else colored(line) if colors else plain(line)
        out.write(fitting(text, out) + "\n")
    out.flush()


def wants_color(stream: TextIO, chosen: bool | None) -> bool:
    """Colours only on a terminal, unless told; ``NO_COLOR`` and ``TERM=dumb`` turn them off."""
    from argosy.settings import read_environment

    if chosen is not None:
        return chosen
    return stream.isatty() and read_environment().color


def fitting(text: str, stream: TextIO) -> str:
    """`text` in letters that the stream can print."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    if encoding.replace("-", "") == "utf8":
        return text
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)


def log_style(name: str) -> str:
    """The colour of a pod's lines: always the same for the same pod."""
    return LOG_STYLES[sum(name.encode()) % len(LOG_STYLES)]
