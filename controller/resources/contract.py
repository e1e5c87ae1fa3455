"""What carrying out a resource template's work can end with beside success."""

from argosy.errors import ArgosyError


class WorkFailed(ArgosyError):
    """The work came to its end without success: refused, its failure condition met, its object gone."""
