"""A sensor's rules: which events its filters let through, when its conditions are met, and what it says about it."""

import pytest

from events.rules import state as states
from events.rules.decision import concerned_triggers, conclude, intent_from_json, judge_all, passed
from events.rules.event import Event, from_bytes, to_bytes
from events.rules.filters import judge
from events.rules.names import intent_id, object_name
from events.rules.sensor import Sensor, read_sensor
from events.rules.state import Held, State, count
from tests.support.events_world import creates, event, sensor

PUSH = event("p1", data={"body": {
    "ref": "refs/heads/main", "commits": [{"n": 3}], "forced": False, "size": "12", "pusher": {"name": "Ada"}}})


def rules(obj: dict) -> Sensor:
    found, problems = read_sensor(obj)
    assert found is not None, problems
    return found


def passes(filters: dict, *, operator: str = "", what: Event = PUSH) -> bool:
    return judge({"filters": filters, "filtersLogicalOperator": operator}, what).passed


def data(path: str, type_: str, *values: str, comparator: str = "", template: str = "") -> dict:
    return {"path": path, "type": type_, "value": list(values), "comparator": comparator, "template": template}


@pytest.mark.parametrize(("one", "lets_through"), [
    (data("body.ref", "string", "refs/heads/main"), True),
    (data("body.ref", "string", "^refs/heads/.*$"), True),
    (data("body.ref", "string", "heads"), True),
    (data("body.ref", "string", "^heads"), False),
    (data("body.ref", "string", "nope", "main"), True),
    (data("body.ref", "string", "main", comparator="!="), False),
    (data("body.commits.0.n", "number", "3"), True),
    (data("body.commits.0.n", "number", "2", comparator=">"), True),
    (data("body.commits.0.n", "number", "4", comparator=">="), False),
    (data("body.commits.0.n", "number", "4", "3", comparator="="), True),
    (data("body.commits.0.n", "number", "3", comparator="!="), False),
    (data("body.size", "number", "12"), True),
    (data("body.forced", "bool", "false"), True),
    (data("body.forced", "bool", "true"), False),
    (data("body.forced", "bool", "F"), True),
    (data("body.pusher.name", "string", "^ADA$", template="{{ .Input | upper }}"), True),
    (data("body.commits.#", "number", "1"), True),
])
def test_a_data_filter_compares_as_argo_does(one: dict, lets_through: bool):
    assert passes({"data": [one]}) is lets_through


@pytest.mark.parametrize(("one", "error"), [
    (data("body.nothing", "string", "x"), "path 'body.nothing' does not exist in the event"),
    (data("body.ref", "string"), "no values to compare with"),
    (data("body.ref", "text", "x"), "type 'text' is unknown; write bool, number or string"),
    (data("body.forced", "bool", "yes"), "'yes' is no bool; write \"true\" or \"false\""),
])
def test_a_filter_that_cannot_be_evaluated_refuses_and_says_why(one: dict, error: str):
    verdict = judge({"filters": {"data": [one]}}, PUSH)
    assert not verdict.passed
    assert verdict.clauses[0].error == error


def test_each_clause_tells_what_the_event_had():
    verdict = judge({"filters": {"data": [data("body.ref", "string", "^refs/tags/")]}}, PUSH)
    [clause] = verdict.clauses
    assert (clause.where, clause.says) == ("filters.data[0]", "body.ref = ^refs/tags/ (string)")
    assert (clause.actual, clause.passed, clause.error) == ("refs/heads/main", False, "")


def test_operators_join_clauses_and_kinds_of_filter():
    right, wrong = data("body.ref", "string", "main"), data("body.ref", "string", "tags")
    assert not passes({"data": [right, wrong]})
    assert passes({"data": [right, wrong], "dataLogicalOperator": "or"})
    assert not passes({"data": [wrong, wrong], "dataLogicalOperator": "or"})
    context = {"type": "github"}
    assert passes({"data": [wrong], "context": context}, operator="or")
    assert not passes({"data": [wrong], "context": context}, operator="and")
    assert not passes({"data": [wrong], "context": {"type": "webhook"}}, operator="or")


def test_expressions_read_named_fields():
    fields = [{"path": "body.commits.0.n", "name": "n"}, {"path": "body.ref", "name": "ref"}]
    assert passes({"exprs": [{"expr": 'n > 2 && ref =~ "main"', "fields": fields}]})
    assert not passes({"exprs": [{"expr": "n > 3", "fields": fields}]})
    assert not passes({"exprs": [{"expr": "n >", "fields": fields}]})
    assert not passes({"exprs": [{"expr": "x == 1", "fields": [{"path": "body.x", "name": "x"}]}]})
    both = [{"expr": "n > 3", "fields": fields}, {"expr": "n == 3", "fields": fields}]
    assert passes({"exprs": both, "exprLogicalOperator": "or"})


@pytest.mark.parametrize(("start", "stop", "lets_through"), [
    ("09:00:00", "11:00:00", True), ("10:00:00", "10:00:01", True), ("09:00:00", "10:00:00", False),
    ("22:00:00", "06:00:00", False), ("22:00:00", "10:00:01", True),
])
def test_a_time_filter_may_cross_midnight(start: str, stop: str, lets_through: bool):
    assert passes({"time": {"start": start, "stop": stop}}) is lets_through


def test_a_time_filter_reads_the_clock_of_its_zone():
    assert passes({"time": {"start": "19:00:00", "stop": "19:00:01", "timezone": "Asia/Tokyo"}})
    assert not passes({"time": {"start": "19:00:00", "stop": "19:00:01", "timezone": "Atlantis"}})


def test_an_event_travels_unchanged():
    odd = event("ä/1", data={"body": ["ü", None, 1.5, True, {"a.b": "\u2028"}]})
    assert from_bytes(to_bytes(odd)) == odd


def test_the_newest_event_of_each_dependency_counts_and_all_are_used_up():
    [trigger] = rules(sensor([creates("t")], dependencies=["push", "tag"])).triggers
    state, first = count(trigger, State(), Held("p1", 1), ("push",))
    state, second = count(trigger, state, Held("p2", 2), ("push",))
    assert (first.fired, second.fired) == (None, None)
    state, third = count(trigger, state, Held("t1", 3), ("tag",))
    assert third.fired == {"push": Held("p2", 2), "tag": Held("t1", 3)}
    assert state.held == {}


def test_an_event_counted_twice_leads_to_the_same():
    [trigger] = rules(sensor([creates("t")], dependencies=["push", "tag"])).triggers
    state, _ = count(trigger, State(), Held("p1", 1), ("push",))
    state, fired = count(trigger, state, Held("t1", 2), ("tag",))
    again, same = count(trigger, states.from_bytes(states.to_bytes(state)), Held("t1", 2), ("tag",))
    assert (again, same) == (state, fired)


def test_an_older_event_that_comes_late_does_not_replace_a_newer_one():
    [trigger] = rules(sensor([creates("t")], dependencies=["push", "tag"])).triggers
    state, _ = count(trigger, State(), Held("p2", 5), ("push",))
    state, _ = count(trigger, state, Held("p1", 4), ("push",))
    assert state.held == {"push": Held("p2", 5)}


def test_what_cannot_come_again_is_forgotten():
    [trigger] = rules(sensor([creates("t")], dependencies=["push", "tag"])).triggers
    state = State()
    for number in range(1, 6):
        state, _ = count(trigger, state, Held(f"p{number}", number), ("push",))
    assert [one.sequence for one in states.forget(state, done_through=3).counted] == [4, 5]


@pytest.mark.parametrize(("conditions", "remembers"), [
    ("push", False), ("push || tag", False), ("push && tag", True), ("(push || tag) && done", True), ("", True),
])
def test_a_trigger_keeps_state_only_where_one_event_may_not_be_enough(conditions: str, remembers: bool):
    [trigger] = rules(sensor([creates("t", conditions=conditions)], dependencies=["push", "tag", "done"])).triggers
    assert trigger.remembers is remembers


def test_a_decision_says_which_clause_refused_the_event():
    dependency = {"name": "push", "eventSourceName": "github", "eventName": "push",
                  "filters": {"data": [data("body.ref", "string", "tags")]}}
    found = rules(sensor([creates("t")], dependencies=[dependency]))
    [(trigger, judged)] = concerned_triggers(found, judge_all(found, PUSH))
    assert passed(judged) == ()
    decision = conclude(found, trigger, PUSH, sequence=1, judged=judged, counted=None)
    assert decision.outcome == "filtered"
    assert decision.why == ("dependency 'push' refused the event: filters.data[0] (body.ref = tags (string)): "
                            "the event has 'refs/heads/main'")


def test_an_intent_is_named_by_sensor_trigger_and_events_alone():
    assert intent_id("uid", "t", ["a", "b"]) == intent_id("uid", "t", ["b", "a", "b"])
    assert len({intent_id("uid", "t", ["a", "b"]), intent_id("uid", "t", ["ab"]), intent_id("uid", "ta", ["b"]),
                intent_id("uid2", "t", ["a", "b"])}) == 4
    name = object_name("build-", intent_id("uid", "t", ["a"]))
    assert name == object_name("build-", intent_id("uid", "t", ["a"]))
    assert name.startswith("build-")
    assert len(name) == len("build-") + 10


def test_an_intent_travels_unchanged():
    found = rules(sensor([creates("t")], dependencies=["push"]))
    [(trigger, judged)] = concerned_triggers(found, judge_all(found, PUSH))
    counted = count(trigger, State(), Held("p1", 9), passed(judged))[1]
    decision = conclude(found, trigger, PUSH, sequence=9, judged=judged, counted=counted)
    assert decision.intent is not None
    again = intent_from_json(decision.intent.to_json())
    assert again.events == {"push": Held("p1", 9)}
    assert again.origin == again.id == decision.intent.id


@pytest.mark.parametrize(("pattern", "name", "fits"), [
    ("push", "push", True), ("pu*", "push", True), ("*", "a.b", True), ("p?sh", "push", True), ("{push,tag}", "tag", True),
    ("pushes", "push", False), ("[", "push", False),
])
def test_a_dependency_may_stand_for_several_events(pattern: str, name: str, fits: bool):
    found = rules(sensor([creates("t")], dependencies=[
        {"name": "any", "eventSourceName": "github", "eventName": pattern}]))
    assert bool(found.concerned("github", name)) is fits


@pytest.mark.parametrize(("change", "place", "text"), [
    (lambda spec: spec["dependencies"].clear(), "spec.dependencies", "is empty"),
    (lambda spec: spec["triggers"].clear(), "spec.triggers", "is empty"),
    (lambda spec: spec["dependencies"].append(spec["dependencies"][0]), "spec.dependencies[1].name", "another dependency"),
    (lambda spec: spec["triggers"].append(spec["triggers"][0]), "spec.triggers[1].template.name", "another trigger"),
    (lambda spec: spec["triggers"][0]["template"].update(conditions="pusch"),
     "spec.triggers[0].template.conditions", "did you mean 'push'?"),
    (lambda spec: spec["triggers"][0]["template"].update(conditions="push &&"),
     "spec.triggers[0].template.conditions", "ends where a name was expected"),
    (lambda spec: spec["dependencies"][0].update(filters={"data": [data("a", "string", "(")]}),
     "spec.dependencies[0].filters.data[0].value[0]", "("),
    (lambda spec: spec["dependencies"][0].update(filters={"script": "return true"}),
     "spec.dependencies[0].filters.script", "not run yet"),
    (lambda spec: spec["dependencies"][0].update(transform={"jq": "."}), "spec.dependencies[0].transform", "not run yet"),
    (lambda spec: spec["dependencies"][0].update(filtersLogicalOperator="xor"),
     "spec.dependencies[0].filtersLogicalOperator", "write and, or or"),
])
def test_a_sensor_that_cannot_work_says_where_and_why(change, place: str, text: str):
    obj = sensor([creates("t")])
    change(obj["spec"])
    found, problems = read_sensor(obj)
    assert found is None
    assert any(one.path == place and text in one.text for one in problems), problems
