"""What a resource template acts upon: the object that its manifest describes, or those that its flags name."""

from dataclasses import dataclass
from typing import Any

from argosy.kube.contract import Object, Resource
from argosy.kube.kinds import Kinds
from argosy.manifests.yaml_tree import YamlError, read_documents
from controller.pods.assignment import ResourceWork
from controller.pods.resource_work import suffix_of
from controller.resources.contract import WorkFailed
from controller.resources.flags import Flags


@dataclass(frozen=True, slots=True)
class Target:
    """A kind, a namespace and, unless a selector chooses, a name."""

    resource: Resource
    namespace: str = ""
    name: str = ""


def read_manifest(text: str) -> Any:
    """The one document of a manifest; None for an empty one. Raises WorkFailed."""
    try:
        documents = [tree for tree in read_documents(text) if tree is not None]
    except YamlError as error:
        raise WorkFailed(f"the manifest cannot be read: {error}") from error
    if len(documents) > 1:
        raise WorkFailed(f"the manifest holds {len(documents)} documents; a resource template works on one object: "
                         "write a template for each")
    return documents[0] if documents else None


def owned(obj: Object, work: ResourceWork) -> Object:
    """The object with the owner that the work gives it, and the name that follows from the work if it has only a beginning."""
    metadata = dict(obj.get("metadata") or {})
    if work.owner is not None:
        metadata["ownerReferences"] = [*(metadata.get("ownerReferences") or ()), work.owner]
    if metadata.get("generateName") and not metadata.get("name") and work.suffix:
        metadata["name"] = f"{metadata['generateName'][:58]}{work.suffix}"
    return {**obj, "metadata": metadata} if metadata else obj


def renamed(obj: Object) -> Object:
    """The object under the next of the names that its generateName may become."""
    metadata = obj["metadata"]
    base = metadata["generateName"][:58]
    return {**obj, "metadata": {**metadata, "name": base + suffix_of(metadata["name"])}}


async def target_of_manifest(obj: Any, work: ResourceWork, flags: Flags, kinds: Kinds) -> Target:
    """What the manifest describes. Raises WorkFailed for one that does not say what it is."""
    if not isinstance(obj, dict) or not obj.get("kind") or not obj.get("apiVersion"):
        raise WorkFailed("the manifest must be one object with apiVersion, kind and metadata.name")
    resource = await kinds.of_manifest(obj["apiVersion"], obj["kind"])
    if resource is None:
        raise WorkFailed(f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}": nothing serves it here')
    metadata = obj.get("metadata") or {}
    return _target(resource, metadata.get("namespace") or "", metadata.get("name") or "", work, flags)


async def targets_of_words(work: ResourceWork, flags: Flags, kinds: Kinds) -> list[Target]:
    """What flags such as ``[configmap, NAME]`` or ``[pod/NAME]`` name. Raises WorkFailed."""
    words = flags.words
    if not words:
        raise WorkFailed("nothing says what to work on: write a manifest, or flags such as [configmap, NAME]")
    if "/" in words[0]:
        pairs = [word.split("/", 1) for word in words if "/" in word]
    else:
        pairs = [[words[0], name] for name in words[1:] or ("",)]
    found = []
    for word, name in pairs:
        resource = await kinds.of_word(word)
        if resource is None:
            raise WorkFailed(f'the server doesn\'t have a resource type "{word}"; write a kind such as configmap')
        found.append(_target(resource, "", name, work, flags))
    return found


def _target(resource: Resource, namespace: str, name: str, work: ResourceWork, flags: Flags) -> Target:
    if namespace and flags.namespace and namespace != flags.namespace:
        raise WorkFailed(f"the manifest's namespace is '{namespace}' and the flags' '{flags.namespace}'; leave one out")
    return Target(resource, (namespace or flags.namespace or work.namespace) if resource.namespaced else "", name)
