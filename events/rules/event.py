"""An event as a value: the CloudEvents envelope that Argo Events uses, and its JSON form."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from argosy.errors import ArgosyError

Json: TypeAlias = Any
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `source` is the EventSource's name, `subject` the event's name, `type` the kind."""

    id: str
    source: str
    subject: str
    type: str
    time: str
    data: Json
    datacontenttype: str = JSON_TYPE

    @property
    def context(self) -> dict[str, Json]:
        """The envelope without the data, with Argo's keys."""
        return {
            "id": self.id, "source": self.source, "specversion": "1.0", "type": self.type,
            "datacontenttype": self.datacontenttype, "subject": self.subject, "time": self.time,
        }


def to_bytes(event: Event) -> bytes:
    """The envelope as it travels."""
    return encoded({**event.context, "data": event.data})


def from_bytes(raw: bytes) -> Event:
    """The event of an envelope. Raises ArgosyError for what is none."""
    try:
        tree = json.loads(raw)
        return from_json(tree)
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ArgosyError(f"the message on the bus is no CloudEvent: {error}") from error


def from_json(tree: Mapping[str, Json]) -> Event:
    """The event of a decoded envelope."""
    return Event(
        id=str(tree["id"]), source=str(tree["source"]), subject=str(tree.get("subject", "")),
        type=str(tree.get("type", "")), time=str(tree.get("time", "")), data=tree.get("data"),
        datacontenttype=str(tree.get("datacontenttype", JSON_TYPE)))


def whole(event: Event) -> str:
    """The whole event as a parameter that asks for no key gets it: context, and data in base64, as Argo hands it on."""
    data = base64.b64encode(compact(event.data).encode()).decode()
    return compact({"context": event.context, "data": data})


def compact(value: Json) -> str:
    """JSON without blanks; letters of any script as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def encoded(value: Json) -> bytes:
    """The same as bytes; half a surrogate pair, which UTF-8 cannot write, becomes a question mark."""
    return compact(value).encode("utf-8", "replace")


def as_text(value: Json) -> str:
    """A value as the text that a filter or a parameter sees: strings bare, null empty, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else compact(value)
