"""What an event source, an event bus or a sensor that can be read may still have wrong."""

from events.spec.checks.buses import check_event_bus
from events.spec.checks.sensors import check_sensor
from events.spec.checks.sources import check_event_source

__all__ = ["check_event_bus", "check_event_source", "check_sensor"]
