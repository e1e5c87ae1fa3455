"""Take the cluster away: processes, mounts, control groups, bridge, rules and folder; only the cache stays."""

import shutil
import signal

from tests.cluster import network, node
from tests.cluster.layout import CONTAINERD_SOCKET, HOME, say
from tests.cluster.processes import children, end_processes, shims, stop
from tests.cluster.up import NAMES, one_at_a_time


def down() -> None:
    """Remove all that `up` made, also after a failure half-way."""
    with one_at_a_time():
        for name in ("kwok", *reversed(NAMES)):
            if name != "containerd":
                stop(name, sign=signal.SIGKILL)  # nothing of theirs is to be kept
        holders = shims(CONTAINERD_SOCKET)
        end_processes([*children(holders), *node.processes_of_pods()], sign=signal.SIGKILL)
        stop("containerd")
        end_processes(shims(CONTAINERD_SOCKET), sign=signal.SIGKILL)
        say("processes have ended")
        node.remove_leftovers()
        network.lower_network()
        if HOME.exists():
            shutil.rmtree(HOME)
    say("down; nothing is left but the cache")
