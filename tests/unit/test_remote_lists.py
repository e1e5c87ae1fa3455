"""A long list is fetched page by page, and told as one."""

from typing import Any

from aiohttp import web

from argosy.kube.kubeconfig import KubeConfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import CONFIG_MAPS
from tests.support.faces import names
from tests.support.scripted_server import failed, server


def page(*found: str, version: str = "7", token: str = "") -> web.Response:
    tree: dict[str, Any] = {"kind": "ConfigMapList", "apiVersion": "v1",
                            "metadata": {"resourceVersion": version, "continue": token},
                            "items": [{"metadata": {"name": name}} for name in found]}
    return web.json_response(tree)


async def test_pages_are_put_together() -> None:
    async with server(page("a", "b", token="t1"), page("c", token="t2"), page("d")) as url, \
            RemoteKube(KubeConfig(url)) as kube:
        listing = await kube.list(CONFIG_MAPS)
    assert (names(listing.items), listing.resource_version, listing.continue_token) == (["a", "b", "c", "d"], "7", "")
    assert listing.items[3]["kind"] == "ConfigMap"


async def test_a_moment_that_is_forgotten_meanwhile_is_replaced_by_another_whole_one() -> None:
    async with server(page("a", token="t1"), failed(410, "Expired"), page("b", "c", version="9")) as url, \
            RemoteKube(KubeConfig(url)) as kube:
        listing = await kube.list(CONFIG_MAPS)
    assert (names(listing.items), listing.resource_version) == (["b", "c"], "9")


async def test_who_asks_for_a_page_gets_a_page() -> None:
    async with server(page("a", token="t1")) as url, RemoteKube(KubeConfig(url)) as kube:
        listing = await kube.list(CONFIG_MAPS, limit=1)
    assert (names(listing.items), listing.continue_token) == (["a"], "t1")
