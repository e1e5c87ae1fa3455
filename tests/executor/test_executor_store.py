"""The signer and the executor against a real S3 server: what one signs, the other may do, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecError
from argosy.kube.resources import SECRETS
from controller.artifacts.signing import Signer
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment
from controller.pods.locations import Repository
from tests.support.s3_server import S3, s3_serving


@pytest.fixture
async def s3(tmp_path: Path) -> AsyncIterator[S3]:
    (tmp_path / "s3").mkdir()
    async with s3_serving(tmp_path / "s3") as server:
        yield server


@pytest.fixture
async def signer(tmp_path: Path, s3: S3) -> AsyncIterator[Signer]:
    """A signer in a cluster whose namespace `ns` has the secrets."""
    kube = EmbeddedKube.open(tmp_path / "store.db", clock=SystemClock())
    await kube.create(SECRETS, s3.secret(), namespace="ns")
    yield Signer(kube, clock=SystemClock(), home="")
    kube.close()


@pytest.fixture
def sign(signer: Signer, s3: S3) -> Any:
    """Signs an assignment whose artifacts name only keys."""
    repository = Repository({"s3": s3.location()})

    async def signed(**parts: Any) -> Assignment:
        return await signer.signed(Assignment(**parts), repository, namespace="ns")

    return signed


def kept(path: object, key: str = "k", **more: Any) -> ArtifactOut:
    return ArtifactOut("data", str(path), key, location={"s3": {"key": key}}, **more)


def wanted(path: object, key: str = "k", **more: Any) -> ArtifactIn:
    return ArtifactIn("data", str(path), key, location={"s3": {"key": key}}, **more)


@pytest.mark.parametrize("archive", ["tar", "zip"])
async def test_a_packed_folder_goes_through_the_store(executor: Any, sign: Any, s3: S3, archive: str) -> None:
    (executor.folder / "out" / "sub").mkdir(parents=True)
    (executor.folder / "out" / "sub" / "a b \u00fc").write_text("text")
    left = kept(executor.folder / "out", "x/y \u00fc+", archive=archive)
    ended = await executor.run(await sign(artifacts_out=(left,)), "true")
    assert (ended.handover.error, s3.keys()) == ("", ["x/y \u00fc+"])
    taken = wanted(executor.folder / "in", "x/y \u00fc+", archive=archive)
    ended = await executor.run(await sign(artifacts_in=(taken,)), "cat", "in/sub/a b \u00fc")
    assert (ended.handover.error, ended.stdout) == ("", b"text")


async def test_a_folder_that_is_not_packed_becomes_an_object_a_file_and_a_folder_again(
    executor: Any, sign: Any, s3: S3, tmp_path: Path,
) -> None:
    (executor.folder / "out" / "sub").mkdir(parents=True)
    (executor.folder / "out" / "a").write_bytes(bytes(range(256)) * 3000)
    (executor.folder / "out" / "sub" / "b \u00fc").write_text("")
    (executor.folder / "out" / "sub" / "link").symlink_to("../a")
    (executor.folder / "out" / "nowhere").symlink_to("/dev")
    ended = await executor.run(await sign(artifacts_out=(kept(executor.folder / "out", archive="none"),)), "true")
    assert (ended.handover.error, ended.handover.artifacts) == ("", ["data"])
    assert s3.keys() == ["k/a", "k/sub/b \u00fc", "k/sub/link"]
    ended = await executor.run(await sign(artifacts_in=(wanted(executor.folder / "in"),)), "cat", "in/sub/link")
    assert (ended.handover.error, ended.stdout) == ("", bytes(range(256)) * 3000)
    assert (executor.folder / "in" / "sub" / "b \u00fc").read_text() == ""
    signed = await sign(artifacts_in=(wanted(executor.folder / "part", sub_path="sub"),))
    assert sorted(item.path.rpartition("part/")[2] for item in signed.artifacts_in) == ["b \u00fc", "link"]
    with pytest.raises(SpecError, match=r"is a folder of objects without 'none' \(subPath\)"):
        await sign(artifacts_in=(wanted(executor.folder / "part", sub_path="none"),))


async def test_a_form_lets_nobody_store_beside_its_folder(executor: Any, sign: Any, s3: S3) -> None:
    (executor.folder / "out").mkdir()
    (executor.folder / "out" / "a").touch()
    signed = await sign(artifacts_out=(kept(executor.folder / "out", archive="none"),))
    (out,) = signed.artifacts_out
    elsewhere = Assignment(artifacts_out=(kept(executor.folder / "out", archive="none", url=out.url, form_url=out.form_url,
                                               form=("key=other/", *out.form[1:])),))
    ended = await executor.run(elsewhere, "true")
    assert "the store refuses 'a' with status 403" in ended.handover.error
    assert s3.keys() == []


async def test_a_missing_object_is_told_unless_it_is_optional(executor: Any, sign: Any) -> None:
    ended = await executor.run(await sign(artifacts_in=(wanted(executor.folder / "in"),)), "true")
    assert ended.handover.error == "input artifact 'data': there is no artifact at key 'k'"
    ended = await executor.run(await sign(artifacts_in=(wanted(executor.folder / "in", optional=True),)), "true")
    assert (ended.code, ended.handover.error) == (0, "")


async def test_all_that_is_printed_is_kept_as_a_log(executor: Any, sign: Any, s3: S3) -> None:
    logs = ArtifactOut("main-logs", "", "w/p/main.log", archive="none", location={"s3": {"key": "w/p/main.log"}})
    script = "echo one; echo two >&2; i=0; while [ $i -lt 40000 ]; do echo a line of text $i; i=$((i+1)); done; exit 3"
    ended = await executor.run(await sign(logs=logs), "sh", "-c", script)
    assert (ended.code, ended.handover.error, ended.handover.artifacts, ended.stderr) == (3, "", ["main-logs"], "two\n")
    log = s3.get("w/p/main.log")
    assert len(log) == len(ended.stdout) + len("two\n") > 700_000
    assert log.replace(b"two\n", b"", 1) == ended.stdout


async def test_a_log_is_kept_of_a_command_that_prints_nothing(executor: Any, sign: Any, s3: S3) -> None:
    logs = ArtifactOut("main-logs", "", "main.log", archive="none", location={"s3": {"key": "main.log"}})
    ended = await executor.run(await sign(logs=logs), "true")
    assert (ended.handover.artifacts, s3.get("main.log")) == (["main-logs"], b"")


async def test_a_log_has_both_streams_and_the_result_only_stdout(executor: Any, sign: Any, s3: S3) -> None:
    logs = ArtifactOut("main-logs", "", "main.log", archive="none", location={"s3": {"key": "main.log"}})
    script = "echo out; sleep 0.2; echo err >&2; sleep 0.2; echo end"
    ended = await executor.run(await sign(logs=logs, result=True), "sh", "-c", script)
    assert (ended.handover.result, s3.get("main.log")) == ("out\nend", b"out\nerr\nend\n")


async def test_wrong_secrets_are_refused_by_the_store_and_told(executor: Any, s3: S3, tmp_path: Path) -> None:
    kube = EmbeddedKube.open(tmp_path / "other.db", clock=SystemClock())
    secret = s3.secret()
    secret["stringData"]["secretKey"] = "wrong"
    await kube.create(SECRETS, secret, namespace="ns")
    (executor.folder / "out").touch()
    signed = await Signer(kube, clock=SystemClock(), home="").signed(
        Assignment(artifacts_out=(kept(executor.folder / "out"),)), Repository({"s3": s3.location()}), namespace="ns")
    kube.close()
    ended = await executor.run(signed, "true")
    assert ended.handover.error.startswith("cannot save output artifact 'data': the store refuses it with status 403")
    assert "SignatureDoesNotMatch" in ended.handover.error


async def test_a_missing_secret_and_a_missing_bucket_are_told_before_a_pod_is_made(signer: Signer, s3: S3) -> None:
    work = Assignment(artifacts_in=(wanted("/in"),))
    with pytest.raises(SpecError, match=r"inputs.artifacts.data: needs Secret s3, which is not in namespace other"):
        await signer.signed(work, Repository({"s3": s3.location()}), namespace="other")
    with pytest.raises(SpecError, match="names no bucket, and no artifact repository is configured"):
        await signer.signed(work, Repository(location={}), namespace="ns")


async def test_a_log_that_no_longer_fits_is_kept_as_far_as_it_went(executor: Any, sign: Any, s3: S3, tmp_path: Path) -> None:
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -f 64\nexec {executor.program} "$@"\n')
    limited.chmod(0o755)
    executor.program = limited
    logs = ArtifactOut("main-logs", "", "main.log", archive="none", location={"s3": {"key": "main.log"}})
    script = "i=0; while [ $i -lt 9000 ]; do echo a line of text $i; i=$((i+1)); done"
    ended = await executor.run(await sign(logs=logs), "sh", "-c", script)
    assert (ended.code, ended.stdout.count(b"\n")) == (0, 9000)
    assert ended.handover.error == "cannot save all of the log: the file is too large"
    assert 0 < len(s3.get("main.log")) < len(ended.stdout)
    assert ended.stdout.startswith(s3.get("main.log"))
