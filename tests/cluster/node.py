"""The node: containerd, the kubelet, and what they leave on the machine."""

import contextlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.binaries import program, run
from tests.cluster.control_plane import answers
from tests.cluster.images import SANDBOX
from tests.cluster.layout import BRIDGE_IP, CONTAINERD_SOCKET, HOME, KUBECONFIG, NODE
from tests.cluster.network import CNI_CONFIG
from tests.cluster.processes import Daemon

_CGROUPS = Path("/sys/fs/cgroup")
_KUBELET_FOLDER = Path("/var/lib/kubelet")
_FIXED_FOLDERS = (  # where the kubelet and containerd write whatever they are told, the inner before the outer
    _KUBELET_FOLDER / "device-plugins", _KUBELET_FOLDER, Path("/var/log/containers"), Path("/run/containerd/s"),
    Path("/run/containerd/fifo"), Path("/run/containerd/runc/k8s.io"), Path("/run/containerd/runc"),
    Path("/run/containerd"))


def containerd() -> Daemon:
    """Its own containerd, apart from any other on the machine."""
    config = HOME / "containerd.toml"
    config.write_text(f"""\
version = 2
root = "{HOME / 'containerd'}"
state = "{HOME / 'containerd-state'}"
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{SANDBOX}"
restrict_oom_score_adj = true # runc dies without the right to lower the score of a process
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{CNI_CONFIG}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "{HOME / 'runc'}"
""")
    return Daemon("containerd", ("containerd", "--config", str(config)), containerd_serves)


def kubelet() -> Daemon:
    """The kubelet, which trusts everybody who reaches it: it listens on the bridge only."""
    config = HOME / "kubelet.json"
    config.write_text(json.dumps({
        "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": BRIDGE_IP, "healthzBindAddress": "127.0.0.1", "readOnlyPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs", "failSwapOn": False, "failCgroupV1": False, "makeIPTablesUtilChains": False,
        # Nobody answers names there, and says so at once; with no address at all every pod would get a warning.
        "clusterDNS": [BRIDGE_IP], "clusterDomain": "cluster.local",
        "podLogsDir": str(HOME / "pod-logs"), "resolvConf": "/etc/resolv.conf",
        "maxPods": 250, "podPidsLimit": -1, "registryPullQPS": 0, "serializeImagePulls": False,
        "kubeAPIQPS": 200, "kubeAPIBurst": 400, "eventRecordQPS": 0,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        "shutdownGracePeriod": "0s",
    }))
    return Daemon("kubelet", (
        str(program("kubelet")), f"--config={config}", f"--kubeconfig={KUBECONFIG}", f"--root-dir={HOME / 'kubelet'}",
        f"--cert-dir={HOME / 'kubelet/pki'}", f"--hostname-override={NODE}", f"--node-ip={BRIDGE_IP}",
    ), answers("http://127.0.0.1:10248/healthz"))


def containerd_serves() -> bool:
    """Whether containerd answers."""
    return subprocess.run(["ctr", "--address", str(CONTAINERD_SOCKET), "--timeout=2s", "version"],
                          capture_output=True, check=False).returncode == 0


def processes_of_pods() -> list[int]:
    """The processes in the pods' control groups."""
    return [int(pid) for folder in _pod_groups() for file in folder.rglob("cgroup.procs") for pid in _read(file).split()]


def remove_leftovers() -> None:
    """Unmount what is below the cluster's folder, and remove the pods' control groups and what lies elsewhere."""
    for mount in sorted(_mounts_below(HOME), key=len, reverse=True):
        run("umount", "--lazy", mount)
    for group in _pod_groups():
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)):
            folder.rmdir()
        group.rmdir()
    (_KUBELET_FOLDER / "device-plugins/kubelet.sock").unlink(missing_ok=True)
    for link in Path("/var/log/containers").glob("*.log"):
        if str(link.readlink()).startswith(str(HOME)):
            link.unlink()
    for folder in _FIXED_FOLDERS:
        with contextlib.suppress(OSError):  # it is not there, or others keep something in it
            folder.rmdir()


def _pod_groups() -> Iterable[Path]:
    return [group for place in (_CGROUPS, *_CGROUPS.glob("*")) if (group := place / "kubepods").is_dir()]


def _mounts_below(folder: Path) -> list[str]:
    places = [line.split()[1].replace("\\040", " ") for line in Path("/proc/mounts").read_text().splitlines()]
    return [place for place in places if place.startswith(f"{folder}/")]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
