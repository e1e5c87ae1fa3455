"""The Kubernetes API in this process, over a store of its own: what `argosy up` and `argosy run` stand on."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import orjson

from argosy.clock import Clock, new_suffix, new_uid
from argosy.embedded.store.collector import Collector, delete_object, finish_if_free
from argosy.embedded.store.journal import Journal, MemoryJournal
from argosy.embedded.store.ledger import Ledger, as_json
from argosy.embedded.store.listing import list_page
from argosy.embedded.store.metadata import generated_base, metadata_of, namespace_of
from argosy.embedded.store.patches import patched
from argosy.embedded.store.refusals import already_exists, another_uid, changed_since, not_found
from argosy.embedded.store.rules import changed_object, new_object
from argosy.embedded.store.selectors import parse_selector
from argosy.embedded.store.shelves import Entry, Shelf, shelf_name_of
from argosy.embedded.store.watching import watch_shelf
from argosy.kube.contract import (
    BadRequest,
    Forbidden,
    Listing,
    NotFound,
    Object,
    PatchKind,
    Propagation,
    Resource,
    WatchEvent,
)
from argosy.kube.resources import NAMESPACES, SERVICE_ACCOUNTS

Admit: TypeAlias = Callable[[Resource, Object, str], list[str] | None]
_NAME_TRIES: Final = 8

_warnings: ContextVar[list[str] | None] = ContextVar("store_warnings", default=None)


@contextmanager
def collecting_warnings() -> Iterator[list[str]]:
    """Within the block, what the admission check warns of is added to the list (the HTTP face sends it on)."""
    collected: list[str] = []
    token = _warnings.set(collected)
    try:
        yield collected
    finally:
        _warnings.reset(token)


@contextmanager
def _bounded_depth() -> Iterator[None]:
    """Nobody writes an object so deep by hand: what cannot be walked is refused."""
    try:
        yield
    except RecursionError:
        raise BadRequest("the object is nested too deeply; the most is 254 levels") from None


class LogReader(Protocol):
    """Who keeps the pods' logs."""

    def __call__(
        self, name: str, *, namespace: str, container: str, follow: bool, tail_lines: int | None,
        since_seconds: float | None, timestamps: bool,
    ) -> AsyncIterator[bytes]:
        """The log as pieces of bytes. Raises NotFound, BadRequest."""


class EmbeddedKube:
    """The `Kube` contract in process. Made by `open`; every call must come from one event loop at a time.

    `admit(resource, object, "CREATE" | "UPDATE")` is asked before each write: it raises Invalid, or returns warnings,
    which `collecting_warnings` hands to whoever wants to show them. `log_reader` serves `logs` and may be set later.
    """

    def __init__(
        self, ledger: Ledger, *, clock: Clock, admit: Admit | None = None, log_reader: LogReader | None = None,
    ) -> None:
        self.log_reader = log_reader
        self._ledger = ledger
        self._clock = clock
        self._admit = admit
        self._collector = Collector(ledger, clock)
        self._ensure_namespace("default")

    @classmethod
    def open(
        cls, path: str | Path, *, clock: Clock, durable: bool = True, admit: Admit | None = None,
        log_reader: LogReader | None = None,
    ) -> "EmbeddedKube":
        """Open the store in the file at `path`, or a fresh one in memory (":memory:"). Raises StoreUnreadable.

        With `durable`, what was acknowledged survives even the machine's power failing; without, only the process's end.
        """
        return cls(Ledger(_journal(path, durable=durable)), clock=clock, admit=admit, log_reader=log_reader)

    def close(self) -> None:
        """Write what is left, end all watches and let go of the file."""
        self._collector.stop()
        self._ledger.close()

    async def create(self, resource: Resource, obj: Object, *, namespace: str = "", dry_run: bool = False) -> Object:
        """Create; metadata.generateName gets its suffix. Raises AlreadyExists, Invalid."""
        shelf = self._shelf(resource)
        metadata = metadata_of(obj)
        namespace = namespace_of(resource, metadata, namespace)
        name = metadata.get("name") or self._free_name(resource, shelf, metadata, namespace)
        made = new_object(resource, obj, name=name, namespace=namespace, uid=new_uid(), now=self._clock.now())
        with _bounded_depth():
            self._ask_admission(resource, made, "CREATE")
        if shelf.get(namespace, name):
            raise already_exists(resource, name)
        if not dry_run:
            if resource.namespaced:
                self._ensure_namespace(namespace)
            entry = self._ledger.put(shelf, made, None)
            if resource == NAMESPACES:
                self._ensure_service_account(name)
            self._collector.note_written(shelf, entry)
            return await self._answer(resource, entry)
        return _own_copy(made)

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        """Read one. Raises NotFound."""
        shelf, entry = self._find(resource, name, namespace)
        if entry is None:
            await self._ledger.settled(self._ledger.rev if shelf.changes else 0)
            raise not_found(resource, name)
        return await self._answer(resource, entry)

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = "",
        limit: int = 0, continue_token: str = "",
    ) -> Listing:
        """Read many, as they were at one moment; an empty namespace means all. Raises BadRequest, Expired."""
        shelf = self._shelf(resource)
        selector = parse_selector(label_selector, field_selector)
        return await list_page(self._ledger, shelf, resource, namespace=namespace, selector=selector, limit=limit,
                               continue_token=continue_token)

    def watch(
        self, resource: Resource, *, namespace: str = "", resource_version: str = "", label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after `resource_version`; without one, ADDED for all that exist and then the changes. Raises Expired.

        A BOOKMARK comes when much else has changed, so that a watch with little to tell can still be resumed.
        """
        shelf = self._ledger.shelf(shelf_name_of(resource))
        selector = parse_selector(label_selector, field_selector)
        self._start()
        return watch_shelf(self._ledger, shelf, resource, namespace=namespace, selector=selector,
                           resource_version=resource_version)

    async def replace(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """Write the whole object. With metadata.resourceVersion, Conflict if it has changed since. Raises NotFound."""
        metadata = metadata_of(obj)
        name = metadata.get("name")
        if not isinstance(name, str) or not name:
            raise BadRequest("metadata.name is needed to say which object to replace")
        shelf, entry = self._find(resource, name, metadata.get("namespace") or "")
        if entry is None:
            raise not_found(resource, name)
        return await self._change(resource, shelf, entry, lambda _old: obj, subresource=subresource)

    async def patch(
        self, resource: Resource, name: str, patch: Any, *, namespace: str = "", kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> Object:
        """Change a part. APPLY creates what does not exist. Raises NotFound, Conflict, Invalid, BadRequest."""
        shelf, entry = self._find(resource, name, namespace)
        if entry is None:
            if kind is PatchKind.APPLY and not subresource and isinstance(patch, dict):
                named = {**metadata_of(patch), "name": name}
                return await self.create(resource, {**patch, "metadata": named}, namespace=namespace)
            raise not_found(resource, name)
        return await self._change(
            resource, shelf, entry, lambda old: patched(resource, old, patch, kind), subresource=subresource)

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = "",
        grace_seconds: int | None = None, propagation: Propagation = "Background",
    ) -> None:
        """Delete; with `uid` or `resource_version`, only that object as it was then (else Conflict). Raises NotFound.

        A pod that has started stays, marked, until it is deleted with `grace_seconds=0`; an object with finalizers stays
        until they are gone.
        """
        shelf, entry = self._find(resource, name, namespace)
        if entry is None:
            raise not_found(resource, name)
        if uid and uid != entry.uid:
            raise another_uid(resource, name, yours=uid, current=entry.uid)
        if resource_version and resource_version != str(entry.rev):
            raise changed_since(resource, name, yours=resource_version, current=str(entry.rev))
        if resource == NAMESPACES and name == "default":
            raise Forbidden('namespaces "default" cannot be deleted; delete the objects in it')
        delete_object(self._ledger, self._collector, shelf, entry, now=self._clock.now(), grace_seconds=grace_seconds,
                      propagation=propagation)
        await self._ledger.settled(self._ledger.rev)

    def logs(
        self, name: str, *, namespace: str, container: str = "", follow: bool = False, tail_lines: int | None = None,
        since_seconds: float | None = None, timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """A pod's log as pieces of bytes; with `follow`, until the container ends. Raises NotFound, BadRequest."""
        if self.log_reader is None:
            raise BadRequest(f'no logs for pods "{name}": nothing runs pods here')
        return self.log_reader(name, namespace=namespace, container=container, follow=follow, tail_lines=tail_lines,
                               since_seconds=since_seconds, timestamps=timestamps)

    def resources(self) -> tuple[Resource, ...]:
        """Every kind that can be asked for: those Argosy knows, and those that stored CustomResourceDefinitions declare."""
        from argosy.embedded.store.discovery import declared_resources

        return declared_resources(self._ledger)

    def _start(self) -> None:
        if self._ledger.bind():
            self._collector.wake()

    def _shelf(self, resource: Resource) -> Shelf:
        self._start()
        return self._ledger.shelf(shelf_name_of(resource))

    def _find(self, resource: Resource, name: str, namespace: str) -> tuple[Shelf, Entry | None]:
        shelf = self._shelf(resource)
        if resource.namespaced and not namespace:
            raise BadRequest(f'{resource.plural} "{name}": say in which namespace')
        return shelf, shelf.get(namespace if resource.namespaced else "", name)

    def _free_name(self, resource: Resource, shelf: Shelf, metadata: dict[str, Any], namespace: str) -> str:
        base = generated_base(resource, metadata)
        for _ in range(_NAME_TRIES):
            name = base + new_suffix()
            if not shelf.get(namespace, name):
                return name
        raise already_exists(resource, name)

    def _ask_admission(self, resource: Resource, obj: Object, operation: str) -> None:
        if self._admit is None:
            return
        warnings = self._admit(resource, obj, operation)
        collected = _warnings.get()
        if warnings and collected is not None:
            collected.extend(warnings)

    async def _change(
        self, resource: Resource, shelf: Shelf, entry: Entry, edit: Callable[[Object], Object], *, subresource: str,
    ) -> Object:
        if subresource and not (subresource == "status" and resource.status_subresource):
            raise NotFound(f"{resource.plural} have no subresource {subresource!r}")
        with _bounded_depth():
            old = self._ledger.read(entry.rev)
            new = edit(old)
            expected = metadata_of(new).get("resourceVersion")
            if expected and expected != str(entry.rev):
                raise changed_since(resource, entry.name, yours=expected, current=str(entry.rev))
            result = changed_object(resource, old, new, subresource=subresource)
            if result is None:
                return await self._answer(resource, entry)
            if not subresource:
                self._ask_admission(resource, result, "UPDATE")
        if finish_if_free(self._ledger, self._collector, shelf, entry, result):
            await self._ledger.settled(self._ledger.rev)
            return _own_copy(result)
        written = self._ledger.put(shelf, result, entry)
        self._collector.note_written(shelf, written)
        return await self._answer(resource, written)

    async def _answer(self, resource: Resource, entry: Entry) -> Object:
        obj = self._ledger.read(entry.rev)
        obj["apiVersion"] = resource.api_version
        await self._ledger.settled(entry.rev)
        return obj

    def _ensure_namespace(self, namespace: str) -> None:
        """In the embedded system a namespace is there as soon as something goes into it."""
        shelf = self._ledger.shelf(shelf_name_of(NAMESPACES))
        entry = shelf.get("", namespace)
        if entry is None:
            made = new_object(NAMESPACES, {}, name=namespace, namespace="", uid=new_uid(), now=self._clock.now())
            self._ledger.put(shelf, made, None)
            self._ensure_service_account(namespace)
        elif entry.fields.get("status.phase") == "Terminating":
            raise Forbidden(f'namespace "{namespace}" is being deleted; wait until it is gone, or use another')

    def _ensure_service_account(self, namespace: str) -> None:
        shelf = self._ledger.shelf(shelf_name_of(SERVICE_ACCOUNTS))
        if not shelf.get(namespace, "default"):
            self._ledger.put(shelf, new_object(
                SERVICE_ACCOUNTS, {}, name="default", namespace=namespace, uid=new_uid(), now=self._clock.now()), None)


def _journal(path: str | Path, *, durable: bool) -> Journal:
    if str(path) == ":memory:":
        return MemoryJournal()
    from argosy.embedded.store.sqlite import SqliteJournal  # costs some milliseconds that `argosy run` need not pay

    return SqliteJournal(Path(path), durable=durable)


def _own_copy(obj: Object) -> Object:
    copy: Object = orjson.loads(as_json(obj))
    return copy
