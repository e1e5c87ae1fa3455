"""Each step gets the lowest tier that does all it needs."""

from typing import Any

import pytest

from controller.engine import WantedPod
from controller.pods.tiers import Tier, tier_of
from controller.pods.work import build_assignment

CONTAINER = {"image": "alpine", "command": ["true"]}
PATH = {"path": "/tmp/x"}
S3 = {"s3": {"key": "k"}}


def tier(template: dict[str, Any], *, inputs: dict[str, Any] | None = None, result: bool = False) -> Tier:
    whole = {"name": "t", **template}
    if not {"resource", "http", "data", "containerSet", "script"} & whole.keys():
        whole["container"] = CONTAINER
    wanted = WantedPod("n", "w", "w-1", "t", whole, inputs or {}, wants_result=result)
    return tier_of(whole, build_assignment(wanted, {"metadata": {"name": "w"}}, {}))


@pytest.mark.parametrize("template", [
    {},
    {"initContainers": [{"name": "first", "image": "alpine"}]},
    {"initContainers": [{"name": "proxy", "image": "alpine", "restartPolicy": "Always"}]},
    {"daemon": True},
    {"outputs": {"parameters": [{"name": "x", "valueFrom": {"supplied": {}}}]}},
    {"volumes": [{"name": "v", "emptyDir": {}}], "podSpecPatch": "{}"},
    {"containerSet": {"containers": [{"name": "a", "image": "alpine"}, {"name": "b", "image": "alpine"}]}},
])
def test_a_step_whose_result_nobody_reads_runs_as_it_is_written(template: dict[str, Any]) -> None:
    assert tier(template) is Tier.PLAIN


def test_an_optional_artifact_that_nobody_gave_needs_no_help() -> None:
    assert tier({}, inputs={"artifacts": [{"name": "a", **PATH, "optional": True}]}) is Tier.PLAIN


def test_a_step_whose_result_is_read_is_wrapped() -> None:
    assert tier({}, result=True) is Tier.WRAPPED


@pytest.mark.parametrize("template", [
    {"script": {"image": "alpine", "command": ["sh"], "source": "true"}},
    {"outputs": {"parameters": [{"name": "x", "valueFrom": PATH}]}},
    {"sidecars": [{"name": "beside", "image": "alpine"}]},
    {"containerSet": {"containers": [
        {"name": "a", "image": "alpine"}, {"name": "b", "image": "alpine", "dependencies": ["a"]}]}},
    {"containerSet": {"containers": [{"name": "a", "image": "alpine"}], "retryStrategy": {"retries": 1}}},
])
def test_scripts_output_files_and_sidecars_are_wrapped(template: dict[str, Any]) -> None:
    assert tier(template) is Tier.WRAPPED


def test_a_raw_artifact_is_a_file_like_a_script() -> None:
    assert tier({}, inputs={"artifacts": [{"name": "a", **PATH, "raw": {"data": "x"}}]}) is Tier.WRAPPED


def test_artifacts_need_help_whichever_way_they_go() -> None:
    assert tier({}, inputs={"artifacts": [{"name": "a", **PATH, **S3}]}) is Tier.HELPED
    assert tier({"outputs": {"artifacts": [{"name": "a", **PATH}]}}, result=True) is Tier.HELPED


@pytest.mark.parametrize("kind", ["resource", "http", "data"])
def test_steps_that_work_on_the_cluster_or_a_store_need_help(kind: str) -> None:
    assert tier({kind: {"action": "get"}}) is Tier.HELPED


def test_the_tiers_are_in_order_of_their_cost() -> None:
    assert Tier.PLAIN < Tier.WRAPPED < Tier.HELPED
