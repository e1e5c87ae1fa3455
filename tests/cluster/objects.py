"""What the cluster needs to hold before anybody uses it: Argo's kinds and the policy for images."""

import json
from pathlib import Path
from typing import Final

from argosy.kube.contract import Object
from tests.cluster.binaries import kubectl, run
from tests.cluster.layout import KUBECONFIG, PATIENCE, say

DEFINITIONS: Final = Path(__file__).parents[2] / "deploy/crds"


def apply_objects() -> None:
    """Create or update them, and wait until the API server knows the kinds."""
    listing = {"apiVersion": "v1", "kind": "List", "items": _image_policies()}
    kube("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listing))
    kube("apply", "--server-side", "--force-conflicts", "-f", str(DEFINITIONS))
    kube("wait", "--for=condition=Established", PATIENCE, "-f", str(DEFINITIONS))
    kube("wait", "--for=create", PATIENCE, "serviceaccount/default", "--namespace=default")
    say("Argo's kinds are known")


def await_node(name: str) -> None:
    """Return when the node takes pods."""
    kube("wait", "--for=create", PATIENCE, f"node/{name}")
    kube("wait", "--for=condition=Ready", PATIENCE, f"node/{name}")
    say(f"{name} is ready")


def kube(*words: str, stdin: str | None = None) -> str:
    """What kubectl prints."""
    return run(kubectl(), f"--kubeconfig={KUBECONFIG}", *words, stdin=stdin)


def _image_policies() -> list[Object]:
    """Policies: an image that would always be pulled is pulled only if it is not present."""
    return [item for part in ("containers", "initContainers") for item in _image_policy(part)]


def _image_policy(part: str) -> tuple[Object, Object]:
    api, name = "admissionregistration.k8s.io/v1beta1", f"images-of-{part.lower()}"
    changed = (f"object.spec.{part}.filter(c, c.imagePullPolicy == 'Always')"
               f".map(c, Object.spec.{part}{{name: c.name, imagePullPolicy: 'IfNotPresent'}})")
    policy = {"apiVersion": api, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]},
        "matchConditions": [{"name": "has-some", "expression": f"has(object.spec.{part})"}],
        "failurePolicy": "Fail", "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {
            "expression": f"Object{{spec: Object.spec{{{part}: {changed}}}}}"}}]}}
    binding = {"apiVersion": api, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
               "spec": {"policyName": name}}
    return policy, binding
