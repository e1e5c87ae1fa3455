"""Who vouches for a store: small images often bring no certificate authorities, so a pod is told of the few that it needs.

For Amazon's own S3 these are known. For another store with TLS it is the authority at the end of the chain that this machine
has verified; for one that it does not trust itself, or cannot reach, there is none.
"""

import asyncio
from functools import cache
from typing import Any

_AMAZONS = ("Amazon", "Starfield Technologies, Inc.")
_PATIENCE_SECONDS = 10.0
_DER = 2  # the form in which the library below Python's gives a certificate


@cache
def of_amazon() -> str:
    """The authorities that sign for Amazon's S3, as this machine trusts them (PEM)."""
    import ssl  # late: few ask, and everybody would wait for it

    context = ssl.create_default_context()
    known = zip(context.get_ca_certs(), context.get_ca_certs(binary_form=True), strict=True)
    return "".join(ssl.DER_cert_to_PEM_cert(certificate) for owner, certificate in known if _organization(owner) in _AMAZONS)


def _organization(owner: Any) -> str:
    return next((value for part in owner.get("subject", ()) for name, value in part if name == "organizationName"), "")


async def vouching_for(server: str) -> str:
    """The authority (PEM) that vouches for the server HOST[:PORT]; "" where this machine cannot tell."""
    import ssl

    from argosy.kube.trust import trusting

    host, _, port = server.partition(":")
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port or 443), ssl=trusting())
    except (OSError, TimeoutError, ValueError):
        return ""
    try:
        return ssl.DER_cert_to_PEM_cert(_chain(writer.get_extra_info("ssl_object"))[-1])
    finally:
        writer.transport.abort()


def _chain(connection: Any) -> list[bytes]:
    """The certificates that were verified, the server's own first."""
    if hasattr(connection, "get_verified_chain"):  # from Python 3.13 on
        return list(connection.get_verified_chain())
    return [each.public_bytes(_DER) for each in connection._sslobj.get_verified_chain()]  # noqa: SLF001  there is no other way
