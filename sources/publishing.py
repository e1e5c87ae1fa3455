"""From what a source read to an event on the bus: the envelope, the source's own filter, and a record if it is withheld."""

from collections.abc import Mapping

from argosy.clock import Clock, new_uid, to_rfc3339_micro
from argosy.expressions import ExpressionError, evaluate
from events.journal import Journal
from events.rules.event import Event, Json, as_text
from sources.contract import Accepted, Reading, Source

MOST_ID_LETTERS = 200
MOST_SHOWN_LETTERS = 200


class Publisher:
    """Publishes the events of one source."""

    def __init__(self, source: Source, journal: Journal, *, clock: Clock) -> None:
        self._source, self._journal, self._clock = source, journal, clock

    async def __call__(self, reading: Reading) -> Accepted:
        """Publish, and return once the bus keeps it."""
        source = self._source
        event = Event(
            id=reading.id[:MOST_ID_LETTERS] or new_uid().replace("-", ""), source=source.name, subject=source.event,
            type=source.kind, time=to_rfc3339_micro(self._clock.now()), data=reading.data)
        withheld = reading.withheld or refused_by_filter(source.spec, reading.data)
        if withheld:
            await self._journal.withhold(event, why=withheld)
            return Accepted(event.id, withheld=withheld)
        receipt = await self._journal.accept(event)
        return Accepted(event.id, duplicate=receipt.duplicate)


def refused_by_filter(spec: Mapping[str, Json], data: Json) -> str:
    """Why ``filter.expression`` keeps the event back; nothing if it lets it through."""
    expression = str((spec.get("filter") or {}).get("expression") or "")
    if not expression:
        return ""
    names = {str(key).replace("-", "_"): value for key, value in data.items()} if isinstance(data, dict) else {}
    try:
        result = evaluate(expression, names)
    except ExpressionError as error:
        return f"filter.expression failed: {error}"
    if result is True:
        return ""
    return f"filter.expression {expression!r} is {as_text(result)[:MOST_SHOWN_LETTERS]}, not true"
