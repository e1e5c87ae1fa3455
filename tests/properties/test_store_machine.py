"""Random requests to the store against a plain dict; a watch, resumed again and again, must tell the same story."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import AlreadyExists, Conflict, NotFound
from argosy.kube.resources import CONFIG_MAPS

T = TypeVar("T")
NAMES = st.sampled_from(["a", "b", "c", "d"])
SIDES = st.sampled_from(["left", "right"])
DATA = st.dictionaries(st.sampled_from(["x", "y"]), st.text(max_size=3), max_size=2)
NAMESPACE = "default"


class Store(RuleBasedStateMachine):
    """The model is what each name holds; versions are compared with what the store answered."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.kube = self.opened()
        self.model: dict[str, dict[str, Any]] = {}
        self.seen: dict[str, dict[str, Any]] = {}  # what somebody knows who only watches side=left
        self.stale: dict[str, dict[str, Any]] = {}
        self.version = "0"
        self.marks = 0
        self.now(self.kube.create(CONFIG_MAPS, {"metadata": {"name": "mark", "labels": {"side": "left"}}},
                                  namespace=NAMESPACE))

    def opened(self) -> EmbeddedKube:
        return EmbeddedKube.open(Path(self.folder.name) / "objects.db", clock=SystemClock(), durable=False)

    def now(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)

    def written(self, obj: dict[str, Any]) -> None:
        name = obj["metadata"]["name"]
        if name in self.model:
            self.stale[name] = self.model[name]
        self.model[name] = obj

    @rule(name=NAMES, side=SIDES, data=DATA)
    def create(self, name: str, side: str, data: dict[str, str]) -> None:
        call = self.kube.create(
            CONFIG_MAPS, {"metadata": {"name": name, "labels": {"side": side}}, "data": data}, namespace=NAMESPACE)
        if name in self.model:
            with pytest.raises(AlreadyExists):
                self.now(call)
        else:
            made = self.now(call)
            assert made["data"] == data
            self.written(made)

    @rule(name=NAMES, side=SIDES, data=DATA)
    def replace(self, name: str, side: str, data: dict[str, str]) -> None:
        if name not in self.model:
            return
        old = self.model[name]
        new = {**old, "data": data, "metadata": {**old["metadata"], "labels": {"side": side}}}
        answer = self.now(self.kube.replace(CONFIG_MAPS, new))
        is_new_version = answer["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]
        assert is_new_version == ((data, side) != (old["data"], old["metadata"]["labels"]["side"]))
        if is_new_version:
            self.written(answer)

    @rule(name=NAMES)
    def replace_an_old_version(self, name: str) -> None:
        if name not in self.stale:
            return
        expected = Conflict if name in self.model else NotFound
        with pytest.raises(expected):
            self.now(self.kube.replace(CONFIG_MAPS, {**self.stale[name], "data": {"stale": "yes"}}))

    @rule(name=NAMES, key=st.sampled_from(["x", "y"]), value=st.none() | st.text(max_size=3))
    def patch(self, name: str, key: str, value: str | None) -> None:
        call = self.kube.patch(CONFIG_MAPS, name, {"data": {key: value}}, namespace=NAMESPACE)
        if name not in self.model:
            with pytest.raises(NotFound):
                self.now(call)
            return
        data = {k: v for k, v in {**self.model[name]["data"], key: value}.items() if v is not None}
        answer = self.now(call)
        assert answer["data"] == data
        if answer["metadata"]["resourceVersion"] != self.model[name]["metadata"]["resourceVersion"]:
            self.written(answer)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        call = self.kube.delete(CONFIG_MAPS, name, namespace=NAMESPACE)
        if name not in self.model:
            with pytest.raises(NotFound):
                self.now(call)
            return
        self.now(call)
        self.stale[name] = self.model.pop(name)

    @rule()
    def reopen(self) -> None:
        self.kube.close()
        self.kube = self.opened()

    @rule()
    def catch_up_with_the_watch(self) -> None:
        self.now(self._catch_up())
        lefts = {name: obj for name, obj in self.model.items() if obj["metadata"]["labels"]["side"] == "left"}
        assert self.seen == lefts

    async def _catch_up(self) -> None:
        self.marks += 1
        mark = await self.kube.patch(CONFIG_MAPS, "mark", {"data": {"mark": str(self.marks)}}, namespace=NAMESPACE)
        end = mark["metadata"]["resourceVersion"]
        async with aclosing(self.kube.watch(CONFIG_MAPS, namespace=NAMESPACE, resource_version=self.version,
                                            label_selector="side=left")) as events:
            async for event in events:
                name = event.object["metadata"]["name"]
                if name != "mark":
                    assert (name in self.seen) == (event.type != "ADDED")
                    self.seen.pop(name, None)
                    if event.type != "DELETED":
                        self.seen[name] = event.object
                self.version = event.object["metadata"]["resourceVersion"]
                if self.version == end:
                    break
        assert self.version == end

    @invariant()
    def the_list_is_the_model(self) -> None:
        listing = self.now(self.kube.list(CONFIG_MAPS, namespace=NAMESPACE, field_selector="metadata.name!=mark"))
        assert {item["metadata"]["name"]: item for item in listing.items} == self.model
        left = self.now(self.kube.list(CONFIG_MAPS, namespace=NAMESPACE, label_selector="side=left"))
        assert {item["metadata"]["name"] for item in left.items} - {"mark"} == {
            name for name, obj in self.model.items() if obj["metadata"]["labels"]["side"] == "left"}

    def teardown(self) -> None:
        self.kube.close()
        self.runner.close()
        self.folder.cleanup()


Store.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestStore = Store.TestCase
