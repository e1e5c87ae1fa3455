"""Cron schedules as robfig/cron reads them, summer time included."""

from datetime import UTC, datetime

import pytest

from sources.cron import parse_cron


def following(schedule: str, after: str, count: int = 1, *, zone: str = "") -> list[str]:
    parsed = parse_cron(schedule, zone=zone)
    at, found = datetime.fromisoformat(after).astimezone(UTC), []
    for _ in range(count):
        step = parsed.next(at)
        assert step is not None
        at = step
        found.append(at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
    return found


@pytest.mark.parametrize(("schedule", "after", "expected"), [
    ("* * * * *", "2026-11-24T08:17:30Z", ["2026-11-24 08:18:00", "2026-11-24 08:19:00"]),
    ("*/20 * * * *", "2026-11-24T08:17:30Z", ["2026-11-24 08:20:00", "2026-11-24 08:40:00"]),
    ("5/20 * * * *", "2026-11-24T08:17:30Z", ["2026-11-24 08:25:00", "2026-11-24 08:45:00"]),
    ("0 0 1 1 ?", "2026-11-24T08:17:30Z", ["2027-01-01 00:00:00", "2028-01-01 00:00:00"]),
    ("0 12 * * MON-FRI", "2026-11-27T12:00:00Z", ["2026-11-30 12:00:00", "2026-12-01 12:00:00"]),
    ("0 0 29 feb *", "2026-11-24T00:00:00Z", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
    ("0 0 13 * 5", "2026-11-24T00:00:00Z", ["2026-11-27 00:00:00", "2026-12-04 00:00:00"]),  # either day
    ("0 0 */2 * 5", "2026-11-24T00:00:00Z", ["2026-11-25 00:00:00", "2026-11-27 00:00:00"]),
    ("0 0 * * 0", "2026-11-24T00:00:00Z", ["2026-11-29 00:00:00", "2026-12-06 00:00:00"]),
    ("@hourly", "2026-11-24T08:17:30Z", ["2026-11-24 09:00:00", "2026-11-24 10:00:00"]),
    ("@daily", "2026-12-31T08:17:30Z", ["2027-01-01 00:00:00", "2027-01-02 00:00:00"]),
    ("@every 1h30m", "2026-11-24T08:17:30Z", ["2026-11-24 09:47:30", "2026-11-24 11:17:30"]),
    ("CRON_TZ=Asia/Tokyo 0 6 * * *", "2026-11-24T00:00:00Z", ["2026-11-24 21:00:00", "2026-11-25 21:00:00"]),
])
def test_the_next_instants(schedule: str, after: str, expected: list[str]):
    assert following(schedule, after, len(expected)) == expected


def test_an_hour_that_summer_time_skips_does_not_fire():
    assert following("30 2 * * *", "2026-03-07T12:00:00Z", 2, zone="America/New_York") == [
        "2026-03-09 06:30:00", "2026-03-10 06:30:00"]


def test_an_hour_that_comes_twice_fires_twice():
    assert following("30 1 * * *", "2026-10-31T12:00:00Z", 3, zone="America/New_York") == [
        "2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-02 06:30:00"]


def test_a_midnight_that_does_not_exist_is_passed_over():
    assert following("0 0 * * *", "2026-09-05T12:00:00Z", 2, zone="America/Santiago") == [
        "2026-09-07 03:00:00", "2026-09-08 03:00:00"]


def test_what_never_comes_is_none():
    assert parse_cron("0 0 31 2 *").next(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(("schedule", "text"), [
    ("* * * *", "has 4 fields"), ("* * * * * *", "has 6 fields"), ("60 * * * *", "minute: '60' is not in 0-59"),
    ("* * * * 7", "day of week: '7' is not in 0-6"), ("* * L * *", "day of month: 'L'"), ("*/0 * * * *", "above 0"),
    ("5-1 * * * *", "begins after its end"), ("@sometimes", "is unknown"), ("@every soon", "is not a length of time"),
    ("TZ=Nowhere/Land * * * * *", "time zone 'Nowhere/Land' is unknown"), ("", "has 0 fields"),
])
def test_what_is_no_schedule_says_why(schedule: str, text: str):
    with pytest.raises(ValueError, match=r".+") as error:
        parse_cron(schedule)
    assert text in str(error.value)
