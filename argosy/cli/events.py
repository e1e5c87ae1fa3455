"""``argosy events``: what came in, what the sensors decided and why, and what failed for good."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import click

from argosy.cli.draw import duration_text
from argosy.cli.options import VerbGroup, output_option
from argosy.cli.output import table, to_text
from argosy.cli.paint import Line
from argosy.cli.session import LATEST, Session, remote_of, run_verb
from argosy.cli.tree import age_seconds
from argosy.errors import ArgosyError
from argosy.kube.contract import NotFound

if TYPE_CHECKING:
    from argosy.kube.contract import Kube

Record = dict[str, Any]

_nats_option = click.option(
    "--nats", metavar="URL", default="", envvar="ARGOSY_NATS",
    help="Ask the bus itself, as on a cluster, where no `argosy up` answers; else $ARGOSY_NATS.")

_STYLES = {"fired": "green", "done": "green", "waiting": "yellow", "filtered": "dim", "withheld": "dim", "failed": "red"}
_SIGNS = {"fired": "✔", "done": "✔", "waiting": "◷", "filtered": "○", "withheld": "○", "failed": "✖"}


@click.group("events", cls=VerbGroup)
def command() -> None:
    """See what became of each event: which filter refused it, what it created, what failed and can be replayed.

    \b
    argosy events list
    argosy events explain EVENT
    argosy events dead-letters
    argosy events replay ID
    """


@command.command("list")
@click.option("--source", metavar="NAME", default="", help="Only events of this EventSource.")
@click.option("--limit", type=click.IntRange(min=1), default=50, metavar="NUMBER", help="At most so many (50).")
@_nats_option
@output_option("name", "json", "yaml")
def list_command(*, source: str, limit: int, nats: str, output: str) -> int:
    """List the events that came in, newest first, and what was decided about each."""
    return _run(nats, lambda session: show_events(session, source=source, limit=limit, output=output))


@command.command("explain")
@click.argument("event", metavar="EVENT")
@_nats_option
@output_option("json", "yaml")
def explain_command(*, event: str, nats: str, output: str) -> int:
    """Tell why an event did, or did not, fire each trigger. EVENT is its id, or @latest."""
    return _run(nats, lambda session: explain(session, event, output=output))


@command.command("dead-letters")
@_nats_option
@output_option("name", "json", "yaml")
def dead_letters_command(*, nats: str, output: str) -> int:
    """List what failed for good."""
    return _run(nats, lambda session: show_dead_letters(session, output=output))


@command.command("replay")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_nats_option
def replay_command(*, ids: tuple[str, ...], nats: str) -> int:
    """Do again what failed for good; what it makes keeps the name that it would have had."""
    return _run(nats, lambda session: replay(session, ids))


def _run(nats: str, work: Callable[[Session], Awaitable[int]]) -> int:
    """Do the work of a verb, with the bus at that URL where one is named, else with the server."""
    return run_verb((lambda session: _with_bus(session, nats, work)) if nats else work)


async def _with_bus(session: Session, nats: str, work: Callable[[Session], Awaitable[int]]) -> int:
    from events.asking import BusAnswers
    from events.bus.jetstream import JetStreamBus
    from events.records import Records

    bus = JetStreamBus(nats, clock=session.clock)
    try:
        answers = BusAnswers(Records(bus, session.kube, session.clock))
        return await work(replaced(session, kube=cast("Kube", answers)))
    finally:
        await bus.close()


async def show_events(session: Session, *, source: str = "", limit: int = 50, output: str = "") -> int:
    """Print the events as a table, or as `output` says."""
    found = await _events(session, limit=limit, source=source)
    if output in ("json", "yaml"):
        session.print(to_text(found, output))
    elif output == "name":
        session.print(*(str(_event_of(item).get("id")) for item in found))
    elif not found:
        session.print("no events yet")
    else:
        now = session.clock.now()
        session.print(*table(["ID", "SOURCE", "EVENT", "AGE", "DECISIONS"], [_event_row(item, now) for item in found]))
    return 0


async def explain(session: Session, event: str, *, output: str = "") -> int:
    """Print one event and every decision about it."""
    if event == LATEST and not await _events(session, limit=1):
        raise ArgosyError(f"no event has come in yet in namespace {session.namespace!r}")
    try:
        record: Record = await remote_of(session).get_json(f"{_base(session)}/events/{quote(event, safe='')}")
    except NotFound as error:
        raise NotFound(f"there is no event {event!r} in namespace {session.namespace!r}; argosy events list shows those "
                       "that are kept") from error
    if output:
        session.print(to_text(record, output))
        return 0
    session.print(*_explained(record))
    return 0


async def show_dead_letters(session: Session, *, output: str = "") -> int:
    """Print what failed for good."""
    try:
        letters: list[Record] = await remote_of(session).get_json(f"{_base(session)}/deadletters")
    except NotFound as error:
        raise _no_answers() from error
    if output in ("json", "yaml"):
        session.print(to_text(letters, output))
    elif output == "name":
        session.print(*(str(item.get("id")) for item in letters))
    elif not letters:
        session.print("no dead letters: nothing has failed for good")
    else:
        now = session.clock.now()
        session.print(*table(["ID", "SENSOR", "TRIGGER", "AGE", "TRIES", "REPLAYED", "ERROR"], [
            [str(item.get("id", "")), str(item.get("sensor", "")), str(item.get("trigger", "")), _age(item.get("at"), now),
             str(item.get("attempts", "")), "yes" if item.get("replayedAs") else "no",
             (" ".join(str(item.get("error", "")).split()), "red")] for item in letters]))
    return 0


async def replay(session: Session, ids: Sequence[str]) -> int:
    """Ask for each dead letter to be done again."""
    for id_ in ids:
        try:
            answer = await remote_of(session).post_json(f"{_base(session)}/deadletters/{quote(id_, safe='')}/replay", {})
        except NotFound as error:
            raise NotFound(f"there is no dead letter {id_!r} in namespace {session.namespace!r}; argosy events "
                           "dead-letters shows those that are kept") from error
        session.print(f"dead letter {id_} is done again as {answer['intent']}")
    return 0


def _no_answers() -> ArgosyError:
    return ArgosyError("this server does not know of events, as the bus is beside it on a cluster: name the bus with --nats, "
                       "for example through `kubectl port-forward service/argosy-nats 4222`")


def _base(session: Session) -> str:
    return f"/argosy/v1/namespaces/{quote(session.namespace, safe='')}"


async def _events(session: Session, *, limit: int, source: str = "") -> list[Record]:
    query = {"limit": str(limit), **({"source": source} if source else {})}
    try:
        found: list[Record] = await remote_of(session).get_json(f"{_base(session)}/events", query)
    except NotFound as error:
        raise _no_answers() from error
    return found


def _event_of(item: Record) -> Record:
    """The event's context; of one that its source withheld, only the decision about it tells."""
    told: list[Record] = [item, *(item.get("decisions") or [])]
    return next((one["event"] for one in told if one.get("event")), {"id": item.get("id")})


def _age(time: Any, now: float) -> str:
    return duration_text(age_seconds(time, now))


def _event_row(item: Record, now: float) -> list[str]:
    event = _event_of(item)
    decisions: list[Record] = item.get("decisions") or []
    told = ", ".join(f"{_decider(one)} {_state(one)}" for one in decisions)
    return [str(event.get("id", "")), str(event.get("source", "")), str(event.get("subject", "")),
            _age(event.get("time"), now), told or "none: no sensor listens to it"]


def _decider(decision: Record) -> str:
    if decision.get("outcome") == "withheld":
        return f"event source {decision.get('trigger')}"
    return f"{decision.get('sensor')}/{decision.get('trigger')}"


def _state(decision: Record) -> str:
    """How far it came: what was done (or failed) says more than that it fired."""
    result = decision.get("result") or {}
    return str(result.get("outcome") or decision.get("outcome") or "")


def _explained(record: Record) -> list[Line]:
    event = _event_of(record)
    lines: list[Line] = [[(f"{title}:".ljust(10), "dim"), (str(event.get(key, "")), "")] for title, key in (
        ("Event", "id"), ("Source", "source"), ("Name", "subject"), ("Type", "type"), ("Time", "time"))]
    decisions: list[Record] = record.get("decisions") or []
    if not decisions:
        lines += [[], [("No sensor listens to this event, so nothing was decided.", "yellow")]]
    for decision in decisions:
        lines += [[], *_decision(decision)]
    return lines


def _decision(decision: Record) -> list[Line]:
    state = _state(decision)
    style = _STYLES.get(state, "")
    lines: list[Line] = [[(f"{_SIGNS.get(state, '?')} ", style),
                          (_decider(decision), "bold"), (f"  {state}", style)],
                         [("  why: ", "dim"), (str(decision.get("why") or ""), "")]]
    for dependency in decision.get("dependencies") or []:
        passed = bool(dependency.get("passed"))
        lines.append([("  ✔ " if passed else "  ✖ ", "green" if passed else "red"),
                      (f"dependency {dependency.get('name')}", "")])
        lines += [_clause(clause) for clause in dependency.get("clauses") or []]
    holds = (decision.get("condition") or {}).get("holds") or {}
    if len(holds) > 1:
        lines += [[("  · ", "dim"), (f"{name}: {f'event {id_}' if id_ else 'waits for its event'}", "dim")]
                  for name, id_ in holds.items()]
    result = decision.get("result") or {}
    if decision.get("intent") and not result:
        lines.append([("  → ", "dim"), ("not done yet", "dim")])
    if result:
        told = f"{result.get('text', '')}" + (f" (after {result['attempts']} tries)" if result.get("attempts", 1) > 1 else "")
        lines.append([("  → ", _STYLES.get(state, "")), (told, _STYLES.get(state, ""))])
    if result.get("deadLetter"):
        lines.append([("  → ", "red"), (f"to do it again: argosy events replay {result['deadLetter']}", "")])
    return lines


def _clause(clause: Record) -> Line:
    passed = bool(clause.get("passed"))
    had = clause.get("error") or f"the event has {clause.get('actual')!r}"
    return [("    ✔ " if passed else "    ✖ ", "green" if passed else "red"),
            (f"{clause.get('where')}: {clause.get('says')}", ""), (f"; {had}", "dim" if passed else "red")]
