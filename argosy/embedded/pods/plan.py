"""A Pod object becomes the plan that its shim carries out: every value resolved, nothing left to ask (no I/O here)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argosy.embedded.pods.environment import SYSTEM_PATH, Broken, Found, expand, make_env
from argosy.embedded.pods.images import Image, ImageTable
from argosy.embedded.pods.plain import Rewriter, rewriter_for
from argosy.embedded.pods.probes import hooks_of, probes_of
from argosy.embedded.pods.shim.kernel import DEFAULT_CAPABILITIES
from argosy.embedded.pods.volumes import mounts_of
from argosy.kube.contract import Object
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, MAIN_ANNOTATION, Assignment
from controller.pods.container_sets import Turn, turns_from

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Host:
    """What the pods of this machine have in common."""

    isolation: str  # root, rootless or plain
    images: ImageTable
    hide: tuple[str, ...] = ()  # folders that no pod may see
    path: str = ""  # more folders for PATH, after the system's own
    durable: bool = True
    node: Mapping[str, str] = field(default_factory=dict)  # nodeName, hostIP, cpu, memory


def assignment_of(pod: Object) -> Assignment | None:
    """What is to be done around the main command, if anything. Raises Broken."""
    text = (pod["metadata"].get("annotations") or {}).get(ASSIGNMENT_ANNOTATION)
    if text is None:
        return None
    try:
        return Assignment.from_json(text)
    except ValueError as error:
        raise Broken(f"annotation {ASSIGNMENT_ANNOTATION} cannot be read: {error}") from error


def is_errand(pod: Object) -> bool:
    """Whether this pod needs no process: what it is to do is done by the runtime itself."""
    try:
        assignment = assignment_of(pod)
    except Broken:
        return False
    return assignment is not None and (assignment.work is not None or assignment.request is not None)


def references_of(pod: Object) -> set[tuple[str, str]]:
    """Every ConfigMap, Secret and claim that the pod names, by (kind, name). Raises Broken for names that are unusable."""
    found: set[tuple[str, str]] = set()
    spec = pod["spec"]
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        _check_name("container", container["name"])
        for source in container.get("envFrom") or ():
            found |= _named(source, ("configMapRef", "secretRef"))
        for variable in container.get("env") or ():
            found |= _named(variable.get("valueFrom") or {}, ("configMapKeyRef", "secretKeyRef"))
    for volume in spec.get("volumes") or ():
        _check_name("volume", volume["name"])
        found |= _of_volume(volume)
        for source in (volume.get("projected") or {}).get("sources") or ():
            found |= _of_volume(source)
    return found


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise Broken(f"{kind} name {name!r} is not allowed; use lower-case letters, digits and '-'")


def _named(source: Object, fields: tuple[str, ...]) -> set[tuple[str, str]]:
    return {("Secret" if field.startswith("secret") else "ConfigMap", source[field]["name"])
            for field in fields if field in source}


def _of_volume(volume: Object) -> set[tuple[str, str]]:
    found = set()
    if "configMap" in volume:
        found.add(("ConfigMap", volume["configMap"]["name"]))
    if "secret" in volume:
        found.add(("Secret", volume["secret"].get("secretName") or volume["secret"].get("name")))
    if "persistentVolumeClaim" in volume:
        found.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
    return found


def make_plan(
    pod: Object, found: Found, host: Host, *, folder: str, logs: str, places: Mapping[str, tuple[str, str]],
    standins: Mapping[str, str], staged: list[dict[str, Any]], deadline: float | None,
) -> dict[str, Any]:
    """The plan for the shim.

    `folder` is the pod's own, `logs` where its logs go, `places` its volumes as `lay_out` made them, `standins` a folder
    for each image whose entry has links, `staged` what lies ready to be put into the assigned container.
    """
    spec = pod["spec"]
    assignment = assignment_of(pod)
    turns = turns_from(pod)
    named = (pod["metadata"].get("annotations") or {}).get(MAIN_ANNOTATION) or (assignment.container if assignment else "")
    main = "" if turns else named
    make = _Maker(pod, found, host, folder=folder, logs=logs, places=places, standins=standins, staged=staged,
                  assignment=assignment)
    containers = [make.container(container) for container in spec["containers"]]
    deciding = [turn.container for turn in turns] or ([main] if main else [container["name"] for container in containers])
    for name in (*deciding, *(other for turn in turns for other in turn.after)):
        if name not in [container["name"] for container in containers]:
            raise Broken(f"the pod has no container '{name}', which its annotations name")
    grace = spec.get("terminationGracePeriodSeconds")
    name = pod["metadata"]["name"]
    return {
        "name": name, "namespace": pod["metadata"]["namespace"], "uid": pod["metadata"]["uid"], "folder": folder,
        "hostname": (spec.get("hostname") or name)[:63], "hosts": _hosts(pod), "isolation": host.isolation,
        "hide": list(host.hide), "durable": host.durable, "main": main, "deciding": deciding,
        "restart": spec.get("restartPolicy") or "Always",
        "assigned": assignment.container if assignment else "", "deadline": deadline,
        "grace": 30 if grace is None else grace,
        "init": [make.container(container, init=True) for container in spec.get("initContainers") or ()],
        "containers": containers,
    }


def _hosts(pod: Object) -> str:
    name = pod["spec"].get("hostname") or pod["metadata"]["name"]
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", f"127.0.0.1\t{name}"]
    lines += [f"{alias['ip']}\t{' '.join(alias.get('hostnames') or ())}" for alias in pod["spec"].get("hostAliases") or ()]
    return "\n".join(lines) + "\n"


class _Maker:
    """Makes each container's part of the plan."""

    def __init__(
        self, pod: Object, found: Found, host: Host, *, folder: str, logs: str, places: Mapping[str, tuple[str, str]],
        standins: Mapping[str, str], staged: list[dict[str, Any]], assignment: Assignment | None,
    ) -> None:
        self._pod, self._found, self._host, self._folder, self._logs = pod, found, host, folder, logs
        self._places, self._standins, self._staged, self._assignment = places, standins, staged, assignment
        self._turns = {turn.container: turn for turn in turns_from(pod)}

    def container(self, container: Object, *, init: bool = False) -> dict[str, Any]:
        host, name = self._host, container["name"]
        image_name = container.get("image") or ""
        image = host.images.find(image_name)
        layer = f"{self._folder}/layers/{name}"
        env = make_env(container, self._pod, self._found, base=self._base_env(image, image_name, layer), node=host.node)
        mounts = mounts_of(container, self._places, env)
        assigned = self._assignment is not None and self._assignment.container == name and not init
        argv = [expand(part, env) for part in _command(container, image)]
        wanted = self._wanted(assigned=assigned)
        rewrite = rewriter_for(
            container, self._assignment if assigned else None, layer) if host.isolation == "plain" else None
        roots = [folder for folder in (image.root, self._standins.get(image_name, "")) if folder]
        if rewrite:
            argv = [rewrite(part) for part in (_within(roots, argv[0]), *argv[1:])] if argv else []
            env = {key: rewrite(value) for key, value in env.items()}
        return {
            "name": name, "argv": argv, "env": env, "mounts": mounts, "layer": layer, "extra_roots": roots,
            "cwd": _cwd(container, f"{layer}/root" if rewrite else "/", rewrite),
            "log": f"{self._logs}/{name}.log", **_identity(container, self._pod, host.isolation), "result": bool(
                assigned and self._assignment and self._assignment.result),
            "stage": self._staged if assigned else [], "gather": wanted,
            "message_path": container.get("terminationMessagePath") or "/dev/termination-log",
            "message_policy": container.get("terminationMessagePolicy") or "File",
            "sidecar": init and container.get("restartPolicy") == "Always",
            "probes": probes_of(container), "hooks": hooks_of(container),
            **self._turn(name, assigned=assigned),
            "missing": f"the host has no program '{{program}}' (image {image_name or 'none'}); install it, or give a "
                       "stand-in under images: in the settings",
        }

    def _turn(self, name: str, *, assigned: bool) -> dict[str, Any]:
        """When it starts, how often its command is tried, and whether its outputs are taken only once all others ended."""
        turn = self._turns.get(name, Turn(name))
        return {"after": turn.after, "tries": turn.retries + 1, "try_again_after": turn.wait_seconds,
                "gather_last": assigned and len(self._turns) > 1}

    def _wanted(self, *, assigned: bool) -> dict[str, Any]:
        if not assigned or self._assignment is None:
            return {"parameters": [], "artifacts": []}
        return {
            "parameters": [{"name": item.name, "path": item.path, "default": item.default}
                           for item in self._assignment.parameters],
            "artifacts": [{"name": item.name, "path": item.path, "optional": item.optional}
                          for item in self._assignment.artifacts_out],
        }

    def _base_env(self, image: Image, image_name: str, layer: str) -> dict[str, str]:
        plain = self._host.isolation == "plain"
        standin = self._standins.get(image_name, "")
        folders = [f"{standin}/usr/local/bin" if plain and standin else "", image.path, SYSTEM_PATH, self._host.path]
        base = {"PATH": ":".join(dict.fromkeys(":".join(filter(None, folders)).split(":"))), "LANG": "C.UTF-8",
                "HOME": f"{layer}/root" if plain else "/root", "HOSTNAME": self._pod["metadata"]["name"]}
        if plain:
            base["TMPDIR"] = f"{layer}/root/tmp"
        return base | dict(image.env)


def _command(container: Object, image: Image) -> list[str]:
    """What runs, by Kubernetes' rules: the manifest's command and args stand before the image's own."""
    command, args = list(container.get("command") or ()), list(container.get("args") or ())
    argv = [*command, *args] if command else [*image.entrypoint, *(args or image.command)]
    if not command and not image.entrypoint and args and not image.command:
        argv = []
    if not argv:
        raise Broken(f"container '{container['name']}' has no command, and what image '{container.get('image', '')}' would "
                     "run is not known here; write command: in the manifest, or give the image an entry under images: in "
                     "the settings")
    return argv


def _within(roots: list[str], program: str) -> str:
    """Where a program of a stand-in's folder really is: without namespaces nothing is laid over the host's root."""
    return next((root + program for root in roots if program.startswith("/") and Path(root + program).is_file()), program)


def _cwd(container: Object, default: str, rewrite: Rewriter | None) -> str:
    cwd = container.get("workingDir") or ""
    if rewrite is not None:
        return rewrite.inside(cwd) if cwd else default
    return cwd or default


def _identity(container: Object, pod: Object, isolation: str) -> dict[str, Any]:
    """Who the command is and what it may do. Only root can become somebody else."""
    whole, own = pod["spec"].get("securityContext") or {}, container.get("securityContext") or {}
    context = {**whole, **own}
    groups = [*(whole.get("supplementalGroups") or ()), *([whole["fsGroup"]] if "fsGroup" in whole else ())]
    asked = own.get("capabilities") or {}
    dropped = {str(name).removeprefix("CAP_") for name in asked.get("drop") or ()}
    kept = set() if "ALL" in dropped else set(DEFAULT_CAPABILITIES) - dropped
    kept |= {str(name).removeprefix("CAP_") for name in asked.get("add") or ()}
    return {
        "user": context.get("runAsUser") if isolation == "root" else None, "group": context.get("runAsGroup"), "groups": groups,
        "capabilities": None if context.get("privileged") else sorted(kept),
    }
