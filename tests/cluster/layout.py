"""Where the test cluster lives, what it is made of and which addresses it uses: everything that other modules agree on."""

from pathlib import Path
from typing import Final

KUBERNETES: Final = "1.34.4"  # 1.35 and later refuse machines with cgroup v1 unless told otherwise
ETCD: Final = "3.6.16"
KWOK: Final = "0.7.0"
HELM: Final = "3.22.0"
REGISTRY: Final = "3.1.2"

CACHE: Final = Path.home() / ".cache/argosy/cluster"  # survives `down`: programs and images, keyed by version
HOME: Final = Path("/var/lib/argosy-test-cluster")  # everything that a running cluster writes; `down` removes it
KUBECONFIG: Final = HOME / "kubeconfig"
CONTAINERD_SOCKET: Final = HOME / "containerd.sock"

BRIDGE: Final = "argosy0"
BRIDGE_IP: Final = "10.88.64.1"  # the node's address as pods see it; nothing listens on other addresses but loopback
BRIDGE_BITS: Final = 20
POD_RANGE: Final = f"10.88.64.0/{BRIDGE_BITS}"
SERVICE_RANGE: Final = "10.96.0.0/16"
SERVICE_IP: Final = "10.96.0.1"  # the API server's address inside the cluster
API_PORT: Final = 6443
API_URL: Final = f"https://{BRIDGE_IP}:{API_PORT}"
ETCD_PORT: Final = 23790
ETCD_URL: Final = f"http://127.0.0.1:{ETCD_PORT}"
NODE: Final = "node1"
FAKE_NODE: Final = "fake1"

PATIENCE_SECONDS: Final = 240  # ends what would hang for ever; nothing is judged by how soon it comes
PATIENCE: Final = f"--timeout={PATIENCE_SECONDS}s"  # kubectl's


class ClusterError(Exception):
    """The cluster cannot be brought up or down; the text says why and what to do."""


def say(text: str) -> None:
    """Tell the person who waits what is being done."""
    print(f"cluster: {text}", flush=True)
