"""The pods of a run: which should exist and have not been seen, which should go, and which frame each belongs to."""

from typing import TYPE_CHECKING

from controller.engine.contract import PodSeen, UnwantedPod, WantedPod

if TYPE_CHECKING:
    from controller.engine.pod import PodBody


_ENDS_OF_NAMES = ".[("  # a node's name goes on with one of these in the names of the nodes inside it


class Pods:
    """The wanted, the unwanted and the watched."""

    def __init__(self) -> None:
        self.frames: dict[str, PodBody] = {}  # by node id, of all pods whose nodes have not settled
        self.wanted: dict[str, WantedPod] = {}
        self.early: dict[str, PodSeen] = {}  # seen before their nodes came to be: the saved status was older
        self._begun: set[str] = set()  # names of nodes that pods show to have begun, and of those around them
        self._new: dict[str, None] = {}
        self._unwanted: dict[str, UnwantedPod] = {}

    def want(self, frame: "PodBody") -> None:
        """This pod should exist, from now until it has been seen."""
        pod = frame.wanted()
        self.wanted[pod.node_id] = pod
        self._new[pod.node_id] = None

    def note_begun(self, name: str) -> None:
        """There is a pod for the node of this name: it and all around it had begun, whatever the saved status says."""
        self._begun.update(name[:end] for end, letter in enumerate(name) if letter in _ENDS_OF_NAMES)
        self._begun.add(name)

    def had_begun(self, name: str) -> bool:
        """Whether a pod shows that the node of that name had begun."""
        return name in self._begun

    def was_seen(self, node_id: str) -> None:
        """It exists: it need not be wanted any more."""
        self.wanted.pop(node_id, None)

    def forget(self, node_id: str) -> None:
        """Its node has settled."""
        self.wanted.pop(node_id, None)
        self._new.pop(node_id, None)
        self.frames.pop(node_id, None)

    def unwant(self, node_id: str, pod_name: str, *, at_once: bool = False) -> None:
        """It should go."""
        self._unwanted[node_id] = UnwantedPod(node_id, pod_name, at_once)

    def take(self) -> tuple[tuple[WantedPod, ...], tuple[UnwantedPod, ...]]:
        """The pods newly wanted and newly unwanted since the last time."""
        create = tuple(self.wanted[key] for key in self._new if key in self.wanted)
        delete = tuple(self._unwanted.values())
        self._new.clear()
        self._unwanted.clear()
        return create, delete
