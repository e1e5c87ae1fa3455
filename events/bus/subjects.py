"""Names as NATS subjects: any text becomes a safe token and comes back unchanged."""

from collections.abc import Iterable, Sequence

from events.bus.contract import Filter, Stream, Subject

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def to_token(name: str) -> str:
    """Letters, digits, ``-`` and ``_`` stay; each other byte becomes ``=XX``; an empty name is ``=``."""
    if not name:
        return "="
    return "".join(
        char if char in _PLAIN else "".join(f"={byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in name)


def from_token(token: str) -> str:
    """What `to_token` was given."""
    if token == "=":  # noqa: S105 - a subject's token, no secret
        return ""
    head, *rest = token.split("=")
    raw = head.encode() + b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in rest)
    return raw.decode("utf-8", "surrogatepass")


def to_subject(stream: Stream, namespace: str, names: Subject) -> str:
    """``events.default.github.push``."""
    return ".".join((stream.value, to_token(namespace), *map(to_token, names)))


def from_subject(subject: str) -> Subject:
    """The names of a subject, without stream and namespace."""
    return tuple(from_token(token) for token in subject.split(".")[2:])


def to_filter(stream: Stream, namespace: str, filter_: Filter) -> str:
    """``events.default.*.push``: None is ``*``, a final ``...`` is ``>``."""
    tokens = ["*" if part is None else ">" if part is ... else to_token(str(part)) for part in filter_]
    return ".".join((stream.value, to_token(namespace), *tokens))


def from_filter(text: str) -> Filter:
    """The names that a filter was made from."""
    return tuple(
        None if token == "*" else ... if token == ">" else from_token(token)  # noqa: S105 - NATS wildcards
        for token in text.split(".")[2:])


def matches(filter_: Filter, subject: Subject) -> bool:
    """Whether `subject` passes `filter_`."""
    if filter_ and filter_[-1] is ...:
        head = filter_[:-1]
        return len(subject) > len(head) and _match_all(head, subject)
    return len(filter_) == len(subject) and _match_all(filter_, subject)


def simplify(filters: Iterable[Filter]) -> list[Filter]:
    """The same messages by filters that do not overlap, as NATS demands; where that cannot be had, everything."""
    kept: list[Filter] = []
    for filter_ in sorted(set(filters), key=lambda one: (sum(part is None for part in one), repr(one))):
        kept = [other for other in kept if not _covers(filter_, other)]
        if not any(_covers(other, filter_) for other in kept):
            kept.append(filter_)
    overlap = any(_overlaps(one, other) for index, one in enumerate(kept) for other in kept[index + 1:])
    return [(...,)] if overlap else kept


def _match_all(parts: Sequence[object], subject: Subject) -> bool:
    return all(part is None or part == name for part, name in zip(parts, subject, strict=False))


def _covers(wide: Filter, narrow: Filter) -> bool:
    if wide and wide[-1] is ...:
        head = wide[:-1]
        return len(narrow) > len(head) and all(
            one is None or one == other for one, other in zip(head, narrow, strict=False))
    return len(wide) == len(narrow) and all(
        one is None or one == other for one, other in zip(wide, narrow, strict=True))


def _overlaps(one: Filter, other: Filter) -> bool:
    if ... in (*one[-1:], *other[-1:]):
        return all(a is None or b is None or a == b for a, b in zip(one, other, strict=False) if ... not in (a, b))
    return len(one) == len(other) and all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))
