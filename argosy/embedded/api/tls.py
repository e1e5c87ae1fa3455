"""The face's own certificates: made once into the data folder, kept over restarts, renewed before they end.

A certificate authority of our own signs the server's certificate; kubeconfig carries the authority, so that clients
verify the server without asking anybody. The authority may sign for this machine's loopback names only: whoever got
hold of its key could pose as nothing else. `cryptography` is imported only when something must be made.
"""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.clock import from_rfc3339, to_rfc3339
from argosy.kube.private_file import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_DAY = 86400.0
_AUTHORITY_DAYS, _SERVER_DAYS, _RENEW_DAYS = 3650, 365, 30
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_NAME = "Argosy on this machine"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the server shows: a PEM file with its key and certificate, and the authority that clients trust."""

    server_file: Path
    authority: str  # PEM, the certificate only

    def context(self) -> ssl.SSLContext:
        """The TLS settings of the server."""
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(self.server_file)
        made.set_alpn_protocols(["http/1.1"])
        return made


def identity(folder: Path, *, now: float) -> Identity:
    """The identity kept in `folder`, made or renewed there first if need be."""
    authority_file, server_file = folder / "ca.pem", folder / "server.pem"
    authority = _authority(authority_file, now)
    if not authority:
        authority = _make_authority(authority_file, now)
    if not _usable(server_file, authority, now):
        _make_server(server_file, authority_file, authority, now)
    return Identity(server_file=server_file, authority=authority)


def _authority(path: Path, now: float) -> str:
    """The authority's certificate, or "" if there is none that lasts long enough."""
    text = _read(path)
    begin, end = text.find(_BEGIN), text.find(_END)
    if "PRIVATE KEY" not in text or begin < 0 or end < begin or not _fresh(text, now):
        return ""
    return text[begin:end + len(_END)] + "\n"


def _usable(path: Path, authority: str, now: float) -> bool:
    text = _read(path)
    if not _fresh(text, now) or f"# authority {_digest(authority)}\n" not in text:
        return False
    try:
        Identity(server_file=path, authority=authority).context()
    except (ssl.SSLError, OSError):
        return False
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _fresh(text: str, now: float) -> bool:
    """PEM files may carry remarks; ours says when to renew, so that nobody must parse a certificate to know."""
    first = text.partition("\n")[0].removeprefix("# renew after ")
    try:
        return now < from_rfc3339(first)
    except ValueError:
        return False


def _digest(authority: str) -> str:
    return hashlib.sha256(authority.encode()).hexdigest()


def _make_authority(path: Path, now: float) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_NAME, _NAME, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign=True), critical=True)
        .add_extension(x509.NameConstraints(_loopback_only(), None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
    # Renewed only when a server certificate could outlive it.
    write_private(path, _pem(key, builder, key, now + (_AUTHORITY_DAYS - _SERVER_DAYS) * _DAY))
    return _authority(path, now)


def _make_server(path: Path, authority_file: Path, authority: str, now: float) -> None:
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    signer = serialization.load_pem_private_key(authority_file.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey), "the authority's key is made by _make_authority"
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(ip)) for ip in ("127.0.0.1", "::1"))]
    builder = (
        _builder("localhost", _NAME, key.public_key(), now, _SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False))
    pem = _pem(key, builder, signer, now + (_SERVER_DAYS - _RENEW_DAYS) * _DAY, f"# authority {_digest(authority)}\n")
    write_private(path, pem)


def _builder(
    subject: str, issuer: str, public: "ec.EllipticCurvePublicKey", now: float, days: int,
) -> "x509.CertificateBuilder":
    from datetime import UTC, datetime

    from cryptography import x509

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(now - _DAY, UTC))  # a clock that is set back a little does no harm
        .not_valid_after(datetime.fromtimestamp(now + days * _DAY, UTC)))


def _key_usage(*, sign: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=sign, crl_sign=sign, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False)


def _loopback_only() -> list["x509.GeneralName"]:
    from ipaddress import ip_network

    from cryptography import x509

    return [x509.DNSName("localhost"), x509.IPAddress(ip_network("127.0.0.0/8")), x509.IPAddress(ip_network("::1/128"))]


def _pem(
    key: "ec.EllipticCurvePrivateKey", builder: "x509.CertificateBuilder", signer: "ec.EllipticCurvePrivateKey",
    renew_after: float, remarks: str = "",
) -> str:
    from cryptography.hazmat.primitives import hashes, serialization

    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    certificate = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return f"# renew after {to_rfc3339(renew_after)}\n{remarks}{private.decode()}{certificate.decode()}"
