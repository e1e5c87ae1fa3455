"""Placeholders: `{{inputs.parameters.x}}` and `{{=expressions}}` in a parsed manifest become the values they name."""

from argosy.placeholders.errors import PlaceholderError
from argosy.placeholders.filling import fill, never, tags

__all__ = ["PlaceholderError", "fill", "never", "tags"]
