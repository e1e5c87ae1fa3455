"""A large workflow's nodes are kept compressed, as Argo keeps them, and read wherever nodes are read."""

import base64
import gzip

import orjson
import pytest

from argosy.embedded.store.ledger import MAX_OBJECT_BYTES
from argosy.errors import ArgosyError
from argosy.kube.contract import BadRequest, KubeError, Object, Resource
from controller.packing import PACK_FROM, UNPACK_BELOW, Packer, is_too_large, pack, readable, unpack, unpacked
from tests.support.still_controller import graph, task, world


def nodes(size: int) -> dict[str, dict[str, str]]:
    """Nodes of about so many bytes."""
    return {f"w-{number}": {"id": f"w-{number}", "message": "x" * 80} for number in range(size // 120)}


async def test_few_nodes_stay_as_a_person_can_read_them() -> None:
    status = {"phase": "Running", "nodes": nodes(PACK_FROM // 2)}
    assert await Packer({}).packed(status) == status


async def test_many_nodes_are_compressed_in_argos_form() -> None:
    status = {"phase": "Running", "nodes": nodes(2 * PACK_FROM)}
    packed = await Packer({}).packed(status)
    assert "nodes" not in packed
    assert packed["phase"] == "Running"
    assert orjson.loads(gzip.decompress(base64.b64decode(packed["compressedNodes"]))) == status["nodes"]
    assert unpacked({"status": packed}) == {"status": status}


async def test_what_is_compressed_stays_so_until_it_is_clearly_small() -> None:
    packer = Packer({"status": {"compressedNodes": "..."}})
    assert "compressedNodes" in await packer.packed({"nodes": nodes(PACK_FROM * 3 // 4)})
    assert "nodes" in await packer.packed({"nodes": nodes(UNPACK_BELOW // 2)})
    assert "nodes" in await packer.packed({"nodes": nodes(PACK_FROM * 3 // 4)})


async def test_very_many_nodes_are_compressed_aside() -> None:
    status = {"nodes": nodes(5 * 1024 * 1024)}
    assert unpack((await Packer({}).packed(status))["compressedNodes"]) == status["nodes"]


def spoilt(plain: bytes) -> str:
    """Packed, with a bit of what is compressed turned over."""
    packed = bytearray(base64.b64decode(pack(plain)))
    packed[10] ^= 0x0F
    return base64.b64encode(packed).decode()


@pytest.mark.parametrize("text", ["nonsense", "bm9uc2Vuc2U=", pack(b"{")[:-8], spoilt(b"{}" * 50), 7])
def test_what_cannot_be_read_says_so(text: object) -> None:
    with pytest.raises(ArgosyError, match=r"status\.compressedNodes cannot be read"):
        unpack(text)
    assert readable({"status": {"compressedNodes": text, "phase": "Running"}}) == {"status": {"phase": "Running"}}


@pytest.mark.parametrize(("text", "status", "meant"), [
    ("Request entity too large: limit is 3145728", 413, True),
    ("etcdserver: request is too large", 500, True),
    (f"the object has 1 bytes of JSON; the most that is stored is {MAX_OBJECT_BYTES}", 400, True),
    ("etcdserver: leader changed", 500, False),
])
def test_a_refusal_for_size_is_told_from_others(text: str, status: int, meant: bool) -> None:
    error = KubeError(text)
    error.status = status
    assert is_too_large(error) == meant


async def test_a_large_workflow_goes_on_from_its_compressed_nodes_after_a_kill() -> None:
    steps = 300
    async with world() as place:
        await place.submit(graph(task("each", withSequence={"count": str(steps)}), task("last", "each")))
        async with place.controller():
            for number in range(steps):
                await place.end(await place.pod(f"each({number}:{number})"))
            last = await place.pod("last")
            place.clock.move(3)
            await place.end(last)
            place.clock.move(3)
            done = await place.over()
        assert done["status"]["phase"] == "Succeeded"
        assert "nodes" not in done["status"]
        assert len(await place.saved()) == steps + 3


async def test_a_workflow_that_grows_too_large_ends_and_says_what_to_do() -> None:
    async with world() as place:
        await place.submit(graph(task("a"), task("b")))
        async with place.controller():
            pod = await place.pod("a")
            await place.pod("b")

            replace = place.kube.replace

            async def refuse_what_is_new(resource: Resource, obj: Object, **options: str) -> Object:
                if obj["status"]["nodes"]["w"]["progress"] != "0/2":
                    raise BadRequest("etcdserver: request is too large")
                return await replace(resource, obj, **options)

            place.kube.replace = refuse_what_is_new  # type: ignore[method-assign]  # a server that takes no more
            await place.end(pod)
            place.clock.move(1)
            done = await place.over()
        assert done["status"]["phase"] == "Error"
        assert "too large to be written down" in done["status"]["message"]
        assert "b" not in await place.pods()
