"""Reading what strangers send: strict about what JSON and forms are, so that all behind it can rely on the result."""

import json
import math
from typing import NoReturn
from urllib.parse import parse_qs

from events.rules.event import Json
from sources.contract import Refused

MOST_DEPTH = 200
MOST_FORM_FIELDS = 1000
FORM = "application/x-www-form-urlencoded"


def read_json(body: bytes) -> Json:
    """The JSON of a body. Refuses what is none, NaN and Infinity, and nesting that would harm whoever walks it."""
    if not body.strip():
        raise Refused(400, "the body is empty; send JSON, such as {}")
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise Refused(400, _TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    if _depth_exceeds(value, MOST_DEPTH):
        raise Refused(400, _TOO_DEEP)
    return _without_lone_surrogates(value)


def read_form(body: bytes) -> dict[str, list[str]]:
    """The fields of a form, each with all its values."""
    try:
        text = body.decode("ascii")
        return parse_qs(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MOST_FORM_FIELDS)
    except UnicodeDecodeError:
        raise Refused(400, "the form is not URL-encoded: it holds bytes that are not ASCII or not UTF-8") from None
    except ValueError as error:
        raise Refused(400, f"the form is not URL-encoded: {error}") from None


def media_type(content_type: str) -> str:
    """``application/json`` of ``application/json; charset=utf-8``."""
    return content_type.partition(";")[0].strip().lower()


_TOO_DEEP = f"the body is nested deeper than {MOST_DEPTH} levels"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _depth_exceeds(value: Json, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            child for one in level if isinstance(one, dict | list)
            for child in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)


def _without_lone_surrogates(value: Json) -> Json:
    """Half a surrogate pair cannot be written as UTF-8; like Go, put the replacement character in its place."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_lone_surrogates(one) for one in value]
    return value
