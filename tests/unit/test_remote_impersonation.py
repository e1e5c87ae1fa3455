"""Acting as somebody else: as the kubeconfig says, or for a trigger as its service account."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from argosy.kube.contract import Forbidden
from argosy.kube.impersonation import acting_as
from argosy.kube.kubeconfig import KubeConfig, KubeconfigError, read_kubeconfig
from argosy.kube.remote import RemoteKube
from tests.support.authorities import serving


def config_of(folder: Path, server: str, user: Mapping[str, Any]) -> KubeConfig:
    file = folder / "config"
    file.write_text(yaml.safe_dump({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server}}], "users": [{"name": "u", "user": dict(user)}]}))
    return read_kubeconfig([file])


async def sent(folder: Path, user: Mapping[str, Any], acting: str = "") -> list[tuple[str, str]]:
    """The headers of impersonation that a request brings to the server."""
    seen: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.extend((name.lower(), value) for name, value in request.headers.items() if name.lower().startswith("imp"))
        return web.json_response({})

    async with serving(answer) as url, RemoteKube(config_of(folder, url, user)) as kube:
        with acting_as(acting):
            await kube.get_json("/x")
    return seen


async def test_the_kubeconfigs_other_self_is_sent(tmp_path: Path) -> None:
    user = {"token": "t", "as": "jane", "as-uid": "42", "as-groups": ["dev", "ops"],
            "as-user-extra": {"Scopes": ["view"], "acme.com/project": ["a", "b"]}}
    assert await sent(tmp_path, user) == [
        ("impersonate-user", "jane"), ("impersonate-uid", "42"), ("impersonate-group", "dev"),
        ("impersonate-group", "ops"), ("impersonate-extra-scopes", "view"),
        ("impersonate-extra-acme.com%2fproject", "a"), ("impersonate-extra-acme.com%2fproject", "b")]


async def test_without_one_only_a_triggers_service_account_is_sent(tmp_path: Path) -> None:
    assert await sent(tmp_path, {"token": "t"}) == []
    assert await sent(tmp_path, {"token": "t"}, acting="system:serviceaccount:a:b") == [
        ("impersonate-user", "system:serviceaccount:a:b")]


async def test_a_trigger_does_not_slip_out_of_the_kubeconfigs_other_self(tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match=r"system:serviceaccount:a:b.*kubeconfig.*acts as 'jane'"):
        await sent(tmp_path, {"token": "t", "as": "jane"}, acting="system:serviceaccount:a:b")


@pytest.mark.parametrize(("user", "told"), [
    ({"as-groups": ["dev"]}, "as-groups.*without `as`"),
    ({"as-uid": "4"}, "as-uid.*without `as`"),
    ({"as-user-extra": {"a": ["b"]}}, "as-user-extra.*without `as`"),
    ({"as": "jane", "as-groups": "dev"}, "as-groups must be a list"),
    ({"as": "jane", "as-user-extra": {"a": "b"}}, "as-user-extra must be a mapping"),
    ({"as": ["jane"]}, "as must be a name"),
    ({"as": "jane\ndoe"}, "as must be a name"),
])
def test_what_would_be_sent_to_no_effect_is_told(tmp_path: Path, user: Mapping[str, Any], told: str) -> None:
    with pytest.raises(KubeconfigError, match=told):
        config_of(tmp_path, "https://a", user)
