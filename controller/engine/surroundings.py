"""What lies around a step and shapes its pod: the workflow's spec, the steps or dag template, the attempts before it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from argosy.placeholders import never
from controller.engine.contract import Json
from controller.engine.scope import Scope, filled

if TYPE_CHECKING:
    from controller.engine.frame import Job
    from controller.engine.run import Run

_OF_EVERY_POD = (
    "affinity", "dnsConfig", "dnsPolicy", "hostAliases", "hostNetwork", "imagePullSecrets", "nodeSelector", "podMetadata",
    "podPriorityClassName", "podResources", "podSpecPatch", "resourceClaims", "schedulerName", "securityContext",
    "serviceAccountName", "tolerations", "volumes",
)
_OF_THE_WHOLE = ("volumeClaimTemplates", "podDisruptionBudget", "podGC")  # objects and rules beside the pods
_INHERITED = ("affinity", "nodeSelector", "tolerations")  # a steps or dag template may say these for all inside it


def whole_filled(spec: Mapping[str, Json], scope: Scope) -> dict[str, Json]:
    """The spec with what it says beside the templates about the whole workflow filled in. Raises NodeError."""
    return {**spec, **_filled({key: spec[key] for key in _OF_THE_WHOLE if spec.get(key)}, scope)}


def pod_fields(spec: Mapping[str, Json], scope: Scope) -> dict[str, Json]:
    """What the spec says of every pod, with the placeholders filled in for one step. Raises NodeError.

    What only other steps have (their inputs) stays as it is written: a volume may be meant for those alone.
    """
    return _filled({key: spec[key] for key in _OF_EVERY_POD if spec.get(key)}, scope, keep=_of_other_steps)


def inherited(template: Mapping[str, Json], scope: Scope) -> dict[str, Json]:
    """What a steps or dag template says of the pods inside it. Raises NodeError."""
    return _filled({key: template[key] for key in _INHERITED if template.get(key)}, scope)


def _filled(tree: dict[str, Json], scope: Scope, *, keep: Callable[[str], bool] = never) -> dict[str, Json]:
    found: dict[str, Json] = filled(tree, scope, keep=keep) if tree else tree
    return found


def _of_other_steps(tag: str) -> bool:
    return not tag.startswith("workflow.")


def failed_hosts(run: "Run", job: "Job") -> tuple[str, ...]:
    """The hosts of earlier attempts, where the retryStrategy asks to keep off them (``affinity.nodeAntiAffinity``)."""
    if job.attempt == 0 or job.owner is None:
        return ()
    strategy = job.template.json.get("retryStrategy") or run.spec.get("retryStrategy") or {}
    if (strategy.get("affinity") or {}).get("nodeAntiAffinity") is None:
        return ()
    attempts = (run.nodes.json.get(key) or {} for key in job.owner.children)
    return tuple(dict.fromkeys(each["hostNodeName"] for each in attempts if each.get("hostNodeName")))
