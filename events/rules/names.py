"""Names that follow from what happened: the same sensor, trigger and events always give the same intent and object."""

import hashlib
from collections.abc import Iterable

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # those of Kubernetes' own suffixes: no vowels, so no words
_SUFFIX_LENGTH = 10


def intent_id(sensor_uid: str, trigger: str, event_ids: Iterable[str]) -> str:
    """The id of what `trigger` must do for these events."""
    parts = (sensor_uid, trigger, *sorted(set(event_ids)))
    text = "\n".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def object_name(generate_name: str, intent: str) -> str:
    """The name that a ``generateName`` becomes for this intent."""
    number = int.from_bytes(hashlib.sha256(intent.encode()).digest()[:16], "big")
    suffix = ""
    for _ in range(_SUFFIX_LENGTH):
        number, digit = divmod(number, len(_LETTERS))
        suffix += _LETTERS[digit]
    return generate_name + suffix
