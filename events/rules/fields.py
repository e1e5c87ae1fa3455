"""One field of an event's data: by a GJSON path, as Argo Events reads keys, or by JSONPath where the key begins with ``$``."""

from argosy.expressions import MISSING, ExpressionError, lookup
from argosy.expressions.dollar_paths import find, is_dollar_path
from events.rules.event import Json


def field_of(data: Json, path: str) -> tuple[Json, str]:
    """The field's value and "", or MISSING and why there is none."""
    if not is_dollar_path(path):
        found = lookup(data, path)
    else:
        try:
            found = find(data, path)
        except ExpressionError as error:
            return MISSING, str(error)
    return found, "" if found is not MISSING else f"path {path!r} does not exist in the event"
