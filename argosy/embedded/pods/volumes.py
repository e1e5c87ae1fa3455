"""A pod's volumes become folders and files on disk, and its volumeMounts become mounts of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argosy.embedded.pods.environment import Broken, Found, NotYet, data_of, expand, field_of, resource_of_container
from argosy.kube.contract import Object

_SUPPORTED = "emptyDir, configMap, secret, downwardAPI, projected, hostPath, persistentVolumeClaim"
_HOST_TYPES = {"Directory": Path.is_dir, "File": Path.is_file, "Socket": Path.is_socket, "CharDevice": Path.is_char_device,
               "BlockDevice": Path.is_block_device}


def lay_out(
    pod: Object, found: Found, *, folder: Path, claims: Path, node: Mapping[str, str],
) -> dict[str, tuple[str, str]]:
    """Make what every volume of the pod holds. Volume name to (kind of mount, path on the host). Raises NotYet, Broken.

    `folder` is the pod's own; a claim's folder below `claims` is shared by all pods that name it.
    """
    places = {}
    for volume in pod["spec"].get("volumes") or ():
        home = folder / volume["name"]
        if "hostPath" in volume:
            places[volume["name"]] = ("host", _host_path(volume))
        elif "persistentVolumeClaim" in volume:
            places[volume["name"]] = ("bind", _claim(volume, found, claims))
        elif "emptyDir" in volume:
            home.mkdir(parents=True, exist_ok=True)
            home.chmod(0o777)
            places[volume["name"]] = ("bind", str(home))
        else:
            _write_files(home, _files_of(volume, pod, found, node))
            places[volume["name"]] = ("fixed", str(home))
    return places


def mounts_of(container: Object, places: Mapping[str, tuple[str, str]], env: Mapping[str, str]) -> list[dict[str, Any]]:
    """The mounts of one container, outermost first. Raises Broken."""
    mounts = []
    for mount in container.get("volumeMounts") or ():
        if mount["name"] not in places:
            raise Broken(f"container {container['name']} mounts volume '{mount['name']}', which the pod does not have")
        kind, source = places[mount["name"]]
        sub_path = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
        mounts.append({
            "kind": kind, "source": source, "sub_path": sub_path, "target": mount["mountPath"],
            "read_only": bool(mount.get("readOnly")) or kind == "fixed", "fixed": kind == "fixed"})
    return sorted(mounts, key=lambda entry: str(entry["target"]).rstrip("/").count("/"))


def _host_path(volume: Object) -> str:
    source, kind = Path(volume["hostPath"]["path"]), volume["hostPath"].get("type") or ""
    if kind == "DirectoryOrCreate":
        source.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        source.touch()
    elif kind in _HOST_TYPES and not _HOST_TYPES[kind](source):
        raise NotYet(f"volume {volume['name']}: hostPath {source} is no {kind}")
    if not source.exists():
        raise NotYet(f"volume {volume['name']}: the host has no {source}")
    return str(source)


def _claim(volume: Object, found: Found, claims: Path) -> str:
    name = volume["persistentVolumeClaim"]["claimName"]
    claim = found.get(("PersistentVolumeClaim", name))
    if claim is None:
        raise NotYet(f'persistentvolumeclaim "{name}" not found')
    home = claims / claim["metadata"]["uid"]
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o777)
    return str(home)


def _files_of(volume: Object, pod: Object, found: Found, node: Mapping[str, str]) -> dict[str, tuple[bytes, int]]:
    """Path below the volume to content and mode."""
    for kind in ("configMap", "secret", "downwardAPI"):
        if kind in volume:
            source = dict(volume[kind])
            if kind == "secret":
                source["name"] = source.get("secretName")
            return _source_files(kind, source, pod, found, node, mode=source.get("defaultMode") or 0o644)
    if "projected" in volume:
        files: dict[str, tuple[bytes, int]] = {}
        mode = volume["projected"].get("defaultMode") or 0o644
        for entry in volume["projected"].get("sources") or ():
            for kind in ("configMap", "secret", "downwardAPI"):
                if kind in entry:
                    files |= _source_files(kind, entry[kind], pod, found, node, mode=mode)
        return files
    kinds = ", ".join(sorted(key for key in volume if key != "name")) or "nothing"
    raise Broken(f"volume {volume['name']} is of a kind that the embedded runtime does not have ({kinds}); "
                 f"it has {_SUPPORTED}")


def _source_files(
    kind: str, source: Object, pod: Object, found: Found, node: Mapping[str, str], *, mode: int,
) -> dict[str, tuple[bytes, int]]:
    if kind == "downwardAPI":
        return {item["path"]: (_downward(item, pod, node), item.get("mode") or mode) for item in source.get("items") or ()}
    data = data_of({"configMap": "ConfigMap", "secret": "Secret"}[kind], source["name"], found,
                   optional=bool(source.get("optional")))
    if data is None:
        return {}
    if not source.get("items"):
        return {key: (value, mode) for key, value in data.items()}
    files = {}
    for item in source["items"]:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], item.get("mode") or mode)
        elif not source.get("optional"):
            raise NotYet(f"{kind} {source['name']} has no key {item['key']}")
    return files


def _downward(item: Object, pod: Object, node: Mapping[str, str]) -> bytes:
    if "fieldRef" in item:
        return field_of(pod, item["fieldRef"]["fieldPath"], node).encode()
    reference = item["resourceFieldRef"]
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    for container in containers:
        if container["name"] == reference.get("containerName"):
            return resource_of_container(container, reference, node).encode()
    raise Broken(f"downwardAPI item {item['path']} names container '{reference.get('containerName')}', "
                 "which the pod does not have")


def _write_files(home: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    for name, (content, mode) in files.items():
        target = home / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise Broken(f"a volume's file may not be called '{name}': it must stay inside the volume")
        target.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as writing:
            writing.write(content)
            os.fchmod(file, mode)
