"""The nodes of a run: kept as the JSON that ``status.nodes`` shows, changed only along the table of moves.

A `Node` is a handle on one entry. `Nodes` makes entries, moves them, connects them, counts them (progress, running
pods) and remembers which ones changed since it was last asked. Nothing here decides anything.
"""

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from argosy.clock import from_rfc3339, to_rfc3339
from controller.engine.contract import Json, Move
from controller.engine.ids import display_name, node_id, pod_name_of
from controller.engine.moves import FAILED, NEW, NODE_MOVES, SETTLED, check_move

POD_LOST = "podLost"  # an entry of ours in a node's JSON: its pod failed through no fault of its own
COUNTED_TYPES = frozenset({"Pod", "Container", "Suspend", "HTTP", "Plugin"})  # those that progress counts


class Node:
    """A handle on one entry of ``status.nodes``."""

    __slots__ = (
        "_linked", "adopted", "counted", "ended", "finished", "id", "json", "name", "owner", "started", "total", "watch",
    )

    def __init__(self, json: dict[str, Any], *, owner: "Node | None", adopted: bool) -> None:
        self.json = json
        self.id: str = json["id"]
        self.name: str = json["name"]
        self.owner = owner  # the node that contains it; progress adds up along owners
        self.adopted = adopted  # it came with a saved status, so it must not be made anew
        self.started = from_rfc3339(json["startedAt"]) if json.get("startedAt") else 0.0
        self.finished = from_rfc3339(json["finishedAt"]) if json.get("finishedAt") else 0.0
        self.ended = self.total = 0  # counted nodes at or below it: how many ended well, of how many
        self.counted = False  # it takes part in the sums of progress
        self.watch: Callable[[], None] | None = None  # told when its phase changes
        self._linked: set[str] | None = None

    @property
    def phase(self) -> str:
        phase: str = self.json["phase"]
        return phase

    @property
    def type(self) -> str:
        kind: str = self.json["type"]
        return kind

    @property
    def settled(self) -> bool:
        return self.json["phase"] in SETTLED

    @property
    def failed(self) -> bool:
        return self.json["phase"] in FAILED

    @property
    def daemoned(self) -> bool:
        return bool(self.json.get("daemoned"))

    @property
    def message(self) -> str:
        message: str = self.json.get("message", "")
        return message

    @property
    def outputs(self) -> Mapping[str, Json] | None:
        return self.json.get("outputs")

    @property
    def children(self) -> list[str]:
        return self.json.get("children") or []

    @property
    def hooked(self) -> bool:
        return bool((self.json.get("nodeFlag") or {}).get("hooked"))

    def link(self, child_id: str) -> bool:
        """Add a child id; False where it was there already."""
        children = self.json.setdefault("children", [])
        if self._linked is None:
            if len(children) < 8:  # a short list is searched faster than a set is made
                if child_id in children:
                    return False
                children.append(child_id)
                return True
            self._linked = set(children)
        if child_id in self._linked:
            return False
        self._linked.add(child_id)
        children.append(child_id)
        return True


class Nodes:
    """All nodes of a run, by id."""

    def __init__(self, workflow_name: str, saved: Mapping[str, Mapping[str, Json]]) -> None:
        self.workflow_name = workflow_name
        self.json: dict[str, dict[str, Any]] = {key: _own(entry) for key, entry in saved.items()}
        self._keys: dict[str, str] = {entry["name"]: key for key, entry in self.json.items()}
        self._taken: dict[str, str] = {key: entry["name"] for key, entry in self.json.items()}
        self._nodes: dict[str, Node] = {}
        self._changed: dict[str, None] = {}
        self._uncounted: dict[str, Node] = {}
        self.moves: list[Move] = []
        self.running_pods = 0
        self.ended = self.total = 0
        self.work = 0  # how many entries were touched, for tests that count work

    def key_of(self, name: str) -> str:
        """The id of the node of that name.

        Ids are hashes of 32 bits, so that among 100,000 nodes two are likely to meet: the second gets another one.
        """
        known = self._keys.get(name)
        if known is not None:
            return known
        salted, key = name, node_id(self.workflow_name, name)
        while self._taken.get(key, name) != name:
            salted += "~"
            key = node_id(self.workflow_name, salted)
        self._keys[name] = key
        self._taken[key] = name
        return key

    def pod_name(self, name: str, template_name: str) -> str:
        """The name of the pod of the node of that name."""
        return pod_name_of(self.workflow_name, self.key_of(name), template_name)

    def find(self, name: str, *, owner: Node | None = None) -> Node | None:
        """The node of that name: one made in this process, or one that came with the saved status."""
        key = self.key_of(name)
        if key not in self.json:
            return None
        node = self.handle(key)
        if not node.counted:
            node.owner = owner
            self._count_saved(node)
        return node

    def by_id(self, key: str) -> Node | None:
        """The node with that id, if this process has come to it."""
        return self._nodes.get(key)

    def create(
        self, name: str, kind: str, phase: str, *, now: float, boundary: Node | None, owner: Node | None,
        about: Mapping[str, Json], message: str = "",
    ) -> Node:
        """A new node; `about` are further fields (templateName, templateScope, inputs, nodeFlag ...)."""
        key = self.key_of(name)
        assert key not in self.json, f"node {name} is made twice"
        entry: dict[str, Any] = {
            "id": key, "name": name, "displayName": display_name(name, boundary.name if boundary else None),
            "type": kind, **about, "phase": phase, "startedAt": to_rfc3339(now),
        }
        if boundary is not None:
            entry["boundaryID"] = boundary.id
        if message:
            entry["message"] = message
        check_move(NODE_MOVES, name, NEW, phase)
        if phase in SETTLED:
            entry["finishedAt"] = entry["startedAt"]
        self.json[key] = entry
        node = self._nodes[key] = Node(entry, owner=owner, adopted=False)
        node.started = now
        node.finished = now if phase in SETTLED else 0.0
        node.counted = True
        self._told(node, NEW, phase)
        return node

    def move(self, node: Node, phase: str, *, now: float, message: str | None = None) -> None:
        """Bring a node to a phase, by the table of moves; to its own phase again is only a change of message."""
        before = node.phase
        if message is not None and message != node.message:
            self.set(node, message=message)
        if phase == before:
            return
        check_move(NODE_MOVES, node.name, before, phase)
        node.json["phase"] = phase
        if phase in SETTLED:
            node.finished = now
            node.json["finishedAt"] = to_rfc3339(now)
        self._told(node, before, phase)

    def set(self, node: Node, **fields: Json) -> None:
        """Change plain fields of the entry; an empty value takes the field away."""
        for key, value in fields.items():
            if value in ("", None):
                node.json.pop(key, None)
            else:
                node.json[key] = value
        self.touch(node)

    def connect(self, parent: Node, child: Node) -> None:
        """Draw the line from a node to the one that follows it."""
        if parent.link(child.id):
            self.touch(parent)

    def touch(self, node: Node) -> None:
        """Remember that the entry differs from what was last told."""
        self._changed[node.id] = None
        self.work += 1

    def take_changes(self) -> tuple[tuple[Move, ...], tuple[str, ...]]:
        """The moves and the changed ids since the last time; brings the progress of what contains them up to date."""
        for node in self._uncounted.values():
            progress = f"{node.ended}/{node.total}"
            if node.json.get("progress") != progress:
                node.json["progress"] = progress
                self.touch(node)
        self._uncounted.clear()
        moves, changed = tuple(self.moves), tuple(self._changed)
        self.moves.clear()
        self._changed.clear()
        return moves, changed

    def outbound(self, node: Node) -> list[Node]:
        """The nodes that whatever follows `node` hangs below: the last ones inside it, or itself."""
        found: dict[str, Node] = {}
        stack = [node]
        while stack:
            current = stack.pop()
            children = current.children
            if current.type == "Retry" and children:
                found[children[-1]] = self.handle(children[-1])
            elif current.type == "TaskGroup" and children:
                stack.extend(self.handle(key) for key in reversed(children))
            elif current.type in ("Steps", "DAG"):
                stack.extend(self.handle(key) for key in reversed(current.json.get("outboundNodes") or []))
            elif (members := self._members_after(current)):
                stack.extend(reversed(members))
            else:
                found[current.id] = current
        return list(found.values())

    def _members_after(self, node: Node) -> list[Node]:
        """The containers of a set that follow its pod, or one of its containers, at once.

        They were linked before anything else could follow, so that no long list of followers is searched.
        """
        if node.type not in ("Pod", "Container"):
            return []
        pod = node.json.get("boundaryID") if node.type == "Container" else node.id
        children = (self.json[key] for key in node.children)
        return [self.handle(child["id"]) for child in takewhile(
            lambda child: child["type"] == "Container" and child.get("boundaryID") == pod, children)]

    def exists(self, name: str) -> bool:
        """Whether there is a node of that name."""
        return self.key_of(name) in self.json

    def last_attempt(self, retry: Node) -> Node:
        """The latest attempt below a node of type Retry; itself where there is none."""
        for key in reversed(retry.children):
            attempt = self.handle(key)
            if not attempt.hooked or (attempt.json.get("nodeFlag") or {}).get("retried"):
                return attempt
        return retry

    def handle(self, key: str) -> Node:
        """The node with that id, which exists; unlike `find`, without taking it into any sum."""
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = Node(self.json[key], owner=None, adopted=True)
        return node

    def _count_saved(self, node: Node) -> None:
        """Count a node that came with the saved status; a settled composite stands for all that is inside it."""
        node.counted = True
        if node.owner is not None and node.owner.adopted and node.owner.settled:
            return
        if node.type in COUNTED_TYPES or not node.settled:
            self._count(node, NEW, node.phase)
            return
        ended, _, total = str(node.json.get("progress", "")).partition("/")
        if ended.isdigit() and total.isdigit():
            self._add(node, int(ended), int(total))

    def _told(self, node: Node, before: str, after: str) -> None:
        self.moves.append(Move(node.id, node.name, before, after, node.message))
        self._count(node, before, after)
        self.touch(node)
        if node.watch is not None:
            node.watch()

    def _count(self, node: Node, before: str, after: str) -> None:
        if node.type == "Pod":
            self.running_pods += (after == "Running") - (before == "Running")
        if node.type in COUNTED_TYPES:
            self._add(node, int(after in ("Succeeded", "Skipped", "Omitted")), int(before == NEW))

    def _add(self, node: Node, ended: int, total: int) -> None:
        self.ended += ended
        self.total += total
        above: Node | None = node
        while above is not None:
            above.ended += ended
            above.total += total
            self._uncounted[above.id] = above
            above = above.owner


def _own(entry: Mapping[str, Json]) -> dict[str, Any]:
    own = dict(entry)
    for key in ("children", "outboundNodes"):
        if key in own:
            own[key] = list(own[key] or [])
    return own
