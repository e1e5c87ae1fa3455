"""Replicas that share the work while they are stopped, killed and ended, and the proof that a missing fence would show."""

import pytest

from tests.simulation.sharing_faults import FAULTS
from tests.simulation.world import verdict

SEEDS = range(48)
SEEDS_FOR_A_FAULT = range(120)
BATCH = 8


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_whatever_befalls_replicas_every_workflow_ends_as_it_would_have(first: int) -> None:
    for seed in range(first, first + BATCH):
        wrong = verdict(seed, sharing=True)
        assert not wrong, f"seed {seed}: {wrong}"


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_a_replica_whose_clocks_stood_still_spoils_nothing_that_is_written_down(first: int) -> None:
    for seed in range(first, first + BATCH):
        wrong = verdict(seed, sharing=True, frozen=True)
        assert not wrong, f"seed {seed}: {wrong}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_missing_fence_is_caught(fault: str) -> None:
    with FAULTS[fault]():
        assert any(_fails(seed) for seed in SEEDS_FOR_A_FAULT), f"no seed caught {fault}: the simulation is too kind"


def _fails(seed: int) -> bool:
    try:
        return bool(verdict(seed, sharing=True) or verdict(seed, sharing=True, frozen=True))
    except BaseExceptionGroup:
        return True
