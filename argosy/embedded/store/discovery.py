"""Which kinds can be asked for: the known ones, and those that stored CustomResourceDefinitions declare."""

from argosy.embedded.store.ledger import Ledger
from argosy.kube.contract import Object, Resource
from argosy.kube.resources import KNOWN

_DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions"

CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False,
    singular="customresourcedefinition", short_names=("crd", "crds"), status_subresource=True)


def declared_resources(ledger: Ledger) -> tuple[Resource, ...]:
    """Known kinds first; a definition of a known kind adds nothing."""
    found = {(each.group, each.version, each.plural): each for each in (*KNOWN, CUSTOM_RESOURCE_DEFINITIONS)}
    for entry in ledger.shelf(_DEFINITIONS).entries():
        for each in _declared(ledger.read(entry.rev)):
            found.setdefault((each.group, each.version, each.plural), each)
    return tuple(found.values())


def _declared(definition: Object) -> list[Resource]:
    spec, names = definition["spec"], definition["spec"]["names"]
    return [
        Resource(spec["group"], version["name"], names["plural"], names["kind"],
                 namespaced=spec.get("scope") != "Cluster", singular=names.get("singular") or names["kind"].lower(),
                 short_names=tuple(names.get("shortNames") or ()),
                 status_subresource="status" in (version.get("subresources") or {}))
        for version in spec["versions"] if version.get("served", True)]
