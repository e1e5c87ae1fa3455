"""Sprig's functions over text: case, trimming, cutting, wrapping, quoting, regular expressions, paths."""

import json
import posixpath
import re
from collections.abc import Callable
from typing import Any

from argosy.expressions.functions import Function, Table, integer, takes, text
from argosy.expressions.limits import check_text
from argosy.expressions.patterns import compile_pattern, expand
from argosy.expressions.rendering import go_value


def strings(value: Any) -> list[str]:
    """A list's elements as text; anything else as a list of one."""
    if isinstance(value, list):
        return [go_value(item) for item in value if item is not None]
    return [] if value is None else [go_value(value)]


def _title(value: Any) -> str:
    return re.sub(r"(?<!\w)\w", lambda match: match.group().upper(), text(value))


def _untitle(value: Any) -> str:
    return re.sub(r"(?<!\w)\w", lambda match: match.group().lower(), text(value))


def _trunc(length: Any, value: Any) -> str:
    count = integer(length)
    return text(value)[count:] if count < 0 else text(value)[:count]


def _abbrev(width: Any, value: Any) -> str:
    return _abbrev_both(0, width, value)


def _abbrev_both(offset: Any, width: Any, value: Any) -> str:
    """Shorten to a width with dots at the end, and at the beginning too when it starts past `offset`."""
    source, at, most = text(value), integer(offset), integer(width)
    if most < 4 or (at > 0 and most < 7) or len(source) <= most:
        return source
    at = min(at, len(source))
    if len(source) - at < most - 3:
        at = len(source) - (most - 3)
    if at <= 4:
        return source[: most - 3] + "..."
    if at + most - 3 < len(source):
        return "..." + _abbrev(most - 3, source[at:])
    return "..." + source[len(source) - (most - 3) :]


def _substr(start: Any, end: Any, value: Any) -> str:
    first, last, source = integer(start), integer(end), text(value)
    if first < 0:
        return source[: max(last, 0)]
    return source[first:] if last < 0 or last > len(source) else source[first:last]


def _repeat(count: Any, value: Any) -> str:
    times = max(0, integer(count))
    check_text(times * len(text(value)))
    return text(value) * times


def _initials(value: Any) -> str:
    return "".join(word[0] for word in text(value).split())


def _words(value: Any) -> list[str]:
    return re.findall(r"[A-Z]+(?=[A-Z][a-z]|\b|_|-|\d)|[A-Z]?[a-z]+|[A-Z]+|\d+", text(value))


def _camel(value: Any) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\-\s]+", text(value)))


def _wrap_with(width: Any, separator: Any, value: Any) -> str:
    """Break lines at spaces so that none is wider, cutting words that are."""
    most, lines, line = max(1, integer(width)), list[str](), ""
    for word in text(value).split(" "):
        rest = word
        if line and len(line) + 1 + len(rest) <= most:
            line += " " + rest
            continue
        if line:
            lines.append(line)
        while len(rest) > most:
            lines.append(rest[:most])
            rest = rest[most:]
        line = rest
    lines.append(line)
    return text(separator).join(lines)


def _wrap(width: Any, value: Any) -> str:
    return "\n".join(_wrap_with(width, "\n", line) for line in text(value).split("\n"))


def _quote(*values: Any) -> str:
    return " ".join(json.dumps(go_value(value), ensure_ascii=False) for value in values if value is not None)


def _squote(*values: Any) -> str:
    return " ".join(f"'{go_value(value)}'" for value in values if value is not None)


def _cat(*values: Any) -> str:
    return " ".join(go_value(value) for value in values if value is not None)


def _indent(spaces: Any, value: Any) -> str:
    pad = _repeat(spaces, " ")
    check_text(len(text(value)) + len(pad) * (text(value).count("\n") + 1))
    return pad + text(value).replace("\n", "\n" + pad)


def _replace(old: Any, new: Any, value: Any) -> str:
    source, found, put = text(value), text(old), text(new)
    check_text(len(source) + source.count(found) * max(0, len(put) - len(found)))
    return source.replace(found, put)


def _split(separator: Any, value: Any, most: int = -1) -> dict[str, str]:
    parts = text(value).split(text(separator), most) if text(separator) else list(text(value))
    return {f"_{index}": part for index, part in enumerate(parts)}


def _split_list(separator: Any, value: Any) -> list[str]:
    return text(value).split(text(separator)) if text(separator) else list(text(value))


def _find_all(pattern: Any, value: Any, most: Any) -> list[str]:
    limit = integer(most)
    found = (match.group() for match in compile_pattern(text(pattern)).finditer(text(value)))
    return list(found) if limit < 0 else [part for part, _ in zip(found, range(limit), strict=False)]


def _find(pattern: Any, value: Any) -> str:
    match = compile_pattern(text(pattern)).search(text(value))
    return match.group() if match is not None else ""


def _replace_all(pattern: Any, value: Any, put: Any) -> str:
    template = text(put)
    return _sub(pattern, value, lambda match: expand(template, match))


def _replace_literal(pattern: Any, value: Any, put: Any) -> str:
    return _sub(pattern, value, lambda _: text(put))


def _sub(pattern: Any, value: Any, put: Callable[[Any], str]) -> str:
    parts: list[str] = []
    at = size = 0
    source = text(value)
    for match in compile_pattern(text(pattern)).finditer(source):
        piece = put(match)
        size += len(piece)
        check_text(size + len(source))
        parts += (source[at : match.start()], piece)
        at = match.end()
    return "".join([*parts, source[at:]])


def _regex_split(pattern: Any, value: Any, most: Any) -> list[str]:
    limit, source = integer(most), text(value)
    if limit == 0:
        return []
    parts: list[str] = []
    at = 0
    for match in compile_pattern(text(pattern)).finditer(source):
        if 0 < limit <= len(parts) + 1:
            break
        if match.end() == 0 or match.start() == match.end() == len(source):
            continue
        parts.append(source[at : match.start()])
        at = match.end()
    return [*parts, source[at:]]


def _clean(path: Any) -> str:
    cleaned = posixpath.normpath(text(path)) if path else "."
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _base(path: Any) -> str:
    stripped = text(path).rstrip("/")
    return stripped.rsplit("/", 1)[-1] if stripped else ("/" if path else ".")


def _extension(path: Any) -> str:
    name = text(path).rsplit("/", 1)[-1]
    return name[name.rfind(".") :] if "." in name else ""


def _quote_meta(value: Any) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text(value))


PATHS: Table = takes(
    1,
    base=_base,
    dir=lambda path: _clean(text(path)[: text(path).rfind("/") + 1]),
    clean=_clean,
    ext=_extension,
    isAbs=lambda path: text(path).startswith("/"),
)
PATTERNS: Table = {
    **takes(1, regexQuoteMeta=_quote_meta),
    **takes(2, regexMatch=lambda pattern, value: compile_pattern(text(pattern)).search(text(value)) is not None),
    **takes(2, regexFind=_find),
    **takes(3, regexFindAll=_find_all, regexSplit=_regex_split),
    **takes(3, regexReplaceAll=_replace_all, regexReplaceAllLiteral=_replace_literal),
}
TEXTS: Table = {
    **takes(
        1,
        trim=lambda value: text(value).strip(),
        upper=lambda value: text(value).upper(),
        lower=lambda value: text(value).lower(),
        title=_title,
        untitle=_untitle,
        nospace=lambda value: re.sub(r"\s", "", text(value)),
        initials=_initials,
        swapcase=lambda value: text(value).swapcase(),
        snakecase=lambda value: "_".join(_words(value)).lower(),
        kebabcase=lambda value: "-".join(_words(value)).lower(),
        camelcase=_camel,
        toString=go_value,
        toStrings=strings,
        sortAlpha=lambda value: sorted(strings(value)),
    ),
    **takes(
        2,
        trunc=_trunc,
        abbrev=_abbrev,
        repeat=_repeat,
        trimall=lambda letters, value: text(value).strip(text(letters)),
        trimAll=lambda letters, value: text(value).strip(text(letters)),
        trimSuffix=lambda suffix, value: text(value).removesuffix(text(suffix)),
        trimPrefix=lambda prefix, value: text(value).removeprefix(text(prefix)),
        contains=lambda part, value: text(part) in text(value),
        hasPrefix=lambda prefix, value: text(value).startswith(text(prefix)),
        hasSuffix=lambda suffix, value: text(value).endswith(text(suffix)),
        indent=_indent,
        nindent=lambda spaces, value: "\n" + _indent(spaces, value),
        wrap=_wrap,
        split=_split,
        splitList=_split_list,
        join=lambda separator, value: text(separator).join(strings(value)),
    ),
    **takes(
        3,
        abbrevboth=_abbrev_both,
        substr=_substr,
        replace=_replace,
        wrapWith=_wrap_with,
        splitn=lambda separator, most, value: _split(separator, value, max(0, integer(most) - 1)),
        plural=lambda one, many, count: one if integer(count) == 1 else many,
    ),
    "quote": Function(_quote, 0, None),
    "squote": Function(_squote, 0, None),
    "cat": Function(_cat, 0, None),
    **PATHS,
    **{"os" + name[0].upper() + name[1:]: function for name, function in PATHS.items()},
    **PATTERNS,
    **{"must" + name[0].upper() + name[1:]: function for name, function in PATTERNS.items() if name != "regexQuoteMeta"},
}
