"""Paths that begin with ``$``: JSONPath, with filters and slices, where most keys of sensors are GJSON paths.

The language is that of the jsonpath-ng library; the ``jsonpath()`` function of expressions is another one (`jsonpath`),
since it has to answer as Argo's does.
"""

import re
from functools import lru_cache
from typing import Any

from argosy.expressions.errors import ExpressionError
from argosy.expressions.missing import MISSING

_FINDS_SEVERAL = re.compile(r"\*|\.\.|\?|:|,")


def is_dollar_path(path: str) -> bool:
    """Whether a key is JSONPath: ``$.body.ref`` or ``$[0]``."""
    return path.startswith(("$.", "$["))


def find(data: Any, path: str) -> Any:
    """What `path` finds: a value (MISSING if there is none), or a list where the path may find several.

    Raises ExpressionError where it is no JSONPath.
    """
    found = [match.value for match in _parsed(path).find(data)]
    if _FINDS_SEVERAL.search(path):
        return found
    return found[0] if found else MISSING


@lru_cache(maxsize=256)
def _parsed(path: str) -> Any:
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext.parser import parse

    try:
        return parse(path)
    except (JSONPathError, ValueError, AttributeError) as error:
        raise ExpressionError(path, 0, len(path), f"is no JSONPath: {error}") from error
