"""Argo's own examples, run through the embedded system, and compared with what the real Argo did with them."""

import asyncio
from collections.abc import Callable

import pytest

from argosy.embedded.throwaway import apply_all, throwaway
from argosy.settings import ImageStandIn, Settings
from tests.support import goldens
from tests.support.manifests import objects_in, run_to_end

pytestmark = pytest.mark.skipif(not goldens.GOLDEN.is_dir(), reason="the recorded answers are not beside this checkout")

SETTINGS = Settings(images=(ImageStandIn("argoproj/argosay:*", entrypoint=("/argosay",), root=goldens.PEERS / "images"),))


@pytest.fixture(scope="module")
def verdicts() -> dict[str, goldens.Verdict]:
    """All examples, run once, some at a time."""
    return asyncio.run(_run_all(goldens.cases()))


async def _run_all(cases: list[str]) -> dict[str, goldens.Verdict]:
    found: dict[str, goldens.Verdict] = {}
    limit = asyncio.Semaphore(12)
    async with throwaway(settings=SETTINGS) as kube:
        for path in sorted(goldens.FIXTURES.glob("*.yaml")):
            await apply_all(kube, objects_in(path), namespace="argo")

        async def one(case: str) -> None:
            async with limit:
                workflow = goldens.as_sent(next(
                    item for item in objects_in(goldens.manifest_of(case)) if item["kind"] == "Workflow"))
                try:
                    ended = await run_to_end(kube, workflow, patience_seconds=200)
                except Exception as error:  # noqa: BLE001 - one case that cannot be run must not hide the others
                    found[case] = goldens.Verdict(0, f"{type(error).__name__}: {error}")
                    return
                found[case] = goldens.compare(goldens.golden(case), goldens.normal(ended), random=case in goldens.DICE)

        await asyncio.gather(*(one(case) for case in cases))
    return found


@pytest.mark.parametrize("case", goldens.cases() if goldens.GOLDEN.is_dir() else [])
def test_an_example_ends_as_it_did_on_the_real_argo(case: str, verdicts: dict[str, goldens.Verdict]) -> None:
    verdict = verdicts[case]
    assert verdict.level >= goldens.NEEDED_LEVEL, f"{case}: level {verdict.level}, {verdict.difference}"


def test_at_least_sixty_examples_match(
    verdicts: dict[str, goldens.Verdict], record_property: Callable[[str, object], None],
) -> None:
    exact = [verdict for verdict in verdicts.values() if not verdict.by_shape]
    at = [sum(verdict.level >= level for verdict in exact) for level in range(1, 6)]
    dice = len(verdicts) - len(exact)
    record_property("told at the end", (
        f"{at[goldens.NEEDED_LEVEL - 1]} of {len(exact)} examples recorded on the real Argo match (phase {at[0]}, "
        f"nodes {at[1]}, "
        f"values {at[2]}, edges {at[3]}, messages {at[4]}); {dice} more throw dice and match in their shape"))
    assert at[goldens.NEEDED_LEVEL - 1] >= 60
