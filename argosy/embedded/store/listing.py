"""Lists: everything that a selector takes, as it was at one moment, in pages if asked for."""

import asyncio
import base64
import binascii
from typing import Final

import orjson

from argosy.embedded.store.ledger import Ledger
from argosy.embedded.store.selectors import Selector
from argosy.embedded.store.shelves import Entry, Shelf, place_of
from argosy.kube.contract import BadRequest, Expired, Listing, Object, Resource

_PARSE_AT_ONCE: Final = 500


async def list_page(
    ledger: Ledger, shelf: Shelf, resource: Resource, *, namespace: str, selector: Selector, limit: int,
    continue_token: str,
) -> Listing:
    """One page (with `limit` 0, all). Later pages show the same moment as the first, as long as history reaches back."""
    rev, after = ledger.rev, None
    if continue_token:
        rev, after = _read_token(continue_token)
        if rev < ledger.floor or rev > ledger.rev:
            raise Expired("the continue token is too old: what it stands for is forgotten; list again from the start")
    found = shelf.find(namespace, selector) if rev == ledger.rev else _found_then(shelf, rev, namespace, selector)
    if after is not None:
        found = [entry for entry in found if place_of(entry) > after]
    token = ""
    if 0 < limit < len(found):
        found = found[:limit]
        token = _write_token(rev, found[-1])
    bodies = [ledger.raw(entry.rev) for entry in found]
    await ledger.settled(rev)
    return Listing(await _parsed(bodies, resource), str(rev), token)


def _found_then(shelf: Shelf, rev: int, namespace: str, selector: Selector) -> list[Entry]:
    """What a list at an earlier revision would have found: today's objects with the changes since undone."""
    state: dict[tuple[str, str], Entry] = {place_of(entry): entry for entry in shelf.entries()}
    for change in reversed(shelf.changes):
        if change.after.rev <= rev:
            break
        if change.before:
            state[place_of(change.before)] = change.before
        else:
            state.pop(place_of(change.after), None)
    found = [entry for entry in state.values()
             if (not namespace or entry.namespace == namespace) and selector.takes(entry.labels, entry.fields)]
    found.sort(key=place_of)
    return found


async def _parsed(bodies: list[bytes], resource: Resource) -> list[Object]:
    items: list[Object] = []
    for number, body in enumerate(bodies, 1):
        obj: Object = orjson.loads(body)
        obj["apiVersion"] = resource.api_version
        items.append(obj)
        if number % _PARSE_AT_ONCE == 0:
            await asyncio.sleep(0)  # let others have their turn
    return items


def _write_token(rev: int, last: Entry) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([rev, *place_of(last)])).decode()


def _read_token(token: str) -> tuple[int, tuple[str, str]]:
    try:
        rev, room, name = orjson.loads(base64.urlsafe_b64decode(token))
        return int(rev), (str(room), str(name))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadRequest(f"the continue token {token!r} was not given out by this store") from error
