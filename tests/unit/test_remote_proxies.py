"""Proxies on the way to the API server: the kubeconfig's, else the environment's, as kubectl takes them."""

from pathlib import Path

import pytest
import yaml
from aiohttp import web

from argosy.errors import Unavailable
from argosy.kube.kubeconfig import KubeConfig, KubeconfigError, load_kubeconfig
from argosy.kube.proxies import Proxies, proxy_for
from argosy.kube.remote import RemoteKube
from tests.support.authorities import Authority, proxy, serving

PROXIES = Proxies(https="http://secure:1", http="http://plain:1")


def config_of(folder: Path, server: str, proxies: Proxies, **cluster: str) -> KubeConfig:
    file = folder / "config"
    file.write_text(yaml.safe_dump({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": "t"}}]}))
    return load_kubeconfig(path=file, proxies=proxies)


class TestWhichOne:
    def test_the_servers_scheme_decides(self) -> None:
        assert proxy_for("https://api.test:6443", PROXIES) == "http://secure:1"
        assert proxy_for("http://api.test", PROXIES) == "http://plain:1"
        assert proxy_for("https://api.test", Proxies()) == ""
        assert proxy_for("https://api.test", Proxies(https="proxy:3128")) == "http://proxy:3128"

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
    def test_this_machine_is_never_asked_through_one(self, host: str) -> None:
        assert proxy_for(f"https://{host}:6443", PROXIES) == ""

    @pytest.mark.parametrize(("none_for", "server", "is_direct"), [
        ("*", "https://api.test", True),
        ("api.test", "https://api.test:6443", True),
        ("api.test", "https://one.api.test", True),
        ("api.test", "https://myapi.test", False),
        (".api.test", "https://one.api.test", True),
        (".api.test", "https://api.test", False),
        ("*.api.test", "https://one.api.test", True),
        ("API.test", "https://api.TEST", True),
        ("api.test:6443", "https://api.test:6443", True),
        ("api.test:443", "https://api.test:6443", False),
        ("api.test:443", "https://api.test", True),
        ("10.0.0.1", "https://10.0.0.1", True),
        ("10.0.0.1:6443", "https://10.0.0.1:443", False),
        ("10.0.0.0/8", "https://10.9.8.7", True),
        ("10.0.0.0/8", "https://11.9.8.7", False),
        ("fd00::/8", "https://[fd00::1]:6443", True),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", True),
        (" other.test , ,api.test ", "https://api.test", True),
        ("10.0.0.0/99,/,:", "https://10.0.0.1", False),
        ("", "https://api.test", False),
    ])
    def test_none_is_used_where_the_environment_says_so(self, none_for: str, server: str, is_direct: bool) -> None:
        found = proxy_for(server, Proxies(https="http://secure:1", none_for=none_for))
        assert found == ("" if is_direct else "http://secure:1")

    def test_the_kubeconfigs_own_counts_more(self, tmp_path: Path) -> None:
        assert config_of(tmp_path, "https://a.test", PROXIES).proxy_url == "http://secure:1"
        assert config_of(tmp_path, "https://a.test", PROXIES, **{"proxy-url": "http://own:1"}).proxy_url == "http://own:1"

    def test_one_of_another_kind_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(KubeconfigError, match=r"proxy-url .*socks5.* http:// or https://"):
            config_of(tmp_path, "https://a.test", PROXIES, **{"proxy-url": "socks5://own:1"})
        with pytest.raises(KubeconfigError, match=r"HTTPS_PROXY .*socks5"):
            config_of(tmp_path, "https://a.test", Proxies(https="socks5://own:1"))


async def say(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"done": True})


class TestTheWay:
    async def test_calls_go_through_it_and_the_server_is_verified_beyond_it(self, tmp_path: Path) -> None:
        authority = Authority()
        async with serving(say, authority.server_context(tmp_path)) as url, \
                proxy(towards=url.removeprefix("https://")) as (address, heads):
            through = f"http://me:hush@{address}"
            config = KubeConfig("https://api.test:6443", authority=authority.certificate, proxy_url=through, token="t")
            async with RemoteKube(config) as kube:
                assert [await kube.get_json("/x") for _ in range(2)] == [{"done": True}] * 2
            assert len(heads) == 1
            assert heads[0].startswith("CONNECT api.test:6443 ")
            assert "Proxy-Authorization: Basic bWU6aHVzaA==" in heads[0]
            assert "Bearer" not in heads[0]
            assert "hush" not in repr(config)

    async def test_the_name_in_the_servers_certificate_may_be_another_than_its_address(self, tmp_path: Path) -> None:
        authority = Authority()
        async with serving(say, authority.server_context(tmp_path)) as url, \
                proxy(towards=url.removeprefix("https://")) as (address, heads), RemoteKube(KubeConfig(
                    "https://10.0.0.1:6443", authority=authority.certificate, tls_server_name="api.test",
                    proxy_url=f"http://{address}")) as kube:
            assert await kube.get_json("/x") == {"done": True}
            assert heads[0].startswith("CONNECT 10.0.0.1:6443 ")

    async def test_a_proxy_that_refuses_is_told_from_a_server_that_does(self) -> None:
        async with proxy(refuses="407 Proxy Authentication Required") as (address, _heads), RemoteKube(
                KubeConfig("https://api.test", proxy_url=f"http://me:hush@{address}")) as kube:
            with pytest.raises(Unavailable, match=rf"the proxy {address} .*https://api\.test.*407") as refused:
                await kube.get_json("/x")
            assert "hush" not in str(refused.value)

    async def test_a_proxy_that_is_not_there_is_told(self) -> None:
        async with RemoteKube(KubeConfig("https://api.test", proxy_url="http://127.0.0.1:1")) as kube:
            with pytest.raises(Unavailable, match=r"the proxy 127\.0\.0\.1:1 .*cannot be reached"):
                await kube.get_json("/x")
