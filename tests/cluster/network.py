"""The pods' network: a bridge of its own, addresses from CNI's plugins, and the way to the API server's service IP."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

from tests.cluster.binaries import run
from tests.cluster.layout import (
    API_PORT,
    BRIDGE,
    BRIDGE_BITS,
    BRIDGE_IP,
    HOME,
    POD_RANGE,
    SERVICE_IP,
    ClusterError,
)

CNI_CONFIG = HOME / "cni/net.d"
_CNI_CACHE = Path("/var/lib/cni")  # containerd gives no say in this
_IP_FREEBIND = 15  # lets a socket be bound to the bridge's address before the bridge is there
_CHAIN = "ARGOSY-TEST-CLUSTER"
_PORTS = ((BRIDGE_IP, API_PORT), (BRIDGE_IP, 10250), ("127.0.0.1", 10248), ("127.0.0.1", 10257), ("127.0.0.1", 10259))


def raise_network() -> None:
    """Make the bridge, the plugins' settings and the rules, as far as they are missing."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    if BRIDGE_IP not in run("ip", "-4", "addr", "show", "dev", BRIDGE):
        run("ip", "addr", "add", f"{BRIDGE_IP}/{BRIDGE_BITS}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    CNI_CONFIG.mkdir(parents=True, exist_ok=True)
    (CNI_CONFIG / "10-argosy.conflist").write_text(json.dumps(_plugins()))
    if not _works("iptables", "-w", "-t", "nat", "-L", _CHAIN, "-n"):
        run("iptables", "-w", "-t", "nat", "-N", _CHAIN)
        run("iptables", "-w", "-t", "nat", "-A", _CHAIN, "-d", SERVICE_IP, "-p", "tcp", "--dport", "443", "-j", "DNAT",
            "--to-destination", f"{BRIDGE_IP}:{API_PORT}")
    for hook in ("PREROUTING", "OUTPUT"):
        if not _works("iptables", "-w", "-t", "nat", "-C", hook, "-j", _CHAIN):
            run("iptables", "-w", "-t", "nat", "-A", hook, "-j", _CHAIN)


def lower_network() -> None:
    """Take away what `raise_network` made, and what the plugins left."""
    if shutil.which("iptables"):
        for hook in ("PREROUTING", "OUTPUT"):
            while _works("iptables", "-w", "-t", "nat", "-D", hook, "-j", _CHAIN):
                pass
        _works("iptables", "-w", "-t", "nat", "-F", _CHAIN)
        _works("iptables", "-w", "-t", "nat", "-X", _CHAIN)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        run("ip", "link", "delete", BRIDGE)
    for file in (_CNI_CACHE / "results").glob("*"):
        if str(HOME) in file.read_text():  # it tells of a network namespace of ours
            file.unlink()
    for folder in (_CNI_CACHE / "results", _CNI_CACHE):
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def refuse_taken_ports() -> None:
    """Say so when another program, such as a Kubernetes of somebody else, holds a port that the cluster needs."""
    for address, port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise ClusterError(f"{address}:{port} cannot be used ({error.strerror}): does another Kubernetes run on "
                                   "this machine? Stop it first") from error


def _plugins() -> dict[str, object]:
    bridge = {
        "type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": False,
        "ipam": {"type": "host-local", "dataDir": str(HOME / "cni/addresses"), "ranges": [[{"subnet": POD_RANGE}]],
                 "routes": [{"dst": "0.0.0.0/0"}]},
    }
    return {"cniVersion": "1.0.0", "name": BRIDGE, "plugins": [bridge]}


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
