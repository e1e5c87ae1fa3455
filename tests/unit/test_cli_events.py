"""What is said about events: each decision with its reason, what failed for good, and doing it again."""

import io

import pytest

from argosy.cli.events import explain, replay, show_dead_letters, show_events
from argosy.cli.session import Session
from argosy.errors import ArgosyError
from argosy.kube.contract import NotFound

EVENT = {"id": "e1", "source": "github", "subject": "push", "type": "github", "time": "2026-11-24T08:00:00.5Z"}
FIRED = {
    "sensor": "ci", "trigger": "build", "outcome": "fired", "why": "condition 'push' is met",
    "dependencies": [{"name": "push", "passed": True, "clauses": [
        {"where": "filters.data[0]", "says": "body.ref = refs/heads/main", "actual": "refs/heads/main", "passed": True}]}],
    "condition": {"expression": "push", "holds": {"push": "e1"}},
    "result": {"outcome": "done", "text": "created Workflow default/build-x7k2p", "attempts": 2},
}
REFUSED = {
    "sensor": "ci", "trigger": "deploy", "outcome": "filtered", "why": "dependency 'tag' refused the event",
    "dependencies": [{"name": "tag", "passed": False, "clauses": [
        {"where": "filters.data[0]", "says": "body.ref = refs/tags/*", "actual": "refs/heads/main", "passed": False}]}],
    "condition": {"expression": "tag && push", "holds": {"tag": None, "push": "e1"}},
}
LETTER = {"id": "i1", "sensor": "ci", "trigger": "notify", "error": "503\nfrom example.org", "attempts": 8,
          "at": "2026-11-24T08:00:00Z"}


class Clock:
    """Half a minute after the event."""

    def now(self) -> float:
        return 1_795_507_230.0


class Records:
    """A server that has these records."""

    def __init__(self, *, events=(), letters=()) -> None:
        self.events, self.letters, self.asked = list(events), list(letters), []

    async def get_json(self, path, params=None):
        base = "/argosy/v1/namespaces/default"
        if path == f"{base}/events":
            wanted = [item for item in self.events if params.get("source", "github") == item["event"]["source"]]
            return wanted[: int(params["limit"])]
        if path == f"{base}/deadletters":
            return self.letters
        for record in self.events:
            if path in (f"{base}/events/{record['event']['id']}", f"{base}/events/%40latest"):
                return record
        raise NotFound("no such event")

    async def post_json(self, path, body, params=None):
        for letter in self.letters:
            if path == f"/argosy/v1/namespaces/default/deadletters/{letter['id']}/replay":
                return {"intent": f"{letter['id']}-again"}
        raise NotFound("no such letter")


def session(**records) -> Session:
    return Session(Records(**records), out=io.StringIO(), clock=Clock())


async def test_events_are_listed_with_what_was_decided():
    here = session(events=[{"event": EVENT, "decisions": [FIRED, REFUSED]}, {"event": {**EVENT, "id": "e0"}, "decisions": []}])
    await show_events(here)
    assert [line.split(maxsplit=4) for line in here.out.getvalue().splitlines()] == [
        ["ID", "SOURCE", "EVENT", "AGE", "DECISIONS"],
        ["e1", "github", "push", "29s", "ci/build done, ci/deploy filtered"],
        ["e0", "github", "push", "29s", "none: no sensor listens to it"]]


async def test_events_of_one_source_are_picked():
    here = session(events=[{"event": EVENT}, {"event": {**EVENT, "id": "c1", "source": "calendar"}}])
    await show_events(here, source="calendar", output="name")
    assert here.out.getvalue() == "c1\n"


async def test_no_events_are_told():
    here = session()
    await show_events(here)
    await show_dead_letters(here)
    assert here.out.getvalue() == "no events yet\nno dead letters: nothing has failed for good\n"


async def test_an_event_is_explained_down_to_the_clause_that_refused_it():
    here = session(events=[{"event": EVENT, "decisions": [FIRED, REFUSED]}])
    await explain(here, "@latest")
    assert here.out.getvalue().splitlines() == [
        "Event:    e1", "Source:   github", "Name:     push", "Type:     github", "Time:     2026-11-24T08:00:00.5Z", "",
        "✔ ci/build  done", "  why: condition 'push' is met", "  ✔ dependency push",
        "    ✔ filters.data[0]: body.ref = refs/heads/main; the event has 'refs/heads/main'",
        "  → created Workflow default/build-x7k2p (after 2 tries)", "",
        "○ ci/deploy  filtered", "  why: dependency 'tag' refused the event", "  ✖ dependency tag",
        "    ✖ filters.data[0]: body.ref = refs/tags/*; the event has 'refs/heads/main'",
        "  · tag: waits for its event", "  · push: event e1"]


async def test_an_event_that_nobody_listens_to_is_explained_as_such():
    here = session(events=[{"event": EVENT, "decisions": []}])
    await explain(here, "e1")
    assert here.out.getvalue().endswith("No sensor listens to this event, so nothing was decided.\n")


async def test_what_is_still_to_be_done_and_what_was_withheld_are_told():
    waiting = {**FIRED, "intent": "i1", "result": None}
    withheld = {"sensor": "(event source)", "trigger": "github", "event": EVENT, "outcome": "withheld",
                "why": "the filter refused it"}
    here = session(events=[{"event": EVENT, "decisions": [waiting, withheld]}])
    await explain(here, "e1")
    assert "  → not done yet\n" in here.out.getvalue()
    assert here.out.getvalue().endswith("○ event source github  withheld\n  why: the filter refused it\n")


async def test_a_failed_trigger_names_the_command_that_does_it_again():
    failed = {**FIRED, "result": {"outcome": "failed", "text": "503", "attempts": 8, "deadLetter": "i1"}}
    here = session(events=[{"event": EVENT, "decisions": [failed]}])
    await explain(here, "e1")
    assert "✖ ci/build  failed" in here.out.getvalue()
    assert "argosy events replay i1" in here.out.getvalue()


async def test_an_unknown_event_is_told_where_to_look():
    with pytest.raises(NotFound, match="argosy events list"):
        await explain(session(), "e9")
    with pytest.raises(ArgosyError, match="no event has come in"):
        await explain(session(), "@latest")


async def test_dead_letters_are_listed_and_done_again():
    here = session(letters=[LETTER])
    await show_dead_letters(here)
    await replay(here, ["i1"])
    lines = here.out.getvalue().splitlines()
    assert lines[1].split(maxsplit=6) == ["i1", "ci", "notify", "30s", "8", "no", "503 from example.org"]
    assert lines[2] == "dead letter i1 is done again as i1-again"
    with pytest.raises(NotFound, match="dead-letters"):
        await replay(here, ["i9"])


async def test_without_a_server_that_keeps_records_the_remedy_is_named():
    with pytest.raises(ArgosyError, match="argosy up"):
        await show_events(Session(object(), out=io.StringIO()))
