"""How the executor gets into a pod on a cluster: no image of its own, only a ConfigMap volume and a longer command.

The executor starts the user's command, carries the assignment out around it and hands over in the termination message. The
assignment travels in environment variables, which the command does not see; larger outcomes go into a WorkflowTaskResult.
Containers beside the main one are told of its end by a file in a shared folder. Input artifacts that main cannot lay
itself are laid before it starts (`laying`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from argosy.errors import SpecError
from controller.pods.assignment import Assignment
from controller.pods.container_sets import Turn, turns_of
from controller.pods.containers import MAIN, SCRIPT_PATH, WORK_FILE, on_cluster
from controller.pods.credentials import with_credentials
from controller.pods.laying import INPUTS, Laid, divided, init_container

EXECUTOR_FOLDER = "/var/run/argosy"
PROGRAM = "argosy-executor"
ARCHITECTURE_LABEL = "kubernetes.io/arch"
_ENDED_FOLDER = "/var/run/argosy-ended"
_SCRATCH_FOLDER = "/var/run/argosy-scratch"
_TURNS_FOLDER = "/var/run/argosy-turns"
_OWN_CREDENTIALS = "/var/run/secrets/argosy"
_USUAL_CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"
_MESSAGE_BYTES, _MESSAGES_BYTES = 4096, 12288  # of one termination message, and of all in a pod, which share them evenly
_LATER_CONTAINERS = 2  # as many as others (a service mesh) may put into the pod when it is made
_PIECE = 100_000  # bytes; the kernel takes 128 kB for one variable
_RUNNABLE = 0o555
_EXECUTOR, _STAGING, _ENDED, _TOKEN = "argosy-executor", "argosy-staging", "argosy-ended", "argosy-token"
_TURNS, _SCRATCH = "argosy-turns", "argosy-scratch"

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mounting:
    """What the pure part must know to put the executor into a pod.

    `config_maps` names the ConfigMap that holds the program, by architecture; `architecture` is taken where the pod does
    not choose one. `commands` gives, by image, the whole command of containers that name none. `own_image` is that of our
    own program.
    """

    config_maps: Mapping[str, str]
    architecture: str
    commands: Mapping[str, "ImageCommand"] = field(default_factory=dict)
    own_image: str = ""


@dataclass(frozen=True, slots=True)
class ImageCommand:
    """How a container image starts where its container says nothing: ENTRYPOINT and CMD."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def wrapped_containers(pod: Tree, template: Tree) -> Iterator[Tree]:
    """The containers of a pod whose command the executor starts: the main ones and their plain sidecars."""
    names = {MAIN, *(turn.container for turn in turns_of(template)), *(item["name"] for item in template.get("sidecars") or ())}
    yield from (container for container in pod["containers"] if container["name"] in names)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is added to a pod and to one of its containers."""

    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    variables: tuple[dict[str, Any], ...] = ()

    def __add__(self, other: "_Parts") -> "_Parts":
        return _Parts(self.volumes + other.volumes, self.mounts + other.mounts, self.variables + other.variables)


def mounted(pod: Tree, template: Tree, assignment: Assignment | None, mounting: Mounting, *, node_id: str,
            namespace: str, workflow_name: str) -> dict[str, Any]:
    """The pod's spec with the executor in it. Raises SpecError where a container's command cannot be known."""
    pod = {**pod, "containers": [on_cluster(item, mounting.own_image) for item in pod["containers"]]}
    sidecars = {item["name"] for item in template.get("sidecars") or ()}
    main: Tree = next((item for item in pod["containers"] if item["name"] == MAIN), {})
    laid = divided(assignment or Assignment(), main, pod, template)
    work = laid.rest
    architecture = _architecture(pod, mounting)
    turns = turns_of(template)
    basic = _executor(mounting, architecture) + _message_limit(pod, laid) + (_turns_told() if turns else _Parts())
    shared = basic + (_end_told() if sidecars else _Parts())
    own = shared
    for file in work.files:
        if file.path in (SCRIPT_PATH, WORK_FILE):
            own += _staging(file.path.rpartition("/")[0])
    if work.needs_store:
        own += _scratch()
    if work.result or work.parameters:
        own += _larger_outcome(node_id, namespace, workflow_name,
                               has_token=pod.get("automountServiceAccountToken") is not False)
    last = MAIN if not turns or any(turn.container == MAIN for turn in turns) else turns[-1].container
    containers, parts = [], {turn.container: basic for turn in turns} | {last: own}
    for container in pod["containers"]:
        if container["name"] in parts:
            own_work = replace(work if container["name"] == MAIN else Assignment(container=container["name"]),
                               turn=_turn(container["name"], turns, last=last))
            told = _Parts(variables=tuple(_pieces(own_work)))
            containers.append(_wrapped(container, mounting, parts[container["name"]] + told))
        elif container["name"] in sidecars:
            containers.append(_wrapped(container, mounting, shared, "--sidecar"))
        else:
            containers.append(container)
    selector = {ARCHITECTURE_LABEL: architecture, **(pod.get("nodeSelector") or {})}
    volumes = [*(pod.get("volumes") or ()), *own.volumes]
    whole = {**pod, "containers": containers, "nodeSelector": selector, "volumes": volumes}
    executor = _executor(mounting, architecture) + _message_limit(pod, laid)
    return whole if laid.before is None else _with_inputs(whole, template, laid, executor)


def _with_inputs(pod: dict[str, Any], template: Tree, laid: Laid, executor: _Parts) -> dict[str, Any]:
    """The pod with its input artifacts laid before anything else in it starts."""
    main = next(item for item in pod["containers"] if item["name"] == MAIN)
    seeing = {MAIN} | {item["name"] for field in ("sidecars", "initContainers") for item in template.get(field) or ()
                       if item.get("mirrorVolumeMounts")}

    def shown(container: Tree) -> Tree:
        if container["name"] not in seeing:
            return container
        return {**container, "volumeMounts": [*(container.get("volumeMounts") or ()), *laid.mounts]}

    first = init_container(main, f"{EXECUTOR_FOLDER}/{PROGRAM}",
                           [*executor.variables, *_pieces(laid.before or Assignment())], executor.mounts + laid.own_mounts)
    return {**pod, "containers": [shown(item) for item in pod["containers"]],
            "initContainers": [first, *(shown(item) for item in pod.get("initContainers") or ())],
            "volumes": [*pod["volumes"], {"name": INPUTS, "emptyDir": {}}]}


def _turn(name: str, turns: tuple[Turn, ...], *, last: str) -> dict[str, Any] | None:
    """What the executor must know of a container's turn in its set; the one that hands over waits for all others."""
    for turn in turns:
        if turn.container == name:
            others = [other.container for other in turns if other is not turn]
            return {"folder": _TURNS_FOLDER, "name": name, "after": turn.after, "others": others if name == last else [],
                    "retries": turn.retries, "wait_seconds": turn.wait_seconds, "hands_over": name == last}
    return None


def _wrapped(container: Tree, mounting: Mounting, parts: _Parts, *flags: str) -> dict[str, Any]:
    command, args = _command_of(container, mounting)
    variables = list(parts.variables)
    if container.get("terminationMessagePath"):
        variables.append(_variable("ARGOSY_TERMINATION_MESSAGE", container["terminationMessagePath"]))
    whole = {**container, "command": [f"{EXECUTOR_FOLDER}/{PROGRAM}", *flags, "--", *command],
             "volumeMounts": [*(container.get("volumeMounts") or ()), *parts.mounts]}
    if variables:
        whole["env"] = [*(container.get("env") or ()), *variables]
    if args:
        whole["args"] = list(args)
    return whole


def _command_of(container: Tree, mounting: Mounting) -> tuple[list[str], list[str]]:
    """Command and arguments as the container runtime would find them: the container's own go over the image's."""
    command, args = list(container.get("command") or ()), list(container.get("args") or ())
    if command:
        return command, args
    image = mounting.commands.get(container.get("image") or "", ImageCommand())
    command, args = list(image.entrypoint), args or list(image.command)
    if not command and not args:
        raise SpecError(f"container {container.get('name')}", f"names no command, and neither does its image "
                        f"'{container.get('image')}'; write the command, such as `command: [sh, -c]`")
    return command, args


def _architecture(pod: Tree, mounting: Mounting) -> str:
    """The kind of node that the pod chooses, else the usual one."""
    chosen = (pod.get("nodeSelector") or {}).get(ARCHITECTURE_LABEL) or _required_architecture(pod) or mounting.architecture
    if chosen not in mounting.config_maps:
        raise SpecError("nodeSelector", f"asks for nodes of the kind '{chosen}'; steps that hand something over run on "
                        f"{' and '.join(sorted(mounting.config_maps))}")
    return str(chosen)


def _required_architecture(pod: Tree) -> str:
    """The one architecture that a node affinity requires, or ""."""
    nodes = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (nodes.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    named = {tuple(condition.get("values") or ()) for term in terms for condition in term.get("matchExpressions") or ()
             if condition.get("key") == ARCHITECTURE_LABEL and condition.get("operator") == "In"}
    (values,) = named if len(named) == 1 else ((),)
    return values[0] if len(values) == 1 else ""


def _executor(mounting: Mounting, architecture: str) -> _Parts:
    volume = {"name": _EXECUTOR, "configMap": {
        "name": mounting.config_maps[architecture], "defaultMode": _RUNNABLE}}
    return _Parts((volume,), (_mount(_EXECUTOR, EXECUTOR_FOLDER, read_only=True),))


def _message_limit(pod: Tree, laid: Laid) -> _Parts:
    """How much the executor may hand over in a termination message: what is longer, the kubelet cuts."""
    containers = [*pod["containers"], *(pod.get("initContainers") or ()), *([laid.before] if laid.before else [])]
    most = _MESSAGES_BYTES // (len(containers) + _LATER_CONTAINERS)
    return _Parts(variables=(_variable("ARGOSY_MESSAGE_BYTES", str(most)),) if most < _MESSAGE_BYTES else ())


def _end_told() -> _Parts:
    """The folder in which the main container's end is told to those beside it."""
    return _Parts(({"name": _ENDED, "emptyDir": {}},), (_mount(_ENDED, _ENDED_FOLDER),),
                  (_variable("ARGOSY_MAIN_ENDED", f"{_ENDED_FOLDER}/{MAIN}"),))


def _scratch() -> _Parts:
    """Where archives and logs are spooled: in a root that may only be read it would be memory, and the step's own."""
    return _Parts(volumes=({"name": _SCRATCH, "emptyDir": {}},), mounts=(_mount(_SCRATCH, _SCRATCH_FOLDER),),
                  variables=(_variable("ARGOSY_SCRATCH", _SCRATCH_FOLDER),))


def _staging(folder: str) -> _Parts:
    """A folder for a file of ours that any user can write to, also where the image's own files are read-only."""
    return _Parts(({"name": _STAGING, "emptyDir": {}},), (_mount(_STAGING, folder),))


def _turns_told() -> _Parts:
    """The folder in which the containers of a set tell each other how they ended."""
    return _Parts(({"name": _TURNS, "emptyDir": {}},), (_mount(_TURNS, _TURNS_FOLDER),))


def _larger_outcome(node_id: str, namespace: str, workflow_name: str, *, has_token: bool) -> _Parts:
    """Where an outcome goes that is too large for the termination message, and the pod's own token for it."""
    folder = _USUAL_CREDENTIALS if has_token else _OWN_CREDENTIALS
    collection = f"https://kubernetes.default.svc/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflowtaskresults"
    parts = _Parts(variables=(
        _variable("ARGOSY_RESULT_URL", collection), _variable("ARGOSY_RESULT_NAME", node_id),
        _variable("ARGOSY_RESULT_WORKFLOW", workflow_name),
        _variable("ARGOSY_TOKEN_FILE", f"{folder}/token"), _variable("ARGOSY_CA_FILE", f"{folder}/ca.crt"),
        _of_pod("ARGOSY_POD_NAME", "metadata.name"), _of_pod("ARGOSY_POD_UID", "metadata.uid")))
    if has_token:
        return parts
    volume = {"name": _TOKEN, "projected": {"sources": [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}
    return parts + _Parts((volume,), (_mount(_TOKEN, _OWN_CREDENTIALS, read_only=True),))


def _pieces(assignment: Assignment) -> list[dict[str, Any]]:
    """The assignment, cut where one variable would be too long, and the credentials for it."""
    assignment, credentials = with_credentials(assignment)
    text = assignment.to_json().replace("$", "\\u0024")  # the kubelet would expand $(NAME)
    return [*credentials, *(_variable(f"ARGOSY_ASSIGNMENT_JSON_{number}" if number else "ARGOSY_ASSIGNMENT_JSON", piece)
                            for number, piece in enumerate(_cut(text)))]


def _cut(text: str) -> Iterator[str]:
    data = text.encode()
    at = 0
    while at < len(data):
        end = min(at + _PIECE, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        yield data[at:end].decode()
        at = end


def _variable(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def _of_pod(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _mount(volume: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"name": volume, "mountPath": path, **({"readOnly": True} if read_only else {})}
