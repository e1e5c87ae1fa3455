"""Watches: each follows the shelf's shared list of changes at its own pace."""

from collections.abc import AsyncGenerator

from argosy.embedded.store.ledger import BOOKMARK_EVERY, Ledger
from argosy.embedded.store.selectors import Selector
from argosy.embedded.store.shelves import Change, Entry, Shelf
from argosy.kube.contract import BadRequest, Expired, Object, Resource, WatchEvent


async def watch_shelf(
    ledger: Ledger, shelf: Shelf, resource: Resource, *, namespace: str, selector: Selector, resource_version: str,
) -> AsyncGenerator[WatchEvent, None]:
    """What happens on the shelf after `resource_version` ("" or "0": first everything there is).

    Ends when the store closes or had to read its disk anew; the caller goes on from the last revision it saw.
    """
    epoch = ledger.epoch
    told = ledger.rev if resource_version in ("", "0") else _resume_point(ledger, resource_version)
    position = _position_after(shelf, told)
    if resource_version in ("", "0"):
        entries = shelf.find(namespace, selector)
        await ledger.settled(told)
        for entry in entries:
            if epoch != ledger.epoch:
                return
            yield WatchEvent("ADDED", _shown(ledger, entry.rev, resource))
    while epoch == ledger.epoch:
        if position < shelf.first:
            raise _fallen_behind()
        change = _change_at(shelf, position, ledger.committed)
        if change is not None:
            position += 1
            if event := _event(ledger, change, resource, namespace, selector):
                told = change.after.rev
                yield event
        elif ledger.committed - told >= BOOKMARK_EVERY:
            told = ledger.committed
            yield WatchEvent("BOOKMARK", {"apiVersion": resource.api_version, "kind": resource.kind,
                                          "metadata": {"resourceVersion": str(told)}})
        else:
            await ledger.changed(shelf)


def _resume_point(ledger: Ledger, resource_version: str) -> int:
    try:
        rev = int(resource_version)
    except ValueError:
        raise BadRequest(f"resourceVersion {resource_version!r} is not one that this store gave out") from None
    if rev < ledger.floor:
        raise Expired(f"resourceVersion {rev} is too old: history reaches back to {ledger.floor}; list again")
    if rev > ledger.rev:
        raise Expired(f"resourceVersion {rev} is not reached yet (the store is at {ledger.rev}); list again")
    return rev


def _position_after(shelf: Shelf, rev: int) -> int:
    """The number of the first change after `rev`."""
    position = shelf.first + len(shelf.changes)
    for change in reversed(shelf.changes):
        if change.after.rev <= rev:
            break
        position -= 1
    return position


def _change_at(shelf: Shelf, position: int, committed: int) -> Change | None:
    index = position - shelf.first
    if index >= len(shelf.changes):
        return None
    change = shelf.changes[index]
    return change if change.after.rev <= committed else None


def _event(
    ledger: Ledger, change: Change, resource: Resource, namespace: str, selector: Selector,
) -> WatchEvent | None:
    """What a change means to somebody who sees only what the selector takes."""
    before, after = change.before, change.after
    if namespace and after.namespace != namespace:
        return None
    was_seen = before is not None and _takes(selector, before)
    is_seen = not change.gone and _takes(selector, after)
    if is_seen:
        return WatchEvent("MODIFIED" if was_seen else "ADDED", _shown(ledger, after.rev, resource))
    if not was_seen or before is None:
        return None
    last = _shown(ledger, after.rev if change.gone else before.rev, resource)
    last["metadata"]["resourceVersion"] = str(after.rev)
    return WatchEvent("DELETED", last)


def _takes(selector: Selector, entry: Entry) -> bool:
    return selector.takes(entry.labels, entry.fields)


def _shown(ledger: Ledger, rev: int, resource: Resource) -> Object:
    try:
        obj = ledger.read(rev)
    except LookupError:
        raise _fallen_behind() from None
    obj["apiVersion"] = resource.api_version
    return obj


def _fallen_behind() -> Expired:
    return Expired("this watch has fallen too far behind: what it has not read is forgotten; list again")
