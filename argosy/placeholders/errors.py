"""What goes wrong when a placeholder is filled in."""

from argosy.errors import ArgosyError


class PlaceholderError(ArgosyError):
    """A placeholder that cannot become a value: the tag, and why not."""

    def __init__(self, tag: str, text: str) -> None:
        self.tag = tag
        self.text = text
        super().__init__(text)
