"""How an image starts: what its name means, which login is shown for it, what is written down, what is remembered."""

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from argosy.errors import SpecError, Unavailable
from argosy.kube.resources import CONFIG_MAPS
from argosy.settings import ImageStandIn, load_settings
from controller.images.configured import ARGO_CONFIG_MAP, Configured, listed_images
from controller.images.contract import ImageCommand
from controller.images.kept import Kept
from controller.images.logins import Login, logins_for
from controller.images.references import Reference, names_of, read_reference
from tests.support.faces import stored

DIGEST = "sha256:" + "0a" * 32
ASKED = {"namespace": "team", "service_account": "default", "pull_secrets": ()}
SAY = ImageCommand(("/say",), ("hello",))


@pytest.mark.parametrize(("image", "registry", "repository", "version"), [
    ("alpine", "docker.io", "library/alpine", "latest"),
    ("alpine:3.20", "docker.io", "library/alpine", "3.20"),
    ("docker.io/alpine", "docker.io", "library/alpine", "latest"),
    ("index.docker.io/argoproj/argosay:v2", "docker.io", "argoproj/argosay", "v2"),
    ("argoproj/argosay:v2", "docker.io", "argoproj/argosay", "v2"),
    ("localhost/argosy:dev", "localhost", "argosy", "dev"),
    ("localhost:5000/team/tool", "localhost:5000", "team/tool", "latest"),
    ("registry.example.com:5000/a/b/c__d:1", "registry.example.com:5000", "a/b/c__d", "1"),
    (f"quay.io/argoproj/argocli:v4@{DIGEST}", "quay.io", "argoproj/argocli", DIGEST),
    ("[::1]:5000/tool:x", "[::1]:5000", "tool", "x"),
])
def test_a_name_means_a_registry_a_repository_and_a_version(
        image: str, registry: str, repository: str, version: str) -> None:
    assert read_reference(image) == Reference(registry, repository, version)


def test_docker_hub_answers_under_another_name() -> None:
    assert read_reference("alpine").host == "registry-1.docker.io"
    assert read_reference("quay.io/a/b").host == "quay.io"
    assert read_reference(f"a@{DIGEST}").pinned
    assert not read_reference("a").pinned


@pytest.mark.parametrize("image", [
    "", "Alpine", "a/../b", "quay.io/a?b=c", "a:", "a@", "a@sha256:1", "a b", "a.b/c:d/e", "quay.io/", "a:b c",
    "a@b@c", "x.y:99999999/a", "x.y:65536/a", "http://quay.io/a", "[::::]/a", f"{'a' * 64}.com/a", "a..b/c",
    f"{'a.' * 130}com/a",
])
def test_what_is_no_name_is_refused(image: str) -> None:
    with pytest.raises(SpecError, match="is no image's name; write NAME:TAG"):
        read_reference(image)


def test_settings_may_leave_out_what_docker_adds() -> None:
    assert names_of(f"docker.io/library/alpine:3@{DIGEST}") == {
        f"docker.io/library/alpine:3@{DIGEST}", "docker.io/library/alpine:3", "docker.io/library/alpine", "alpine:3", "alpine"}
    assert "localhost:5000/a" in names_of("localhost:5000/a")


def secret(auths: Mapping[str, Any], *, kind: str = "kubernetes.io/dockerconfigjson") -> dict[str, Any]:
    file, tree = (".dockercfg", auths) if kind.endswith("dockercfg") else (".dockerconfigjson", {"auths": auths})
    return {"type": kind, "data": {file: base64.b64encode(json.dumps(tree).encode()).decode()}}


def named(username: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:p:w".encode()).decode()}


def users(image: str, *secrets: dict[str, Any]) -> list[str]:
    return [login.username for login in logins_for(read_reference(image), secrets)]


@pytest.mark.parametrize(("key", "image", "meant"), [
    ("https://index.docker.io/v1/", "alpine", True),
    ("docker.io", "argoproj/argosay", True),
    ("quay.io", "alpine", False),
    ("registry.example.com", "registry.example.com/a/b", True),
    ("https://registry.example.com/v2/", "registry.example.com/a/b", True),
    ("registry.example.com/a", "registry.example.com/a/b", True),
    ("registry.example.com/a", "registry.example.com/ab/c", False),
    ("*.example.com", "registry.example.com/a", True),
    ("*.example.com", "a.b.example.com/a", False),
    ("example.com", "example.com:5000/a", False),
    ("example.com:5000", "example.com:5000/a", True),
])
def test_a_login_is_shown_where_it_is_meant_to_be(key: str, image: str, meant: bool) -> None:
    assert users(image, secret({key: named("u")})) == (["u"] if meant else [])


def test_the_most_exact_login_comes_first_and_old_secrets_count_too() -> None:
    auths = {"quay.io": named("all"), "quay.io/team": named("team"), "quay.io/other": named("other")}
    assert users("quay.io/team/tool", secret({"*.io": named("any")}, kind="kubernetes.io/dockercfg"), secret(auths)) == [
        "team", "all", "any"]


def test_a_login_may_be_written_in_several_ways_and_none_is_printed() -> None:
    reference = read_reference("quay.io/a/b")
    for entry, login in (
            (named("u"), Login("u", "p:w")), ({"username": "u", "password": "p"}, Login("u", "p")),
            ({"identitytoken": "i"}, Login(identity_token="i")), ({"registrytoken": "r"}, Login(registry_token="r"))):
        assert logins_for(reference, [secret({"quay.io": entry})]) == (login,)
        assert "p:w" not in repr(login)


@pytest.mark.parametrize("broken", [
    {"type": "Opaque", "data": {".dockerconfigjson": "e30="}}, {"type": "kubernetes.io/dockerconfigjson"},
    {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "%%"}},
    {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "WzFd"}},
    secret({"quay.io": 3}), secret({"quay.io": {}}), secret({"quay.io": {"auth": "%%"}}),
])
def test_a_secret_that_cannot_be_read_holds_no_login(broken: dict[str, Any]) -> None:
    assert users("quay.io/a/b", broken, secret({"quay.io": named("u")})) == ["u"]


class Scripted:
    """A registry that gives one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers: ImageCommand | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def command_of(
        self, image: str, *, namespace: str, service_account: str, pull_secrets: tuple[str, ...],
    ) -> ImageCommand:
        self.asked.append(image)
        await self.gate.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class HandClock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class TestRemembering:
    async def test_a_tag_is_asked_again_after_a_while_and_a_digest_never(self) -> None:
        clock, others = HandClock(), Scripted(SAY, SAY, ImageCommand(("/new",)))
        kept = Kept(others, clock=clock)
        for image in ("a:1", f"a@{DIGEST}"):
            assert [await kept.command_of(image, **ASKED) for _ in range(3)] == [SAY] * 3
        clock.time = 601
        assert await kept.command_of("a:1", **ASKED) == ImageCommand(("/new",))
        assert await kept.command_of(f"a@{DIGEST}", **ASKED) == SAY
        assert others.asked == ["a:1", f"a@{DIGEST}", "a:1"]

    async def test_a_thousand_steps_that_begin_at_once_ask_once(self) -> None:
        others = Scripted(SAY)
        others.gate.clear()
        kept = Kept(others, clock=HandClock())
        async with asyncio.TaskGroup() as group:
            steps = [group.create_task(kept.command_of("a:1", **ASKED)) for _ in range(1000)]
            await asyncio.sleep(0)
            others.gate.set()
        assert {step.result() for step in steps} == {SAY}
        assert others.asked == ["a:1"]

    async def test_what_one_namespace_may_read_is_not_told_to_another(self) -> None:
        others = Scripted(SAY, SpecError("command", "denied"))
        kept = Kept(others, clock=HandClock())
        assert await kept.command_of("a:1", **ASKED) == SAY
        with pytest.raises(SpecError, match="denied"):
            await kept.command_of("a:1", **{**ASKED, "namespace": "strangers"})

    @pytest.mark.parametrize(("failure", "seconds"), [
        (SpecError("command", "no"), 11), (Unavailable("no"), 6), (Unavailable("no", retry_after_seconds=50), 51)])
    async def test_a_registry_that_failed_is_left_in_peace_for_a_moment(self, failure: Exception, seconds: float) -> None:
        clock, others = HandClock(), Scripted(failure, SAY)
        kept = Kept(others, clock=clock)
        for _ in range(3):
            with pytest.raises(type(failure), match="no"):
                await kept.command_of("a:1", **ASKED)
            clock.time += 1
        clock.time = seconds
        assert await kept.command_of("a:1", **ASKED) == SAY

    async def test_memory_has_a_limit(self) -> None:
        others = Scripted(*[SAY] * 1002)
        kept = Kept(others, clock=HandClock())
        for number in [*range(1001), 1000, 0]:
            await kept.command_of(f"a:{number}", **ASKED)
        assert len(others.asked) == 1002


class TestWrittenDown:
    async def test_settings_come_first_then_argos_list_then_the_registry(self, tmp_path: Path) -> None:
        settings = tmp_path / "settings.yaml"
        settings.write_text('images: [{pattern: "team/*", entrypoint: [/ours]}, {pattern: bare, root: ./x}]\n'
                            "insecure_registries: [registry.lan:5000]\n")
        loaded = load_settings(settings)
        assert loaded.insecure_registries == ("registry.lan:5000",)
        clock = HandClock()
        async with stored() as kube:
            others = Scripted(*[SAY] * 3)
            known = Configured(loaded.images, others, kube, clock=clock, namespace="argo")
            assert await known.command_of("team/tool:1", **ASKED) == ImageCommand(("/ours",))
            assert await known.command_of("argoproj/argosay:v1", **ASKED) == SAY
            await kube.create(CONFIG_MAPS, {"metadata": {"name": ARGO_CONFIG_MAP}, "data": {
                "images": "argoproj/argosay:v1: {cmd: [cowsay]}\n"}}, namespace="argo")
            clock.time += 61
            assert await known.command_of("argoproj/argosay:v1", **ASKED) == ImageCommand(command=("cowsay",))
            assert await known.command_of("bare", **ASKED) == SAY  # names files to lay over, and no command

    async def test_a_list_that_cannot_be_read_harms_nobody(self) -> None:
        async with stored() as kube:
            broken = {"metadata": {"name": ARGO_CONFIG_MAP}, "data": {"images": "a: ["}}
            await kube.create(CONFIG_MAPS, broken, namespace="argo")
            known = Configured([ImageStandIn("b", command=("x",))], Scripted(SAY), kube, clock=HandClock(), namespace="argo")
            assert await known.command_of("a", **ASKED) == SAY

    def test_argos_list_has_two_places(self) -> None:
        found = {"a:1": ImageCommand(("/a",), ("b",))}
        assert listed_images({"images": "a:1: {entrypoint: [/a], cmd: [b]}"}) == found
        assert listed_images({"config": "images: {a:1: {entrypoint: [/a], cmd: [b]}}"}) == found
        assert listed_images({}) == {}

    @pytest.mark.parametrize(("text", "told"), [
        ("[", "is no YAML"), ("[1]", "must be a mapping"), ("a: {cmd: x}", r"images\.a\.cmd: is 'x'; write a list of words")])
    def test_a_broken_list_says_where(self, text: str, told: str) -> None:
        with pytest.raises(SpecError, match=told):
            listed_images({"images": text})
