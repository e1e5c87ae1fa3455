"""What may happen to a cluster, done on purpose: its API server restarted, its past forgotten, its kubelet stopped."""

import signal

from tests.cluster import up
from tests.cluster.binaries import program, run
from tests.cluster.layout import ETCD_URL
from tests.cluster.processes import await_ready, start, stop


def restart_api_server(*, sign: signal.Signals = signal.SIGKILL) -> None:
    """Stop the API server and start it; it serves again when this returns. Told to end, it gets three seconds for it.

    The controllers begin anew as well: they would wait for half a minute before they ask it again.
    """
    stop("kube-apiserver", sign=sign, seconds=3)
    start_again("kube-apiserver")
    stop("kube-controller-manager", sign=signal.SIGKILL)
    start_again("kube-controller-manager")


def start_again(name: str) -> None:
    """Start a daemon that was stopped, and wait until it serves."""
    daemon = up.daemons()[name]
    start(daemon)
    await_ready(daemon)


def compact_etcd() -> None:
    """Let etcd forget all but the present."""
    etcdctl = (str(program("etcdctl")), f"--endpoints={ETCD_URL}")
    present = run(*etcdctl, "endpoint", "status", "--write-out=fields")
    revision = next(line.split(":")[1].strip() for line in present.splitlines() if line.startswith('"Revision"'))
    run(*etcdctl, "compact", revision)
