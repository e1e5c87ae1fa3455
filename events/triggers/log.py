"""The ``log`` trigger: write the events to Argosy's log."""

import logging
from collections.abc import Iterable, Mapping

from argosy.errors import Problem
from events.rules.event import Json, compact
from events.triggers.contract import Action, Done, World

log = logging.getLogger(__name__)


class Log:
    """Logs each event once; ``intervalSeconds`` thins out what a busy sensor logs."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], float] = {}

    def check(self, _template: Mapping[str, Json], _where: str) -> Iterable[Problem]:
        """Nothing can be wrong."""
        return ()

    async def act(self, action: Action, world: World) -> Done:
        """Log, unless the trigger logged within its interval."""
        place = (action.namespace, action.sensor, action.trigger)
        now, interval = world.clock.now(), float(action.template.get("intervalSeconds") or 0)
        if now - self._last.get(place, float("-inf")) < interval:
            return Done("not logged: the last log line is younger than intervalSeconds")
        self._last[place] = now
        for name, event in sorted(action.events.items()):
            log.info("event sensor=%s trigger=%s dependency=%s event=%s data=%s",
                     action.sensor, action.trigger, name, compact(event.context), compact(event.data))
        return Done("logged")
