"""How long a person waits for the command line."""

import sys

from tests.bench.measure import ROOT, Measure, seconds_of

HELLO = ROOT / "examples" / "hello-world.yaml"


def command_line(*, quick: bool) -> list[Measure]:
    """Start-up and a whole hello world, beside a Python that does nothing."""
    times = 3 if quick else 5
    nothing = seconds_of([sys.executable, "-c", "pass"], times=times)
    beside = "python -c pass"
    words = [sys.executable, "-m", "argosy.cli.main"]
    return [
        Measure("argosy --help", seconds_of([*words, "--help"], times=times), "s", nothing, beside, 0.25),
        Measure("argosy run hello-world.yaml, in all", seconds_of([*words, "run", str(HELLO)], times=times), "s", nothing,
                beside, 0.6),
    ]
