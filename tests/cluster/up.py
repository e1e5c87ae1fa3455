"""Bring the cluster up: every step does only what is still missing, so that a second `up` takes a moment."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import binaries, certificates, control_plane, images, network, node, objects
from tests.cluster.layout import CACHE, HOME, KUBECONFIG, KUBERNETES, NODE, ClusterError, say
from tests.cluster.processes import Daemon, await_ready, process_id, start, tell_ready

NAMES = ("etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")


def up() -> None:
    """From nothing, or from a cluster that runs in part, to one whose node is ready."""
    began = time.monotonic()
    _refuse_strangers()
    with one_at_a_time():
        binaries.ensure_debian_packages()
        binaries.ensure_programs()
        if all(process_id(name) is None for name in NAMES):
            network.refuse_taken_ports()
        HOME.mkdir(parents=True, exist_ok=True)
        network.raise_network()
        _start_all()
    say(f"up after {time.monotonic() - began:.1f} s: Kubernetes {KUBERNETES}, one node")
    print(KUBECONFIG)


def daemons() -> dict[str, Daemon]:
    """Every daemon by name; their settings are written on the way."""
    identities = certificates.identities()
    made = (control_plane.etcd(), node.containerd(), control_plane.api_server(identities),
            control_plane.controllers(identities), control_plane.scheduler(), node.kubelet())
    return {daemon.name: daemon for daemon in made}


def _start_all() -> None:
    parts = daemons()
    for name in ("etcd", "containerd"):
        start(parts[name])
    await_ready(parts["etcd"])
    start(parts["kube-apiserver"])
    await_ready(parts["containerd"])
    images.load_images()
    await_ready(parts["kube-apiserver"])
    rest = [parts[name] for name in NAMES[3:]]
    for daemon in rest:
        start(daemon)
    objects.apply_objects()
    tell_ready(rest)
    objects.await_node(NODE)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """One `up` or `down` at a time; who comes second waits."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse_strangers() -> None:
    if os.geteuid() != 0:
        raise ClusterError("needs root, for containers, control groups and a bridge: run it as root or with sudo")
    if os.uname().machine != "x86_64":
        raise ClusterError(f"is made for x86_64 machines; this one is {os.uname().machine}")
