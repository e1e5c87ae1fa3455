"""Laws that hold for every schedule, every order of events and every payload."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from events.bus.contract import Stream
from events.bus.subjects import from_subject, from_token, matches, simplify, to_subject, to_token
from events.rules import state as states
from events.rules.sensor import read_sensor
from events.rules.state import Held, State, count
from sources.cron import Cron, parse_cron
from tests.support.events_world import creates, sensor

ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu"]
# Around the changes of summer time of these zones in 2026.
STARTS = [datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC),
          datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 9, 5, tzinfo=UTC)]


def words(low: int, high: int):
    number = st.integers(low, high)
    return st.one_of(st.just("*"), number.map(str), st.integers(1, high).map(lambda step: f"*/{step}"),
                     st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"))


@given(st.tuples(words(0, 59), words(0, 23), words(1, 31), st.just("*"), words(0, 6)).map(" ".join),
       st.sampled_from(ZONES), st.sampled_from(STARTS), st.integers(0, 2 * 24 * 60))
def test_next_is_the_first_minute_whose_wall_clock_fits(text: str, zone: str, start: datetime, offset: int):
    schedule = parse_cron(text, zone=zone)
    assert isinstance(schedule, Cron)
    after = start + timedelta(minutes=offset)
    found = schedule.next(after)
    at, place = after + timedelta(minutes=1), ZoneInfo(zone)
    for _ in range(3 * 24 * 60):
        wall = at.astimezone(place)
        day, weekday = wall.day in schedule.days, wall.isoweekday() % 7 in schedule.weekdays
        fits = (day or weekday) if schedule.either_day else (day and weekday)
        if fits and wall.hour in schedule.hours and wall.minute in schedule.minutes:
            assert found == at
            return
        at += timedelta(minutes=1)
    assert found is None or found >= at


names = st.text(max_size=12)


@given(st.lists(names, min_size=1, max_size=4))
def test_names_survive_the_bus(parts: list[str]):
    subject = to_subject(Stream.DECISIONS, "ns", tuple(parts))
    assert from_subject(subject) == tuple(parts)
    assert subject.isascii()
    assert not set(subject) & set(" *>\t\r\n")


@given(names, names)
def test_different_names_stay_different(one: str, other: str):
    assert (to_token(one) == to_token(other)) == (one == other)
    assert from_token(to_token(one)) == one


part = st.sampled_from(["a", "b", None])


@given(st.lists(st.tuples(part, part), min_size=1, max_size=5), st.tuples(*[st.sampled_from(["a", "b", "c"])] * 2))
def test_simpler_filters_let_the_same_through(filters: list[tuple], subject: tuple[str, ...]):
    simple = simplify(filters)
    wanted = any(matches(one, subject) for one in filters)
    hits = sum(matches(one, subject) for one in simple)
    assert hits <= 1
    assert hits == wanted or simple == [(...,)]


@given(st.sampled_from(["a && b", "a && (b || c)", "a && b && c", "a && b || c"]),
       st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20), st.randoms())
def test_counting_again_changes_nothing_and_no_event_fires_twice(conditions: str, history: list, chance):
    obj = sensor([creates("t", conditions=conditions)], dependencies=["a", "b", "c"])
    found, problems = read_sensor(obj)
    assert found is not None, problems
    [trigger] = found.triggers
    state, used, seen = State(), [], []
    for sequence, (name, again) in enumerate(history, 1):
        held = Held(f"e{sequence}", sequence)
        state, counted = count(trigger, state, held, (name,))
        seen.append((held, name, counted))
        if counted.fired is not None:
            used += [one.id for one in counted.fired.values()]
            assert trigger.condition.evaluate(lambda other, _, fired=counted.fired: other in fired)
        if again:
            old, old_name, before = chance.choice(seen)
            same, repeated = count(trigger, states.from_bytes(states.to_bytes(state)), old, (old_name,))
            assert repeated == before
            assert same == state
    assert len(used) == len(set(used))
