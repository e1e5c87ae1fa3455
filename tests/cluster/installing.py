"""Installs the product as its documentation says, with what this cluster lacks made up for: DNS, Services and volumes.

There is no DNS and nothing stands behind a Service's address here, so the bus is named by its pod's address; there is no
provisioner, so its volume is a folder of the node, made beforehand.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from tests.cluster.binaries import kubectl
from tests.cluster.images import ARGOSY
from tests.cluster.layout import HOME, KUBECONFIG, PATIENCE, PATIENCE_SECONDS
from tests.cluster.objects import kube

DEPLOY = Path(__file__).parents[2] / "deploy"
NOBODY = 65534
PARTS = ("controller", "sources", "sensors")


@contextmanager
def installed(overlay: str, namespace: str, folder: Path, *, patches: Sequence[dict[str, Any]] = ()) -> Iterator[None]:
    """The overlay, at work in the namespace, which must be there. `folder` takes the kustomization."""
    volume = HOME / f"volume-{namespace}"
    volume.mkdir()
    os.chown(volume, NOBODY, NOBODY)
    try:
        kube("apply", "-f", "-", stdin=json.dumps(_volume(namespace, volume)))
        _kustomization(folder / "bus", namespace, components=["components/nats"])
        kube("apply", "-k", str(folder / "bus"))
        wait_for(namespace, "pod/argosy-nats-0", "create")
        wait_for(namespace, "pod/argosy-nats-0", "condition=Ready")
        address = pods(namespace, "nats")[0]["status"]["podIP"]
        url = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "argosy-nats"},
               "stringData": {"url": f"nats://{address}:4222"}}
        _kustomization(folder / "all", namespace, resources=[f"overlays/{overlay}"],
                       patches=[{"patch": json.dumps(url)}, *patches])
        kube("apply", "-k", str(folder / "all"))
        for part in PARTS:
            kube("rollout", "status", f"--namespace={namespace}", f"deployment/argosy-{part}", PATIENCE)
        yield
    finally:
        kube("delete", "--ignore-not-found", "--wait=false", f"persistentvolume/{namespace}")
        shutil.rmtree(volume)


def wait_for(namespace: str, what: str, condition: str) -> None:
    """Return when it is so."""
    kube("wait", f"--namespace={namespace}", f"--for={condition}", PATIENCE, what)


def pods(namespace: str, part: str) -> list[dict[str, Any]]:
    """The pods of a part of the product that are not on their way out."""
    found = kube("get", "pods", f"--namespace={namespace}", "--output=json",
                 f"--selector=app.kubernetes.io/name=argosy,app.kubernetes.io/component={part}")
    return [pod for pod in json.loads(found)["items"] if "deletionTimestamp" not in pod["metadata"]]


def finished(namespace: str, selector: str, number: int) -> dict[str, str]:
    """The phases of the workflows that the selector finds, once there are so many and each has ended."""
    ended: dict[str, str] = {}
    with printing("get", "workflows", f"--namespace={namespace}", f"--selector={selector}", "--watch",
                  f"--request-timeout={PATIENCE_SECONDS}s",
                  r"--output=jsonpath={.metadata.name} {.status.phase}{'\n'}") as lines:
        for line in lines:
            name, _, phase = line.strip().partition(" ")
            if phase in ("Succeeded", "Failed", "Error"):
                ended[name] = phase
            if len(ended) == number:
                return ended
    raise AssertionError(f"of {number} workflows only these have ended in time: {ended}")


@contextmanager
def printing(*words: str) -> Iterator[IO[str]]:
    """What kubectl prints, as it prints it, until the block ends."""
    with subprocess.Popen([kubectl(), f"--kubeconfig={KUBECONFIG}", *words], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            program.kill()


def last_words(namespace: str, part: str) -> str:
    """End the pods of the part, and return what they had written by then; others take their place."""
    names = [pod["metadata"]["name"] for pod in pods(namespace, part)]
    with ExitStack() as stack:
        logs = [stack.enter_context(printing("logs", f"--namespace={namespace}", "--follow", name)) for name in names]
        first = [log.readline() for log in logs]  # whoever has told something is followed, so nothing after it is missed
        readers = stack.enter_context(ThreadPoolExecutor(len(logs)))  # what is not read is not sent
        rest = readers.map(lambda log: log.read(), logs)
        kube("delete", "pod", f"--namespace={namespace}", "--wait=false", *names)
        return "".join([*first, *rest])


def _kustomization(folder: Path, namespace: str, **parts: Any) -> None:
    """A kustomization of one's own over the product's, as the documentation tells people to write it."""
    folder.mkdir(parents=True)
    here = os.path.relpath(DEPLOY, folder.resolve())
    for key in ("resources", "components"):
        parts[key] = [f"{here}/{path}" for path in parts.get(key, ())]
    name, tag = ARGOSY.rsplit(":", 1)
    tree = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": namespace,
            "images": [{"name": "ghcr.io/argosy/argosy", "newName": name, "newTag": tag}], **parts}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(tree))


def _volume(namespace: str, folder: Path) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": {
        "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": "data-argosy-nats-0"},
        "hostPath": {"path": str(folder), "type": "Directory"}}}
