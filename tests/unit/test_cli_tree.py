"""The tree of steps: nesting, parallel rows, attempts and folds, as lines of text."""

import pytest

from argosy.cli.draw import duration_text, facts, heading, tree_lines
from argosy.cli.paint import colored, plain
from argosy.cli.tree import Row, fit, tree_rows

NOW = 1_795_507_220.0  # 2026-11-24T08:00:20Z


def node(name: str, kind: str = "Pod", phase: str = "Succeeded", *, within: str = "", children: tuple[str, ...] = (),
         start: str = "00", end: str | None = "02", show: str = "", message: str = "", template: str = "t") -> dict:
    made = {"id": name, "name": name, "displayName": show or name.rpartition(".")[2], "type": kind, "phase": phase,
            "boundaryID": within, "children": list(children), "startedAt": f"2026-11-24T08:00:{start}Z",
            "message": message, "templateName": template}
    return {**made, "finishedAt": f"2026-11-24T08:00:{end}Z"} if end and phase not in ("Running", "Pending") else made


def workflow(*nodes: dict, phase: str = "Running", **status) -> dict:
    return {"metadata": {"name": "w", "namespace": "argo", "creationTimestamp": "2026-11-24T08:00:00Z"}, "spec": {},
            "status": {"phase": phase, "startedAt": "2026-11-24T08:00:00Z", "nodes": {item["id"]: item for item in nodes},
                       **status}}


def drawn(*nodes: dict, **options) -> list[str]:
    rows = tree_rows(workflow(*nodes), now=NOW, **options)
    return [row.prefix + row.name for row in rows]


def test_a_single_step_is_a_single_line():
    assert drawn(node("w", show="w")) == ["w"]


def test_tasks_of_a_dag_hang_below_it_in_the_order_of_their_start():
    assert drawn(
        node("w", "DAG", show="w", children=("w.A",)), node("w.D", within="w", start="09"),
        node("w.A", within="w", children=("w.B", "w.C"), start="01"),
        node("w.C", within="w", start="05"), node("w.B", within="w", start="05"),
    ) == ["w", "├─ A", "├─ B", "├─ C", "└─ D"]


def test_what_follows_comes_later_even_within_the_same_second():
    assert drawn(
        node("w", "DAG", show="w", children=("w.zeta",)), node("w.alpha", within="w"),
        node("w.zeta", within="w", children=("w.alpha",)),
    ) == ["w", "├─ zeta", "└─ alpha"]


def test_steps_side_by_side_are_drawn_side_by_side():
    assert drawn(
        node("w", "Steps", show="w", children=("w[0]",)),
        node("w[0]", "StepGroup", within="w", show="[0]", children=("w[0].a",)), node("w[0].a", within="w", children=("w[1]",)),
        node("w[1]", "StepGroup", within="w", show="[1]", children=("w[1].b", "w[1].c")),
        node("w[1].b", within="w"), node("w[1].c", within="w"),
    ) == ["w", "├─── a", "└─┬─ b", "  └─ c"]


def test_one_step_after_the_other_needs_no_fork():
    assert drawn(
        node("w", "Steps", show="w", children=("w[0]",)),
        node("w[0]", "StepGroup", within="w", show="[0]", children=("w[0].a",)), node("w[0].a", within="w", children=("w[1]",)),
        node("w[1]", "StepGroup", within="w", show="[1]", children=("w[1].b",)), node("w[1].b", within="w"),
    ) == ["w", "├─ a", "└─ b"]


def test_attempts_hang_below_their_retry_and_followers_do_not():
    assert drawn(
        node("w", "DAG", show="w", children=("w.A",)),
        node("w.A", "Retry", within="w", children=("w.A(0)", "w.A(1)")),
        node("w.A(0)", within="w", phase="Failed"), node("w.A(1)", within="w", children=("w.B",)),
        node("w.B", within="w", start="05"),
    ) == ["w", "├─ A", "│  ├─ A(0)", "│  └─ A(1)", "└─ B"]


def test_a_nested_dag_hangs_below_its_task():
    assert drawn(
        node("w", "DAG", show="w", children=("w.A",)), node("w.A", "DAG", within="w", children=("w.A.x",)),
        node("w.A.x", within="w.A", children=("w.B",)), node("w.B", within="w", start="05"),
    ) == ["w", "├─ A", "│  └─ x", "└─ B"]


def test_exit_handlers_come_after_the_entry_point():
    assert drawn(node("w.onExit", show="w.onExit", start="03"), node("w", show="w")) == ["w", "w.onExit"]


def fan_out(number: int, *, failed: int = 0, running: int = 0) -> list[dict]:
    def phase(index: int) -> str:
        return "Failed" if index < failed else "Running" if index >= number - running else "Succeeded"

    items = [node(f"w.all({index}:{index})", within="w", phase=phase(index)) for index in range(number)]
    return [node("w", "DAG", show="w", children=("w.all",), phase="Running"),
            node("w.all", "TaskGroup", "Running", within="w", children=tuple(item["id"] for item in items)), *items]


def test_a_small_fan_out_shows_every_item_in_order():
    assert drawn(*fan_out(11))[2:5] == ["   ├─ all(0:0)", "   ├─ all(1:1)", "   ├─ all(2:2)"]
    assert drawn(*fan_out(11))[-1] == "   └─ all(10:10)"


def test_a_large_fan_out_is_folded_into_a_count_over_what_failed_and_runs():
    rows = tree_rows(workflow(*fan_out(1000, failed=3, running=7)), now=NOW)
    assert rows[1].message == "993/1000 done, 3 failed, 7 running"
    assert [row.name for row in rows[2:]] == [
        "all(0:0)", "all(1:1)", "all(2:2)", "all(993:993)", "all(994:994)", "all(995:995)", "all(996:996)", "all(997:997)",
        "… 2 more running"]


def test_a_large_fan_out_of_steps_is_folded_too():
    items = [node(f"w[0].all({index}:x)", within="w") for index in range(30)]
    rows = tree_rows(workflow(
        node("w", "Steps", show="w", children=("w[0]",)),
        node("w[0]", "StepGroup", within="w", show="[0]", children=tuple(item["id"] for item in items)), *items), now=NOW)
    assert [(row.name, row.message) for row in rows[1:]] == [("all", "30/30 done")]


def test_nothing_is_folded_when_everything_is_wanted():
    assert len(drawn(*fan_out(1000), fold_over=None)) == 1002


def test_what_does_not_fit_the_screen_leaves_the_urgent_and_what_holds_it():
    rows = [Row("", "w", "Running"), *(Row("├─ ", f"s{index}", "Succeeded", depth=1) for index in range(50)),
            Row("├─ ", "group", "Running", depth=1), Row("│  └─ ", "inner", "Failed", depth=2),
            Row("└─ ", "late", "Pending", depth=1)]
    shown = fit(rows, 8)
    assert len(shown) == 8
    assert {"w", "group", "inner", "late"} <= {row.name for row in shown}
    assert shown[-1].name == "… 47 more steps (argosy get shows all)"


def test_rows_that_fit_are_left_alone():
    rows = [Row("", "w", "Running")]
    assert fit(rows, 1) == rows


def test_the_table_aligns_its_columns_and_tells_durations_and_messages():
    lines = tree_lines(tree_rows(workflow(
        node("w", "DAG", "Failed", show="w", children=("w.build",), end="15", template="main"),
        node("w.build", within="w", phase="Failed", message="main: Error (exit code 1)", template="go-build"),
        node("w.test", "Skipped", "Omitted", within="w", start="02", message="omitted: depends condition not met"),
        node("w.approve", "Suspend", "Running", within="w", start="05"),
    ), now=NOW))
    assert [plain(line) for line in lines] == [
        "STEP          TEMPLATE  DURATION  MESSAGE",
        "✖ w           main      15s",
        "├─ ✖ build    go-build  2s        main: Error (exit code 1)",
        "├─ ○ test     t                   omitted: depends condition not met",
        "└─ ‖ approve  t         15s",
    ]


def test_messages_of_many_lines_stay_on_one_line_and_are_cut_to_the_width():
    rows = [Row("", "w", "Failed", message="first line\nsecond " + "x" * 100)]
    text = plain(tree_lines(rows, width=60, header=False)[0])
    assert text.startswith("✖ w  first line ⏎ second xxx")
    assert text.endswith("…")
    assert len(text) <= 60


def test_the_heading_says_name_phase_duration_and_progress():
    assert plain(heading(workflow(progress="3/4"), now=NOW)) == "● w  Running  20s  3/4"
    assert plain(heading(workflow(phase="Failed", message="child failed", finishedAt="2026-11-24T08:00:05Z"), now=NOW)) == (
        "✖ w  Failed  5s  child failed")


def test_the_facts_name_parameters_and_outputs():
    shown = workflow(phase="Succeeded", finishedAt="2026-11-24T08:00:05Z", progress="1/1",
                     outputs={"parameters": [{"name": "result", "value": "42"}]})
    shown["spec"] = {"arguments": {"parameters": [{"name": "message", "value": "hi"}]}, "serviceAccountName": "robot"}
    assert [plain(line) for line in facts(shown, now=NOW)] == [
        "Name:            w", "Namespace:       argo", "ServiceAccount:  robot", "Status:          Succeeded",
        "Created:         2026-11-24T08:00:00Z (20s ago)", "Started:         2026-11-24T08:00:00Z (20s ago)",
        "Finished:        2026-11-24T08:00:05Z (15s ago)", "Duration:        5s", "Progress:        1/1",
        "Parameters:", "  message: hi", "Output parameters:", "  result: 42"]


def test_a_workflow_that_nobody_has_looked_at_yet_has_no_tree():
    fresh = {"metadata": {"name": "w"}, "spec": {}}
    assert tree_rows(fresh, now=NOW) == []
    assert plain(heading(fresh, now=NOW)) == "◷ w  Pending"


def test_an_object_that_contradicts_itself_is_still_shown():
    odd = [node("w", "DAG", show="w", children=("w.A", "absent"), within="w.A"), node("w.A", "DAG", within="w"),
           {"id": "w.x", "type": "Pod", "startedAt": "yesterday", "children": None}]
    rows = tree_rows(workflow(*odd), now=NOW)
    assert "w.x" in {row.name for row in rows}
    assert tree_lines(rows)


def test_durations_are_short():
    assert [duration_text(seconds) for seconds in (None, 0, 42, 185, 8040, 442800)] == [
        "", "0s", "42s", "3m 05s", "2h 14m", "5d 03h"]


def test_colours_are_terminal_codes_around_the_text():
    assert colored([("ok", "bold green"), (" then", "")]) == "\x1b[1;32mok\x1b[0m then"


@pytest.mark.parametrize("conditions", ["x", [1], [None, {"type": "SpecWarning", "status": "True", "message": "odd"}]])
def test_conditions_that_are_none_are_passed_over(conditions):
    shown = facts(workflow(phase="Succeeded", conditions=conditions), now=NOW)
    assert "Name:            w" in [plain(line) for line in shown]
