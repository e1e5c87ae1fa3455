"""The URL path of an object, of a kind in a namespace, or of a subresource."""

from urllib.parse import quote

from argosy.kube.contract import BadRequest, Resource


def path_of(resource: Resource, name: str | None = None, *, namespace: str = "", subresource: str = "") -> str:
    """``/apis/argoproj.io/v1alpha1/namespaces/demo/workflows/hello``; without a name the list of the kind."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if resource.namespaced and namespace else ""
    kind = f"{root}{inside}/{resource.plural}"
    if name is None:
        return kind
    if not isinstance(name, str) or not name:
        raise BadRequest(f"metadata.name is needed to say which {resource.kind} is meant")
    if resource.namespaced and not namespace:
        raise BadRequest(f'{resource.plural} "{name}": say in which namespace')
    return "/".join(part for part in (kind, quote(name, safe=""), subresource) if part)
