"""A figure, what it is compared with in the same run, and the machine without which it means nothing."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. Only a count `gates`: whether it is within its goal does not depend on the machine."""

    name: str
    value: float
    unit: str
    reference: float | None = None  # the same unit, measured in this run
    beside: str = ""  # what the reference is
    goal: float | None = None
    gates: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the goal is reached; true where there is none."""
        return self.goal is None or self.value <= self.goal

    @property
    def ratio(self) -> float | None:
        """How many times the reference it is."""
        return self.value / self.reference if self.reference else None


def seconds_of(words: Sequence[str], *, times: int = 5) -> float:
    """How long a command takes, the median of a few runs after one that warms the caches."""
    found = []
    with TemporaryDirectory(prefix="argosy-bench-") as folder:
        environment = _environment(Path(folder))
        for _ in range(times + 1):
            started = time.perf_counter()
            subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True)
            found.append(time.perf_counter() - started)
    return statistics.median(found[1:])


def _environment(byte_code: Path) -> dict[str, str]:
    """Ours, with compiled modules kept as an installed Argosy has them, whatever this shell forbids, and not in the tree."""
    environment = dict(os.environ)  # noqa: TID251 - the child is to run as in this shell but for two settings
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**environment, "PYTHONPYCACHEPREFIX": str(byte_code)}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """What lies around a percentile."""
    return {"n": len(values), "p50": round(percentile(values, 0.5), 4), "max": round(max(values), 4)}


def machine() -> dict[str, Any]:
    """Facts about the machine; the load says how far the times can be trusted."""
    return {
        "system": platform.platform(), "processor": _processor(), "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1), "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
