"""A second node that only pretends: its pods are told to run and to have succeeded, so that thousands cost little.

A pod goes there if it selects ``type: kwok`` and tolerates the taint ``kwok.x-k8s.io/node``.
"""

import json
from typing import Final

from argosy.kube.contract import Object
from tests.cluster import objects
from tests.cluster.binaries import KWOK_MODULE, ensure_programs, program
from tests.cluster.control_plane import answers
from tests.cluster.layout import BRIDGE_IP, FAKE_NODE, HOME, KUBECONFIG, ClusterError
from tests.cluster.processes import Daemon, await_ready, process_id, start

TAINT: Final = "kwok.x-k8s.io/node"
SELECTOR: Final = {"type": "kwok"}
TOLERATION: Final = {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}
_PORT = 10247

_RUNS = """\
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, restartCount: 0,
   state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
"""
_SUCCEEDS = """\
{{ $now := Now }}
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: false, restartCount: 0,
   state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}}
{{ end }}
"""


def add_fake_node() -> None:
    """Add the node to the running cluster, unless it is there."""
    if process_id("kube-apiserver") is None:
        raise ClusterError("is not up; bring it up first")
    ensure_programs((KWOK_MODULE,))
    daemon = _kwok()
    start(daemon)
    await_ready(daemon)
    objects.kube("apply", "-f", "-", stdin=json.dumps(_node()))
    objects.await_node(FAKE_NODE)


def _kwok() -> Daemon:
    config = HOME / "kwok.json"
    config.write_text("\n---\n".join(json.dumps(stage) for stage in _stages()))
    return Daemon("kwok", (
        str(program("kwok")), f"--kubeconfig={KUBECONFIG}", f"--config={config}",
        "--manage-nodes-with-label-selector=type=kwok", f"--node-ip={BRIDGE_IP}", "--cidr=10.99.0.1/16",
        f"--server-address=127.0.0.1:{_PORT}",
    ), answers(f"http://127.0.0.1:{_PORT}/healthz"))


def _node() -> Object:
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": FAKE_NODE, "labels": {**SELECTOR, "kubernetes.io/hostname": FAKE_NODE}},
            "spec": {"taints": [{"key": TAINT, "value": "fake", "effect": "NoSchedule"}]}}


def _stages() -> list[Object]:
    """From scheduled to running, from running to succeeded, from deleted to gone."""
    lives = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
    return [
        _stage("pod-runs", [lives, {"key": ".status.podIP", "operator": "DoesNotExist"}], {"statusTemplate": _RUNS}),
        _stage("pod-succeeds", [lives, {"key": ".status.phase", "operator": "In", "values": ["Running"]}],
               {"statusTemplate": _SUCCEEDS}),
        _stage("pod-goes", [{**lives, "operator": "Exists"}], {"finalizers": {"empty": True}, "delete": True}),
    ]


def _stage(name: str, when: list[Object], then: Object) -> Object:
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name},
            "spec": {"resourceRef": {"apiGroup": "v1", "kind": "Pod"}, "selector": {"matchExpressions": when}, "next": then}}
