"""``python -m tests.bench [--quick] [NAME...]``: measure, print, write bench.json; exits 1 if a count that gates is missed."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from tests.bench.command_line import command_line
from tests.bench.engine import engine
from tests.bench.measure import ROOT, Measure, machine
from tests.bench.steps import steps
from tests.bench.upstream import upstream

GROUPS: dict[str, Callable[..., list[Measure]]] = {
    "command-line": command_line, "steps": steps, "events": upstream, "engine": engine}


def shown(measure: Measure) -> str:
    """A figure as a person reads it."""
    line = f"  {measure.name:<64} {measure.value:9.3f} {measure.unit}"
    if measure.ratio is not None:
        line += f"   {measure.ratio:.1f}x {measure.beside} ({measure.reference:.3f})"
    if measure.goal is not None:
        word = "must be" if measure.gates else "goal"
        line += f"   [{word} <= {measure.goal:.3g}{'' if measure.holds else ': MISSED'}]"
    if measure.more:
        line += "\n" + " " * 8 + ", ".join(f"{key} {value}" for key, value in measure.more.items())
    return line


def main(words: list[str]) -> int:
    """Run the groups, tell each as it is done."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, for a check of the counts")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(GROUPS)}; all if none is given")
    given = parser.parse_args(words)
    if unknown := [name for name in given.names if name not in GROUPS]:
        parser.error(f"there is no group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    before, started = machine(), time.perf_counter()
    found: list[Measure] = []
    for name in given.names or GROUPS:
        print(name, flush=True)
        for measure in GROUPS[name](quick=given.quick):
            found.append(measure)
            print(shown(measure), flush=True)
    facts = {"machine": before, "seconds": round(time.perf_counter() - started, 1), "quick": given.quick,
             "measures": [{**asdict(measure), "ratio": measure.ratio, "holds": measure.holds} for measure in found]}
    (ROOT / "bench.json").write_text(json.dumps(facts, indent=1) + "\n")
    broken = [measure.name for measure in found if measure.gates and not measure.holds]
    print(f"\n{facts['seconds']} s; written to bench.json (load of the machine before: {before['load'][0]})")
    if broken:
        print("these counts must hold and do not: " + "; ".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
