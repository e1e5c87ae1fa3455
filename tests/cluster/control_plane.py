"""The four programs that make the control plane: etcd, the API server, the controllers and the scheduler."""

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable

from tests.cluster.binaries import program
from tests.cluster.certificates import Identities
from tests.cluster.layout import (
    API_PORT,
    API_URL,
    BRIDGE_IP,
    ETCD_PORT,
    ETCD_URL,
    HOME,
    KUBECONFIG,
    SERVICE_RANGE,
)
from tests.cluster.processes import Daemon

_PEER_URL = f"http://127.0.0.1:{ETCD_PORT + 1}"


def etcd() -> Daemon:
    """Where the API server keeps everything."""
    return Daemon("etcd", (
        str(program("etcd")), f"--data-dir={HOME / 'etcd'}", "--unsafe-no-fsync", f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}", f"--listen-peer-urls={_PEER_URL}",
        f"--initial-advertise-peer-urls={_PEER_URL}", f"--initial-cluster=default={_PEER_URL}", "--log-level=warn",
    ), answers(f"{ETCD_URL}/health"))


def api_server(identities: Identities) -> Daemon:
    """The API server, with RBAC on."""
    return Daemon("kube-apiserver", (
        str(program("kube-apiserver")), f"--etcd-servers={ETCD_URL}", f"--bind-address={BRIDGE_IP}",
        f"--secure-port={API_PORT}", f"--advertise-address={BRIDGE_IP}", "--endpoint-reconciler-type=none",
        f"--tls-cert-file={identities.server}", f"--tls-private-key-file={identities.server_key}",
        f"--client-ca-file={identities.authority}", f"--token-auth-file={identities.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={identities.service_accounts}",
        f"--service-account-signing-key-file={identities.service_accounts}",
        f"--service-cluster-ip-range={SERVICE_RANGE}", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP", "--profiling=false",
        # Images here come from no registry: a policy of the cluster turns "always pull" into "pull if not present".
        "--feature-gates=MutatingAdmissionPolicy=true", "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
    ), answers(f"{API_URL}/readyz"))


def controllers(identities: Identities) -> Daemon:
    """The controller manager: service accounts, garbage collection, namespaces, nodes."""
    return Daemon("kube-controller-manager", (
        str(program("kube-controller-manager")), f"--kubeconfig={KUBECONFIG}", "--leader-elect=false",
        "--bind-address=127.0.0.1", f"--service-account-private-key-file={identities.service_accounts}",
        f"--root-ca-file={identities.authority}", "--use-service-account-credentials=true", "--profiling=false",
        "--kube-api-qps=200", "--kube-api-burst=400",
    ), answers("https://127.0.0.1:10257/healthz"))


def scheduler() -> Daemon:
    """The scheduler."""
    return Daemon("kube-scheduler", (
        str(program("kube-scheduler")), f"--kubeconfig={KUBECONFIG}", "--leader-elect=false", "--bind-address=127.0.0.1",
        "--profiling=false", "--kube-api-qps=200", "--kube-api-burst=400",
    ), answers("https://127.0.0.1:10259/healthz"))


def answers(url: str) -> Callable[[], bool]:
    """Whether `url` answers 200 now. Who answers is not verified: only this machine's own addresses are asked."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return ask
