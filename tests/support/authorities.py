"""Certificate authorities, servers that ask for a client's certificate, and a proxy: what TLS needs on both sides."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAYS = dt.timedelta(days=3650)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str


class Authority:
    """Signs for 127.0.0.1 and for clients. `plain` leaves out what RFC 5280 wants and many clusters' authorities lack."""

    def __init__(self, *, plain: bool = False) -> None:
        self._plain = plain
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the authority")])
        builder = self._begun(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=not plain)
        if not plain:
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            builder = builder.add_extension(x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False), critical=True)
        self.certificate = _pem(builder.sign(self._key, hashes.SHA256()))

    def pair(self, common_name: str) -> Pair:
        """A certificate of that name, good for a client and for a server at 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = self._begun(name, key).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("api.test")]),
            critical=False)
        if not self._plain:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption()).decode()
        return Pair(_pem(builder.sign(self._key, hashes.SHA256())), secret)

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """TLS of a server at 127.0.0.1 that looks at its clients' certificates if they show one."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.certificate)
        context.verify_mode = ssl.CERT_OPTIONAL
        own, file = self.pair("the server"), folder / "server.pem"
        file.write_text(own.key + own.certificate)
        context.load_cert_chain(file)
        return context

    def _begun(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(BEGIN).not_valid_after(BEGIN + DAYS))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@asynccontextmanager
async def serving(answer: Answer, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that answers every request so; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def shown_by(request: web.Request) -> str:
    """The name in the certificate that the client has shown, "" for none."""
    assert request.transport is not None
    found = request.transport.get_extra_info("peercert")
    return "".join(value for part in (found or {}).get("subject", ()) for key, value in part if key == "commonName")


@asynccontextmanager
async def proxy(*, refuses: str = "", towards: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy that tunnels (CONNECT): its address, and the heads of the requests that it got.

    With `refuses` it answers that status line's rest to everything; with `towards` it connects there, whatever is asked.
    """
    heads: list[str] = []
    copies: set[asyncio.Task[None]] = set()

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            heads.append(head)
            if refuses:
                writer.write(f"HTTP/1.1 {refuses}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                return
            host, _, port = (towards or head.split(" ")[1]).rpartition(":")
            there, onward = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(copy(reader, onward), copy(there, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(tunnel(reader, writer))
        copies.add(task)
        task.add_done_callback(copies.discard)

    listener = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", heads
    finally:
        listener.close()
        for task in list(copies):
            task.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
