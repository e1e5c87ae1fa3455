"""An event bus: exactly one kind, and what that kind cannot do without."""

from argosy.errors import Problem
from controller.spec.checks.report import Report
from events.spec.bus import EventBus, NATSBus


def check_event_bus(bus: EventBus) -> list[Problem]:
    """What Argo Events would refuse; the bus has been read already."""
    report = Report()
    spec = bus.spec
    kinds = {"nats": spec.nats, "jetstream": spec.jetstream, "jetstreamExotic": spec.jetstream_exotic, "kafka": spec.kafka}
    present = [name for name, kind in kinds.items() if kind is not None]
    if len(present) != 1:
        found = " and ".join(present) or "none of them"
        report.error("spec", f"must have exactly one of {', '.join(kinds)}, but has {found}")
    if spec.nats is not None:
        _check_nats(spec.nats, report)
    if spec.jetstream is not None:
        if not spec.jetstream.version:
            report.error("spec.jetstream.version", "is required, such as 'latest'")
        replicas = spec.jetstream.replicas
        if replicas is not None and (replicas == 2 or replicas < 1):
            report.error("spec.jetstream.replicas", f"must be 1, or 3 and more, but is {replicas}")
    for name, url in (
        ("jetstreamExotic", spec.jetstream_exotic.url if spec.jetstream_exotic else "-"),
        ("kafka", spec.kafka.url if spec.kafka else "-"),
    ):
        if not url:
            report.error(f"spec.{name}.url", "is required")
    return report.problems


def _check_nats(nats: NATSBus, report: Report) -> None:
    if (nats.native is None) == (nats.exotic is None):
        found = "neither" if nats.native is None else "both"
        report.error("spec.nats", f"must have native or exotic, but has {found}")
    if nats.exotic is not None:
        for key, value in (("clusterID", nats.exotic.cluster_id), ("url", nats.exotic.url)):
            if not value:
                report.error(f"spec.nats.exotic.{key}", "is required")
