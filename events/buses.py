"""EventBus objects: every one stands for the bus that is there, and its status says so.

One that Argo Events has made a bus of is left to it: its sources and sensors read from the status whether they may work.
"""

import logging
from random import Random

from argosy.clock import Clock
from argosy.errors import Problem, SpecError, SpecErrors
from argosy.kube.contract import Kube, Object
from argosy.kube.resources import EVENT_BUSES
from argosy.kube.watching import changes
from events.conditions import Condition, tell, warnings_of
from events.spec import effectless, parse_event_bus

log = logging.getLogger(__name__)

_ARGOS_FINALIZER = "eventbus-controller"


async def tell_buses(kube: Kube, *, clock: Clock, chance: Random, namespace: str = "") -> None:
    """Tell each EventBus (of `namespace`, if one is named), until cancelled, that events travel, and what has no effect."""
    async for change in changes(kube, EVENT_BUSES, clock=clock, chance=chance, namespace=namespace):
        if change.type != "DELETED" and _ARGOS_FINALIZER not in (change.object["metadata"].get("finalizers") or ()):
            await tell(kube, EVENT_BUSES, change.object, _conditions(change.object), clock=clock)


def _conditions(obj: Object) -> list[Condition]:
    try:
        parse_event_bus(obj)
        problems = effectless(obj)
    except SpecErrors as error:
        problems = error.problems
    except SpecError as error:
        problems = [Problem(error.path, error.text)]
    except Exception as error:
        log.exception("reading an event bus failed")
        problems = [Problem("spec", f"{type(error).__name__}: {error}")]
    errors = "\n".join(str(one) for one in problems if one.severity == "error")
    return [Condition("Configured", not errors, "InvalidSpec" if errors else "", errors),
            Condition("Deployed", True, "", "events travel on NATS JetStream"), *warnings_of(problems)]
