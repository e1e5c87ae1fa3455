"""Templates: found by name, by reference or inline, with defaults laid under them, and kept for the run's lifetime.

A template of another object is copied into ``status.storedTemplates`` when it is first used, so that a later edit of
that object does not change a run under way.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argosy.errors import ArgosyError
from controller.engine.contract import Json, Need
from controller.engine.errors import NodeError, Unanswered
from controller.engine.merge import merge
from controller.engine.values import named, to_json

KINDS = ("container", "script", "steps", "dag", "suspend", "containerSet", "resource", "http", "data", "plugin")
POD_KINDS = frozenset({"container", "script", "containerSet", "resource", "data"})
_RESULT_READS = re.compile(r"(?:steps|tasks)(?:\.([-\w]+)|\[\\?['\"]([-\w]+)\\?['\"]\])\.outputs\.result")


@dataclass(frozen=True, slots=True)
class Home:
    """Where templates are looked for by name: the workflow itself, or a stored template object."""

    scope: str  # "local", "namespaced" or "cluster"
    name: str

    def __str__(self) -> str:
        return f"{self.scope}/{self.name}"

    @property
    def need(self) -> Need:
        """The question whose answer is this object."""
        return Need("ClusterWorkflowTemplate" if self.scope == "cluster" else "WorkflowTemplate", self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """One template as it is used: its JSON, its kind, and where the templates that it calls are looked for."""

    json: Mapping[str, Json]
    kind: str
    home: Home
    name: str = ""
    results_read: frozenset[str] = field(default_factory=frozenset)  # steps or tasks whose outputs.result it reads

    @property
    def makes_pod(self) -> bool:
        """Whether running it means running one pod."""
        return self.kind in POD_KINDS


class Catalogue:
    """The templates that one run can reach."""

    def __init__(
        self, home: Home, spec: Mapping[str, Json], stored: dict[str, Json], answers: Mapping[Need, "Json | None"],
    ) -> None:
        self.home = home
        self.stored = stored  # status.storedTemplates
        self.stored_changed = False
        self._spec = spec
        self._answers = answers
        self._local = named(spec.get("templates"))
        self._known: dict[tuple[Home, str], Template] = {}
        self._inline: dict[int, tuple[Json, Template]] = {}
        self._checked: set[Home] = set()

    def find(self, call: Mapping[str, Json], home: Home) -> Template:
        """The template that a step, task or hook calls. Raises Unanswered or NodeError."""
        if call.get("inline"):
            return self._find_inline(call, home)
        ref = call.get("templateRef")
        if ref:
            inner = Home("cluster" if ref.get("clusterScope") else "namespaced", ref["name"])
            return self._find_named(inner, ref.get("template", ""), referred=True)
        if not call.get("template"):
            raise NodeError("no template is named; write template, templateRef or inline")
        return self._find_named(home, call["template"], referred=False)

    def _find_named(self, home: Home, name: str, *, referred: bool) -> Template:
        template = self._known.get((home, name))
        if template is None:
            json = self._look_up(home, name, referred=referred)
            template = self._known[home, name] = self._made(json, home)
        return template

    def _find_inline(self, call: Mapping[str, Json], home: Home) -> Template:
        json = call["inline"]
        cached = self._inline.get(id(json))
        if cached is None:
            if home.scope != "local":
                self._store(f"{home}/inline/{call.get('name', '')}", json)
            cached = self._inline[id(json)] = (json, self._made(json, home))
        return cached[1]

    def _look_up(self, home: Home, name: str, *, referred: bool) -> Mapping[str, Json]:
        if home.scope == "local":
            if name not in self._local:
                raise NodeError(f"template {name} not found")
            return self._local[name]
        key = f"{home}/{name}"
        if key in self.stored:
            json: Mapping[str, Json] = self.stored[key]
            return json
        found = named((self._object(home).get("spec") or {}).get("templates")).get(name)
        if found is None:
            where = f" in workflow template {home.name}" if referred else ""
            raise NodeError(f"template {name} not found{where}")
        self._store(key, found)
        return found

    def _object(self, home: Home) -> Mapping[str, Json]:
        if home.need not in self._answers:
            raise Unanswered(home.need)
        found = self._answers[home.need]
        if found is None:
            kind = "cluster workflow template" if home.scope == "cluster" else "workflow template"
            raise NodeError(f"{kind} {home.name} not found")
        if home not in self._checked:
            check_object(found)
            self._checked.add(home)
        return found  # type: ignore[no-any-return]  # Json is Any: an object of the API

    def _store(self, key: str, json: Json) -> None:
        if key not in self.stored:
            self.stored[key] = json
            self.stored_changed = True

    def _made(self, json: Mapping[str, Json], home: Home) -> Template:
        kind = next((kind for kind in KINDS if json.get(kind) is not None), "")
        if not kind:
            raise NodeError(f"template '{json.get('name', '')}' says nothing to run; write one of {', '.join(KINDS)}")
        whole = self._with_defaults(json, kind)
        reads = frozenset(plain or quoted for plain, quoted in _RESULT_READS.findall(to_json(whole)))
        return Template(whole, kind, home, json.get("name", ""), reads)

    def _with_defaults(self, json: Mapping[str, Json], kind: str) -> Mapping[str, Json]:
        defaults = self._spec.get("templateDefaults")
        if not defaults:
            return json
        fitting: dict[str, Any] = {key: value for key, value in defaults.items() if key == kind or key not in KINDS}
        merged: Mapping[str, Json] = merge(fitting, json)
        return merged


def check_object(obj: Json) -> None:
    """Refuse an object whose spec the engine could not run. Raises NodeError with all that is wrong."""
    from controller.spec import check_workflow, parse_workflow, parse_workflow_template

    is_workflow = not isinstance(obj, Mapping) or obj.get("kind", "Workflow") == "Workflow"
    name = "" if is_workflow else f"{obj['kind']} {obj['metadata']['name']}: "
    try:
        parsed = parse_workflow(obj) if is_workflow else parse_workflow_template(obj)
        errors = [problem for problem in check_workflow(parsed) if problem.severity == "error"]
    except ArgosyError as error:
        raise NodeError(f"{name}{error}") from error
    if errors:
        raise NodeError(name + "; ".join(str(problem) for problem in errors))
