"""The ``workflow.*`` variables: the run's own name, parameters, labels, times, state and global outputs."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from argosy.clock import from_rfc3339
from argosy.expressions import MISSING
from controller.engine.contract import Json
from controller.engine.values import named, parameters_json, text_of, to_json

SCHEDULED_TIME = "workflows.argoproj.io/scheduled-time"
_LETTERS = "BbmAadHIMSYyp"  # strftime letters that mean the same in Python


class WorkflowValues:
    """A layer of variables. What can change while the run goes on is read afresh each time."""

    def __init__(
        self, workflow: Mapping[str, Json], spec: Mapping[str, Json], status: Mapping[str, Json], *,
        phase: Callable[[], str], failures: Callable[[], list[dict[str, Json]]], seconds: Callable[[], float],
    ) -> None:
        self.parameters: dict[str, str] = {}  # of the whole run, set once they are all known
        self.labels: dict[str, str] = dict(workflow["metadata"].get("labels") or {})
        self.annotations: dict[str, str] = dict(workflow["metadata"].get("annotations") or {})
        self._spec = spec
        self._status = status
        self._phase = phase
        self._failures = failures
        self._seconds = seconds
        self._fixed = self._fixed_values(workflow["metadata"])

    def read(self, tag: str) -> Json:
        if not tag.startswith("workflow."):
            return MISSING
        if tag in self._fixed:
            return self._fixed[tag]
        head, _, rest = tag.removeprefix("workflow.").partition(".")
        reader = getattr(self, f"_read_{head}", None)
        return reader(rest) if reader else MISSING

    def known(self) -> Iterable[str]:
        return [*self._fixed, "workflow.status", "workflow.failures", "workflow.duration", "workflow.parameters",
                *(f"workflow.parameters.{name}" for name in self.parameters)]

    def _fixed_values(self, metadata: Mapping[str, Any]) -> dict[str, str]:
        spec = self._spec
        values = {
            "workflow.name": metadata["name"], "workflow.namespace": metadata.get("namespace", ""),
            "workflow.uid": metadata.get("uid", ""), "workflow.mainEntrypoint": spec.get("entrypoint", ""),
            "workflow.serviceAccountName": spec.get("serviceAccountName", ""),
        }
        if spec.get("priority") is not None:
            values["workflow.priority"] = text_of(spec["priority"])
        if SCHEDULED_TIME in self.annotations:
            values["workflow.scheduledTime"] = self.annotations[SCHEDULED_TIME]
        if metadata.get("creationTimestamp"):
            values |= _moment("workflow.creationTimestamp", metadata["creationTimestamp"])
        return values

    def _read_parameters(self, name: str) -> Json:
        if name in self.parameters:
            return self.parameters[name]
        if name in ("", "json"):
            return parameters_json((self._spec.get("arguments") or {}).get("parameters"))
        return MISSING

    def _read_labels(self, name: str) -> Json:
        return to_json(self.labels) if name in ("", "json") else self.labels.get(name, MISSING)

    def _read_annotations(self, name: str) -> Json:
        return to_json(self.annotations) if name in ("", "json") else self.annotations.get(name, MISSING)

    def _read_status(self, rest: str) -> Json:
        return MISSING if rest else self._phase()

    def _read_failures(self, rest: str) -> Json:
        return MISSING if rest else to_json(to_json(self._failures(), sort=False))  # a JSON text within quotes, as Argo's

    def _read_duration(self, rest: str) -> Json:
        return MISSING if rest else f"{self._seconds():f}"

    def _read_outputs(self, rest: str) -> Json:
        kind, _, name = rest.partition(".")
        outputs = self._status.get("outputs") or {}
        if kind == "parameters":
            found = named(outputs.get("parameters")).get(name)
            return MISSING if found is None or "value" not in found else text_of(found["value"])
        if kind == "artifacts":
            return named(outputs.get("artifacts")).get(name, MISSING)
        return MISSING


def _moment(tag: str, text: str) -> dict[str, str]:
    """A time in all the forms in which it can be asked for."""
    moment = datetime.fromtimestamp(from_rfc3339(text), UTC)
    values = {tag: text, f"{tag}.RFC3339": text, f"{tag}.s": str(int(moment.timestamp()))}
    values |= {f"{tag}.{letter}": moment.strftime(f"%{letter}") for letter in _LETTERS}
    return values | {f"{tag}.Z": "UTC", f"{tag}.z": "+0000", f"{tag}.L": f"{moment.microsecond // 1000:03d}"}
