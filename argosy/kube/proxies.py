"""Which proxy leads to a server, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY as kubectl reads them.

An entry of NO_PROXY is a name (and all below it), ``.name`` (only what is below it), an address, a network such as
10.0.0.0/8, or ``*``; names and addresses may have a port. This very machine is never asked through a proxy.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Proxies:
    """What the environment says. An address may hold a password, so it stays out of the repr."""

    https: str = field(default="", repr=False)
    http: str = field(default="", repr=False)
    none_for: str = ""


def proxy_for(server: str, proxies: Proxies) -> str:
    """The proxy's URL, "" where the server is reached directly."""
    parts = urlsplit(server)
    proxy = proxies.https if parts.scheme == "https" else proxies.http
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if not proxy or _is_direct(host, port, proxies.none_for):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def without_secrets(proxy: str) -> str:
    """HOST:PORT of a proxy, for messages."""
    return urlsplit(proxy).netloc.rpartition("@")[2]


def _is_direct(host: str, port: int, none_for: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (entry.strip().lower() for entry in none_for.split(","))
    return any(_covers(entry, host, address, port) for entry in entries if entry)


def _covers(entry: str, host: str, address: _Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted_port = _split(entry)
    if wanted_port not in ("", str(port)):
        return False
    if address is not None:
        return _address(name) == address
    name = name.removeprefix("*")
    return bool(name) and (host == name or host.endswith(name if name.startswith(".") else f".{name}"))


def _split(entry: str) -> tuple[str, str]:
    """The name or address, and the port if there is one; an IPv6 address with a port stands in brackets."""
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(text: str) -> _Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
