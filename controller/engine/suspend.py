"""A suspend template: it waits for a person or a duration, and may take output parameters that the person supplies."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from controller.engine.contract import Json, Resumed, Supplied
from controller.engine.durations import parse_duration
from controller.engine.errors import NodeError
from controller.engine.frame import Frame, Job, Setting
from controller.engine.nodes import Node
from controller.engine.pod import PAST_DEADLINE
from controller.engine.scope import filled
from controller.engine.values import from_json, named, text_of

if TYPE_CHECKING:
    from controller.engine.run import Run

CANNOT = "cannot resume"


class Suspend(Frame):
    """A node of type Suspend."""

    __slots__ = ("job",)

    def __init__(self, run: "Run", parent: Frame, job: Job) -> None:
        super().__init__(run, parent, job.place)
        self.job = job

    def start(self) -> None:
        if self.run.pod_gate.enter(self, takes_room=False, again=self._exists()):
            self.let_in()

    @property
    def setting(self) -> Setting:
        """What it runs in."""
        return self.job.setting

    def let_in(self) -> None:
        """Its turn has come."""
        if self.is_off(self.job):
            self.dismiss()
            return
        fresh = not self._exists()
        node = self.make_node(self.job, "Suspend", "Pending")
        if node.settled:
            self.tell_parent()
            return
        if fresh:
            self._show_what_is_asked(node)
        self.run.suspends[node.id] = self
        try:
            seconds = self._duration()
        except NodeError as error:
            self._end("Error", str(error))
            return
        self.run.nodes.move(node, "Running", now=self.run.now)
        if not self.run.may_start(self.job.setting):
            self.stop(f"Stopped with strategy '{self.run.shutdown}'")
        elif self.run.past_deadline(self.job.setting):
            self.stop(PAST_DEADLINE)
        elif seconds is not None:
            self.run.timers.at(node.started + seconds, self._passed, wanted=lambda: not node.settled)

    def dismiss(self) -> None:
        """It will not come to its turn any more."""
        self.tell_parent()

    def resume(self, wish: Resumed) -> None:
        """A person lets it go on, perhaps with values. What is wrong with them becomes its message, and it waits on."""
        assert self.node is not None
        if wish.phase in ("Failed", "Error"):
            self._end(wish.phase, wish.message)
            return
        try:
            outputs = _with_supplied(self.node.outputs or {}, wish.parameters)
        except NodeError as error:
            self.run.nodes.set(self.node, message=str(error))
            return
        if outputs:
            self.run.nodes.set(self.node, outputs=outputs)
        earlier = self.node.message
        if earlier.startswith(CANNOT) or earlier in wish.message:
            earlier = ""
        self.run.export(self.node.outputs)
        self._end("Succeeded", "; ".join(text for text in (earlier, wish.message) if text))

    def supply(self, given: Supplied) -> None:
        """A person gives values or a message, and it waits on. What is wrong with the values becomes its message."""
        assert self.node is not None
        try:
            outputs = _with_supplied(self.node.outputs or {}, given.parameters, whole=False)
        except NodeError as error:
            self.run.nodes.set(self.node, message=str(error))
            return
        if given.parameters:
            self.run.nodes.set(self.node, outputs=outputs)
        message = "" if given.message.startswith(CANNOT) else given.message  # ours from before, which no longer holds
        if message or self.node.message.startswith(CANNOT):
            self.run.nodes.set(self.node, message=message)

    def stop(self, message: str) -> None:
        """The workflow is being stopped, or its time is over."""
        self._end("Failed", message)

    def _passed(self) -> None:
        assert self.node is not None
        try:
            outputs = _with_supplied(self.node.outputs or {}, {})
        except NodeError as error:
            self._end("Error", str(error))
            return
        if outputs:
            self.run.nodes.set(self.node, outputs=outputs)
        self.run.export(self.node.outputs)
        self._end("Succeeded", self.node.message)

    def _end(self, phase: str, message: str) -> None:
        assert self.node is not None
        self.run.suspends.pop(self.node.id, None)
        self.settle(phase, message)

    def _exists(self) -> bool:
        return self.run.nodes.find(self.job.name, owner=self.job.owner) is not None

    def _duration(self) -> float | None:
        text = filled((self.job.template.json["suspend"] or {}).get("duration"), self.job.scope)
        if not text:
            return None
        try:
            return parse_duration(text_of(text))
        except ValueError as error:
            raise NodeError(f"suspend.duration: {error}") from error

    def _show_what_is_asked(self, node: Node) -> None:
        """The supplied outputs as a form: with the defaults and choices that the inputs of the same name bring."""
        brought = named(self.job.inputs.parameters)
        asked = []
        for parameter in (self.job.template.json.get("outputs") or {}).get("parameters") or ():
            source = parameter.get("valueFrom") or {}
            if source.get("supplied") is None:
                continue
            default = (brought.get(parameter["name"]) or {}).get("default")
            if source.get("default") is None and default is not None:
                parameter = {**parameter, "valueFrom": {**source, "default": default}}  # noqa: PLW2901  (a new value)
            asked.append(parameter)
        if asked:
            self.run.nodes.set(node, outputs={"parameters": asked})
        if self.job.inputs.parameters:
            parameters = [_with_choices(parameter) for parameter in self.job.inputs.parameters]
            self.run.nodes.set(node, inputs={**node.json["inputs"], "parameters": parameters})


def _with_choices(parameter: Mapping[str, Any]) -> Mapping[str, Json]:
    """An input whose value is itself a description with an enum offers those choices."""
    try:
        described = from_json(text_of(parameter.get("value", "")))
    except ValueError:
        return parameter
    choices = described.get("enum") if isinstance(described, dict) else None
    return {"default": text_of(choices[0]), **parameter, "enum": choices} if choices else parameter


def _with_supplied(outputs: Mapping[str, Any], given: Mapping[str, str], *, whole: bool = True) -> dict[str, Json]:
    """The outputs with the given values, and, to be `whole`, with defaults for the others. Raises NodeError."""
    asked = named(outputs.get("parameters"))
    for name in given:
        if name not in asked:
            raise NodeError(f"{CANNOT}: output parameter '{name}' is not asked for")
    parameters = [_with_value(item, given.get(name), whole=whole) for name, item in asked.items()]
    return {**outputs, "parameters": parameters} if parameters else dict(outputs)


def _with_value(item: Mapping[str, Any], value: str | None, *, whole: bool) -> Mapping[str, Any]:
    """The output parameter with this value, or with what it has or is without one. Raises NodeError."""
    if value is None:
        if "value" in item or not whole:
            return item
        default = item["valueFrom"].get("default")
        if default is None:
            raise NodeError(f"{CANNOT}: output parameter '{item['name']}' has no value and no default")
        value = text_of(default)
    choices = [text_of(choice) for choice in item.get("enum") or ()]
    if choices and value not in choices:
        raise NodeError(f"{CANNOT}: output parameter '{item['name']}' is '{value}'; choose {', '.join(choices)}")
    return {**{key: part for key, part in item.items() if key != "valueFrom"}, "value": value}
