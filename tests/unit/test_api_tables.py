"""What people see in the columns of `kubectl get`."""

from typing import Any

import pytest

from argosy.embedded.api import pod_rows
from argosy.embedded.api.tables import columns_of, duration, table
from argosy.kube.resources import CONFIG_MAPS, KNOWN, PODS, SECRETS, WORKFLOWS

NOW = 1_790_000_000.0
DAY = 86400


@pytest.mark.parametrize(("seconds", "shown"), [
    (-5, "0s"), (0.9, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (599, "9m59s"), (600, "10m"), (10799, "179m"),
    (10800, "3h"), (3 * 3600 + 300, "3h5m"), (8 * 3600, "8h"), (47 * 3600, "47h"), (2 * DAY, "2d"),
    (2 * DAY + 4 * 3600, "2d4h"), (8 * DAY + 3600, "8d"), (700 * DAY, "700d"), (800 * DAY, "2y70d"), (3650 * DAY, "10y"),
])
def test_ages_are_written_as_kubectl_writes_them(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def state(**container: Any) -> dict[str, Any]:
    return {"name": "main", **container}


@pytest.mark.parametrize(("status", "shown"), [
    ({}, "Pending"),
    ({"phase": "Running", "containerStatuses": [state(ready=True, state={"running": {}})]}, "Running"),
    ({"phase": "Pending", "containerStatuses": [state(state={"waiting": {"reason": "ErrImagePull"}})]}, "ErrImagePull"),
    ({"phase": "Succeeded", "containerStatuses": [state(state={"terminated": {"reason": "Completed"}})]}, "Completed"),
    ({"phase": "Failed", "containerStatuses": [state(state={"terminated": {"exitCode": 3}})]}, "ExitCode:3"),
    ({"phase": "Failed", "containerStatuses": [state(state={"terminated": {"signal": 9}})]}, "Signal:9"),
    ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
    ({"phase": "Running", "containerStatuses": [
        state(ready=True, state={"running": {}}), state(state={"terminated": {"reason": "Completed"}})]}, "Running"),
    ({"phase": "Pending", "initContainerStatuses": [state(state={"running": {}})]}, "Init:0/1"),
    ({"phase": "Pending", "initContainerStatuses": [state(state={"terminated": {"exitCode": 1, "reason": "Error"}})]},
     "Init:Error"),
    ({"phase": "Running", "initContainerStatuses": [state(state={"terminated": {"exitCode": 0}})]}, "Running"),
])
def test_one_word_tells_how_a_pod_is(status: dict[str, Any], shown: str) -> None:
    assert pod_rows.word({"spec": {"initContainers": [{"name": "main"}]}, "status": status}) == shown


def test_a_pod_that_is_being_deleted_says_so() -> None:
    assert pod_rows.word({"metadata": {"deletionTimestamp": "now"}, "status": {"phase": "Running"}}) == "Terminating"


def test_a_workflow_has_argos_columns() -> None:
    workflow = {"metadata": {"name": "a"}, "status": {
        "phase": "Failed", "startedAt": "2026-09-21T14:00:00Z", "message": "boom"}}
    made = table(WORKFLOWS, [workflow], {}, now=NOW)
    assert [column["name"] for column in made["columnDefinitions"]] == ["Name", "Status", "Age", "Message"]
    assert made["rows"][0]["cells"] == ["a", "Failed", "13m", "boom"]
    assert made["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_what_has_not_begun_has_no_age() -> None:
    assert table(WORKFLOWS, [{"metadata": {"name": "a"}}], {}, now=NOW)["rows"][0]["cells"] == ["a", "", "", ""]


def test_entries_are_counted() -> None:
    settings = {"metadata": {"name": "a"}, "data": {"x": "1"}, "binaryData": {"y": ""}}
    assert table(CONFIG_MAPS, [settings], {}, now=NOW)["rows"][0]["cells"][1] == 2
    assert table(SECRETS, [{"metadata": {"name": "a"}, "type": "Opaque"}], {}, now=NOW)["rows"][0]["cells"][1:3] == [
        "Opaque", 0]


@pytest.mark.parametrize("resource", KNOWN, ids=lambda resource: resource.plural)
@pytest.mark.parametrize("broken", [{}, {"metadata": None, "spec": 3, "status": "x"}, {"spec": {"ports": [1]}, "data": 7},
                                    {"status": {"containerStatuses": [None], "startedAt": 5}, "series": []}])
def test_an_object_that_is_badly_formed_does_not_hide_the_others(resource: Any, broken: dict[str, Any]) -> None:
    rows = table(resource, [broken, {"metadata": {"name": "good"}}], {}, now=NOW)["rows"]
    assert all(len(row["cells"]) == len(columns_of(resource)) for row in rows)
    assert rows[1]["cells"][0] == "good"


def test_the_whole_object_or_none_can_be_asked_for() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {}}
    assert table(PODS, [pod], {}, now=NOW, include="Object")["rows"][0]["object"] == pod
    assert "object" not in table(PODS, [pod], {}, now=NOW, include="None")["rows"][0]
