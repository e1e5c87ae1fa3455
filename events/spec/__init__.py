"""What an EventSource, an EventBus or a Sensor may say. Each kind's models are imported when the first is read."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argosy.manifests.model import Json

if TYPE_CHECKING:
    from events.spec.bus import EventBus
    from events.spec.checks import check_event_bus, check_event_source, check_sensor
    from events.spec.effect import effectless
    from events.spec.event_source import EventSource
    from events.spec.sensor import Sensor

_LATE = {
    "EventBus": "bus", "EventSource": "event_source", "Sensor": "sensor", "check_event_bus": "checks",
    "check_event_source": "checks", "check_sensor": "checks", "effectless": "effect",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)


def parse_event_source(obj: Json, *, source: str = "") -> "EventSource":
    """Read an EventSource; raises SpecErrors."""
    from events.spec.event_source import EventSource

    return EventSource.read(obj, source=source)


def parse_event_bus(obj: Json, *, source: str = "") -> "EventBus":
    """Read an EventBus; raises SpecErrors."""
    from events.spec.bus import EventBus

    return EventBus.read(obj, source=source)


def parse_sensor(obj: Json, *, source: str = "") -> "Sensor":
    """Read a Sensor; raises SpecErrors."""
    from events.spec.sensor import Sensor

    return Sensor.read(obj, source=source)


__all__ = [
    "EventBus", "EventSource", "Sensor", "check_event_bus", "check_event_source", "check_sensor", "effectless",
    "parse_event_bus", "parse_event_source", "parse_sensor",
]
