"""What goes into the engine and what comes out of it: values only.

In: what somebody saw (a pod's status, an answer to a question, a person's wish). Out: what changed, which pods should
exist and do not yet, which should go, what the engine must be told before it can go on, and when time alone could
move it next. The engine itself reads no clock and does no I/O; `controller/reconcile.py` is the shell around it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
NodePhase: TypeAlias = Literal["Pending", "Running", "Succeeded", "Skipped", "Failed", "Error", "Omitted"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a node left behind: its result (stdout without the last newline), parameters by name, artifacts as in YAML."""

    result: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Mapping[str, Json], ...] = ()


# ---- what goes in: observations ----


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """One container of a container set: the node phase that its state means."""

    name: str
    phase: NodePhase
    message: str = ""
    finished_at: float | None = None


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod exists and is in this state. `phase` is the node phase it means (`controller.pods.seen` decides that)."""

    node_id: str
    phase: NodePhase
    message: str = ""
    exit_code: int | None = None
    outputs: Outputs = field(default_factory=Outputs)
    started_at: float | None = None
    finished_at: float | None = None
    ip: str = ""
    host: str = ""
    daemon_ready: bool = False
    lost: bool = False  # it failed through no fault of its own: evicted, preempted, its node gone
    containers: tuple[ContainerSeen, ...] = ()  # of a container set


@dataclass(frozen=True, slots=True)
class PodGone:
    """A pod that was seen before is gone and left no outcome: somebody deleted it, or its node was lost."""

    node_id: str
    message: str = "pod deleted"


@dataclass(frozen=True, slots=True)
class PodRefused:
    """The API refused to create the pod for good (an invalid manifest, a forbidden setting)."""

    node_id: str
    message: str


@dataclass(frozen=True, slots=True)
class PodDelayed:
    """The pod cannot be created for now (a quota is used up); it stays wanted."""

    node_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a `Need`: the object (or a ConfigMap key's value), or None with the reason in `message`."""

    need: "Need"
    value: Json | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A person (or a passed duration) lets a suspend node go on, perhaps supplying output parameters."""

    node_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    phase: NodePhase = "Succeeded"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Supplied:
    """A person gives a suspend node values of its output parameters, or a message, and lets it wait on."""

    node_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the Workflow's own spec asks of a run under way: ``spec.suspend`` and ``spec.shutdown``."""

    suspend: bool = False
    shutdown: Literal["", "Stop", "Terminate"] = ""


Observation: TypeAlias = PodSeen | PodGone | PodRefused | PodDelayed | Answer | Resumed | Supplied | Wish


# ---- what comes out: changes ----


@dataclass(frozen=True, slots=True)
class Need:
    """Something the engine must be told before it can go on.

    `kind` is WorkflowTemplate, ClusterWorkflowTemplate (answered with the whole object) or ConfigMap (answered with
    the whole ConfigMap object).
    """

    kind: Literal["WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap"]
    name: str


@dataclass(frozen=True, slots=True)
class WantedPod:
    """A pod that should exist. It stays wanted until it has been seen, so a crash between save and act loses nothing.

    `template` is the leaf template (container or script) as a JSON tree with every placeholder filled in except those
    that only the pod can know; `inputs` are the final ``{"parameters": [...], "artifacts": [...]}``.
    `pod_name` follows from node and attempt, so creating it twice is harmless.
    """

    node_id: str
    node_name: str
    pod_name: str
    template_name: str
    template: Mapping[str, Json]
    inputs: Mapping[str, Json]
    wants_result: bool  # somebody reads outputs.result
    attempt: int = 0
    deadline: float | None = None  # when the node's own time limit passes, in seconds since 1970
    boundary_id: str = ""
    active_seconds: int | None = None  # the template's activeDeadlineSeconds, counted from the pod's own start
    exiting: bool = False  # part of an exit handler
    pod_fields: Mapping[str, Json] = field(default_factory=dict)  # what the workflow's spec says of every pod, filled in
    around: Mapping[str, Json] = field(default_factory=dict)  # the steps or dag template that the node is part of
    avoid_hosts: tuple[str, ...] = ()  # where earlier attempts failed, if the retryStrategy keeps off those


@dataclass(frozen=True, slots=True)
class UnwantedPod:
    """A pod that should go: asked to end with SIGTERM and its grace period, or killed at once."""

    node_id: str
    pod_name: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One node (or, with an empty node_id, the workflow) went from one phase to another."""

    node_id: str
    name: str
    before: str
    after: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one `Run.advance` brought about. Save `status` first, then carry out the rest."""

    moves: tuple[Move, ...] = ()
    changed_nodes: tuple[str, ...] = ()  # ids whose entry in status.nodes differs from before
    create: tuple[WantedPod, ...] = ()  # newly wanted; `Run.wanted` has all that are not seen yet
    delete: tuple[UnwantedPod, ...] = ()
    needs: tuple[Need, ...] = ()  # newly asked; `Run.needs` has all that are not answered yet
    wake_at: float | None = None  # the earliest time at which advance could do more with no new observation
    status_changed: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)  # to be set on the Workflow (spec.workflowMetadata)
    annotations: Mapping[str, str] = field(default_factory=dict)
