"""A controller as a process of its own, so that its processor time and memory are its alone, which counts its API calls.

``python -m tests.bench.cluster_controller NAMESPACE`` is ``argosy controller -n NAMESPACE`` with the calls counted; it prints
`ready`, and the counts as JSON when it is told to end.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil

from argosy.clock import SystemClock
from argosy.kube.kubeconfig import read_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.lifecycle import running
from controller.outfitting import for_cluster
from controller.service import Controller
from tests.bench.counting import CountingKube
from tests.bench.measure import ROOT
from tests.cluster.layout import KUBECONFIG


@dataclass(slots=True)
class Running:
    """A controller's process, from when it was ready."""

    process: psutil.Process
    cpu_before: float
    memory_before: int
    calls: Counter[str] = field(default_factory=Counter)  # these are known once the work is done
    cpu: float = 0.0
    grown: int = 0

    def cpu_seconds(self) -> float:
        """Processor time used since it was ready."""
        return _cpu(self.process) - self.cpu_before

    def grown_bytes(self) -> int:
        """By how much its memory, at its most, exceeds what it had when it was ready."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        most = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
        return most - self.memory_before


@contextmanager
def controller(namespace: str) -> Iterator[Running]:
    """A controller of this namespace for the block."""
    words = [sys.executable, "-m", "tests.bench.cluster_controller", namespace]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None, "it was asked for"
        try:
            assert child.stdout.readline().strip() == "ready", "the controller did not start"
            process = psutil.Process(child.pid)
            found = Running(process, _cpu(process), process.memory_info().rss)
            yield found
        finally:
            child.send_signal(signal.SIGTERM)
            told = child.stdout.read()
        found.calls.update(json.loads(told))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _serve(namespace: str) -> None:
    clock = SystemClock()
    task = asyncio.current_task()
    assert task is not None, "a coroutine that runs has a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with RemoteKube(read_kubeconfig([KUBECONFIG])) as kube:
        counting: Any = CountingKube(kube)
        served = Controller(counting, clock=clock, chance=Random(), namespace=namespace,
                            outfitter=for_cluster(counting, clock=clock), one_machine=False)
        try:
            async with running([served]):
                print("ready", flush=True)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            print(json.dumps(counting.calls), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
