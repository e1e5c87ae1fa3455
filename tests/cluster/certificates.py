"""The cluster's identities: an authority, the API server's certificate, the key of service-account tokens, a token."""

import datetime as dt
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from argosy.clock import SystemClock
from argosy.kube.kubeconfig import write_kubeconfig
from tests.cluster.layout import API_URL, BRIDGE_IP, HOME, KUBECONFIG, SERVICE_IP

_DAYS = 365


@dataclass(frozen=True, slots=True)
class Identities:
    """The files that the parts of the cluster are told."""

    authority: Path
    authority_key: Path
    server: Path
    server_key: Path
    service_accounts: Path
    tokens: Path


def identities() -> Identities:
    """The identities in the cluster's folder; made there, with a kubeconfig, unless they exist."""
    folder = HOME / "pki"
    kept = Identities(folder / "ca.crt", folder / "ca.key", folder / "server.crt", folder / "server.key",
                      folder / "service-accounts.key", folder / "tokens.csv")
    if not KUBECONFIG.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(kept)
    return kept


def self_signed(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate that vouches for itself."""
    return _certificate(name, key.public_key(), key)


def client_pair(name: str, *, forged: bool = False) -> tuple[str, str]:
    """A certificate (PEM) by which the API server knows the user `name`, and its key; or one that it does not believe."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority_key = serialization.load_pem_private_key(identities().authority_key.read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    made = _certificate(name, key.public_key(), key if forged else authority_key, issuer="argosy-test-cluster")
    return made.public_bytes(serialization.Encoding.PEM).decode(), _pem(key).decode()


def _make(kept: Identities) -> None:
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("argosy-test-cluster", authority_key.public_key(), authority_key)
    names = [x509.DNSName(name) for name in ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")]
    addresses = [x509.IPAddress(ip_address(ip)) for ip in ("127.0.0.1", SERVICE_IP, BRIDGE_IP)]
    server = _certificate("kube-apiserver", server_key.public_key(), authority_key, issuer="argosy-test-cluster",
                          alternatives=[*names, *addresses])
    token = secrets.token_hex(16)
    pem = authority.public_bytes(serialization.Encoding.PEM)
    kept.authority.write_bytes(pem)
    _write_key(kept.authority_key, authority_key)
    kept.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    _write_key(kept.server_key, server_key)
    _write_key(kept.service_accounts, ec.generate_private_key(ec.SECP256R1()))
    kept.tokens.touch(mode=0o600)
    kept.tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    write_kubeconfig(KUBECONFIG, server=API_URL, authority=pem.decode(), token=token)


def _certificate(
    name: str, public: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePrivateKey, *, issuer: str = "",
    alternatives: list[x509.GeneralName] | None = None,
) -> x509.Certificate:
    begin = dt.datetime.fromtimestamp(SystemClock().now(), dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_called(name)).issuer_name(_called(issuer or name))
        .public_key(public).serial_number(x509.random_serial_number())
        .not_valid_before(begin - dt.timedelta(hours=1)).not_valid_after(begin + dt.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=not issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False))
    if not issuer:
        # Python 3.13 refuses an authority that does not say that it may sign.
        builder = builder.add_extension(x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False), critical=True)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(_pem(key))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
