"""JSON text as data, with numbers as the expression language sees them: fractions, all of them."""

import json
from typing import Any


def from_json(source: str) -> Any:
    """The data in JSON text."""
    try:
        return json.loads(source, parse_int=float, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        near = source[max(0, error.pos - 15) : error.pos + 15]
        raise ValueError(f"this is not JSON ({error.msg} near {near!r})") from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
