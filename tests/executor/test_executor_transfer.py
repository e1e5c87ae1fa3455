"""Artifacts between the container and the store, over presigned URLs; outcomes too large for the termination message."""

import asyncio
import gzip
import io
import json
import signal
import ssl
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from controller.artifacts.packing import pack, unpack
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, ParameterOut, StagedFile


def _folder(place: Path) -> Path:
    """A folder with everything that an archive can hold."""
    (place / "sub" / "empty").mkdir(parents=True)
    (place / "run.sh").write_text("#!/bin/sh\n")
    (place / "run.sh").chmod(0o750)
    (place / "sub" / ("long-" * 30)).write_bytes(bytes(range(256)) * 1000)
    (place / "sub" / "link").symlink_to("../run.sh")
    (place / "sub" / ("l" * 99)).symlink_to("t" * 150)
    (place / "\u00fcmlaut").write_text("x")
    (place / "nothing").touch()
    (place / "run.sh").touch()
    return place


def _listing(place: Path) -> dict[str, tuple[Any, ...]]:
    found = {}
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        contents = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        mode = 0 if path.is_symlink() else stat.S_IMODE(status.st_mode)
        found[str(path.relative_to(place))] = (stat.S_IFMT(status.st_mode), mode, contents)
    return found


@pytest.mark.parametrize("archive", ["tar", "zip"])
async def test_a_folder_comes_back_as_it_was(executor: Any, store: Any, archive: str) -> None:
    source = _folder(executor.folder / "out")
    kept = ArtifactOut("data", str(source), "k", archive=archive, url=f"{store.url}/k?sig=a%2Fb")
    ended = await executor.run(Assignment(artifacts_out=(kept,)), "true")
    assert (ended.handover.error, ended.handover.artifacts) == ("", ["data"])
    assert store.requests[0][1] == "/k?sig=a%2Fb"
    wanted = ArtifactIn("data", str(executor.folder / "in" / "data"), "k", archive=archive, url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_in=(wanted,)), "true")
    assert ended.handover.error == ""
    assert _listing(executor.folder / "in" / "data") == _listing(source)


async def test_an_init_container_lays_files_and_artifacts_and_no_more(executor: Any, store: Any) -> None:
    store.objects["k"] = b"fetched"
    raw = StagedFile(str(executor.folder / "laid" / "0"), "raw", mode=0o600)
    wanted = ArtifactIn("data", str(executor.folder / "laid" / "1"), "k", url=f"{store.url}/k", mode=0o640)
    ended = await executor.run(Assignment(files=(raw,), artifacts_in=(wanted,)), options=("--lay",))
    assert (ended.code, ended.message) == (0, "")
    laid = [(path.read_text(), stat.S_IMODE(path.stat().st_mode)) for path in sorted((executor.folder / "laid").iterdir())]
    assert laid == [("raw", 0o600), ("fetched", 0o640)]
    missing = ArtifactIn("data", str(executor.folder / "laid" / "2"), "gone", url=f"{store.url}/gone")
    ended = await executor.run(Assignment(artifacts_in=(missing,)), options=("--lay",))
    assert (ended.code, ended.handover.started) == (128, False)
    assert ended.handover.error == "input artifact 'data': there is no artifact at key 'gone'"


@pytest.mark.parametrize("archive", ["tar", "zip"])
async def test_what_the_executor_packs_the_controller_unpacks_and_the_other_way_round(
    executor: Any, store: Any, tmp_path: Path, archive: str,
) -> None:
    source = _folder(executor.folder / "out")
    kept = ArtifactOut("data", str(source), "k", archive=archive, url=f"{store.url}/k")
    await executor.run(Assignment(artifacts_out=(kept,)), "true")
    (tmp_path / "theirs").write_bytes(store.objects["k"])
    unpack(tmp_path / "theirs", tmp_path / "unpacked", archive=archive)
    assert {name: found[2] for name, found in _listing(tmp_path / "unpacked").items()} == {
        name: found[2] for name, found in _listing(source).items()}
    pack(source, tmp_path / "ours", archive=archive)
    store.objects["k"] = (tmp_path / "ours").read_bytes()
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", archive=archive, url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_in=(wanted,)), "true")
    assert ended.handover.error == ""
    assert _listing(executor.folder / "in") == _listing(source)


async def test_the_same_folder_gives_the_same_archive(executor: Any, store: Any) -> None:
    source = _folder(executor.folder / "out")
    kept = tuple(ArtifactOut(name, str(source), name, url=f"{store.url}/{name}") for name in ("a", "b"))
    await executor.run(Assignment(artifacts_out=kept), "true")
    assert store.objects["a"] == store.objects["b"]


async def test_a_single_file_is_laid_at_its_path_whatever_its_name_in_the_archive(executor: Any, store: Any) -> None:
    (executor.folder / "out").write_text("hello")
    kept = ArtifactOut("data", str(executor.folder / "out"), "k", compression_level=9, url=f"{store.url}/k")
    await executor.run(Assignment(artifacts_out=(kept,)), "true")
    with tarfile.open(fileobj=io.BytesIO(store.objects["k"])) as tar:
        assert tar.getnames() == ["out"]
    wanted = ArtifactIn("data", str(executor.folder / "x" / "other"), "k", mode=0o600, url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_in=(wanted,), result=True), "cat", "x/other")
    assert ended.handover.result == "hello"
    assert stat.S_IMODE((executor.folder / "x" / "other").stat().st_mode) == 0o600


async def test_without_an_archive_the_bytes_are_the_file(executor: Any, store: Any) -> None:
    kept = ArtifactOut("data", str(executor.folder / "out"), "k", archive="none", url=f"{store.url}/k")
    await executor.run(Assignment(artifacts_out=(kept,)), "sh", "-c", "printf 'hello' > out")
    assert store.objects["k"] == b"hello"
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", url=f"{store.url}/k")
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in")).stdout == b"hello"


def _jar() -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        packed.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), b"")
    return whole.getvalue()


@pytest.mark.parametrize("data", [gzip.compress(b"no tar" * 200, mtime=0), b"PK but no zip", _jar(), b"", b"\x1f\x8b"],
                         ids=["gzip", "PK", "jar", "nothing", "stump"])
async def test_what_only_looks_like_an_archive_stays_as_it_is(executor: Any, store: Any, data: bytes) -> None:
    store.objects["k"] = data
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", url=f"{store.url}/k")
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in")).stdout == data


async def test_an_archive_goes_into_a_folder_that_is_there_already(executor: Any, store: Any) -> None:
    source = _folder(executor.folder / "out")
    kept = ArtifactOut("data", str(source), "k", url=f"{store.url}/k")
    await executor.run(Assignment(artifacts_out=(kept,)), "true")
    (executor.folder / "volume" / "sub").mkdir(parents=True)
    (executor.folder / "volume" / "sub" / "mine").write_text("kept")
    wanted = ArtifactIn("data", str(executor.folder / "volume"), "k", url=f"{store.url}/k")
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "true")).handover.error == ""
    listing = _listing(executor.folder / "volume")
    assert listing.pop("sub/mine")[2] == b"kept"
    assert listing == _listing(source)


async def test_a_part_of_an_archive_can_be_taken(executor: Any, store: Any) -> None:
    kept = ArtifactOut("data", str(_folder(executor.folder / "out")), "k", url=f"{store.url}/k")
    await executor.run(Assignment(artifacts_out=(kept,)), "true")

    async def take(part: str) -> Any:
        wanted = ArtifactIn("data", str(executor.folder / "in"), "k", sub_path=part, url=f"{store.url}/k")
        return await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in")

    assert (await take("run.sh")).stdout == b"#!/bin/sh\n"
    assert (await take("sub/link/x")).handover.error == "input artifact 'data': subPath 'sub/link/x' leads out of the artifact"
    assert (await take("../x")).handover.error == "input artifact 'data': subPath '../x' leads out of the artifact"
    assert (await take("nowhere")).handover.error == "input artifact 'data': the artifact has no 'nowhere'"


async def test_missing_artifacts_are_told_unless_optional(executor: Any, store: Any) -> None:
    wanted = ArtifactIn("data", str(executor.folder / "in"), "some/key", url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_in=(wanted,)), "true")
    assert (ended.code, ended.handover.error) == (128, "input artifact 'data': there is no artifact at key 'some/key'")
    optional = ArtifactIn("data", str(executor.folder / "in"), "k", optional=True, url=f"{store.url}/k")
    assert (await executor.run(Assignment(artifacts_in=(optional,)), "true")).handover.error == ""
    kept = (ArtifactOut("a", str(executor.folder / "none"), "k", optional=True, url=f"{store.url}/k"),
            ArtifactOut("b", str(executor.folder / "none"), "k", url=f"{store.url}/k"))
    ended = await executor.run(Assignment(artifacts_out=kept), "true")
    assert ended.handover.error == (f"cannot save output artifact 'b': the container left nothing at {executor.folder}/none; "
                                    "write it there, or mark the artifact optional: true")


async def test_a_folder_without_an_archive_is_told_what_to_write(executor: Any, store: Any) -> None:
    kept = ArtifactOut("a", str(executor.folder), "k", archive="none", url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_out=(kept,)), "true")
    assert ended.handover.error.endswith("archive: none stores only one; use archive: tar or zip")


async def test_a_store_that_stumbles_is_asked_again(executor: Any, store: Any) -> None:
    store.answers += [lambda _: web.Response(status=503), lambda _: web.Response(status=429)]
    kept = ArtifactOut("a", "/etc/hostname", "k", archive="none", url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_out=(kept,)), "true")
    assert (ended.handover.error, len(store.requests)) == ("", 3)


async def test_a_store_that_refuses_is_quoted_at_once(executor: Any, store: Any) -> None:
    store.answers.append(lambda _: web.Response(status=403, text="<Code>SignatureDoesNotMatch</Code>"))
    kept = ArtifactOut("a", "/etc/hostname", "k", archive="none", url=f"{store.url}/k")
    ended = await executor.run(Assignment(artifacts_out=(kept,)), "true")
    assert ended.handover.error == ("cannot save output artifact 'a': the store refuses it with status 403: "
                                    "<Code>SignatureDoesNotMatch</Code>")


async def test_chunked_answers_and_redirects_are_followed(executor: Any, store: Any) -> None:
    store.chunked = True
    store.objects["k"] = bytes(range(256)) * 4000
    store.answers.append(lambda _: web.Response(status=307, headers={"Location": f"{store.url}/k"}))
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", url=f"{store.url}/moved")
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in")).stdout == store.objects["k"]


async def test_headers_go_to_the_server_they_are_for_and_to_no_other(executor: Any, store: Any) -> None:
    store.objects["k"] = b"text"
    elsewhere = store.url.replace("127.0.0.1", "localhost")
    store.answers += [lambda _: web.Response(status=307, headers={"Location": f"{store.url}/k"}),
                      lambda _: web.Response(status=307, headers={"Location": f"{elsewhere}/k"})]
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", url=f"{store.url}/k", headers=("X-Token: secret",))
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in")).stdout == b"text"
    assert [headers.get("X-Token") for _, _, headers in store.requests] == ["secret", "secret", None]


async def test_a_pod_that_is_deleted_while_it_fetches_ends_at_once(executor: Any) -> None:
    reached = asyncio.Event()

    async def never_answer(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        reached.set()
        await reading.read()  # until the executor is gone
        writing.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", url=f"http://127.0.0.1:{port}/k")
    process = await executor.start(Assignment(artifacts_in=(wanted,)), "echo", "never")
    await reached.wait()
    process.send_signal(signal.SIGTERM)
    ended = await executor.end(process)
    assert (ended.code, ended.stdout) == (143, b"")
    server.close()
    await server.wait_closed()


async def test_urls_that_are_none_are_told(executor: Any) -> None:
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", url="s3://bucket/key")
    ended = await executor.run(Assignment(artifacts_in=(wanted,)), "true")
    assert ended.handover.error == "input artifact 'data': the URL begins neither with https:// nor with http://"


# ---- TLS ----


def _authority(folder: Path, *, names: list[x509.GeneralName], kind: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority's file, and a server's context with a certificate for `names` signed by it."""
    def key() -> Any:
        return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def certificate(name: str, own: Any, signer: Any, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(UTC)  # noqa: TID251  a certificate must be valid at the time of the test
        return (x509.CertificateBuilder().subject_name(named(name)).issuer_name(named("test authority"))
                .public_key(own.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
                .add_extension(extension, critical=False).sign(signer, hashes.SHA256()))

    ca_key, own_key = key(), key()
    ca = certificate("test authority", ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=None))
    own = certificate("server", own_key, ca_key, x509.SubjectAlternativeName(names))
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(ca.public_bytes(pem))
    (folder / "own.pem").write_bytes(own.public_bytes(pem) + own_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return folder / "ca.crt", context


@asynccontextmanager
async def _serving(store: Any, context: ssl.SSLContext) -> AsyncIterator[int]:
    """The store over TLS as well; the port."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", store.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert site._server is not None
    try:
        yield site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # an asyncio server has sockets
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("kind", "version"), [
    ("rsa", ssl.TLSVersion.TLSv1_2), ("rsa", ssl.TLSVersion.TLSv1_3), ("ec", ssl.TLSVersion.TLSv1_3),
], ids=str)
async def test_artifacts_travel_over_tls(executor: Any, store: Any, tmp_path: Path, kind: str, version: ssl.TLSVersion) -> None:
    ca, context = _authority(tmp_path, names=[x509.DNSName("localhost")], kind=kind)
    context.minimum_version = context.maximum_version = version
    data = bytes(range(256)) * 8000
    (executor.folder / "out").write_bytes(data)
    env = {"ARGOSY_STORE_CA_FILE": str(ca)}
    async with _serving(store, context) as port:
        kept = ArtifactOut("a", str(executor.folder / "out"), "k", archive="none", url=f"https://localhost:{port}/k")
        ended = await executor.run(Assignment(artifacts_out=(kept,)), "true", env=env)
        assert (ended.handover.error, store.objects.get("k")) == ("", data)
        wanted = ArtifactIn("a", str(executor.folder / "in"), "k", url=f"https://localhost:{port}/k")
        ended = await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in", env=env)
        assert (ended.handover.error, ended.stdout) == ("", data)


async def test_an_authority_may_come_with_the_assignment(executor: Any, store: Any, tmp_path: Path) -> None:
    ca, context = _authority(tmp_path, names=[x509.DNSName("localhost")], kind="ec")
    async with _serving(store, context) as port:
        kept = ArtifactOut("a", "/etc/hostname", "k", archive="none", url=f"https://localhost:{port}/k")
        ended = await executor.run(Assignment(artifacts_out=(kept,), authorities=ca.read_text()), "true")
        assert (ended.handover.error, list(store.objects)) == ("", ["k"])


async def test_a_server_whom_nobody_vouches_for_gets_nothing(executor: Any, store: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger, _ = _authority(tmp_path / "other", names=[x509.DNSName("localhost")], kind="ec")
    ca, context = _authority(tmp_path, names=[x509.DNSName("elsewhere.example")], kind="ec")
    async with _serving(store, context) as port:
        kept = ArtifactOut("a", "/etc/hostname", "k", archive="none", url=f"https://localhost:{port}/k")

        async def error_with(trusted: Path) -> str:
            ended = await executor.run(Assignment(artifacts_out=(kept,)), "true", env={"ARGOSY_STORE_CA_FILE": str(trusted)})
            return str(ended.handover.error)

        place = f"cannot save output artifact 'a': no TLS with localhost:{port}: "
        assert await error_with(ca) == place + "its certificate is for another host"
        assert (await error_with(stranger)).startswith(place + "its certificate")
        assert (await error_with(tmp_path / "none")).endswith("none: no such file or directory")
    assert store.objects == {}


# ---- outcomes too large for the termination message ----


_RESULTS = "apis/argoproj.io/v1alpha1/namespaces/ns/workflowtaskresults"


def _large(executor: Any) -> Assignment:
    (executor.folder / "p").write_text("p" * 5000)
    return Assignment(parameters=(ParameterOut("p", f"{executor.folder}/p"),), result=True)


async def test_a_large_outcome_goes_to_the_api_server(executor: Any, store: Any, tmp_path: Path) -> None:
    ca, context = _authority(tmp_path, names=[x509.DNSName("kubernetes.default.svc")], kind="ec")
    (tmp_path / "token").write_text("secret\n")
    env = {"ARGOSY_RESULT_URL": f"https://kubernetes.default.svc/{_RESULTS}", "ARGOSY_RESULT_NAME": "wf-123",
           "ARGOSY_RESULT_WORKFLOW": "wf", "ARGOSY_TOKEN_FILE": str(tmp_path / "token"), "ARGOSY_CA_FILE": str(ca),
           "ARGOSY_POD_NAME": "wf-main-123", "ARGOSY_POD_UID": "u-1", "KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    context.verify_mode = ssl.CERT_OPTIONAL  # as an API server does: it asks for a certificate and takes a token too
    context.load_verify_locations(ca)
    async with _serving(store, context) as port:
        env["KUBERNETES_SERVICE_PORT"] = str(port)
        ended = await executor.run(_large(executor), "echo", "out", env=env)
        assert (ended.handover.error, ended.handover.elsewhere, ended.handover.parameters) == ("", True, {})
        method, path, headers = store.requests[-1]
        assert (method, path, headers["Authorization"]) == ("POST", f"/{_RESULTS}", "Bearer secret")
        sent = json.loads(store.objects[_RESULTS])
        assert sent["metadata"]["name"] == "wf-123"
        assert sent["metadata"]["ownerReferences"] == [
            {"apiVersion": "v1", "kind": "Pod", "name": "wf-main-123", "uid": "u-1"}]
        assert sent["metadata"]["labels"]["workflows.argoproj.io/workflow"] == "wf"
        assert sent["outputs"] == {"result": "out", "parameters": [{"name": "p", "value": "p" * 5000}], "artifacts": []}

        store.answers.append(lambda _: web.Response(status=409))
        await executor.run(_large(executor), "echo", "again", env=env)
        assert store.requests[-1][:2] == ("PATCH", f"/{_RESULTS}/wf-123")
        assert json.loads(store.objects[f"{_RESULTS}/wf-123"])["outputs"]["result"] == "again"

        store.answers.append(lambda _: web.json_response({"kind": "Status", "message": "no pods today"}, status=422))
        ended = await executor.run(_large(executor), "true", env=env)
        assert ended.handover.error == "the outputs cannot be handed over: the API server answers 422: no pods today"

        store.answers.append(lambda _: web.Response(status=403, text="forbidden"))
        ended = await executor.run(_large(executor), "true", env=env)
        assert "grant it `create` and `patch` on workflowtaskresults.argoproj.io (forbidden)" in ended.handover.error


async def test_a_large_outcome_without_a_place_for_it_is_told(executor: Any) -> None:
    ended = await executor.run(_large(executor), "echo", "out")
    assert (ended.code, ended.handover.parameters) == (0, {})
    assert "more than the 4096 of a termination message" in ended.handover.error


async def test_a_pod_with_many_containers_has_less_room_for_its_message(executor: Any, store: Any) -> None:
    (executor.folder / "p").write_text("x" * 1500)
    assignment = Assignment(parameters=(ParameterOut("p", str(executor.folder / "p")),))
    ended = await executor.run(assignment, "true", env={"ARGOSY_MESSAGE_BYTES": "2048"})
    assert ended.handover.parameters == {"p": "x" * 1500}
    ended = await executor.run(assignment, "true", env={"ARGOSY_MESSAGE_BYTES": "1024"})
    assert "more than the 1024 of a termination message" in ended.handover.error
    long = Assignment(parameters=tuple(ParameterOut(f"p{number}", f"/no/where/{'x' * 100}") for number in range(9)))
    ended = await executor.run(long, "true", env={"ARGOSY_MESSAGE_BYTES": "512"})
    assert ended.handover.error.startswith("cannot")
    assert len(ended.message) <= 512


async def test_what_others_fetch_into_the_same_folder_meanwhile_is_left_alone(executor: Any, store: Any) -> None:
    theirs = executor.folder / "in" / ".argosy-unpacking-0123456789abcdef" / "packed"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    store.objects["k"] = b"data"
    wanted = ArtifactIn("data", str(executor.folder / "in" / "data"), "k", url=f"{store.url}/k")
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in/data")).stdout == b"data"
    assert theirs.exists()


async def test_a_zip_made_elsewhere_without_unix_modes_is_read(executor: Any, store: Any) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        for name in ("folder/", "folder/a.txt", "b.txt"):
            info = zipfile.ZipInfo(name)
            info.create_system = 0
            packed.writestr(info, b"" if name.endswith("/") else b"text")
    store.objects["k"] = whole.getvalue()
    wanted = ArtifactIn("data", str(executor.folder / "in"), "k", archive="zip", url=f"{store.url}/k")
    assert (await executor.run(Assignment(artifacts_in=(wanted,)), "cat", "in/folder/a.txt", "in/b.txt")).stdout == b"texttext"
