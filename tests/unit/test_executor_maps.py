"""The ConfigMap that brings the executor into a namespace's pods: made once, made again where somebody deleted it."""

from pathlib import Path

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import ArgosyError
from argosy.kube.resources import CONFIG_MAPS
from controller.executor import Executor, ExecutorMaps


class HandClock(SystemClock):
    """Stands still until a test moves it."""

    time = 1_800_000_000.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    for name in ("amd64", "arm64"):
        (tmp_path / name).write_bytes(name.encode())
    return Executor.load(tmp_path)


def test_a_program_comes_in_a_config_map_that_nobody_can_change(executor: Executor) -> None:
    whole = executor.config_map("amd64")
    assert whole["immutable"] is True
    assert whole["binaryData"] == {"argosy-executor": "YW1kNjQ="}
    assert whole["metadata"]["name"] == executor.names["amd64"] != executor.names["arm64"]


def test_other_programs_have_another_name(executor: Executor, tmp_path: Path) -> None:
    (tmp_path / "amd64").write_bytes(b"newer")
    assert Executor.load(tmp_path).names["amd64"] != executor.names["amd64"]


def test_an_installation_without_the_programs_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ArgosyError, match="install Argosy from its wheel, or run `make executor`"):
        Executor.load(tmp_path)


async def test_it_is_there_before_a_pod_needs_it_and_comes_back_where_somebody_deleted_it(executor: Executor) -> None:
    clock = HandClock()
    kube = EmbeddedKube.open(":memory:", clock=clock)
    maps = ExecutorMaps(kube, executor, clock=clock)
    await maps.ensure("ns")
    await maps.ensure("ns")
    names = sorted(executor.names.values())
    assert sorted(item["metadata"]["name"] for item in (await kube.list(CONFIG_MAPS, namespace="ns")).items) == names
    await kube.delete(CONFIG_MAPS, names[0], namespace="ns")
    clock.time += 61
    await maps.ensure("ns")
    assert (await kube.get(CONFIG_MAPS, names[0], namespace="ns"))["binaryData"]["argosy-executor"] == "YW1kNjQ="
    kube.close()
