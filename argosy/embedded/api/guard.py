"""Who may speak to the face: only who knows the token, and never a web page that a browser happens to show.

The face runs commands on the user's machine. It listens on loopback only; but every program and every web page on
this machine can reach loopback. A page cannot know the token; the checks of Host and Origin are a second wall, for
the day that a token leaks into a browser (DNS rebinding makes another site's name point at 127.0.0.1).
"""

import hmac
import ipaddress
from urllib.parse import urlsplit

from argosy.embedded.api.statuses import Unauthorized
from argosy.errors import ArgosyError
from argosy.kube.contract import Forbidden


def check_loopback(host: str) -> None:
    """Raises ArgosyError if `host` is not one of this machine's own names, which the certificate holds."""
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise ArgosyError(f"the API listens on this machine only, not on {host!r}: use 127.0.0.1, ::1 or localhost")


def check_caller(*, host: str, origin: str, authorization: str, token: str) -> None:
    """Look at a request's headers. Raises Forbidden, Unauthorized."""
    check_place(host=host, origin=origin)
    scheme, _space, shown = authorization.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(_bytes(shown.strip()), _bytes(token)):
        raise Unauthorized("Unauthorized: send the token of the kubeconfig file as `Authorization: Bearer TOKEN`")


def check_place(*, host: str, origin: str) -> None:
    """The request is meant for this machine, and no web page of another place sent it. Raises Forbidden."""
    if not _is_loopback(_host_of(f"//{host}")):
        raise Forbidden(f"the Host header says {host!r}; this API answers at 127.0.0.1, ::1 and localhost only")
    if origin and origin.lower() != f"https://{host}".lower():
        raise Forbidden(f"web pages of {origin!r} may not use this API")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
