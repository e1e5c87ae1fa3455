"""What a pod gets in place of credentials: signed URLs, from secrets of its namespace, and never more than was asked."""

import asyncio
import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from argosy.clock import SystemClock
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecError
from argosy.kube.resources import SECRETS
from controller.artifacts.buckets import Bucket, Credentials, read_bucket
from controller.artifacts.forms import upload_form
from controller.artifacts.signing import Signer
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment
from controller.pods.locations import Repository

KEYS = {"accessKeySecret": {"name": "s", "key": "id"}, "secretKeySecret": {"name": "s", "key": "secret"}}
STORE = {"bucket": "mine", "endpoint": "store:9000", "insecure": True, **KEYS}


def signed(name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, issuer: str = "",
           extension: x509.ExtensionType) -> str:
    """A certificate (PEM) that is valid in these years."""
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    subject, issued_by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer or name))
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(issued_by).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=9999)).add_extension(extension, critical=True)
            .sign(signer, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.PEM).decode()


@cache
def certificate() -> str:
    """The certificate of an authority that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    return signed("nobody", key, key, extension=x509.BasicConstraints(ca=True, path_length=None))


def tls_server(folder: Path) -> tuple[str, ssl.SSLContext]:
    """An authority's certificate (also in `folder`/authority.pem), and what a server at localhost proves itself with."""
    top, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = signed("top", top, top, extension=x509.BasicConstraints(ca=True, path_length=None))
    mine = signed("server", own, top, issuer="top", extension=x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    (folder / "authority.pem").write_text(authority)
    (folder / "own.pem").write_bytes(mine.encode() + own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return authority, context


class Signing:
    """A signer over a store with one Secret."""

    def __init__(self, kube: EmbeddedKube) -> None:
        self.kube = kube
        self.signer = Signer(kube, clock=SystemClock())

    async def out(self, place: dict[str, Any], *, base: dict[str, Any] | None = None, default: bool = False,
                  **more: Any) -> ArtifactOut:
        work = Assignment(artifacts_out=(ArtifactOut("o", "/o", "k", location=place, **more),))
        signed = await self.signer.signed(work, Repository({"s3": base or {}}, default=default), namespace="ns")
        return signed.artifacts_out[0]

    async def refusal(self, place: dict[str, Any], **given: Any) -> str:
        with pytest.raises(SpecError) as caught:
            await self.out(place, **given)
        return str(caught.value)


@pytest.fixture
async def signing(tmp_path: Path) -> Any:
    kube = EmbeddedKube.open(tmp_path / "store.db", clock=SystemClock())
    texts = {"id": "AKID\n", "secret": "hush", "token": "tok", "user": "me", "password": "pass", "ca": certificate()}
    await kube.create(SECRETS, {"metadata": {"name": "s"}, "stringData": texts}, namespace="ns")
    yield Signing(kube)
    kube.close()


async def test_a_url_is_signed_with_the_secrets_of_the_namespace_for_seven_days(signing: Signing) -> None:
    url = urlsplit((await signing.out({"s3": {"key": "a b/c"}}, base=STORE)).url)
    asked = parse_qs(url.query)
    assert (url.scheme, url.netloc, url.path) == ("http", "store:9000", "/mine/a%20b/c")
    assert asked["X-Amz-Credential"][0].startswith("AKID/")
    assert asked["X-Amz-Credential"][0].endswith("/us-east-1/s3/aws4_request")
    assert asked["X-Amz-Expires"] == ["604800"]
    assert "X-Amz-Security-Token" not in asked


async def test_an_environments_token_is_not_mixed_with_the_keys_of_a_secret(
    signing: Signing, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody's")
    assert "Security-Token" not in (await signing.out({"s3": {"key": "k"}}, base=STORE)).url


async def test_temporary_credentials_bring_their_token(signing: Signing) -> None:
    place = {**STORE, "key": "k", "region": "eu-x", "sessionTokenSecret": {"name": "s", "key": "token"}}
    url = (await signing.out({"s3": place})).url
    assert "X-Amz-Security-Token=tok" in url
    assert "%2Feu-x%2Fs3" in url


@pytest.mark.parametrize(("place", "url"), [
    ({"bucket": "mine", "region": "eu-west-1"}, "https://mine.s3.eu-west-1.amazonaws.com"),
    ({"bucket": "mine", "region": "eu-west-1", "endpoint": "s3.amazonaws.com"}, "https://mine.s3.eu-west-1.amazonaws.com"),
    ({"bucket": "a.b", "region": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/a.b"),
    ({"bucket": "mine", "endpoint": "s3.cn-north-1.amazonaws.com.cn"}, "https://mine.s3.cn-north-1.amazonaws.com.cn"),
    ({"bucket": "mine", "endpoint": "minio:9000", "insecure": True}, "http://minio:9000/mine"),
    ({"bucket": "mine", "endpoint": "minio:9000"}, "https://minio:9000/mine"),
    ({"bucket": "mine", "endpoint": "oss.example", "addressingStyle": "virtual"}, "https://mine.oss.example"),
])
def test_a_bucket_is_where_its_store_expects_it(place: dict[str, Any], url: str) -> None:
    bucket = read_bucket(place, where="x", region=place.get("region") or "r", credentials=None, authorities="")
    assert bucket.base_url == url


@pytest.mark.parametrize(("place", "text"), [
    ({"key": "k", "bucket": "b", "endpoint": "http://e", **KEYS}, "o.s3.endpoint: is 'http://e'; write host and port alone"),
    ({"key": "a//b", **STORE}, "o: has the key 'a//b'; write names separated by single slashes"),
    ({"key": "../b", **STORE}, "o: has the key '../b'"),
    ({"key": "k", "endpoint": "e", **KEYS}, "o: names no bucket, and no artifact repository is configured"),
    ({**STORE, "key": "k", "roleARN": "arn"}, "o.s3.roleARN: cannot be assumed yet"),
    ({**STORE, "key": "k", "encryptionOptions": {"kmsKeyId": "x"}}, "o.s3.encryptionOptions.kmsKeyId: cannot be set yet"),
    ({**STORE, "key": "k", "accessKeySecret": {"name": "none", "key": "id"}}, "o: needs Secret none, which is not in"),
    ({**STORE, "key": "k", "accessKeySecret": {"name": "s", "key": "x"}},
     "o: needs key 'x' of Secret s, which has: ca, id, password, secret, token, user"),
    ({**STORE, "key": "k", "caSecret": {"name": "s", "key": "user"}}, "o: is kept in a store that cannot be used: No cert"),
    ({"key": "k", "bucket": "b", "endpoint": "e", "useSDKCreds": True}, "o: names no accessKeySecret and secretKeySecret"),
])
async def test_what_cannot_be_signed_is_told(signing: Signing, place: dict[str, Any], text: str) -> None:
    assert (await signing.refusal({"s3": place})).startswith(f"outputs.artifacts.{text}")


async def test_the_controllers_own_credentials_serve_its_own_repository_alone(
    signing: Signing, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    base = {"bucket": "mine", "endpoint": "store:9000", "useSDKCreds": True}
    assert "Credential=machine" in (await signing.out({"s3": {"key": "k"}}, base=base, default=True)).url
    lends = "lends its own credentials only to the repository in its own configuration"
    assert lends in await signing.refusal({"s3": {"key": "k", "bucket": "other"}}, base=base, default=True)
    assert lends in await signing.refusal({"s3": {"key": "k"}}, base=base)


async def test_only_what_may_be_a_folder_gets_a_form(signing: Signing) -> None:
    assert (await signing.out({"s3": {"key": "k"}}, base=STORE)).form == ()
    bare = await signing.out({"s3": {"key": "k"}}, base=STORE, archive="none")
    assert (bare.form[0], bare.form_url) == ("key=k/", "http://store:9000/mine/")


def test_a_form_says_where_and_until_when_it_may_be_used() -> None:
    bucket = Bucket("mine", "http://store", "r", False, None)
    form = upload_form(bucket, Credentials("AKID", "hush", "tok"), "k/", now=1_800_000_000.0, expires_seconds=60)
    fields = dict(field.split("=", 1) for field in form)
    policy = json.loads(base64.b64decode(fields["policy"]))
    assert policy["expiration"] == "2027-01-15T08:01:00.000Z"
    assert policy["conditions"][:2] == [["starts-with", "$key", "k/"], {"bucket": "mine"}]
    assert {"x-amz-security-token": "tok"} in policy["conditions"]
    assert fields["x-amz-credential"] == "AKID/20270115/r/s3/aws4_request"
    assert len(fields["x-amz-signature"]) == 64


async def test_http_artifacts_keep_their_url_and_get_their_headers(signing: Signing) -> None:
    http = {"url": "http://example.org/x", "headers": [{"name": "X-A", "value": "b"}], "auth": {"basicAuth": {
        "usernameSecret": {"name": "s", "key": "user"}, "passwordSecret": {"name": "s", "key": "password"}}}}
    work = Assignment(artifacts_in=(ArtifactIn("i", "/i", "u", location={"http": http}),))
    (item,) = (await signing.signer.signed(work, Repository(), namespace="ns")).artifacts_in
    assert (item.url, item.headers) == ("http://example.org/x", ("X-A: b",)), "the pod takes the credentials from the Secret"
    (item,) = (await signing.signer.signed_where_known(work, namespace="ns")).artifacts_in
    assert item.headers == ("X-A: b", "Authorization: Basic bWU6cGFzcw=="), "where no executor does"
    wrong = {"url": "http://example.org/x", "headers": [{"name": "X-A", "value": "b\r\nHost: other"}]}
    assert "hold a line break" in await signing.refusal({"http": wrong})


async def test_who_vouches_for_a_store_is_told_to_pods(
    signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority, context = tls_server(tmp_path)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    place = {"bucket": "mine", "endpoint": f"localhost:{port}", **KEYS, "key": "k"}
    work = Assignment(artifacts_out=(ArtifactOut("o", "/o", "k", location={"s3": place}),))
    assert (await signing.signer.signed(work, Repository(), namespace="ns")).authorities == ""  # nobody knows it here
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    signer = Signer(signing.kube, clock=SystemClock())
    assert (await signer.signed(work, Repository(), namespace="ns")).authorities == authority
    server.close()
    await server.wait_closed()


async def test_a_stores_own_authority_comes_with_the_assignment(signing: Signing) -> None:
    place = {**STORE, "key": "k", "insecure": False, "caSecret": {"name": "s", "key": "ca"}}
    work = Assignment(artifacts_out=(ArtifactOut("o", "/o", "k", location={"s3": place}),))
    signed = await signing.signer.signed(work, Repository(), namespace="ns")
    assert signed.authorities == certificate()
    told = signed.without_contents()
    assert (told.authorities, told.artifacts_out[0].url, told.artifacts_out[0].location) == ("", "", {"s3": place})
