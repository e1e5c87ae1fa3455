"""Which repository a workflow's artifacts go to: its own choice, its namespace's default, or the installation's.

They are described in ConfigMaps as Argo Workflows' documentation has it, so that those people have go on being used. What was
found for a workflow stands in its ``status.artifactRepositoryRef`` from then on, and a later change does not move it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from argosy.clock import Clock
from argosy.errors import SpecError
from argosy.kube.contract import Kube, NotFound, Object
from argosy.kube.resources import CONFIG_MAPS
from controller.artifacts.remembering import Remembering
from controller.pods.locations import Repository

USUAL_CONFIG_MAP = "artifact-repositories"
DEFAULT_KEY_ANNOTATION = "workflows.argoproj.io/default-artifact-repository"
CONTROLLER_CONFIG_MAP = "workflow-controller-configmap"
_NONE = Repository(location={})

Tree = Mapping[str, Any]


class Repositories:
    """Finds repositories. `home` is the controller's own namespace, "" where it has none."""

    def __init__(self, kube: Kube, *, clock: Clock, home: str) -> None:
        self._kube = kube
        self._home = home
        self._maps: Remembering[tuple[str, str], Object | None] = Remembering(self._read, clock=clock)

    async def find(self, workflow: Object, spec: Tree) -> Repository:
        """The repository of this workflow; one without a location where nobody configured any. Raises SpecError."""
        pinned = (workflow.get("status") or {}).get("artifactRepositoryRef") or {}
        if pinned.get("artifactRepository"):
            return await self._pinned(pinned)
        namespace = workflow["metadata"]["namespace"]
        ref = spec.get("artifactRepositoryRef")
        if ref:
            return await self._chosen(ref, namespace)
        return await self._namespaces_own(namespace) or await self._installations_own() or _NONE

    async def _pinned(self, ref: Tree) -> Repository:
        """As the status has it. Whoever may write a workflow may write that, so it does not make a repository the default."""
        config = ref["artifactRepository"]
        own = await self._installations_own() if ref.get("default") else None
        if own is not None and own.found["artifactRepository"] == config:
            return own
        repository = Repository.read(config, ref, where="status.artifactRepositoryRef")
        return replace(repository, default=False)

    async def _chosen(self, ref: Tree, namespace: str) -> Repository:
        name = ref.get("configMap") or USUAL_CONFIG_MAP
        for place in dict.fromkeys((namespace, self._home or namespace)):
            config_map = await self._maps.get((place, name))
            if config_map is None:
                continue
            key = ref.get("key") or _default_key(config_map)
            if not key:
                raise SpecError("spec.artifactRepositoryRef", f"names no key, and ConfigMap {name} has no annotation "
                                f"{DEFAULT_KEY_ANNOTATION}; write the key, one of: {_keys(config_map)}")
            return _entry(config_map, key, place)
        raise SpecError("spec.artifactRepositoryRef", f"names ConfigMap {name}, which is not in namespace {namespace}; "
                        "create it there, with an entry such as `my-key: |` and `s3: ...` below it")

    async def _namespaces_own(self, namespace: str) -> Repository | None:
        config_map = await self._maps.get((namespace, USUAL_CONFIG_MAP))
        key = _default_key(config_map) if config_map else ""
        return _entry(config_map, key, namespace) if config_map and key else None

    async def _installations_own(self) -> Repository | None:
        config_map = await self._maps.get((self._home, CONTROLLER_CONFIG_MAP)) if self._home else None
        data = (config_map or {}).get("data") or {}
        where = f"ConfigMap {CONTROLLER_CONFIG_MAP}"
        config = _parsed(data["artifactRepository"], f"{where}: artifactRepository") if data.get("artifactRepository") else None
        if config is None and data.get("config"):  # the older form: one text with everything in it
            whole = _parsed(data["config"], f"{where}: config")
            config = whole.get("artifactRepository") if isinstance(whole, dict) else None
        return Repository.read(config, {"default": True}, where=f"{where}: artifactRepository") if config else None

    async def _read(self, key: tuple[str, str]) -> Object | None:
        namespace, name = key
        try:
            return await self._kube.get(CONFIG_MAPS, name, namespace=namespace)
        except NotFound:
            return None


def _default_key(config_map: Object) -> str:
    return str((config_map["metadata"].get("annotations") or {}).get(DEFAULT_KEY_ANNOTATION) or "")


def _entry(config_map: Object, key: str, namespace: str) -> Repository:
    name = config_map["metadata"]["name"]
    text = (config_map.get("data") or {}).get(key)
    if text is None:
        raise SpecError(f"ConfigMap {name}", f"has no artifact repository '{key}'; it has: {_keys(config_map)}")
    where = f"ConfigMap {name}: {key}"
    return Repository.read(_parsed(text, where), {"configMap": name, "key": key, "namespace": namespace}, where=where)


def _keys(config_map: Object) -> str:
    return ", ".join(sorted(config_map.get("data") or {})) or "none"


def _parsed(text: str, where: str) -> Any:
    import yaml  # late: a controller without artifacts need not load it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(where, f"is no YAML: {error}") from error
