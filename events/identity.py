"""Which cluster this is, by what every namespace of it may be asked: the certificates of its API server's authority.

Kubernetes keeps them in each namespace, in the ConfigMap ``kube-root-ca.crt``. While they are replaced there are old and
new ones side by side, so a cluster has several names, and two sets that share one mean the same cluster. The embedded
system has no such ConfigMap and no name.
"""

import hashlib
import re

from argosy.kube.contract import Kube, KubeError
from argosy.kube.resources import CONFIG_MAPS

_AUTHORITY = "kube-root-ca.crt"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class ClusterIdentity:
    """Tells the names of the cluster behind a Kube; `namespace` is where it may be asked, if not everywhere."""

    def __init__(self, kube: Kube, *, namespace: str = "") -> None:
        self._kube, self._namespace = kube, namespace
        self._known: frozenset[str] = frozenset()

    async def __call__(self, namespace: str) -> frozenset[str]:
        """The names, asked once of any namespace; none where they may not be read. Raises Unavailable."""
        if not self._known:
            try:
                found = await self._kube.get(CONFIG_MAPS, _AUTHORITY, namespace=self._namespace or namespace)
            except KubeError:
                return frozenset()
            texts = _CERTIFICATE.findall(str((found.get("data") or {}).get("ca.crt", "")))
            self._known = frozenset(hashlib.sha256("".join(text.split()).encode()).hexdigest()[:16] for text in texts)
        return self._known
