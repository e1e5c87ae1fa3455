"""kubernetes-asyncio's loaders of configuration, with OpenID Connect tokens renewed over a verified connection.

Import this through `authenticators`, which leaves the library's typed models out. The library decides when an id-token
has run out; its own way to renew one does not check the issuer's certificate, so that part is replaced.
"""

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes_asyncio.client.configuration import Configuration
from kubernetes_asyncio.config.config_exception import ConfigException
from kubernetes_asyncio.config.dateutil import parse_rfc3339
from kubernetes_asyncio.config.exec_provider import ExecProvider
from kubernetes_asyncio.config.incluster_config import (
    SERVICE_HOST_ENV_NAME,
    SERVICE_PORT_ENV_NAME,
    InClusterConfigLoader,
)
from kubernetes_asyncio.config.kube_config import KubeConfigLoader
from kubernetes_asyncio.config.openid import OpenIDRequestor

from argosy.errors import Unavailable
from argosy.kube.trust import trusting

__all__ = ["SERVICE_HOST_ENV_NAME", "SERVICE_PORT_ENV_NAME", "ConfigException", "Configuration", "InClusterConfigLoader",
           "UserLoader"]

_TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})  # answers of an issuer that says nothing about our token


class UserLoader(KubeConfigLoader):
    """The library's loader; `renewed` are the provider's settings if the token had to be renewed.

    `certificate` and `key` are what an exec plugin gave, as PEM.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.renewed: Mapping[str, str] = {}
        self.certificate = self.key = ""

    async def load_from_exec_plugin(self) -> bool:
        """Ask the plugin. The library's own way leaves out a certificate beside a token, and when a certificate ends."""
        status = await ExecProvider(self._user["exec"]).run()
        if token := status.get("token"):
            self.token = f"Bearer {token}"
        if certificate := status.get("clientCertificateData"):
            if not status.get("clientKeyData"):
                raise ConfigException("exec: status.clientCertificateData comes without status.clientKeyData")
            self.certificate, self.key = str(certificate), str(status["clientKeyData"])
        if status.get("expirationTimestamp"):
            self.exec_plugin_expiry = parse_rfc3339(status["expirationTimestamp"])
        return True

    async def _refresh_oidc(self, provider: Any) -> None:
        given: dict[str, str] = provider["config"].value
        missing = [key for key in ("idp-issuer-url", "client-id", "refresh-token") if not given.get(key)]
        if missing:
            raise ConfigException(f"the id-token has run out, and there is no {missing[0]} to renew it with: log in again")
        url = given["idp-issuer-url"]
        requestor = _Requestor(given["client-id"], given.get("client-secret", ""), url, _trust(given))
        try:
            answer = await requestor.refresh_token(given["refresh-token"])
        except ConfigException as error:
            if getattr(error.__cause__, "status", 0) in _TRY_AGAIN:
                raise Unavailable(f"cannot renew the id-token: {url} answered {error.__cause__}") from error
            raise ConfigException(f"{url} did not renew it ({error.__cause__ or error}): log in again") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise ConfigException(f"{url} cannot be asked: {error}") from error
        except aiohttp.ClientError as error:
            raise Unavailable(f"cannot renew the id-token: {url} cannot be asked: {error}") from error
        given["id-token"] = answer["id_token"]
        given["refresh-token"] = answer.get("refresh_token") or given["refresh-token"]  # issuers may keep the old one
        self.renewed = dict(given)


class _Requestor(OpenIDRequestor):
    def _client_session(self) -> aiohttp.ClientSession:
        who = aiohttp.encode_basic_auth(self._client_id, self._client_secret)
        return aiohttp.ClientSession(
            headers={**self._default_headers, "Authorization": who}, connector=aiohttp.TCPConnector(ssl=self._ssl_ca_cert),
            raise_for_status=True, trust_env=True)


def _trust(given: Mapping[str, str]) -> ssl.SSLContext:
    data, file = given.get("idp-certificate-authority-data"), given.get("idp-certificate-authority")
    if data:
        return trusting(base64.b64decode(data).decode())
    return trusting(Path(file).read_text() if file else "")
