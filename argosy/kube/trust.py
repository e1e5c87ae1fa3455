"""How a server's certificate is verified: as kubectl does it, on every version of Python."""

import ssl


def trusting(authority: str = "") -> ssl.SSLContext:
    """TLS that trusts this authority (PEM), or this machine's own where none is given. Raises ssl.SSLError."""
    context = ssl.create_default_context(cadata=authority or None)
    # From Python 3.13 on certificates must by default have all that RFC 5280 wants, such as key identifiers. Those of many
    # clusters' own authorities lack them (EKS's among them), and no other client minds. All else is verified as before.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
