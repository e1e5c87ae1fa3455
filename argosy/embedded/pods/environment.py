"""A container's environment variables, and ``$(NAME)`` in its command and arguments (pure)."""

import math
import re
from base64 import b64decode
from collections.abc import Mapping

from argosy.errors import ArgosyError
from argosy.kube.contract import Object

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")
_SUFFIXES = {
    "m": 0.001, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}


class NotYet(ArgosyError):
    """Something that the pod names is not there; it may come, and until then the pod waits, as on Kubernetes."""


class Broken(ArgosyError):
    """The pod can never run as it is written; the text says why."""


Found = Mapping[tuple[str, str], Object | None]
"""ConfigMaps, Secrets and claims by (kind, name); None where there is no such object."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """`text` with each ``$(NAME)`` that `env` knows replaced; ``$$`` stands for one dollar sign."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else env.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def make_env(
    container: Object, pod: Object, found: Found, *, base: Mapping[str, str], node: Mapping[str, str],
) -> dict[str, str]:
    """The variables of `container`, on top of `base`. `node` has hostIP, nodeName, cpu and memory. Raises NotYet."""
    env = dict(base)
    for source in container.get("envFrom") or ():
        env |= _all_keys(source, found)
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        value = _value_from(source, container, pod, found, node) if source else expand(variable.get("value") or "", env)
        if value is not None:
            env[variable["name"]] = value
    return env


def data_of(kind: str, name: str, found: Found, *, optional: bool) -> dict[str, bytes] | None:
    """The keys of a ConfigMap or Secret as bytes; None where it is absent and may be. Raises NotYet."""
    obj = found.get((kind, name))
    if obj is None:
        if optional:
            return None
        raise NotYet(f'{kind.lower()} "{name}" not found')
    if kind == "Secret":
        data = {key: b64decode(value) for key, value in (obj.get("data") or {}).items()}
        return data | {key: value.encode() for key, value in (obj.get("stringData") or {}).items()}
    data = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
    return data | {key: b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _all_keys(source: Object, found: Found) -> dict[str, str]:
    for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if field in source:
            data = data_of(kind, source[field]["name"], found, optional=bool(source[field].get("optional")))
            prefix = source.get("prefix") or ""
            return {prefix + key: value.decode(errors="replace") for key, value in (data or {}).items()}
    return {}


def _value_from(source: Object, container: Object, pod: Object, found: Found, node: Mapping[str, str]) -> str | None:
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if field in source:
            reference = source[field]
            data = data_of(kind, reference["name"], found, optional=bool(reference.get("optional")))
            if data is None:
                return None
            if reference["key"] not in data:
                if reference.get("optional"):
                    return None
                raise NotYet(f"couldn't find key {reference['key']} in {kind} {reference['name']}")
            return data[reference["key"]].decode(errors="replace")
    if "fieldRef" in source:
        return field_of(pod, source["fieldRef"]["fieldPath"], node)
    if "resourceFieldRef" in source:
        return resource_of_container(container, source["resourceFieldRef"], node)
    raise Broken(f"an env entry of container {container['name']} has a valueFrom that is not known: {', '.join(source)}")


def field_of(pod: Object, path: str, node: Mapping[str, str]) -> str:
    """A field of the pod as the downward API gives it. Raises Broken."""
    metadata, spec = pod["metadata"], pod["spec"]
    keyed = _KEYED.fullmatch(path)
    if keyed:
        return str((metadata.get(keyed[1]) or {}).get(keyed[2], ""))
    known = {
        "metadata.name": metadata["name"], "metadata.namespace": metadata.get("namespace", ""),
        "metadata.uid": metadata.get("uid", ""), "spec.nodeName": spec.get("nodeName") or node["nodeName"],
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default", "status.podIP": node["hostIP"],
        "status.podIPs": node["hostIP"], "status.hostIP": node["hostIP"], "status.hostIPs": node["hostIP"],
    }
    if path in known:
        return str(known[path])
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = metadata.get(path.removeprefix("metadata.")) or {}
        return "\n".join(f'{key}="{_quoted(value)}"' for key, value in sorted(pairs.items()))
    raise Broken(f"fieldPath '{path}' is not known; use one of {', '.join(known)}, metadata.labels['KEY'] "
                 "or metadata.annotations['KEY']")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_of_container(container: Object, reference: Object, node: Mapping[str, str]) -> str:
    """``limits.cpu`` and the like, in units of the divisor, rounded up; the node's size where the container has none."""
    kind, _, name = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    value = (resources.get(kind) or {}).get(name)
    if value is None and kind == "limits":
        value = node.get(name, "0")
    divisor = quantity(str(reference.get("divisor") or "1")) or 1.0
    return str(math.ceil(quantity(str(value or "0")) / divisor - 1e-9))


def quantity(text: str) -> float:
    """A Kubernetes quantity such as 500m or 1Gi as a number. Raises Broken."""
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(m|[kMGTPE]i?|Ki|)", text)
    if not match:
        raise Broken(f"'{text}' is no quantity; write a number such as 500m, 2 or 1Gi")
    return float(match[1]) * _SUFFIXES[match[2]]
