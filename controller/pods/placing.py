"""Where a pod may run and as whom: scheduling, security and network fields, by Argo's rules of which level wins.

A template's own value wins over that of the steps or dag template around it (for the fields that decide on a node),
and that over the workflow's. An empty value says nothing. Host aliases of both levels add up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Tree = Mapping[str, Any]

HOST_LABEL = "kubernetes.io/hostname"
INHERITED = ("nodeSelector", "affinity", "tolerations")  # also taken from the steps or dag template around the step
_EITHER = ("schedulerName", "securityContext", "serviceAccountName")
_OF_WORKFLOW = ("hostNetwork", "dnsPolicy", "dnsConfig", "imagePullSecrets")
_RENAMED = {"podResources": "resources", "resourceClaims": "resourceClaims"}


def placing(template: Tree, around: Tree, spec: Tree, *, avoid_hosts: Sequence[str] = ()) -> dict[str, Any]:
    """The fields of the pod's spec. `around` is the steps or dag template that the step is part of, or empty."""
    fields: dict[str, Any] = {}
    for field in INHERITED:
        _take(fields, field, template.get(field) or around.get(field) or spec.get(field))
    for field in _EITHER:
        _take(fields, field, template.get(field) or spec.get(field))
    for field, name in _RENAMED.items():
        _take(fields, name, template.get(field) or spec.get(field))
    for field in _OF_WORKFLOW:
        _take(fields, field, spec.get(field))
    _take(fields, "priorityClassName", template.get("priorityClassName") or spec.get("podPriorityClassName"))
    _take(fields, "hostAliases", [*(spec.get("hostAliases") or ()), *(template.get("hostAliases") or ())])
    automount = template.get("automountServiceAccountToken")
    if automount is None:
        automount = spec.get("automountServiceAccountToken")
    if automount is not None:
        fields["automountServiceAccountToken"] = automount
    if avoid_hosts:
        fields["affinity"] = _away_from(fields.get("affinity") or {}, avoid_hosts)
    return fields


def _take(fields: dict[str, Any], name: str, value: Any) -> None:
    if value:
        fields[name] = value


def _away_from(affinity: Tree, hosts: Sequence[str]) -> dict[str, Any]:
    """`affinity` that also keeps off these hosts: every alternative it allows gets the condition."""
    condition = {"key": HOST_LABEL, "operator": "NotIn", "values": list(dict.fromkeys(hosts))}
    nodes = affinity.get("nodeAffinity") or {}
    required = nodes.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = [{**term, "matchExpressions": [*(term.get("matchExpressions") or ()), condition]}
             for term in required.get("nodeSelectorTerms") or [{}]]
    return {**affinity, "nodeAffinity": {
        **nodes, "requiredDuringSchedulingIgnoredDuringExecution": {**required, "nodeSelectorTerms": terms}}}
