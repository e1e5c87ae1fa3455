"""What the embedded store does beyond the contract: history's end, admission, discovery, namespaces made on first use."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import CUSTOM_RESOURCE_DEFINITIONS, EmbeddedKube, collecting_warnings
from argosy.embedded.store.journal import MemoryJournal
from argosy.embedded.store.ledger import Ledger
from argosy.kube.contract import (
    BadRequest,
    Expired,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    Object,
    PatchKind,
    Resource,
    WatchEvent,
)
from argosy.kube.resources import (
    CONFIG_MAPS,
    KNOWN,
    NAMESPACES,
    PODS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    WORKFLOWS,
)

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")


class FixedClock:
    """Always the same moment."""

    def now(self) -> float:
        return 1_700_000_000.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the store does not wait for time")


@pytest.fixture
def kube() -> EmbeddedKube:
    return EmbeddedKube.open(":memory:", clock=FixedClock())


def with_short_history(changes: int) -> EmbeddedKube:
    return EmbeddedKube(Ledger(MemoryJournal(), window_changes=changes), clock=SystemClock())


def config_map(name: str, **data: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


async def fill(kube: EmbeddedKube, number: int, *, prefix: str = "n") -> None:
    for each in range(number):
        await kube.create(CONFIG_MAPS, config_map(f"{prefix}{each}"), namespace="default")


class TestHistory:
    async def test_a_watch_from_before_the_kept_history_is_told_to_list_again(self) -> None:
        kube = with_short_history(5)
        first = await kube.create(CONFIG_MAPS, config_map("first"), namespace="default")
        await fill(kube, 10)
        with pytest.raises(Expired, match="list again"):
            await anext(kube.watch(CONFIG_MAPS, resource_version=first["metadata"]["resourceVersion"]))

    async def test_a_watch_that_falls_behind_is_told_to_list_again(self) -> None:
        kube = with_short_history(5)
        await kube.create(CONFIG_MAPS, config_map("first"), namespace="default")
        async with aclosing(kube.watch(CONFIG_MAPS)) as events:
            assert (await anext(events)).object["metadata"]["name"] == "first"
            await fill(kube, 20)
            with pytest.raises(Expired, match="fallen too far behind"):
                await anext(events)

    async def test_a_slow_watch_of_one_kind_is_not_harmed_by_changes_to_another(self) -> None:
        kube = with_short_history(5)
        async with aclosing(kube.watch(WORKFLOWS)) as events:
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)  # it begins to wait before anything happens
            await fill(kube, 20)
            await kube.create(WORKFLOWS, {"metadata": {"name": "flow"}}, namespace="default")
            assert (await waiting).object["metadata"]["name"] == "flow"

    async def test_a_version_of_the_future_is_told_to_list_again(self, kube: EmbeddedKube) -> None:
        with pytest.raises(Expired, match="not reached yet"):
            await anext(kube.watch(CONFIG_MAPS, resource_version="999999"))

    async def test_a_continue_token_from_before_the_kept_history_is_told_to_list_again(self) -> None:
        kube = with_short_history(5)
        await fill(kube, 3)
        page = await kube.list(CONFIG_MAPS, namespace="default", limit=1)
        await fill(kube, 10, prefix="m")
        with pytest.raises(Expired, match="list again"):
            await kube.list(CONFIG_MAPS, namespace="default", limit=1, continue_token=page.continue_token)

    async def test_what_history_forgets_leaves_the_memory(self) -> None:
        kube = with_short_history(5)
        await kube.create(CONFIG_MAPS, config_map("busy"), namespace="default")
        for number in range(100):
            await kube.patch(CONFIG_MAPS, "busy", {"data": {"x": str(number)}}, namespace="default")
        await kube.delete(CONFIG_MAPS, "busy", namespace="default")
        await fill(kube, 10)
        bodies = kube._ledger._journal._bodies  # type: ignore[attr-defined]  # the journal here is the one in memory
        assert len(bodies) <= 10 + 2 + 5

    async def test_a_quiet_watch_is_told_how_far_the_rest_has_come(self, kube: EmbeddedKube) -> None:
        async with aclosing(kube.watch(WORKFLOWS)) as events:
            waiting: asyncio.Future[WatchEvent] = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)  # it begins to wait before anything happens
            await fill(kube, 1200)
            event = await waiting
        assert event.type == "BOOKMARK"
        assert event.object["kind"] == "Workflow"
        assert int(event.object["metadata"]["resourceVersion"]) >= 1000

    async def test_a_watch_nobody_reads_holds_up_no_writer(self, kube: EmbeddedKube) -> None:
        async with aclosing(kube.watch(CONFIG_MAPS)) as events:
            await fill(kube, 1)
            await anext(events)
            await fill(kube, 500, prefix="m")
            assert (await anext(events)).object["metadata"]["name"] == "m0"

    async def test_a_cancelled_watch_leaves_nothing_behind(self, kube: EmbeddedKube) -> None:
        async with aclosing(kube.watch(WORKFLOWS)) as events:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(events)
        assert not any(kube._ledger._watchers.values())


class TestNamespacesOnFirstUse:
    async def test_a_namespace_appears_with_the_first_object_in_it(self, kube: EmbeddedKube) -> None:
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="fresh")
        assert (await kube.get(NAMESPACES, "fresh"))["status"] == {"phase": "Active"}
        assert await kube.get(SERVICE_ACCOUNTS, "default", namespace="fresh")

    async def test_a_dry_run_makes_no_namespace(self, kube: EmbeddedKube) -> None:
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="fresh", dry_run=True)
        with pytest.raises(NotFound):
            await kube.get(NAMESPACES, "fresh")

    async def test_nothing_goes_into_a_namespace_that_is_going(self, kube: EmbeddedKube) -> None:
        held = config_map("held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await kube.create(CONFIG_MAPS, held, namespace="doomed")
        await kube.delete(NAMESPACES, "doomed")
        assert (await kube.get(NAMESPACES, "doomed"))["status"]["phase"] == "Terminating"
        with pytest.raises(Forbidden, match="being deleted"):
            await kube.create(CONFIG_MAPS, config_map("late"), namespace="doomed")

    async def test_a_namespace_that_went_can_be_used_again(self, kube: EmbeddedKube) -> None:
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="again")
        await kube.delete(NAMESPACES, "again")
        async with aclosing(kube.watch(NAMESPACES, field_selector="metadata.name=again")) as events:
            async for event in events:
                if event.type == "DELETED":
                    break
        await kube.create(CONFIG_MAPS, config_map("b"), namespace="again")
        assert len((await kube.list(CONFIG_MAPS, namespace="again")).items) == 1

    async def test_default_cannot_be_deleted(self, kube: EmbeddedKube) -> None:
        with pytest.raises(Forbidden):
            await kube.delete(NAMESPACES, "default")

    async def test_a_namespaced_object_needs_a_namespace(self, kube: EmbeddedKube) -> None:
        with pytest.raises(BadRequest, match="namespace"):
            await kube.create(CONFIG_MAPS, config_map("a"))
        with pytest.raises(BadRequest, match="namespace"):
            await kube.get(CONFIG_MAPS, "a")


class TestAdmission:
    async def test_it_is_asked_before_each_write_and_may_refuse(self) -> None:
        asked: list[tuple[str, str]] = []

        def admit(resource: Resource, obj: Object, operation: str) -> list[str] | None:
            asked.append((operation, obj["metadata"]["name"]))
            if (obj.get("data") or {}).get("bad"):
                raise Invalid("data.bad: is not wanted; leave it out")
            return None

        kube = EmbeddedKube.open(":memory:", clock=SystemClock(), admit=admit)
        await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
        await kube.patch(CONFIG_MAPS, "a", {"data": {"x": "y"}}, namespace="default")
        with pytest.raises(Invalid, match="not wanted"):
            await kube.patch(CONFIG_MAPS, "a", {"data": {"bad": "1"}}, namespace="default")
        with pytest.raises(Invalid, match="not wanted"):
            await kube.create(CONFIG_MAPS, config_map("b", bad="1"), namespace="default")
        assert asked == [("CREATE", "a"), ("UPDATE", "a"), ("UPDATE", "a"), ("CREATE", "b")]
        assert (await kube.get(CONFIG_MAPS, "a", namespace="default"))["data"] == {"x": "y"}

    async def test_warnings_reach_who_collects_them_and_nobody_else(self) -> None:
        kube = EmbeddedKube.open(":memory:", clock=SystemClock(),
                                 admit=lambda _resource, obj, _operation: [f"{obj['metadata']['name']}: has no effect yet"])

        async def one(name: str) -> list[str]:
            with collecting_warnings() as warnings:
                await kube.create(CONFIG_MAPS, config_map(name), namespace="default")
            return warnings

        assert list(await asyncio.gather(one("a"), one("b"))) == [["a: has no effect yet"], ["b: has no effect yet"]]
        await kube.create(CONFIG_MAPS, config_map("c"), namespace="default")

    async def test_status_writes_are_not_asked_about(self) -> None:
        operations: list[str] = []
        kube = EmbeddedKube.open(":memory:", clock=SystemClock(),
                                 admit=lambda _resource, _obj, operation: operations.append(operation))
        await kube.create(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main"}]}}, namespace="default")
        await kube.patch(PODS, "p", {"status": {"phase": "Running"}}, namespace="default", subresource="status")
        assert operations == ["CREATE"]


class TestDiscovery:
    async def test_known_kinds_are_there_from_the_start(self, kube: EmbeddedKube) -> None:
        assert set(KNOWN) < set(kube.resources())

    async def test_a_stored_definition_declares_its_kind(self, kube: EmbeddedKube) -> None:
        made = await kube.create(CUSTOM_RESOURCE_DEFINITIONS, {
            "metadata": {"name": "widgets.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced",
                     "names": {"plural": "widgets", "kind": "Widget", "singular": "widget", "shortNames": ["wd"]},
                     "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}},
                                  {"name": "v0", "served": False, "storage": False}]}})
        assert {"type": "Established", "status": "True"} in made["status"]["conditions"]
        (declared,) = [each for each in kube.resources() if each.group == "example.com"]
        assert declared == Resource("example.com", "v1", "widgets", "Widget", singular="widget", short_names=("wd",),
                                    status_subresource=True)

    @pytest.mark.parametrize("spec", [None, {}, {"group": "x.io", "names": {}}, {"group": "x.io", "names": {
        "plural": "xs", "kind": "X"}, "versions": "v1"}])
    async def test_a_senseless_definition_is_refused_or_declares_nothing(self, kube: EmbeddedKube, spec: Any) -> None:
        before = kube.resources()
        try:
            await kube.create(CUSTOM_RESOURCE_DEFINITIONS, {"metadata": {"name": "xs.x.io"}, "spec": spec})
        except KubeError as refused:
            assert refused.status in (400, 422)  # noqa: PT017  both outcomes are right
        assert kube.resources() == before

    async def test_any_kind_that_a_resource_describes_can_be_stored(self, kube: EmbeddedKube) -> None:
        await kube.create(WIDGETS, {"metadata": {"name": "w"}, "spec": {"size": 3}}, namespace="default")
        later = Resource("example.com", "v2", "widgets", "Widget")
        assert (await kube.get(later, "w", namespace="default"))["apiVersion"] == "example.com/v2"


class TestOneBadObjectHarmsOnlyItself:
    @pytest.mark.parametrize("obj", [
        {"metadata": "text"}, {"metadata": ["list"]}, {"metadata": {"name": 5}}, {"metadata": {"name": ["a"]}},
        {"metadata": {"name": {"a": "b"}}}, {"metadata": {"name": "a", "namespace": 7}},
        {"metadata": {"name": "a", "labels": []}}, {"metadata": {"name": "a", "labels": {1: "x"}}},
        {"metadata": {"name": "a", "labels": ["x"]}}, {"metadata": {"name": "a", "annotations": {"x": None}}},
        {"metadata": {"name": "a", "annotations": "x"}}, {"metadata": {"name": "a", "finalizers": "x"}},
        {"metadata": {"name": "a", "finalizers": [1]}}, {"metadata": {"name": "a", "ownerReferences": ["x"]}},
        {"metadata": {"name": "a", "ownerReferences": {"uid": "x"}}}, {"metadata": {"generateName": 5}},
        {"metadata": {"name": "a"}, "data": {"x": 1}}, {"metadata": {"name": "a"}, "data": []},
        {"metadata": {"name": "a"}, "spec": []}, {"metadata": {"name": "a"}, "data": {"x": "\ud800"}},
        {"metadata": {"name": "a"}, "extra": 1 << 70}, {"metadata": {"name": "a"}, "extra": object()},
        {"metadata": {"name": "a"}, 5: "x"}, {"metadata": {"name": "a"}, "kind": 5}, [], "text", None,
    ])
    async def test_a_malformed_object_is_refused_with_a_text(self, kube: EmbeddedKube, obj: Any) -> None:
        with pytest.raises(KubeError) as refused:
            await kube.create(CONFIG_MAPS, obj, namespace="default")
        assert refused.value.status in (400, 422)
        assert str(refused.value)
        assert (await kube.list(CONFIG_MAPS, namespace="default")).items == []

    @pytest.mark.parametrize("deep", [300, 900, 50_000])
    async def test_an_object_nested_too_deeply_is_refused(self, kube: EmbeddedKube, deep: int) -> None:
        tree: Any = "leaf"
        for _ in range(deep):
            tree = {"a": tree}
        with pytest.raises(BadRequest, match=r"JSON|nested"):
            await kube.create(WORKFLOWS, {"metadata": {"name": "deep"}, "spec": tree}, namespace="default")
        await kube.create(WORKFLOWS, {"metadata": {"name": "flow"}}, namespace="default")
        for write in (kube.patch(WORKFLOWS, "flow", {"spec": tree}, namespace="default"),
                      kube.replace(WORKFLOWS, {"metadata": {"name": "flow", "namespace": "default"}, "spec": tree})):
            with pytest.raises(BadRequest, match=r"JSON|nested"):
                await write
        assert "spec" not in await kube.get(WORKFLOWS, "flow", namespace="default")

    async def test_an_object_beyond_the_limit_is_refused(self, kube: EmbeddedKube) -> None:
        with pytest.raises(BadRequest, match="bytes"):
            await kube.create(WORKFLOWS, {"metadata": {"name": "huge"}, "spec": {"x": "y" * (65 << 20)}}, namespace="default")

    @pytest.mark.parametrize("patch", [[], "x", None, 5, {"metadata": None}, {"metadata": 5}, {"metadata": []}])
    @pytest.mark.parametrize("kind", list(PatchKind))
    async def test_a_senseless_patch_is_refused_or_changes_nothing(
        self, kube: EmbeddedKube, patch: Any, kind: PatchKind,
    ) -> None:
        made = await kube.create(CONFIG_MAPS, config_map("a", x="1"), namespace="default")
        try:
            patched = await kube.patch(CONFIG_MAPS, "a", patch, namespace="default", kind=kind)
        except KubeError as refused:
            assert refused.status in (400, 422)  # noqa: PT017  both outcomes are right
        else:
            assert patched["metadata"]["uid"] == made["metadata"]["uid"]
            assert patched["data"] == {"x": "1"}

    @pytest.mark.parametrize("spec", [None, {}, {"containers": []}, {"containers": "main"}, {"containers": [1]},
                                      {"containers": [{"name": "a"}, {"name": "a"}]}, {"containers": [{}]},
                                      {"containers": [{"name": "a"}], "terminationGracePeriodSeconds": "long"},
                                      {"containers": [{"name": "a"}], "initContainers": 5}])
    async def test_a_malformed_pod_is_refused(self, kube: EmbeddedKube, spec: Any) -> None:
        with pytest.raises(Invalid, match="spec"):
            await kube.create(PODS, {"metadata": {"name": "p"}, "spec": spec}, namespace="default")


class TestSingleKinds:
    async def test_a_roles_name_may_hold_colons(self, kube: EmbeddedKube) -> None:
        await kube.create(ROLES, {"metadata": {"name": "argosy:Submitter"}}, namespace="default")

    async def test_a_services_name_begins_with_a_letter(self, kube: EmbeddedKube) -> None:
        with pytest.raises(Invalid, match="letter"):
            await kube.create(SERVICES, {"metadata": {"name": "1st"}}, namespace="default")

    async def test_an_immutable_secret_cannot_change(self, kube: EmbeddedKube) -> None:
        await kube.create(SECRETS, {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "immutable": True},
                          namespace="default")
        with pytest.raises(Invalid, match="immutable"):
            await kube.patch(SECRETS, "s", {"stringData": {"a": "c"}}, namespace="default")
        await kube.patch(SECRETS, "s", {"metadata": {"labels": {"a": "b"}}}, namespace="default")

    async def test_a_pod_gets_its_node_once(self, kube: EmbeddedKube) -> None:
        await kube.create(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main"}]}}, namespace="default")
        await kube.patch(PODS, "p", {"spec": {"nodeName": "here"}}, namespace="default")
        with pytest.raises(Invalid, match="spec"):
            await kube.patch(PODS, "p", {"spec": {"nodeName": "there"}}, namespace="default")

    async def test_a_finished_pod_goes_at_once(self, kube: EmbeddedKube) -> None:
        await kube.create(PODS, {"metadata": {"name": "p"}, "spec": {"nodeName": "here", "containers": [{"name": "main"}]}},
                          namespace="default")
        await kube.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, namespace="default", subresource="status")
        await kube.delete(PODS, "p", namespace="default")
        with pytest.raises(NotFound):
            await kube.get(PODS, "p", namespace="default")

    async def test_the_clock_that_was_handed_in_is_the_one_that_is_read(self, kube: EmbeddedKube) -> None:
        made = await kube.create(CONFIG_MAPS, config_map("a"), namespace="default")
        assert made["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"


class TestCollecting:
    async def test_a_large_family_goes_without_holding_up_others(self, kube: EmbeddedKube) -> None:
        owner = await kube.create(WORKFLOWS, {"metadata": {"name": "flow"}}, namespace="default")
        reference = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "flow",
                     "uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}
        for number in range(300):
            await kube.create(CONFIG_MAPS, {"metadata": {"name": f"c{number}", "ownerReferences": [reference]}},
                              namespace="default")
        start = (await kube.list(CONFIG_MAPS)).resource_version
        await kube.delete(WORKFLOWS, "flow", namespace="default", propagation="Foreground")
        async with aclosing(kube.watch(CONFIG_MAPS, resource_version=start)) as events:
            assert [(await anext(events)).type for _ in range(300)] == ["DELETED"] * 300
        async with aclosing(kube.watch(WORKFLOWS, resource_version=start)) as events:
            assert [(await anext(events)).type for _ in range(2)] == ["MODIFIED", "DELETED"]

    async def test_dependents_that_cannot_go_yet_do_not_keep_the_collector_busy(self, kube: EmbeddedKube) -> None:
        owner = await kube.create(WORKFLOWS, {"metadata": {"name": "flow"}}, namespace="default")
        reference = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "flow",
                     "uid": owner["metadata"]["uid"]}
        for number in range(120):
            await kube.create(CONFIG_MAPS, {"metadata": {
                "name": f"c{number}", "ownerReferences": [reference], "finalizers": ["example.com/hold"]}}, namespace="default")
        start = (await kube.list(CONFIG_MAPS)).resource_version
        await kube.delete(WORKFLOWS, "flow", namespace="default")
        async with aclosing(kube.watch(CONFIG_MAPS, resource_version=start)) as events:
            assert [(await anext(events)).type for _ in range(120)] == ["MODIFIED"] * 120
        await asyncio.sleep(0)
        assert not kube._collector._tasks


async def test_logs_come_from_the_reader_that_was_set(kube: EmbeddedKube) -> None:
    with pytest.raises(BadRequest, match="nothing runs pods here"):
        kube.logs("p", namespace="default")

    async def read(name: str, *, namespace: str, container: str, **_: Any) -> AsyncIterator[bytes]:
        yield f"{namespace}/{name}/{container}".encode()

    reader: Callable[..., AsyncIterator[bytes]] = read
    kube.log_reader = reader
    assert [piece async for piece in kube.logs("p", namespace="default", container="main")] == [b"default/p/main"]


def test_importing_the_store_stays_light() -> None:
    import subprocess
    import sys
    from pathlib import Path

    heavy = "{'aiohttp', 'pydantic', 'nats', 'cryptography', 'sqlite3', 'yaml'}"
    code = f"import sys, argosy.embedded.store; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True,
                          cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


async def test_a_bad_version_is_the_callers_mistake_where_the_real_server_only_says_internal_error(kube: EmbeddedKube) -> None:
    mine = config_map("settings")
    mine["metadata"]["resourceVersion"] = "1"
    with pytest.raises(BadRequest, match="resourceVersion"):
        await kube.create(CONFIG_MAPS, mine, namespace="default")
    with pytest.raises(BadRequest):
        async with aclosing(kube.watch(CONFIG_MAPS, namespace="default", resource_version="soon")) as events:
            await anext(events)
