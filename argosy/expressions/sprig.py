"""Sprig: the functions that Argo offers as `sprig.name(...)` and that text templates call by name.

Left out are those that read the machine, throw dice or make keys: nothing here may give two answers to one question.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from argosy.expressions.durations import Duration
from argosy.expressions.functions import Function, Table, mapping, takes, text
from argosy.expressions.instants import format_layout, parse_layout, read_date, zone
from argosy.expressions.json_reading import from_json
from argosy.expressions.operators import kind
from argosy.expressions.rendering import go_json, json_indented
from argosy.expressions.sprig_collections import COLLECTIONS
from argosy.expressions.sprig_numbers import NUMBERS, to_int64
from argosy.expressions.sprig_texts import TEXTS
from argosy.expressions.versions import compare_version, read_version

KINDS = {"array": "slice", "float": "float64", "nil": "invalid", "time": "struct", "duration": "int64"}
TYPES = {"array": "[]interface {}", "map": "map[string]interface {}", "float": "float64", "nil": "<nil>"}


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return read_date(value)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=to_int64(value))


def _date(layout: Any, value: Any) -> str:
    return format_layout(_instant(value), text(layout))


def _date_in_zone(layout: Any, value: Any, name: Any) -> str:
    return format_layout(_instant(value).astimezone(zone(text(name)).info), text(layout))


def _date_modify(by: Any, value: Any) -> datetime:
    return _instant(value) + Duration.parse(text(by)).delta


def _duration(seconds: Any) -> str:
    return str(Duration(to_int64(seconds) * Duration.SECOND))


def _duration_round(value: Any) -> str:
    """Only the largest unit: 2h, 3d, 1mo."""
    length = Duration.parse(value) if isinstance(value, str) else value
    seconds = abs(int(length.seconds)) if isinstance(length, Duration) else abs(to_int64(value)) // Duration.SECOND
    for size, unit in ((31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _raw_json(value: Any) -> str:
    shown = go_json(value)
    for mark, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        shown = shown.replace(escape, mark)
    return shown


def _json_or_nothing(value: Any) -> Any:
    try:
        return from_json(text(value))
    except ValueError:
        return None


def _hash(name: str) -> Callable[[Any], str]:
    return lambda value: hashlib.new(name, text(value).encode(), usedforsecurity=False).hexdigest()


def _decoded(decode: Callable[[bytes], bytes]) -> Callable[[Any], str]:
    def act(value: Any) -> str:
        try:
            return decode(text(value).encode()).decode(errors="replace")
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"the text cannot be decoded: {error}") from None

    return act


def _url_parse(value: Any) -> dict[str, str]:
    parts = urlsplit(text(value))
    userinfo, at, host = parts.netloc.rpartition("@")
    return {
        "scheme": parts.scheme,
        "host": host if at else parts.netloc,
        "hostname": parts.hostname or "",
        "path": parts.path,
        "query": parts.query,
        "opaque": "",
        "fragment": parts.fragment,
        "userinfo": userinfo,
    }


def _url_join(value: Any) -> str:
    parts = {key: text(item) for key, item in mapping(value).items()}
    host, user = parts.get("host", ""), parts.get("userinfo", "")
    netloc = f"{user}@{host}" if user else host
    rest = (parts.get(name, "") for name in ("path", "query", "fragment"))
    return urlunsplit((parts.get("scheme", ""), netloc, *rest))


def _type_of(value: Any) -> str:
    return TYPES.get(kind(value), kind(value))


def _kind_of(value: Any) -> str:
    return KINDS.get(kind(value), kind(value))


def _fail(message: Any) -> Any:
    raise ValueError(text(message))


def _now(now: Any = None) -> datetime:
    if now is None:
        raise ValueError("the present time is not known here")
    return _instant(now)


JSON: Table = takes(1, fromJson=_json_or_nothing, toJson=go_json, toPrettyJson=json_indented, toRawJson=_raw_json)
SPRIG: Table = {
    **TEXTS,
    **COLLECTIONS,
    **NUMBERS,
    **JSON,
    **{"must" + name[0].upper() + name[1:]: function for name, function in JSON.items()},
    **takes(
        1,
        b64enc=lambda value: base64.b64encode(text(value).encode()).decode(),
        b64dec=_decoded(lambda data: base64.b64decode(data, validate=True)),
        b32enc=lambda value: base64.b32encode(text(value).encode()).decode(),
        b32dec=_decoded(base64.b32decode),
        sha1sum=_hash("sha1"),
        sha256sum=_hash("sha256"),
        sha512sum=_hash("sha512"),
        adler32sum=lambda value: str(zlib.adler32(text(value).encode())),
        duration=_duration,
        durationRound=_duration_round,
        htmlDate=lambda value: _date("2006-01-02", value),
        unixEpoch=lambda value: str(int(_instant(value).timestamp())),
        urlParse=_url_parse,
        urlJoin=_url_join,
        typeOf=_type_of,
        kindOf=_kind_of,
        fail=_fail,
        semver=read_version,
    ),
    **takes(
        2,
        date=_date,
        dateModify=_date_modify,
        date_modify=_date_modify,
        mustDateModify=_date_modify,
        must_date_modify=_date_modify,
        htmlDateInZone=lambda value, name: _date_in_zone("2006-01-02", value, name),
        toDate=lambda layout, value: parse_layout(text(layout), text(value)),
        mustToDate=lambda layout, value: parse_layout(text(layout), text(value)),
        typeIs=lambda name, value: _type_of(value) == name,
        typeIsLike=lambda name, value: _type_of(value) == text(name).removeprefix("*"),
        kindIs=lambda name, value: _kind_of(value) == name,
        semverCompare=lambda constraint, version: compare_version(text(constraint), text(version)),
    ),
    **takes(3, dateInZone=_date_in_zone, date_in_zone=_date_in_zone),
    "hello": Function(lambda: "Hello!", 0, 0),
    "now": Function(_now, 0, 1),
    "mustFromJson": Function(lambda value: from_json(text(value)), 1, 1),
}
