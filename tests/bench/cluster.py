"""``python -m tests.bench.cluster [--quick] [NAME...]``: workflows on the test cluster beside the same work as bare pods.

Each workflow runs right after the bare pods that it is compared with, several times over, and only the ratio of the two
counts, for the machine and whoever else works on it decide about seconds. Writes bench-cluster.json; exits 1 if a count of
API calls is missed.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

from argosy.kube.contract import Object
from controller.pace import SOON_SECONDS
from tests.bench.__main__ import shown
from tests.bench.cluster_controller import Running
from tests.bench.cluster_work import bare, diamond, echo, one_that_is_read, run, side_by_side, workflow
from tests.bench.measure import ROOT, Measure, machine

_SMALL, _LARGE = 1000, 10000
_WRITES_AT_MOST_EVERY_SECONDS = SOON_SECONDS


def _pairs(flow: Object, pods: Callable[[], float], *, times: int) -> tuple[float, float, float, list[Running]]:
    """The median ratio of workflow and bare pods, with the medians of both and what the workflows cost."""
    found = []
    for _ in range(times):
        beside = pods()
        seconds, cost = asyncio.run(run(flow))
        found.append((seconds / beside, seconds, beside, cost))
    ratios, ours, theirs, costs = zip(*found, strict=True)
    return statistics.median(ratios), statistics.median(ours), statistics.median(theirs), list(costs)


def _bare(count: int, *, fake: bool = False) -> float:
    return asyncio.run(bare(count, fake=fake))


def _compared(name: str, flow: Object, pods: Callable[[], float], beside: str, goal: float, *, times: int,
              ) -> tuple[Measure, list[Running]]:
    ratio, ours, theirs, costs = _pairs(flow, pods, times=times)
    return Measure(name, ratio, f"x {beside}", goal=goal,
                   more={"seconds": round(ours, 2), "beside": round(theirs, 2), "times": times}), costs


def _counts(name: str, steps: int, seconds: float, cost: Running) -> Iterator[Measure]:
    """What gates: API calls."""
    calls = dict(cost.calls)
    yield Measure(f"{name}: pods created per step", calls.pop("create pods", 0) / steps, "calls", goal=1.0, gates=True)
    yield Measure(f"{name}: status writes", calls.pop("replace workflows", 0), "calls", gates=True,
                  goal=4 + min(3 * steps, seconds / _WRITES_AT_MOST_EVERY_SECONDS), more={"seconds": round(seconds, 1)})
    yield Measure(f"{name}: other API calls", sum(calls.values()), "calls", goal=80, gates=True, more=calls)


def small(*, quick: bool) -> Iterator[Measure]:
    """One step, and a diamond of four."""
    times = 1 if quick else 5
    one, four = workflow([echo("main")]), diamond()
    yield _compared("one echo step", one, partial(_bare, 1), "a bare pod", 1.15, times=times)[0]
    yield _compared("diamond of four steps", four, partial(_bare, 1), "a bare pod", 4.4, times=times)[0]


def wide(*, quick: bool) -> Iterator[Measure]:
    """Many steps at once on the real node."""
    for count in (50,) if quick else (50, 200):
        name = f"{count} steps at once"
        measure, costs = _compared(name, side_by_side(count), partial(_bare, count), f"{count} bare pods", 1.15,
                                   times=1 if quick else 2)
        yield measure
        yield from _counts(name, count, measure.more["seconds"], costs[-1])


def wrapped(*, quick: bool) -> Iterator[Measure]:
    """Steps that hand over what they printed."""
    times = 1 if quick else 5
    plain = workflow([{"name": "main", "dag": {"tasks": [{"name": "a", "template": "leaf"}]}}, echo("leaf")])

    def plain_step() -> float:
        return asyncio.run(run(plain))[0]

    yield _compared("one step whose result is read", one_that_is_read(), plain_step, "a plain step", 1.1, times=times)[0]
    yield _compared("diamond that passes results", diamond(results=True), partial(_bare, 1), "a bare pod", 4.6, times=times)[0]


def large(*, quick: bool) -> Iterator[Measure]:
    """Thousands of steps on a node that pretends."""
    costs: dict[int, Running] = {}
    for count in (500,) if quick else (_SMALL, 5000, _LARGE):
        name = f"{count} steps on the fake node"
        measure, found = _compared(name, side_by_side(count, fake=True), partial(_bare, count, fake=True),
                                   f"{count} bare pods", 1.25, times=1)
        costs[count] = found[-1]
        yield measure
        yield Measure(f"{name}: controller's processor time per pod", 1000 * costs[count].cpu / count, "ms", goal=2.0,
                      more={"API calls": dict(costs[count].calls)})
        yield from _counts(name, count, measure.more["seconds"], costs[count])
    if _LARGE in costs:
        few, many = costs[_SMALL], costs[_LARGE]
        yield Measure(f"processor time per pod, {_LARGE} to {_SMALL} steps", (many.cpu / _LARGE) / (few.cpu / _SMALL), "x",
                      goal=1.5)
        yield Measure(f"memory per pod, from {_SMALL} to {_LARGE} steps",
                      (many.grown - few.grown) / (_LARGE - _SMALL) / 1000, "kB", goal=25)


GROUPS: dict[str, Callable[..., Iterator[Measure]]] = {"small": small, "wide": wide, "wrapped": wrapped, "large": large}
_QUICK = ("wide",)


def main(words: list[str]) -> int:
    """Run the groups, tell each figure as it is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cluster", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"once, small, and only {', '.join(_QUICK)} if no name is given")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(GROUPS)}; all if none is given")
    given = parser.parse_args(words)
    if unknown := [name for name in given.names if name not in GROUPS]:
        parser.error(f"there is no group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    before, started = machine(), time.perf_counter()
    found: list[Measure] = []
    for name in given.names or (_QUICK if given.quick else GROUPS):
        print(name, flush=True)
        for measure in GROUPS[name](quick=given.quick):
            found.append(measure)
            print(shown(measure), flush=True)
    facts = {"machine": before, "load_after": machine()["load"], "seconds": round(time.perf_counter() - started, 1),
             "quick": given.quick, "measures": [{**asdict(measure), "holds": measure.holds} for measure in found]}
    (ROOT / "bench-cluster.json").write_text(json.dumps(facts, indent=1) + "\n")
    broken = [measure.name for measure in found if measure.gates and not measure.holds]
    print(f"\n{facts['seconds']} s; written to bench-cluster.json (load of the machine {before['load'][0]} before, "
          f"{facts['load_after'][0]} after)")
    if broken:
        print("these counts must hold and do not: " + "; ".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
