"""One installation for all namespaces: alone on the cluster, for it serves the sources and sensors of every other test too.

Its controller has an instance id, so that workflows of others are left alone.
"""

import json
from collections.abc import Iterator

import pytest

from argosy.clock import new_suffix
from argosy.kube.kubeconfig import KubeConfig
from tests.cluster.installing import PARTS, installed, last_words, wait_for
from tests.cluster.layout import ClusterError
from tests.cluster.objects import kube
from tests.cluster.requests_made import requests_in

ARGUMENTS = {
    "controller": ["--verbose", "--instance-id=everywhere"], "sources": ["--verbose"], "sensors": ["--verbose"],
}
PATCHES = [
    {"target": {"kind": "Deployment", "name": f"argosy-{part}"}, "patch": json.dumps([
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": word} for word in words])}
    for part, words in ARGUMENTS.items()]
ELSEWHERE = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: clock}
spec: {calendar: {tick: {interval: 2s}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: clock}
spec:
  dependencies: [{name: tick, eventSourceName: clock, eventName: tick}]
  triggers:
    - template:
        name: greet
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata:
                name: greets
                labels: {workflows.argoproj.io/controller-instanceid: everywhere}
              spec: {workflowTemplateRef: {name: NAMESPACE, clusterScope: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: ClusterWorkflowTemplate
metadata: {name: NAMESPACE}
spec:
  entrypoint: greet
  templates:
    - name: greet
      container: {image: busybox, command: [echo, hello]}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: of-others}
spec: {workflowTemplateRef: {name: NAMESPACE, clusterScope: true}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: looks}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: looks}]
"""


@pytest.fixture
def place(config: KubeConfig, own_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The namespace in which the product is at work; beside it there is another, `-2`."""
    namespace, folder = f"deployed-{new_suffix(6)}", tmp_path_factory.mktemp("kustomize")
    for name in (namespace, f"{namespace}-2"):
        kube("create", "namespace", name)
    kube("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")  # our pods live with it
    try:
        with installed("cluster", namespace, folder, patches=PATCHES):
            yield namespace
    finally:
        kube("delete", "--ignore-not-found", "--wait=false", "-k", str(folder / "all"))
        kube("delete", "--ignore-not-found", f"clusterworkflowtemplate/{namespace}-2")
        kube("delete", "namespace", namespace, f"{namespace}-2", "--wait=false")


def test_other_namespaces_are_served_with_the_rights_that_are_given(place: str) -> None:
    elsewhere = f"{place}-2"
    kube("apply", f"--namespace={elsewhere}", "-f", "-", stdin=ELSEWHERE.replace("NAMESPACE", elsewhere))
    wait_for(elsewhere, "workflow/greets", "create")
    wait_for(elsewhere, "workflow/greets", "jsonpath={.status.phase}=Succeeded")
    assert "status" not in json.loads(kube("get", "workflow", "of-others", f"--namespace={elsewhere}", "--output=json"))
    for word, answer in (("list", "yes"), ("create", "no")):
        asked = ("auth", "can-i", word, "workflows.argoproj.io", "--as=looks", f"--namespace={elsewhere}")
        assert told(*asked) == answer
    for part in PARTS:
        assert [each for each in requests_in(last_words(place, part)) if each.status == 403] == []


def told(*words: str) -> str:
    """What kubectl says, also where it says no."""
    try:
        return kube(*words).strip()
    except ClusterError as error:
        return str(error).splitlines()[-1].strip()
