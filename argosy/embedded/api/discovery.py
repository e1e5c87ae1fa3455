"""What this API serves: the lists of groups, versions and kinds by which kubectl finds its way."""

import platform
from collections.abc import Iterable, Sequence
from functools import cached_property

from argosy.kube.contract import Object, Resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_STATUS_VERBS = ["get", "patch", "update"]
# Answered by the face itself, so that `kubectl auth can-i` and `whoami` work: nothing of them is stored.
REVIEWS = (
    Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False,
             singular="selfsubjectaccessreview"),
    Resource("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False,
             singular="selfsubjectrulesreview"),
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False,
             singular="selfsubjectreview"),
)


class Discovery:
    """The answers of /api, /apis and what is below them, and of /version."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._versions: dict[tuple[str, str], list[Resource]] = {}
        for resource in (*resources, *REVIEWS):
            self._versions.setdefault((resource.group, resource.version), []).append(resource)

    def find(self, path: str, *, aggregated: bool) -> Object | None:
        """The discovery document at `path`, or None if there is none."""
        parts = path.strip("/").split("/")
        if parts == ["api"]:
            if aggregated:
                return _discovery_list(self._aggregated(core=True))
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        if parts == ["apis"]:
            if aggregated:
                return _discovery_list(self._aggregated(core=False))
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [self._group(name) for name in self._groups]}
        if parts[0] == "apis" and len(parts) == 2 and parts[1] in self._groups:
            return self._group(parts[1])
        group_version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else tuple(parts[1:])
        if parts[0] in ("api", "apis") and group_version in self._versions:
            return self._resource_list(*group_version)
        return None

    @cached_property
    def _groups(self) -> list[str]:
        return list(dict.fromkeys(group for group, _version in self._versions if group))

    def _group(self, name: str) -> Object:
        versions = [{"groupVersion": f"{name}/{version}", "version": version}
                    for group, version in self._versions if group == name]
        return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions,
                "preferredVersion": versions[0]}

    def _resource_list(self, group: str, version: str) -> Object:
        entries = []
        for resource in self._versions[group, version]:
            entries.append({
                "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
                "kind": resource.kind, "verbs": verbs_of(resource), "shortNames": list(resource.short_names),
                "categories": categories_of(resource)})
            for name, kind, verbs in subresources_of(resource):
                entries.append({"name": f"{resource.plural}/{name}", "singularName": "", "kind": kind,
                                "namespaced": resource.namespaced, "verbs": verbs})
        group_version = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}

    def _aggregated(self, *, core: bool) -> list[Object]:
        items: dict[str, Object] = {}
        for (group, version), resources in self._versions.items():
            if bool(group) == core:
                continue
            item = items.setdefault(group, {"metadata": {"name": group} if group else {}, "versions": []})
            item["versions"].append({"version": version, "freshness": "Current",
                                     "resources": [_aggregated_resource(resource) for resource in resources]})
        return list(items.values())


def verbs_of(resource: Resource) -> list[str]:
    """What may be done with objects of this kind."""
    return ["create"] if resource in REVIEWS else _VERBS


def categories_of(resource: Resource) -> list[str]:
    """Under which words beside its own name `kubectl get` finds it: ``all`` is what runs, as on any cluster."""
    return ["all"] if not resource.group and resource.plural in ("pods", "services") else []


def subresources_of(resource: Resource) -> Sequence[tuple[str, str, list[str]]]:
    """Name, kind and verbs of what hangs below an object of this kind."""
    found = []
    if resource.status_subresource:
        found.append(("status", resource.kind, _STATUS_VERBS))
    if resource.plural == "pods" and not resource.group:
        found.append(("log", "Pod", ["get"]))
    return found


def _discovery_list(items: list[Object]) -> Object:
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_resource(resource: Resource) -> Object:
    def kind(name: str) -> Object:
        return {"group": resource.group, "version": resource.version, "kind": name}

    scope = "Namespaced" if resource.namespaced else "Cluster"
    return {
        "resource": resource.plural, "responseKind": kind(resource.kind), "scope": scope,
        "singularResource": resource.singular, "verbs": verbs_of(resource), "shortNames": list(resource.short_names),
        "categories": categories_of(resource),
        "subresources": [{"subresource": name, "responseKind": kind(of_kind), "verbs": verbs}
                         for name, of_kind, verbs in subresources_of(resource)],
    }


def version_info() -> Object:
    """What `kubectl version` shows: the Kubernetes version whose rules are kept, and that it is Argosy that keeps them."""
    return {"major": "1", "minor": "36", "gitVersion": "v1.36.0+argosy", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "none",
            "platform": f"linux/{platform.machine()}"}
