"""Whatever a model accepts it gives back as it was; whatever it refuses, it refuses in words."""

import copy
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.errors import Problem, SpecErrors
from argosy.manifests.findings import dotted
from argosy.manifests.loading import path_of
from argosy.manifests.model import Model, keys_of, model_at
from argosy.manifests.unused import is_mapping
from argosy.manifests.yaml_tree import YamlError, read_documents
from controller.spec import parse_workflow
from controller.spec.triggered import CronWorkflow, WorkflowEventBinding
from controller.spec.workflow import Workflow, WorkflowTemplate
from events.spec.bus import EventBus
from events.spec.event_source import EventSource
from events.spec.sensor import Sensor

KINDS: tuple[type[Model], ...] = (
    Workflow, WorkflowTemplate, CronWorkflow, WorkflowEventBinding, EventSource, EventBus, Sensor)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        TEXT, inner, max_size=3), max_leaves=8)
MESSY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@cache
def trees_of(model: type[Model], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Trees that the model accepts: a few of its keys, each with a value of the right kind."""
    fields = {key: strategy for key in keys_of(model) if (strategy := _values(model, key, depth)) is not None}
    return st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({key: fields[key] for key in keys})) if fields else st.just({})


def _values(model: type[Model], key: str, depth: int) -> st.SearchStrategy[Any] | None:
    inner = model_at(model, key)
    field = model.model_fields[keys_of(model)[key]]
    shape = str(field.annotation)
    if inner is not None:
        if depth == 0:
            return None
        strategy: st.SearchStrategy[Any] = st.deferred(lambda: trees_of(inner, depth - 1))
    elif "str" in shape:
        strategy = TEXT
    elif "bool" in shape:
        strategy = st.booleans()
    elif "int" in shape or "float" in shape:
        strategy = st.integers(0, 99)
    else:
        return st.just({"any": ["thing"]}) if shape == "typing.Any" else None
    if shape.startswith("list[list["):
        return st.lists(st.lists(strategy, max_size=2), max_size=2)
    if isinstance(field.default, list):
        return st.lists(strategy, max_size=2)
    if is_mapping(model, key) or shape.startswith("dict["):
        return st.dictionaries(TEXT, strategy, max_size=2)
    return strategy


@MESSY
@given(st.data())
def test_what_is_accepted_is_given_back(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(KINDS))
    tree = data.draw(trees_of(model, 5))
    try:
        read = model.read(tree)
    except SpecErrors as error:
        raise AssertionError(f"{model.__name__} refused {tree}: {error}") from error
    assert read.tree() == tree
    assert model.read(read.tree()) == read


@MESSY
@given(st.data())
def test_a_tree_of_anything_is_read_or_refused_with_a_place(data: st.DataObject) -> None:
    tree = copy.deepcopy(data.draw(trees_of(Workflow, 5)))
    _damage(tree, data)
    assert all(problem.text for problem in _problems(tree))


def _problems(tree: Any) -> list[Problem]:
    try:
        parse_workflow(tree)
    except SpecErrors as error:
        return error.problems
    return []


def _damage(tree: Any, data: st.DataObject) -> None:
    """Put anything into some place of the tree."""
    while isinstance(tree, dict | list) and tree:
        key = data.draw(st.sampled_from(sorted(tree) if isinstance(tree, dict) else range(len(tree))))
        if data.draw(st.booleans()):
            tree[key] = data.draw(JSON)
            return
        tree = tree[key]


@MESSY
@given(st.text(max_size=60) | st.text(st.sampled_from("{}[]:-&*?|>!%@#'\"\\ \n\tab<0"), max_size=60))
def test_any_text_is_yaml_or_is_told_with_a_line(text: str) -> None:
    line, told = _refusal(text)
    breaks = sum(text.count(mark) for mark in "\n\r\x85\u2028\u2029")
    assert 1 <= line <= breaks + 2
    assert told


def _refusal(text: str) -> tuple[int, str]:
    try:
        read_documents(text)
    except YamlError as error:
        return error.line, error.text
    return 1, "nothing is wrong"


@given(st.lists(TEXT | st.integers(0, 99), max_size=5).map(tuple))
def test_a_path_survives_being_written(path: tuple[str | int, ...]) -> None:
    assert path_of(dotted(path)) == path
