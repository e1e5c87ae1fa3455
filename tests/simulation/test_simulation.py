"""A few hundred histories, and the proof that they would show a bug."""

import pytest

from tests.simulation.faults import FAULTS
from tests.simulation.world import verdict

SEEDS = range(240)
SEEDS_FOR_A_FAULT = range(60)
BATCH = 12


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_whatever_happens_every_workflow_ends_as_it_would_have(first: int) -> None:
    for seed in range(first, first + BATCH):
        wrong = verdict(seed)
        assert not wrong, f"seed {seed}: {wrong}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str) -> None:
    with FAULTS[fault]():
        assert any(_fails(seed) for seed in SEEDS_FOR_A_FAULT), f"no seed caught {fault}: the simulation is too kind"


def _fails(seed: int) -> bool:
    try:
        return bool(verdict(seed))
    except BaseExceptionGroup:
        return True


@pytest.mark.parametrize("seed", [1228])
def test_a_stale_sight_of_the_workflow_does_not_keep_its_status_from_being_saved(seed: int) -> None:
    assert not verdict(seed)
