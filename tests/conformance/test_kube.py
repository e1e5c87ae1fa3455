"""What every backend of the `Kube` contract does, told as the caller sees it.

A backend is a function from a scratch folder to an async context manager that gives a `Kube`; add one to `BACKENDS`.
Each test works in a namespace of its own and waits for events, never for time, so that a real API server passes too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock, new_suffix
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    Invalid,
    Kube,
    KubeError,
    NotFound,
    PatchKind,
    Resource,
    WatchEvent,
)
from argosy.kube.resources import CONFIG_MAPS, EVENTS, NAMESPACES, PODS, SECRETS, SENSORS, SERVICE_ACCOUNTS, WORKFLOWS
from tests.support.faces import reached, served, stored

PATIENCE_SECONDS = 60  # only a broken backend makes anybody wait for so long

Backend = Callable[[Path], AbstractAsyncContextManager[Kube]]


@asynccontextmanager
async def memory(folder: Path) -> AsyncIterator[Kube]:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    try:
        yield kube
    finally:
        kube.close()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Kube]:
    kube = EmbeddedKube.open(folder / "objects.db", clock=SystemClock(), durable=False)
    try:
        yield kube
    finally:
        kube.close()


@asynccontextmanager
async def http(folder: Path) -> AsyncIterator[Kube]:
    async with stored() as kube, served(kube, folder), reached(folder) as remote:
        yield remote


BACKENDS: dict[str, Backend] = {"memory": memory, "sqlite": sqlite, "http": http}


@pytest.fixture(params=sorted(BACKENDS))
async def kube(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kube]:
    async with BACKENDS[request.param](tmp_path) as backend:
        yield backend


@pytest.fixture
async def namespace(kube: Kube) -> str:
    name = f"conformance-{new_suffix(8)}"
    await kube.create(NAMESPACES, {"metadata": {"name": name}})
    async with aclosing(kube.watch(SERVICE_ACCOUNTS, namespace=name)) as events:
        await until(events, "ADDED", "default")  # an API server takes no pods before
    return name


def config_map(name: str = "settings", *, labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"test": "yes", **(labels or {})}},
            "data": data}


def pod(name: str = "worker", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"test": "yes"}, **metadata},
            "spec": {"schedulerName": "nobody", "containers": [  # so that it stays as it is where nodes run pods
                {"name": "main", "image": "busybox", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}}


def workflow(name: str = "flow", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name, "labels": {"test": "yes"}},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "busybox"}}], **spec}}


def sensor(name: str = "sensor") -> dict[str, Any]:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Sensor", "metadata": {"name": name},
            "spec": {"dependencies": [], "triggers": []}}


def owned_by(owner: dict[str, Any], *, blocks: bool = False) -> dict[str, Any]:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"]}
    return {**reference, "blockOwnerDeletion": True} if blocks else reference


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


async def until(events: AsyncIterator[WatchEvent], type_: str, name: str) -> dict[str, Any]:
    """The object of the next event of that type about that name."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in events:
            if event.type == type_ and event.object["metadata"]["name"] == name:
                return event.object
    raise AssertionError(f"the watch ended before {name} was {type_}")


async def things(events: AsyncIterator[WatchEvent], number: int) -> list[tuple[str, str]]:
    """The next events that are not bookmarks, as (type, name)."""
    seen: list[tuple[str, str]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in events:
            if event.type != "BOOKMARK":
                seen.append((event.type, event.object["metadata"]["name"]))
            if len(seen) == number:
                break
    return seen


class TestCreating:
    async def test_a_created_object_gets_identity_version_and_time(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(colour="blue"), namespace=namespace)
        metadata = made["metadata"]
        assert metadata["namespace"] == namespace
        assert len(metadata["uid"]) == 36
        assert metadata["resourceVersion"].isdigit()
        assert metadata["creationTimestamp"].endswith("Z")
        assert made["data"] == {"colour": "blue"}
        assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")

    async def test_what_was_created_can_be_read(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        assert await kube.get(CONFIG_MAPS, "settings", namespace=namespace) == made

    async def test_returned_objects_belong_to_the_caller(self, kube: Kube, namespace: str) -> None:
        mine = config_map(colour="blue")
        made = await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        mine["data"]["colour"] = made["data"]["colour"] = "red"
        read = await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        read["data"]["colour"] = "green"
        again = await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        assert again["data"] == {"colour": "blue"}

    async def test_creating_leaves_the_callers_object_alone(self, kube: Kube, namespace: str) -> None:
        mine = config_map(colour="blue")
        await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        assert mine == config_map(colour="blue")

    async def test_a_name_can_be_used_once(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        with pytest.raises(AlreadyExists, match='configmaps "settings" already exists'):
            await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)

    async def test_the_same_name_in_another_namespace_is_another_object(self, kube: Kube, namespace: str) -> None:
        other = f"{namespace}-2"
        await kube.create(NAMESPACES, {"metadata": {"name": other}})
        one = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        two = await kube.create(CONFIG_MAPS, config_map(), namespace=other)
        assert one["metadata"]["uid"] != two["metadata"]["uid"]

    async def test_the_name_is_free_again_after_deletion_and_the_uid_is_new(self, kube: Kube, namespace: str) -> None:
        first = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        second = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        assert first["metadata"]["uid"] != second["metadata"]["uid"]

    async def test_a_generated_name_begins_with_its_base(self, kube: Kube, namespace: str) -> None:
        base = {"metadata": {"generateName": "job-"}, "data": {}}
        made = [await kube.create(CONFIG_MAPS, base, namespace=namespace) for _ in range(5)]
        assert len(set(names(made))) == 5
        assert all(name.startswith("job-") and len(name) == 9 for name in names(made))
        assert made[0]["metadata"]["generateName"] == "job-"

    async def test_a_long_generated_name_is_cut_to_fit(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, {"metadata": {"generateName": "a" * 100}}, namespace=namespace)
        assert len(made["metadata"]["name"]) <= 63

    async def test_an_object_without_a_name_is_refused(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(Invalid, match="name"):
            await kube.create(CONFIG_MAPS, {"metadata": {}, "data": {}}, namespace=namespace)

    async def test_a_resource_version_on_creation_is_refused(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["resourceVersion"] = "1"
        with pytest.raises(KubeError, match="resourceVersion"):
            await kube.create(CONFIG_MAPS, mine, namespace=namespace)

    async def test_identity_given_by_the_caller_is_not_taken(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"] |= {"uid": "11111111-1111-1111-1111-111111111111", "creationTimestamp": "2001-01-01T00:00:00Z"}
        made = await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        assert made["metadata"]["uid"] != mine["metadata"]["uid"]
        assert made["metadata"]["creationTimestamp"] != "2001-01-01T00:00:00Z"

    async def test_a_namespace_that_contradicts_the_request_is_refused(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["namespace"] = "elsewhere"
        with pytest.raises(BadRequest, match="namespace"):
            await kube.create(CONFIG_MAPS, mine, namespace=namespace)

    async def test_the_objects_own_namespace_is_enough(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["namespace"] = namespace
        await kube.create(CONFIG_MAPS, mine)
        assert await kube.get(CONFIG_MAPS, "settings", namespace=namespace)

    async def test_another_kind_than_the_request_is_for_is_refused(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(BadRequest, match="Secret"):
            await kube.create(CONFIG_MAPS, {**config_map(), "kind": "Secret"}, namespace=namespace)

    @pytest.mark.parametrize(("resource", "rest"), [(CONFIG_MAPS, {"data": {}}), (WORKFLOWS, {"spec": {}})],
                             ids=["configmaps", "workflows"])
    async def test_what_kind_it_is_need_not_be_said_twice(
            self, kube: Kube, namespace: str, resource: Resource, rest: dict[str, Any]) -> None:
        made = await kube.create(resource, {"metadata": {"name": "bare"}, **rest}, namespace=namespace)
        assert (made["apiVersion"], made["kind"]) == (resource.api_version, resource.kind)
        again = {"metadata": {**made["metadata"], "labels": {"a": "b"}}, **rest}
        assert (await kube.replace(resource, again))["kind"] == resource.kind

    async def test_a_dry_run_answers_and_stores_nothing(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(colour="blue"), namespace=namespace, dry_run=True)
        assert made["data"] == {"colour": "blue"}
        assert made["metadata"]["uid"]
        with pytest.raises(NotFound):
            await kube.get(CONFIG_MAPS, "settings", namespace=namespace)

    @pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "dash-", "a..b", "a/b", "é", "a" * 254, "a b"])
    async def test_a_name_against_the_rules_is_refused(self, kube: Kube, namespace: str, name: str) -> None:
        with pytest.raises(KubeError) as refused:
            await kube.create(CONFIG_MAPS, config_map(name), namespace=namespace)
        assert refused.value.status in (400, 404, 422)

    @pytest.mark.parametrize("labels", [{"": "x"}, {"-a": "x"}, {"a b": "x"}, {"a/b/c": "x"}, {"A.Upper/x": "y"},
                                        {"a": "b c"}, {"a": "-b"}, {"a": "x" * 64}, {"x" * 64: "a"}])
    async def test_a_label_against_the_rules_is_refused(
        self, kube: Kube, namespace: str, labels: dict[str, str],
    ) -> None:
        with pytest.raises(Invalid, match="label"):
            await kube.create(CONFIG_MAPS, config_map(labels=labels), namespace=namespace)

    @pytest.mark.parametrize("labels", [{"a": ""}, {"example.com/a.b_c-d": "A.b_c-9"}, {"x" * 63: "y" * 63}])
    async def test_a_label_within_the_rules_is_kept(self, kube: Kube, namespace: str, labels: dict[str, str]) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(labels=labels), namespace=namespace)
        assert made["metadata"]["labels"] == {"test": "yes", **labels}

    async def test_an_annotation_that_is_no_text_is_refused(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["annotations"] = {"count": 3}
        with pytest.raises(KubeError) as refused:
            await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        assert refused.value.status in (400, 422)

    async def test_an_owner_without_a_uid_is_refused(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": ""}]
        with pytest.raises(Invalid, match="uid"):
            await kube.create(CONFIG_MAPS, mine, namespace=namespace)

    async def test_texts_arrive_byte_for_byte(self, kube: Kube, namespace: str) -> None:
        text = "tabs\t, lines\n, quotes \" ', {{braces}}, ünïcödé, 漢字, 🚢, \u2028, null \u0000 and <&>"
        await kube.create(WORKFLOWS, workflow(arguments={"parameters": [{"name": "t", "value": text}]}), namespace=namespace)
        read = await kube.get(WORKFLOWS, "flow", namespace=namespace)
        assert read["spec"]["arguments"]["parameters"][0]["value"] == text

    async def test_a_megabyte_is_stored(self, kube: Kube, namespace: str) -> None:
        big = "x" * 900_000
        await kube.create(CONFIG_MAPS, config_map(big=big), namespace=namespace)
        assert (await kube.get(CONFIG_MAPS, "settings", namespace=namespace))["data"]["big"] == big


class TestReading:
    async def test_what_does_not_exist_is_not_found(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(NotFound, match='configmaps "nothing" not found') as refused:
            await kube.get(CONFIG_MAPS, "nothing", namespace=namespace)
        assert (refused.value.reason, refused.value.status) == ("NotFound", 404)

    async def test_a_custom_resource_is_named_with_its_group(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(NotFound, match=r'workflows\.argoproj\.io "nothing" not found'):
            await kube.get(WORKFLOWS, "nothing", namespace=namespace)


class TestListing:
    async def test_a_list_is_in_order_of_names(self, kube: Kube, namespace: str) -> None:
        for name in ("b", "c", "a"):
            await kube.create(CONFIG_MAPS, config_map(name), namespace=namespace)
        listing = await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="test=yes")
        assert names(listing.items) == ["a", "b", "c"]
        assert listing.continue_token == ""

    async def test_items_say_what_they_are(self, kube: Kube, namespace: str) -> None:
        await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        (item,) = (await kube.list(WORKFLOWS, namespace=namespace)).items
        assert (item["apiVersion"], item["kind"]) == ("argoproj.io/v1alpha1", "Workflow")

    async def test_an_empty_list_has_a_version_to_watch_from(self, kube: Kube, namespace: str) -> None:
        listing = await kube.list(WORKFLOWS, namespace=namespace)
        assert listing.items == []
        assert listing.resource_version.isdigit()

    async def test_no_namespace_means_all_namespaces(self, kube: Kube, namespace: str) -> None:
        other = f"{namespace}-2"
        await kube.create(NAMESPACES, {"metadata": {"name": other}})
        await kube.create(CONFIG_MAPS, config_map("here", labels={"run": namespace}), namespace=namespace)
        await kube.create(CONFIG_MAPS, config_map("there", labels={"run": namespace}), namespace=other)
        everywhere = await kube.list(CONFIG_MAPS, label_selector=f"run={namespace}")
        assert names(everywhere.items) == ["there", "here"], "as keys are ordered: a-2/there comes before a/here"
        first = await kube.list(CONFIG_MAPS, label_selector=f"run={namespace}", limit=1)
        rest = await kube.list(CONFIG_MAPS, label_selector=f"run={namespace}", continue_token=first.continue_token)
        assert names(first.items) + names(rest.items) == ["there", "here"]
        assert names((await kube.list(CONFIG_MAPS, namespace=other, label_selector="test")).items) == ["there"]

    @pytest.mark.parametrize(("selector", "expected"), [
        ("app=web", ["web-new", "web-old"]),
        ("app==web", ["web-new", "web-old"]),
        ("app!=web,test=yes", ["bare", "db"]),
        ("app in (web, db)", ["db", "web-new", "web-old"]),
        ("app notin (web),test", ["bare", "db"]),
        ("app,test", ["db", "web-new", "web-old"]),
        ("!app,test", ["bare"]),
        ("app=web,age!=old", ["web-new"]),
        ("app in (web),age in (old,older)", ["web-old"]),
        ("example.com/team=a", ["db"]),
        ("app=nothing", []),
        ("age in ()", []),
    ])
    async def test_a_label_selector_takes(
        self, kube: Kube, namespace: str, selector: str, expected: list[str],
    ) -> None:
        for name, labels in (("web-old", {"app": "web", "age": "old"}), ("web-new", {"app": "web", "age": "new"}),
                             ("db", {"app": "db", "example.com/team": "a"}), ("bare", {})):
            await kube.create(CONFIG_MAPS, config_map(name, labels=labels), namespace=namespace)
        assert names((await kube.list(CONFIG_MAPS, namespace=namespace, label_selector=selector)).items) == expected

    @pytest.mark.parametrize("selector", ["a in web", "a=b=c", "a,,b", "=x", "a in (x", "&", "a=b,"])
    async def test_a_label_selector_that_cannot_be_read_is_refused(
        self, kube: Kube, namespace: str, selector: str,
    ) -> None:
        with pytest.raises(BadRequest):
            await kube.list(CONFIG_MAPS, namespace=namespace, label_selector=selector)

    async def test_a_list_follows_labels_as_they_change(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map("a", labels={"side": "left"}), namespace=namespace)
        await kube.create(CONFIG_MAPS, config_map("b", labels={"side": "left"}), namespace=namespace)
        assert names((await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="side=left")).items) == ["a", "b"]
        await kube.patch(CONFIG_MAPS, "a", {"metadata": {"labels": {"side": "right"}}}, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "b", namespace=namespace)
        assert names((await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="side=left")).items) == []
        assert names((await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="side=right")).items) == ["a"]

    async def test_a_field_selector_takes_one_name(self, kube: Kube, namespace: str) -> None:
        for name in ("a", "b"):
            await kube.create(CONFIG_MAPS, config_map(name), namespace=namespace)
        listing = await kube.list(CONFIG_MAPS, namespace=namespace, field_selector="metadata.name=b")
        assert names(listing.items) == ["b"]
        listing = await kube.list(CONFIG_MAPS, field_selector=f"metadata.namespace={namespace},metadata.name!=b",
                                  label_selector="test")
        assert names(listing.items) == ["a"]

    async def test_pods_are_selected_by_phase(self, kube: Kube, namespace: str) -> None:
        for name in ("new", "busy"):
            await kube.create(PODS, pod(name), namespace=namespace)
        await kube.patch(PODS, "busy", {"status": {"phase": "Running"}}, namespace=namespace, subresource="status")
        running = await kube.list(PODS, namespace=namespace, field_selector="status.phase=Running")
        pending = await kube.list(PODS, namespace=namespace, field_selector="status.phase!=Running")
        assert (names(running.items), names(pending.items)) == (["busy"], ["new"])

    async def test_pods_are_selected_by_node(self, kube: Kube, namespace: str) -> None:
        bound = pod("bound")
        bound["spec"]["nodeName"] = "nowhere-node"
        await kube.create(PODS, bound, namespace=namespace)
        await kube.create(PODS, pod("free"), namespace=namespace)
        listing = await kube.list(PODS, namespace=namespace, field_selector="spec.nodeName=nowhere-node")
        assert names(listing.items) == ["bound"]

    async def test_events_are_selected_by_the_object_they_are_about(self, kube: Kube, namespace: str) -> None:
        for about in ("a", "b"):
            await kube.create(EVENTS, {
                "metadata": {"name": f"about-{about}"}, "reason": "Test", "type": "Normal", "message": "hello",
                "involvedObject": {"kind": "Pod", "name": about, "namespace": namespace}}, namespace=namespace)
        listing = await kube.list(
            EVENTS, namespace=namespace, field_selector="involvedObject.name=b,involvedObject.kind=Pod")
        assert names(listing.items) == ["about-b"]

    async def test_an_unknown_field_is_refused(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(BadRequest):
            await kube.list(CONFIG_MAPS, namespace=namespace, field_selector="spec.colour=blue")

    async def test_pages_together_are_the_whole_list(self, kube: Kube, namespace: str) -> None:
        for number in range(7):
            await kube.create(CONFIG_MAPS, config_map(f"n{number}"), namespace=namespace)
        found, token, pages = [], "", 0
        while True:
            page = await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="test", limit=3, continue_token=token)
            found += names(page.items)
            token, pages = page.continue_token, pages + 1
            if not token:
                break
        assert (found, pages) == ([f"n{number}" for number in range(7)], 3)

    async def test_later_pages_show_the_moment_of_the_first(self, kube: Kube, namespace: str) -> None:
        for name in ("a", "b", "c"):
            await kube.create(CONFIG_MAPS, config_map(name, state="old"), namespace=namespace)
        first = await kube.list(CONFIG_MAPS, namespace=namespace, label_selector="test", limit=1)
        await kube.delete(CONFIG_MAPS, "b", namespace=namespace)
        await kube.patch(CONFIG_MAPS, "c", {"data": {"state": "new"}}, namespace=namespace)
        await kube.create(CONFIG_MAPS, config_map("d"), namespace=namespace)
        rest = await kube.list(
            CONFIG_MAPS, namespace=namespace, label_selector="test", continue_token=first.continue_token)
        assert names(rest.items) == ["b", "c"]
        assert rest.items[1]["data"] == {"state": "old"}
        assert rest.resource_version == first.resource_version

    async def test_a_continue_token_from_elsewhere_is_refused(self, kube: Kube, namespace: str) -> None:
        with pytest.raises((BadRequest, Expired)):
            await kube.list(CONFIG_MAPS, namespace=namespace, limit=1, continue_token="nonsense")


class TestReplacing:
    async def test_a_replaced_object_has_a_later_version_and_the_same_identity(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(colour="blue"), namespace=namespace)
        replaced = await kube.replace(CONFIG_MAPS, {**made, "data": {"colour": "red"}})
        assert int(replaced["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
        for field in ("uid", "creationTimestamp", "name", "namespace"):
            assert replaced["metadata"][field] == made["metadata"][field]
        assert await kube.get(CONFIG_MAPS, "settings", namespace=namespace) == replaced

    async def test_replacing_an_older_version_is_a_conflict(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(colour="blue"), namespace=namespace)
        await kube.replace(CONFIG_MAPS, {**made, "data": {"colour": "red"}})
        with pytest.raises(Conflict):
            await kube.replace(CONFIG_MAPS, {**made, "data": {"colour": "green"}})
        assert (await kube.get(CONFIG_MAPS, "settings", namespace=namespace))["data"] == {"colour": "red"}

    async def test_of_two_who_replace_the_same_version_one_wins(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        outcomes = await asyncio.gather(
            *(kube.replace(CONFIG_MAPS, {**made, "data": {"winner": str(number)}}) for number in range(8)),
            return_exceptions=True)
        assert sum(isinstance(outcome, dict) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7

    async def test_without_a_version_the_last_writer_wins(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(colour="blue"), namespace=namespace)
        mine = config_map(colour="red")
        mine["metadata"]["namespace"] = namespace
        assert (await kube.replace(CONFIG_MAPS, mine))["data"] == {"colour": "red"}

    async def test_replacing_what_does_not_exist_is_not_found(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["namespace"] = namespace
        with pytest.raises(NotFound):
            await kube.replace(CONFIG_MAPS, mine)

    async def test_another_uid_is_a_conflict(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        made["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
        del made["metadata"]["resourceVersion"]
        with pytest.raises(Conflict):
            await kube.replace(CONFIG_MAPS, made)

    async def test_the_time_of_creation_stays(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        changed = {**made, "data": {"x": "y"}, "metadata": {**made["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z"}}
        replaced = await kube.replace(CONFIG_MAPS, changed)
        assert replaced["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]

    async def test_a_write_that_changes_nothing_makes_no_new_version(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(colour="blue"), namespace=namespace)
        assert await kube.replace(CONFIG_MAPS, made) == made
        assert await kube.patch(CONFIG_MAPS, "settings", {"data": {"colour": "blue"}}, namespace=namespace) == made

    async def test_what_a_replacement_leaves_out_is_gone(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(labels={"a": "b"}, x="y"), namespace=namespace)
        bare = {"metadata": {"name": "settings", "namespace": namespace,
                             "resourceVersion": made["metadata"]["resourceVersion"]}}
        replaced = await kube.replace(CONFIG_MAPS, bare)
        assert "data" not in replaced
        assert "labels" not in replaced["metadata"]


class TestGenerationAndStatus:
    async def test_generation_rises_with_the_spec_and_not_with_labels(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(SENSORS, sensor(), namespace=namespace)
        assert made["metadata"]["generation"] == 1
        labelled = await kube.patch(SENSORS, "sensor", {"metadata": {"labels": {"a": "b"}}}, namespace=namespace)
        assert labelled["metadata"]["generation"] == 1
        changed = await kube.patch(SENSORS, "sensor", {"spec": {"replicas": 2}}, namespace=namespace)
        assert changed["metadata"]["generation"] == 2

    async def test_a_status_write_changes_the_status_alone(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(SENSORS, sensor(), namespace=namespace)
        made["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        made["spec"] = {"dependencies": [], "triggers": [], "replicas": 9}
        made["metadata"]["labels"] = {"sneaked": "in"}
        written = await kube.replace(SENSORS, made, subresource="status")
        assert written["status"]["conditions"][0]["type"] == "Ready"
        assert "replicas" not in written["spec"]
        assert "labels" not in written["metadata"]
        assert written["metadata"]["generation"] == 1

    async def test_a_main_write_leaves_the_status(self, kube: Kube, namespace: str) -> None:
        await kube.create(SENSORS, {**sensor(), "status": {"conditions": []}}, namespace=namespace)
        assert "status" not in await kube.get(SENSORS, "sensor", namespace=namespace)
        await kube.patch(SENSORS, "sensor", {"status": {"conditions": []}}, namespace=namespace, subresource="status")
        after = await kube.patch(
            SENSORS, "sensor", {"spec": {"replicas": 2}, "status": None}, namespace=namespace)
        assert after["status"] == {"conditions": []}
        assert after["spec"]["replicas"] == 2

    async def test_a_stale_status_write_is_a_conflict(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(SENSORS, sensor(), namespace=namespace)
        await kube.patch(SENSORS, "sensor", {"spec": {"replicas": 2}}, namespace=namespace)
        with pytest.raises(Conflict):
            await kube.replace(SENSORS, {**made, "status": {"conditions": []}}, subresource="status")

    async def test_a_workflow_keeps_its_status_with_the_rest(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(WORKFLOWS, {**workflow(), "status": {"phase": "Pending"}}, namespace=namespace)
        assert made["status"] == {"phase": "Pending"}
        running = await kube.patch(WORKFLOWS, "flow", {"status": {"phase": "Running"}}, namespace=namespace)
        assert running["status"] == {"phase": "Running"}

    async def test_a_workflow_has_no_status_subresource(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        with pytest.raises(NotFound):
            await kube.replace(WORKFLOWS, {**made, "status": {"phase": "Running"}}, subresource="status")

    async def test_a_new_pod_is_pending(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(PODS, {**pod(), "status": {"phase": "Succeeded"}}, namespace=namespace)
        assert made["status"]["phase"] == "Pending"

    async def test_a_pods_containers_are_fixed_but_its_image_is_not(self, kube: Kube, namespace: str) -> None:
        await kube.create(PODS, pod(), namespace=namespace)
        with pytest.raises(Invalid):
            await kube.patch(PODS, "worker", {"spec": {"containers": [{"name": "main", "command": ["other"]}]}},
                             namespace=namespace, kind=PatchKind.STRATEGIC)
        changed = await kube.patch(PODS, "worker", {"spec": {"containers": [{"name": "main", "image": "alpine"}]}},
                                   namespace=namespace, kind=PatchKind.STRATEGIC)
        assert changed["spec"]["containers"][0]["image"] == "alpine"


class TestMergePatch:
    async def test_it_adds_changes_and_takes_away(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(a="1", b="2"), namespace=namespace)
        patched = await kube.patch(CONFIG_MAPS, "settings", {"data": {"a": None, "b": "3", "c": "4"}}, namespace=namespace)
        assert patched["data"] == {"b": "3", "c": "4"}

    async def test_it_replaces_lists_whole(self, kube: Kube, namespace: str) -> None:
        await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        patched = await kube.patch(WORKFLOWS, "flow", {"spec": {"templates": [{"name": "other"}]}}, namespace=namespace)
        assert patched["spec"]["templates"] == [{"name": "other"}]
        assert patched["spec"]["entrypoint"] == "main"

    async def test_nulls_within_new_parts_are_dropped(self, kube: Kube, namespace: str) -> None:
        await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        patched = await kube.patch(WORKFLOWS, "flow", {"status": {"phase": "Running", "message": None}}, namespace=namespace)
        assert patched["status"] == {"phase": "Running"}

    async def test_with_a_stale_version_it_is_a_conflict(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(a="1"), namespace=namespace)
        version = made["metadata"]["resourceVersion"]
        await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"resourceVersion": version}, "data": {"a": "2"}},
                         namespace=namespace)
        with pytest.raises(Conflict):
            await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"resourceVersion": version}, "data": {"a": "3"}},
                             namespace=namespace)

    async def test_many_at_once_all_arrive(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        await asyncio.gather(*(
            kube.patch(CONFIG_MAPS, "settings", {"data": {f"key{number}": "x"}}, namespace=namespace)
            for number in range(20)))
        assert len((await kube.get(CONFIG_MAPS, "settings", namespace=namespace))["data"]) == 20

    async def test_patching_what_does_not_exist_is_not_found(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(NotFound):
            await kube.patch(CONFIG_MAPS, "nothing", {"data": {"a": "b"}}, namespace=namespace)

    async def test_a_patch_cannot_rename(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        with pytest.raises(KubeError):
            await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"name": "other"}}, namespace=namespace)

    async def test_a_patch_that_breaks_a_rule_changes_nothing(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        with pytest.raises(Invalid):
            await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"labels": {"a": "b c"}}}, namespace=namespace)
        assert await kube.get(CONFIG_MAPS, "settings", namespace=namespace) == made


class TestJsonPatch:
    async def test_operations_apply_in_order(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(a="1", b="2"), namespace=namespace)
        patched = await kube.patch(CONFIG_MAPS, "settings", [
            {"op": "test", "path": "/data/a", "value": "1"},
            {"op": "move", "from": "/data/a", "path": "/data/c"},
            {"op": "copy", "from": "/data/c", "path": "/data/d"},
            {"op": "replace", "path": "/data/b", "value": "3"},
            {"op": "add", "path": "/metadata/labels/example.com~1team", "value": "x"},
            {"op": "remove", "path": "/metadata/labels/test"},
        ], namespace=namespace, kind=PatchKind.JSON)
        assert patched["data"] == {"b": "3", "c": "1", "d": "1"}
        assert patched["metadata"]["labels"] == {"example.com/team": "x"}

    async def test_lists_are_edited_by_position(self, kube: Kube, namespace: str) -> None:
        await kube.create(WORKFLOWS, workflow(templates=[{"name": "a"}, {"name": "b"}]), namespace=namespace)
        patched = await kube.patch(WORKFLOWS, "flow", [
            {"op": "add", "path": "/spec/templates/-", "value": {"name": "c"}},
            {"op": "add", "path": "/spec/templates/0", "value": {"name": "z"}},
            {"op": "remove", "path": "/spec/templates/1"},
        ], namespace=namespace, kind=PatchKind.JSON)
        assert names([{"metadata": each} for each in patched["spec"]["templates"]]) == ["z", "b", "c"]

    async def test_a_failed_test_changes_nothing(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(a="1"), namespace=namespace)
        with pytest.raises(Invalid):
            await kube.patch(CONFIG_MAPS, "settings", [
                {"op": "add", "path": "/data/b", "value": "2"}, {"op": "test", "path": "/data/a", "value": "other"},
            ], namespace=namespace, kind=PatchKind.JSON)
        assert await kube.get(CONFIG_MAPS, "settings", namespace=namespace) == made

    async def test_removing_what_is_not_there_is_refused(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(a="1"), namespace=namespace)
        with pytest.raises(Invalid):
            await kube.patch(CONFIG_MAPS, "settings", [{"op": "remove", "path": "/data/b"}], namespace=namespace,
                             kind=PatchKind.JSON)

    @pytest.mark.parametrize("patch", [{"data": {}}, [{"op": "paint", "path": "/data"}]])
    async def test_a_malformed_patch_is_refused(self, kube: Kube, namespace: str, patch: Any) -> None:
        await kube.create(CONFIG_MAPS, config_map(a="1"), namespace=namespace)
        with pytest.raises(KubeError) as refused:
            await kube.patch(CONFIG_MAPS, "settings", patch, namespace=namespace, kind=PatchKind.JSON)
        assert refused.value.status in (400, 422)


class TestStrategicMergeAndApply:
    async def test_named_items_are_merged_by_name(self, kube: Kube, namespace: str) -> None:
        await kube.create(PODS, pod(), namespace=namespace)
        patched = await kube.patch(PODS, "worker", {"spec": {"containers": [{"name": "main", "image": "alpine"}]}},
                                   namespace=namespace, kind=PatchKind.STRATEGIC)
        (container,) = patched["spec"]["containers"]
        assert container["image"] == "alpine"
        assert [each["name"] for each in container["env"]] == ["A", "B"]

    async def test_owner_references_are_merged_by_uid(self, kube: Kube, namespace: str) -> None:
        one = await kube.create(CONFIG_MAPS, config_map("one"), namespace=namespace)
        two = await kube.create(CONFIG_MAPS, config_map("two"), namespace=namespace)
        child = config_map("child")
        child["metadata"]["ownerReferences"] = [owned_by(one)]
        await kube.create(CONFIG_MAPS, child, namespace=namespace)
        patched = await kube.patch(CONFIG_MAPS, "child", {"metadata": {"ownerReferences": [owned_by(two)]}},
                                   namespace=namespace, kind=PatchKind.STRATEGIC)
        assert {each["name"] for each in patched["metadata"]["ownerReferences"]} == {"one", "two"}
        patched = await kube.patch(
            CONFIG_MAPS, "child",
            {"metadata": {"ownerReferences": [{"$patch": "delete", "uid": one["metadata"]["uid"]}]}},
            namespace=namespace, kind=PatchKind.STRATEGIC)
        assert [each["name"] for each in patched["metadata"]["ownerReferences"]] == ["two"]

    async def test_a_mapping_can_be_replaced_whole(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(a="1"), namespace=namespace)
        patched = await kube.patch(CONFIG_MAPS, "settings", {"data": {"$patch": "replace", "b": "2"}},
                                   namespace=namespace, kind=PatchKind.STRATEGIC)
        assert patched["data"] == {"b": "2"}

    async def test_custom_resources_take_no_strategic_merge(self, kube: Kube, namespace: str) -> None:
        await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        with pytest.raises(KubeError) as refused:
            await kube.patch(WORKFLOWS, "flow", {"spec": {"suspend": True}}, namespace=namespace, kind=PatchKind.STRATEGIC)
        assert refused.value.status in (400, 415)

    async def test_apply_creates_what_is_not_there(self, kube: Kube, namespace: str) -> None:
        made = await kube.patch(CONFIG_MAPS, "settings", config_map(a="1"), namespace=namespace, kind=PatchKind.APPLY)
        assert made["data"] == {"a": "1"}
        assert made["metadata"]["uid"]

    async def test_apply_changes_what_is_there(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(a="1", b="2"), namespace=namespace)
        await kube.patch(CONFIG_MAPS, "settings", config_map(b="3"), namespace=namespace, kind=PatchKind.APPLY)
        read = await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        assert read["data"] == {"a": "1", "b": "3"}


class TestSecrets:
    async def test_plain_text_is_kept_in_base64(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(SECRETS, {"metadata": {"name": "token"}, "stringData": {"key": "s3cret"}},
                                 namespace=namespace)
        assert made["data"] == {"key": "czNjcmV0"}
        assert "stringData" not in made
        assert made["type"] == "Opaque"

    async def test_data_that_is_not_base64_is_refused(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(KubeError) as refused:
            await kube.create(SECRETS, {"metadata": {"name": "token"}, "data": {"key": "***"}}, namespace=namespace)
        assert refused.value.status in (400, 422)


class TestDeleting:
    async def test_a_deleted_object_is_gone(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        with pytest.raises(NotFound):
            await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        with pytest.raises(NotFound):
            await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)

    async def test_with_a_uid_only_that_very_object_is_deleted(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        with pytest.raises(Conflict):
            await kube.delete(CONFIG_MAPS, "settings", namespace=namespace, uid="11111111-1111-1111-1111-111111111111")
        first = made["metadata"]["resourceVersion"]
        await kube.patch(CONFIG_MAPS, "settings", {"data": {"other": "value"}}, namespace=namespace)
        with pytest.raises(Conflict):
            await kube.delete(CONFIG_MAPS, "settings", namespace=namespace, resource_version=first)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace, uid=made["metadata"]["uid"])

    async def test_a_finalizer_holds_the_object_until_it_is_removed(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["finalizers"] = ["example.com/hold"]
        await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        marked = await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        assert marked["metadata"]["deletionTimestamp"].endswith("Z")
        with pytest.raises(AlreadyExists):
            await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"finalizers": None}}, namespace=namespace)
        with pytest.raises(NotFound):
            await kube.get(CONFIG_MAPS, "settings", namespace=namespace)

    async def test_a_finalizer_cannot_be_added_once_deletion_has_begun(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["finalizers"] = ["example.com/hold"]
        await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        with pytest.raises(KubeError) as refused:
            await kube.patch(CONFIG_MAPS, "settings",
                             {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}, namespace=namespace)
        assert refused.value.status in (403, 422)

    async def test_deleting_twice_is_harmless(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["finalizers"] = ["example.com/hold"]
        await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        once = await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        twice = await kube.get(CONFIG_MAPS, "settings", namespace=namespace)
        assert once["metadata"]["deletionTimestamp"] == twice["metadata"]["deletionTimestamp"]

    async def test_nobody_can_undo_a_deletion(self, kube: Kube, namespace: str) -> None:
        mine = config_map()
        mine["metadata"]["finalizers"] = ["example.com/hold"]
        await kube.create(CONFIG_MAPS, mine, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        patched = await kube.patch(
            CONFIG_MAPS, "settings", {"metadata": {"deletionTimestamp": None}, "data": {"x": "y"}}, namespace=namespace)
        assert patched["metadata"]["deletionTimestamp"]

    async def test_a_pod_that_never_started_goes_at_once(self, kube: Kube, namespace: str) -> None:
        await kube.create(PODS, pod(), namespace=namespace)
        await kube.delete(PODS, "worker", namespace=namespace)
        with pytest.raises(NotFound):
            await kube.get(PODS, "worker", namespace=namespace)

    async def test_a_pod_on_a_node_stays_until_its_node_lets_it_go(self, kube: Kube, namespace: str) -> None:
        bound = pod()
        bound["spec"] |= {"nodeName": "nowhere-node", "terminationGracePeriodSeconds": 600}
        await kube.create(PODS, bound, namespace=namespace)
        await kube.delete(PODS, "worker", namespace=namespace)
        marked = await kube.get(PODS, "worker", namespace=namespace)
        assert marked["metadata"]["deletionGracePeriodSeconds"] == 600
        assert marked["metadata"]["deletionTimestamp"] > marked["metadata"]["creationTimestamp"]
        await kube.delete(PODS, "worker", namespace=namespace, grace_seconds=300)
        assert (await kube.get(PODS, "worker", namespace=namespace))["metadata"]["deletionGracePeriodSeconds"] == 300
        await kube.delete(PODS, "worker", namespace=namespace, grace_seconds=0)
        with pytest.raises(NotFound):
            await kube.get(PODS, "worker", namespace=namespace)

    async def test_a_status_write_reaches_a_pod_that_is_ending(self, kube: Kube, namespace: str) -> None:
        bound = pod()
        bound["spec"] |= {"nodeName": "nowhere-node", "terminationGracePeriodSeconds": 600}
        await kube.create(PODS, bound, namespace=namespace)
        await kube.delete(PODS, "worker", namespace=namespace)
        written = await kube.patch(PODS, "worker", {"status": {"phase": "Failed"}}, namespace=namespace, subresource="status")
        assert written["status"]["phase"] == "Failed"
        await kube.delete(PODS, "worker", namespace=namespace, grace_seconds=0)

    async def test_a_pods_finalizer_outlasts_its_grace(self, kube: Kube, namespace: str) -> None:
        await kube.create(PODS, pod(finalizers=["example.com/hold"]), namespace=namespace)
        await kube.delete(PODS, "worker", namespace=namespace, grace_seconds=0)
        assert (await kube.get(PODS, "worker", namespace=namespace))["metadata"]["deletionTimestamp"]
        await kube.patch(PODS, "worker", [{"op": "remove", "path": "/metadata/finalizers/0"}], namespace=namespace,
                         kind=PatchKind.JSON)
        with pytest.raises(NotFound):
            await kube.get(PODS, "worker", namespace=namespace)


class TestOwnership:
    async def family(self, kube: Kube, namespace: str, *, blocks: bool = False) -> tuple[dict[str, Any], str]:
        """A parent and its child, and the version from which to watch what becomes of them."""
        parent = await kube.create(CONFIG_MAPS, config_map("parent"), namespace=namespace)
        child = config_map("child")
        child["metadata"]["ownerReferences"] = [owned_by(parent, blocks=blocks)]
        made = await kube.create(CONFIG_MAPS, child, namespace=namespace)
        return parent, made["metadata"]["resourceVersion"]

    def follow(self, kube: Kube, namespace: str, version: str) -> Any:
        return aclosing(kube.watch(CONFIG_MAPS, namespace=namespace, resource_version=version, label_selector="test"))

    async def test_dependents_go_after_their_owner(self, kube: Kube, namespace: str) -> None:
        _, version = await self.family(kube, namespace)
        await kube.delete(CONFIG_MAPS, "parent", namespace=namespace)
        async with self.follow(kube, namespace, version) as events:
            assert await things(events, 2) == [("DELETED", "parent"), ("DELETED", "child")]

    async def test_grandchildren_go_too(self, kube: Kube, namespace: str) -> None:
        _, version = await self.family(kube, namespace)
        child = await kube.get(CONFIG_MAPS, "child", namespace=namespace)
        grandchild = config_map("grandchild")
        grandchild["metadata"]["ownerReferences"] = [owned_by(child)]
        await kube.create(CONFIG_MAPS, grandchild, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "parent", namespace=namespace)
        async with self.follow(kube, namespace, version) as events:
            await until(events, "DELETED", "grandchild")

    async def test_foreground_takes_the_owner_last(self, kube: Kube, namespace: str) -> None:
        _, version = await self.family(kube, namespace, blocks=True)
        await kube.delete(CONFIG_MAPS, "parent", namespace=namespace, propagation="Foreground")
        async with self.follow(kube, namespace, version) as events:
            marked = await until(events, "MODIFIED", "parent")
            assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
            await until(events, "DELETED", "child")
            await until(events, "DELETED", "parent")

    async def test_foreground_waits_for_a_blocking_dependent(self, kube: Kube, namespace: str) -> None:
        parent = await kube.create(CONFIG_MAPS, config_map("parent"), namespace=namespace)
        child = config_map("child")
        child["metadata"] |= {"ownerReferences": [owned_by(parent, blocks=True)], "finalizers": ["example.com/hold"]}
        made = await kube.create(CONFIG_MAPS, child, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "parent", namespace=namespace, propagation="Foreground")
        async with self.follow(kube, namespace, made["metadata"]["resourceVersion"]) as events:
            marked = await until(events, "MODIFIED", "child")
            assert marked["metadata"]["deletionTimestamp"]
            assert (await kube.get(CONFIG_MAPS, "parent", namespace=namespace))["metadata"]["deletionTimestamp"]
            await kube.patch(CONFIG_MAPS, "child", {"metadata": {"finalizers": None}}, namespace=namespace)
            await until(events, "DELETED", "parent")

    async def test_orphans_stay_without_their_owner(self, kube: Kube, namespace: str) -> None:
        _, version = await self.family(kube, namespace)
        await kube.delete(CONFIG_MAPS, "parent", namespace=namespace, propagation="Orphan")
        async with self.follow(kube, namespace, version) as events:
            await until(events, "DELETED", "parent")
        orphan = await kube.get(CONFIG_MAPS, "child", namespace=namespace)
        assert "ownerReferences" not in orphan["metadata"]

    async def test_an_object_with_another_owner_stays(self, kube: Kube, namespace: str) -> None:
        parent, _ = await self.family(kube, namespace)
        other = await kube.create(CONFIG_MAPS, config_map("other"), namespace=namespace)
        shared = config_map("shared")
        shared["metadata"]["ownerReferences"] = [owned_by(parent), owned_by(other)]
        made = await kube.create(CONFIG_MAPS, shared, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "parent", namespace=namespace)
        async with self.follow(kube, namespace, made["metadata"]["resourceVersion"]) as events:
            kept = await until(events, "MODIFIED", "shared")
        assert [owner["name"] for owner in kept["metadata"]["ownerReferences"]] == ["other"]

    async def test_an_object_whose_owner_never_existed_is_collected(self, kube: Kube, namespace: str) -> None:
        orphan = config_map("stray")
        orphan["metadata"]["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "11111111-1111-1111-1111-111111111111"}]
        made = await kube.create(CONFIG_MAPS, orphan, namespace=namespace)
        async with self.follow(kube, namespace, made["metadata"]["resourceVersion"]) as events:
            await until(events, "DELETED", "stray")

    async def test_a_workflows_pods_go_with_it(self, kube: Kube, namespace: str) -> None:
        flow = await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        made = await kube.create(PODS, pod(ownerReferences=[owned_by(flow, blocks=True)]), namespace=namespace)
        await kube.delete(WORKFLOWS, "flow", namespace=namespace)
        async with aclosing(kube.watch(
                PODS, namespace=namespace, resource_version=made["metadata"]["resourceVersion"])) as events:
            await until(events, "DELETED", "worker")


class TestWatching:
    async def test_changes_after_a_version_come_in_order(self, kube: Kube, namespace: str) -> None:
        start = (await kube.list(CONFIG_MAPS, namespace=namespace)).resource_version
        await kube.create(CONFIG_MAPS, config_map("a"), namespace=namespace)
        await kube.patch(CONFIG_MAPS, "a", {"data": {"x": "y"}}, namespace=namespace)
        await kube.delete(CONFIG_MAPS, "a", namespace=namespace)
        async with aclosing(kube.watch(
                CONFIG_MAPS, namespace=namespace, resource_version=start, label_selector="test")) as events:
            assert await things(events, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]

    async def test_a_waiting_watch_is_told_at_once(self, kube: Kube, namespace: str) -> None:
        start = (await kube.list(WORKFLOWS, namespace=namespace)).resource_version
        async with aclosing(kube.watch(WORKFLOWS, namespace=namespace, resource_version=start)) as events, \
                asyncio.TaskGroup() as group:
            seen = group.create_task(things(events, 2))
            await kube.create(WORKFLOWS, workflow("one"), namespace=namespace)
            await kube.create(WORKFLOWS, workflow("two"), namespace=namespace)
        assert seen.result() == [("ADDED", "one"), ("ADDED", "two")]

    async def test_without_a_version_it_begins_with_all_that_exists(self, kube: Kube, namespace: str) -> None:
        await kube.create(WORKFLOWS, workflow("one"), namespace=namespace)
        await kube.create(WORKFLOWS, workflow("two"), namespace=namespace)
        async with aclosing(kube.watch(WORKFLOWS, namespace=namespace)) as events:
            assert sorted(await things(events, 2)) == [("ADDED", "one"), ("ADDED", "two")]
            await kube.create(WORKFLOWS, workflow("three"), namespace=namespace)
            assert await things(events, 1) == [("ADDED", "three")]

    async def test_events_carry_the_object_as_it_was_then(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(state="1"), namespace=namespace)
        second = await kube.patch(CONFIG_MAPS, "settings", {"data": {"state": "2"}}, namespace=namespace)
        third = await kube.patch(CONFIG_MAPS, "settings", {"data": {"state": "3"}}, namespace=namespace)
        async with aclosing(kube.watch(
                CONFIG_MAPS, namespace=namespace, resource_version=made["metadata"]["resourceVersion"],
                label_selector="test")) as events:
            assert (await anext(events)).object == second
            assert (await anext(events)).object == third

    async def test_a_deletion_carries_the_last_state_and_its_own_version(self, kube: Kube, namespace: str) -> None:
        made = await kube.create(CONFIG_MAPS, config_map(state="last"), namespace=namespace)
        await kube.delete(CONFIG_MAPS, "settings", namespace=namespace)
        async with aclosing(kube.watch(
                CONFIG_MAPS, namespace=namespace, resource_version=made["metadata"]["resourceVersion"],
                label_selector="test")) as events:
            gone = await until(events, "DELETED", "settings")
        assert gone["data"] == {"state": "last"}
        assert int(gone["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])

    async def test_it_goes_on_from_the_last_version_seen(self, kube: Kube, namespace: str) -> None:
        start = (await kube.list(WORKFLOWS, namespace=namespace)).resource_version
        for name in ("a", "b", "c", "d"):
            await kube.create(WORKFLOWS, workflow(name), namespace=namespace)
        async with aclosing(kube.watch(WORKFLOWS, namespace=namespace, resource_version=start)) as events:
            await until(events, "ADDED", "a")
            last = (await until(events, "ADDED", "b"))["metadata"]["resourceVersion"]
        async with aclosing(kube.watch(WORKFLOWS, namespace=namespace, resource_version=last)) as events:
            assert await things(events, 2) == [("ADDED", "c"), ("ADDED", "d")]

    async def test_other_namespaces_are_not_told(self, kube: Kube, namespace: str) -> None:
        other = f"{namespace}-2"
        await kube.create(NAMESPACES, {"metadata": {"name": other}})
        start = (await kube.list(WORKFLOWS, namespace=namespace)).resource_version
        await kube.create(WORKFLOWS, workflow("there"), namespace=other)
        await kube.create(WORKFLOWS, workflow("here"), namespace=namespace)
        async with aclosing(kube.watch(WORKFLOWS, namespace=namespace, resource_version=start)) as events:
            assert await things(events, 1) == [("ADDED", "here")]

    async def test_an_object_that_stops_matching_is_deleted_for_the_watch(self, kube: Kube, namespace: str) -> None:
        start = (await kube.list(CONFIG_MAPS, namespace=namespace)).resource_version
        await kube.create(CONFIG_MAPS, config_map(labels={"side": "left"}), namespace=namespace)
        await kube.patch(CONFIG_MAPS, "settings", {"data": {"x": "y"}}, namespace=namespace)
        left = await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"labels": {"side": "right"}}}, namespace=namespace)
        await kube.patch(CONFIG_MAPS, "settings", {"data": {"x": "z"}}, namespace=namespace)
        await kube.patch(CONFIG_MAPS, "settings", {"metadata": {"labels": {"side": "left"}}}, namespace=namespace)
        async with aclosing(kube.watch(
                CONFIG_MAPS, namespace=namespace, resource_version=start, label_selector="side=left")) as events:
            seen = [await anext(events) for _ in range(4)]
        assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]
        assert seen[2].object["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]

    async def test_one_object_is_followed_by_name(self, kube: Kube, namespace: str) -> None:
        start = (await kube.list(WORKFLOWS, namespace=namespace)).resource_version
        for name in ("a", "b"):
            await kube.create(WORKFLOWS, workflow(name), namespace=namespace)
        async with aclosing(kube.watch(
                WORKFLOWS, namespace=namespace, resource_version=start, field_selector="metadata.name=b")) as events:
            assert await things(events, 1) == [("ADDED", "b")]

    async def test_a_version_that_was_never_given_out_is_refused(self, kube: Kube, namespace: str) -> None:
        with pytest.raises(KubeError):
            async with aclosing(kube.watch(CONFIG_MAPS, namespace=namespace, resource_version="soon")) as events:
                await anext(events)

    async def test_many_watches_see_the_same(self, kube: Kube, namespace: str) -> None:
        start = (await kube.list(WORKFLOWS, namespace=namespace)).resource_version

        async def watching() -> list[tuple[str, str]]:
            async with aclosing(kube.watch(WORKFLOWS, namespace=namespace, resource_version=start)) as events:
                return await things(events, 6)

        async with asyncio.TaskGroup() as group:
            watches = [group.create_task(watching()) for _ in range(10)]
            for number in range(6):
                await kube.create(WORKFLOWS, workflow(f"w{number}"), namespace=namespace)
        assert {tuple(watch.result()) for watch in watches} == {tuple(("ADDED", f"w{number}") for number in range(6))}

    async def test_list_then_watch_misses_nothing_and_repeats_nothing(self, kube: Kube, namespace: str) -> None:
        async def writing() -> None:
            for number in range(30):
                await kube.create(WORKFLOWS, workflow(f"w{number:02}"), namespace=namespace)

        async with asyncio.TaskGroup() as group:
            group.create_task(writing())
            listing = await kube.list(WORKFLOWS, namespace=namespace)
            seen = names(listing.items)
            async with aclosing(kube.watch(
                    WORKFLOWS, namespace=namespace, resource_version=listing.resource_version)) as events:
                seen += [name for _, name in await things(events, 30 - len(seen))] if len(seen) < 30 else []
        assert seen == [f"w{number:02}" for number in range(30)]


class TestNamespaces:
    async def test_default_is_there(self, kube: Kube) -> None:
        made = await kube.get(NAMESPACES, "default")
        assert made["status"]["phase"] == "Active"
        assert made["metadata"]["labels"]["kubernetes.io/metadata.name"] == "default"

    async def test_each_has_a_default_service_account(self, kube: Kube, namespace: str) -> None:
        async with aclosing(kube.watch(SERVICE_ACCOUNTS, namespace=namespace)) as events:
            await until(events, "ADDED", "default")

    async def test_a_deleted_namespace_takes_its_objects_along(self, kube: Kube, namespace: str) -> None:
        await kube.create(CONFIG_MAPS, config_map(), namespace=namespace)
        await kube.create(WORKFLOWS, workflow(), namespace=namespace)
        start = (await kube.list(NAMESPACES)).resource_version
        await kube.delete(NAMESPACES, namespace)
        async with aclosing(kube.watch(
                NAMESPACES, resource_version=start, field_selector=f"metadata.name={namespace}")) as events:
            await until(events, "DELETED", namespace)
        assert (await kube.list(CONFIG_MAPS, namespace=namespace)).items == []
        assert (await kube.list(WORKFLOWS, namespace=namespace)).items == []

    async def test_a_namespaces_name_is_a_label(self, kube: Kube) -> None:
        with pytest.raises(Invalid):
            await kube.create(NAMESPACES, {"metadata": {"name": "with.dot"}})
