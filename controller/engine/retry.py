"""Retries: a node that stands for several attempts, and the decision after each whether there is another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from argosy.clock import to_rfc3339
from controller.engine.contract import Json
from controller.engine.durations import parse_duration, show_duration
from controller.engine.errors import USER_ERRORS, NodeError
from controller.engine.frame import Frame, Job
from controller.engine.nodes import POD_LOST, Node
from controller.engine.scope import Scope, Values, filled, is_true
from controller.engine.values import text_of

if TYPE_CHECKING:
    from controller.engine.run import Run

POLICIES = ("Always", "OnFailure", "OnError", "OnTransientError")
MOST_BACKOFF_SECONDS = 1e9  # some thirty years: what grows beyond it need not be reckoned
TRANSIENT_SIGNS = ("timeout", "connection refused", "connection reset", "i/o timeout", "TLS handshake", "transient",
                   "exceeded quota", "too many requests", "temporarily")


@dataclass(frozen=True, slots=True)
class Strategy:
    """A retryStrategy with its text read."""

    limit: int | None
    policy: str
    expression: str
    wait_seconds: float | None = None  # of the back-off before the second attempt
    factor: float = 0.0
    most_total_seconds: float | None = None
    most_wait_seconds: float | None = None

    @classmethod
    def read(cls, json: Mapping[str, Json]) -> "Strategy":
        """Read a retryStrategy whose placeholders are filled in. Raises NodeError."""
        expression = json.get("expression") or ""
        policy = json.get("retryPolicy") or ("Always" if expression else "OnFailure")
        if policy not in POLICIES:
            raise NodeError(f"{policy} is not a valid RetryPolicy; write one of {', '.join(POLICIES)}")
        try:
            limit = None if json.get("limit") is None else int(text_of(json["limit"]))
            backoff = json.get("backoff") or {}
            if backoff and not backoff.get("duration"):
                raise NodeError("no base duration specified for retryStrategy; write retryStrategy.backoff.duration")
            return cls(
                limit, policy, expression,
                wait_seconds=parse_duration(backoff["duration"]) if backoff else None,
                factor=float(text_of(backoff.get("factor") or 0)),
                most_total_seconds=parse_duration(backoff["maxDuration"]) if backoff.get("maxDuration") else None,
                most_wait_seconds=parse_duration(backoff["cap"]) if backoff.get("cap") else None,
            )
        except ValueError as error:
            raise NodeError(f"retryStrategy: {error}") from error

    def backoff_seconds(self, attempts: int) -> float:
        """How long to wait after so many attempts."""
        wait = self.wait_seconds or 0.0
        for _ in range(attempts - 1) if self.factor > 0 else ():
            wait *= self.factor
            if wait > MOST_BACKOFF_SECONDS:
                wait = MOST_BACKOFF_SECONDS
                break
        return min(wait, self.most_wait_seconds if self.most_wait_seconds is not None else MOST_BACKOFF_SECONDS)

    def covers(self, last: Node, *, lost: bool = False) -> bool:
        """Whether the policy retries after an attempt that ended so.

        An attempt whose pod was `lost` is an Error here and has Failed to Argo: every policy for one or the other holds.
        """
        if self.policy == "OnTransientError":
            return any(sign in last.message for sign in TRANSIENT_SIGNS)
        if lost:
            return True
        wanted = {"Always": ("Failed", "Error"), "OnFailure": ("Failed",), "OnError": ("Error",)}[self.policy]
        return last.phase in wanted


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further attempt: the retry node ends as its last attempt did, with this message."""

    message: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The next attempt is not due before this time."""

    until: float
    message: str


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt now, which has to end by the deadline."""

    deadline: float | None = None


def decide_retry(
    strategy: Strategy, first: Node, last: Node, attempts: int, *, now: float, shutdown: str, deadline: float | None,
    scope: Scope, lost: bool = False,
) -> GiveUp | Wait | Again:
    """What follows a failed attempt. The checks come in Argo's order. Raises NodeError."""
    if shutdown:
        return GiveUp(f"Stopped with strategy '{shutdown}'")
    if deadline is not None and now >= deadline:
        return GiveUp(f"retry exceeded workflow deadline {to_rfc3339(deadline)}")
    most = None
    if strategy.wait_seconds is not None:
        if strategy.most_total_seconds is not None:
            most = first.started + strategy.most_total_seconds
            if now >= most:
                return GiveUp("Max duration limit exceeded")
        wait = strategy.backoff_seconds(attempts)
        until = last.finished + wait
        if most is not None and until > most:
            return GiveUp("Backoff would exceed max duration limit")
        if now < until and (strategy.limit is None or attempts <= strategy.limit):
            return Wait(until, f"Backoff for {show_duration(wait)}")
    if not strategy.covers(last, lost=lost):
        return GiveUp(last.message)
    if strategy.limit is not None and attempts > strategy.limit:
        return GiveUp("No more retries left")
    if strategy.expression and not is_true(strategy.expression, scope.above(Values(_last_retry(last, attempts - 1, "-1")))):
        return GiveUp("retryStrategy.expression evaluated to false")
    return Again(most)


def was_lost(nodes: Mapping[str, Mapping[str, Json]], key: str) -> bool:
    """Whether a node is an Error for no other reason than that the cluster took pods at or below it away."""
    found, open_keys = False, [key]
    while open_keys:
        node = nodes.get(open_keys.pop()) or {}
        if node.get("phase") != "Error":
            continue
        if node.get("type") in ("Pod", "HTTP"):
            if not node.get(POD_LOST):
                return False
            found = True
        open_keys.extend(node.get("children") or ())
    return found


def _last_retry(last: Node | None, number: int, unknown_code: str) -> dict[str, str]:
    """The `retries` and `lastRetry.*` variables."""
    outputs: Mapping[str, Json] = (last.outputs if last else None) or {}
    seconds = last.finished - last.started if last else 0.0
    return {
        "retries": str(number),
        "lastRetry.exitCode": outputs.get("exitCode", unknown_code),
        "lastRetry.status": last.phase if last else "",
        "lastRetry.duration": text_of(float(max(0, round(seconds)))),
        "lastRetry.message": last.message if last else "",
    }


class Retry(Frame):
    """A node of type Retry with an attempt below it at a time."""

    __slots__ = ("attempts", "first", "job", "last", "strategy_json")

    def __init__(self, run: "Run", parent: Frame, job: Job, strategy_json: Mapping[str, Json]) -> None:
        super().__init__(run, parent, job.place)
        self.job = job
        self.strategy_json = strategy_json
        self.attempts = 0
        self.first: Node | None = None
        self.last: Node | None = None

    def start(self) -> None:
        node = self.make_node(self.job, "Retry", "Running")
        while (attempt := self.run.nodes.find(self._name(self.attempts), owner=node)) is not None:
            self._note(attempt)
            if not attempt.settled:
                self._attempt(self.attempts - 1, previous=None)
                return
        self._go_on()

    def child_ended(self, child: Frame) -> None:
        if child.node is None:  # it never came to its turn
            self.settle("Failed", f"Stopped with strategy '{self.run.shutdown}'" if self.run.shutdown else None)
            return
        if self.last is not child.node:
            self._note(child.node)
        if child.node.daemoned:
            assert self.node is not None
            self.run.nodes.set(self.node, daemoned=True)
            self.tell_parent()
            return
        self._go_on()

    def _note(self, attempt: Node) -> None:
        self.attempts += 1
        self.first = self.first or attempt
        self.last = attempt

    def _go_on(self) -> None:
        """After an attempt has settled: end, wait, or try again."""
        assert self.node is not None
        self.run.backoffs.pop(self.node.id, None)
        last = self.last
        if last is None:
            self._attempt(0, previous=None)
            return
        assert self.first is not None
        if not last.failed:
            self._end(last.phase if last.phase != "Skipped" else "Succeeded", "")
            return
        try:
            strategy = Strategy.read(filled(self.strategy_json, self.job.scope, keep=_later))
            decision = decide_retry(
                strategy, self.first, last, self.attempts, now=self.run.now, shutdown=self.run.shutdown,
                deadline=self.run.deadline, scope=self.job.scope,
                lost=was_lost(self.run.nodes.json, last.id),
            )
        except (NodeError, *USER_ERRORS) as error:
            self._end("Error", str(error))
            return
        if isinstance(decision, GiveUp):
            self._end(last.phase, decision.message)
        elif isinstance(decision, Wait):
            self.run.nodes.move(self.node, self.node.phase, now=self.run.now, message=decision.message)
            attempts = self.attempts
            self.run.backoffs[self.node.id] = self
            self.run.timers.at(
                decision.until, self._go_on,
                wanted=lambda: self.attempts == attempts and self.node is not None and not self.node.settled,
            )
        else:
            self.run.nodes.move(self.node, self.node.phase, now=self.run.now, message="")
            self._attempt(self.attempts, previous=last, deadline=decision.deadline)

    def look_again(self) -> None:
        """A shutdown or a deadline came while it waited for its next attempt."""
        self._go_on()

    def _attempt(self, number: int, *, previous: Node | None, deadline: float | None = None) -> None:
        from controller.engine.bodies import body_of

        assert self.node is not None
        name = self._name(number)
        variables = _last_retry(previous, number, "0")
        if self.job.template.makes_pod:
            variables["pod.name"] = self.run.nodes.pod_name(name, self.job.template.name)
        flags: dict[str, Any] = {**(self.job.about.get("nodeFlag") or {}), "retried": True}
        job = replace(
            self.job, name=name, scope=self.job.scope.above(Values(variables)), owner=self.node, parents=(self.node,),
            about={**self.job.about, "nodeFlag": flags}, place=(*self.place, number), attempt=number, deadline=deadline,
            watch=None, still_wanted=None,
        )
        self.run.push(body_of(self.run, self, job).start)

    def _end(self, phase: str, message: str) -> None:
        assert self.node is not None
        if self.last is not None and self.last.outputs is not None and not self.node.settled:
            self.run.nodes.set(self.node, outputs=self.last.outputs)
        self.settle(phase, message)

    def _name(self, number: int) -> str:
        return f"{self.job.name}({number})"


def _later(tag: str) -> bool:
    return tag == "retries" or tag.startswith("lastRetry.")
