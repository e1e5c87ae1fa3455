"""Where the API server is and how to show who we are: read from kubeconfig files, or from inside a pod.

Nothing here speaks to the server. Files are merged as kubectl merges ``$KUBECONFIG``: the first to name a thing wins.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from argosy.errors import ArgosyError
from argosy.kube.impersonation import OtherSelf
from argosy.kube.private_file import write_private
from argosy.kube.proxies import Proxies, proxy_for

SERVICE_ACCOUNT_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_VERSION = "client.authentication.k8s.io/v1"


class KubeconfigError(ArgosyError):
    """No usable description of an API server: what is missing, and what to do."""


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that prints a credential (client.authentication.k8s.io)."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_version: str = _EXEC_VERSION
    install_hint: str = ""
    provide_cluster_info: bool = False
    config: Any = None  # what the cluster's entry says to the plugin


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """One server and one way to show who we are. Secrets stay out of its repr. `source` says where it was found."""

    server: str
    namespace: str = "default"
    source: str = ""
    context: str = ""
    authority: str = field(default="", repr=False)  # PEM
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = field(default="", repr=False)  # it may hold a password
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    client_certificate: str = field(default="", repr=False)  # PEM
    client_key: str = field(default="", repr=False)  # PEM
    client_certificate_file: Path | None = None  # where it was read from, and may be replaced
    client_key_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    exec_plugin: ExecPlugin | None = None
    oidc: Mapping[str, str] = field(default_factory=dict, repr=False)  # settings of the OpenID Connect provider
    user: str = ""
    user_file: Path | None = None  # which of the files names the user
    other_self: OtherSelf | None = None  # as whom everything is asked


def load_kubeconfig(
    *, path: Path | None = None, data: Path | None = None, kubeconfig: str = "", home: Path | None = None,
    context: str = "", in_cluster_server: str = "", service_account_folder: Path = SERVICE_ACCOUNT_FOLDER,
    proxies: Proxies | None = None,
) -> KubeConfig:
    """The first that there is of: `path`, the data folder's, `kubeconfig` (as in $KUBECONFIG), ~/.argosy/kubeconfig,
    ~/.kube/config, the pod's service account. Raises KubeconfigError.

    `in_cluster_server` is ``https://HOST:PORT`` of the pod's KUBERNETES_SERVICE_HOST and _PORT, if they are known.
    `proxies` are the environment's; the kubeconfig's own counts more.
    """
    found = _first(path=path, data=data, kubeconfig=kubeconfig, home=home, context=context,
                   in_cluster_server=in_cluster_server, service_account_folder=service_account_folder)
    if found.proxy_url or proxies is None:
        return found
    variable = "HTTPS_PROXY" if found.server.startswith("https://") else "HTTP_PROXY"
    return replace(found, proxy_url=_proxy(proxy_for(found.server, proxies), variable))


def _first(
    *, path: Path | None, data: Path | None, kubeconfig: str, home: Path | None, context: str, in_cluster_server: str,
    service_account_folder: Path,
) -> KubeConfig:
    if path is not None:
        return read_kubeconfig([_there(path)], context=context)
    if data is not None:
        file = data / "kubeconfig"
        if not file.is_file():
            raise KubeconfigError(f"{file} does not exist: nothing runs in that folder; start it: argosy up --data {data}")
        return read_kubeconfig([file], context=context)
    if kubeconfig:
        named = [Path(part).expanduser() for part in kubeconfig.split(":") if part]
        found = [file for file in named if file.is_file()]
        if not found:
            raise KubeconfigError(f"KUBECONFIG names {kubeconfig}, which does not exist; set it to a file, or unset it")
        return read_kubeconfig(found, context=context)
    for file in (home / ".argosy" / "kubeconfig", home / ".kube" / "config") if home is not None else ():
        if file.is_file():
            return read_kubeconfig([file], context=context)
    inside = in_cluster(service_account_folder, server=in_cluster_server)
    if inside is None:
        raise KubeconfigError("no cluster is known: start one on this machine with `argosy up`, or name one with "
                              "--kubeconfig FILE or KUBECONFIG")
    return inside


def read_kubeconfig(files: Sequence[Path], *, context: str = "") -> KubeConfig:
    """The current (or the named) context of kubeconfig files. Raises KubeconfigError."""
    trees = [(file, _read(file)) for file in files]
    source = ":".join(str(file) for file in files)
    chosen = context or next((text for _file, tree in trees if (text := str(tree.get("current-context") or ""))), "")
    if not chosen:
        raise KubeconfigError(f"{source}: has no current-context; choose one: kubectl config use-context NAME")
    _file, scene = _named(trees, "contexts", "context", chosen, source)
    cluster_file, cluster = _named(trees, "clusters", "cluster", str(scene.get("cluster") or ""), source)
    user_file = files[0]
    user: Mapping[str, Any] = {}
    if scene.get("user"):
        user_file, user = _named(trees, "users", "user", str(scene["user"]), source)
    server = str(cluster.get("server") or "").rstrip("/")
    if not server.startswith(("http://", "https://")):
        raise KubeconfigError(f"{source}: cluster {scene.get('cluster')!r} has server {server!r}; write https://HOST:PORT")
    return KubeConfig(
        server=server, source=source, context=chosen, namespace=str(scene.get("namespace") or "default"),
        user=str(scene.get("user") or ""), user_file=user_file,
        authority=_pem(cluster, "certificate-authority", cluster_file),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        proxy_url=_proxy(str(cluster.get("proxy-url") or ""), f"{source}: proxy-url"),
        **_user(user, user_file, source, plugin_config=_plugin_config(cluster)))


def in_cluster(folder: Path = SERVICE_ACCOUNT_FOLDER, *, server: str = "") -> KubeConfig | None:
    """What a pod's service account gives, or None outside a pod. Raises KubeconfigError."""
    token_file = folder / "token"
    if not token_file.is_file():
        return None
    from argosy.kube.authenticators import Refused, check_service_account

    server = server or "https://kubernetes.default.svc"
    try:
        check_service_account(server, token_file=token_file, authority_file=folder / "ca.crt")
    except Refused as error:
        raise KubeconfigError(f"{folder}: the pod's service account cannot be used: {error}") from error
    return KubeConfig(
        server=server, source=str(folder), token_file=token_file,
        authority=_text(folder / "ca.crt"), namespace=_text(folder / "namespace").strip() or "default")


def write_kubeconfig(path: Path, *, server: str, authority: str, token: str, namespace: str = "default") -> None:
    """A kubeconfig for kubectl and for us, mode 0600, replaced as a whole."""
    encoded = base64.b64encode(authority.encode()).decode()
    write_private(path, f"""\
apiVersion: v1
kind: Config
clusters:
- name: argosy
  cluster:
    server: {server}
    certificate-authority-data: {encoded}
users:
- name: argosy
  user:
    token: {token}
contexts:
- name: argosy
  context:
    cluster: argosy
    user: argosy
    namespace: {namespace}
current-context: argosy
""")


def remember_tokens(config: KubeConfig, oidc: Mapping[str, str]) -> None:
    """Put renewed OpenID Connect tokens into the kubeconfig they came from. Raises OSError, KubeconfigError."""
    import yaml

    assert config.user_file is not None, "a provider's settings come from a file"
    file = config.user_file.resolve()  # a link stays one
    tree = _read(file)
    for entry in tree.get("users") or ():
        if isinstance(entry, dict) and entry.get("name") == config.user:
            entry["user"] = {**(entry.get("user") or {}), "auth-provider": {"name": "oidc", "config": dict(oidc)}}
            write_private(file, yaml.safe_dump(tree, sort_keys=False))
            return


def _there(path: Path) -> Path:
    if not path.is_file():
        raise KubeconfigError(f"{path} does not exist; --kubeconfig takes the path of a kubeconfig file")
    return path


def _read(file: Path) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        tree = yaml.load(file.read_text(), Loader=loader)  # noqa: S506 - it is one of the two safe loaders
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KubeconfigError(f"{file}: cannot be read: {error}") from error
    if not isinstance(tree, dict):
        raise KubeconfigError(f"{file}: is no kubeconfig; it must be a mapping with clusters, users and contexts")
    for section in ("clusters", "users", "contexts"):
        if not isinstance(tree.get(section) or [], list):
            raise KubeconfigError(f"{file}: {section} must be a list of entries with a name")
    return tree


def _named(
    trees: Sequence[tuple[Path, Mapping[str, Any]]], section: str, key: str, name: str, source: str,
) -> tuple[Path, Mapping[str, Any]]:
    known: list[str] = []
    for file, tree in trees:
        for entry in tree.get(section) or ():
            if not isinstance(entry, dict):
                continue
            known.append(str(entry.get("name")))
            if entry.get("name") == name and isinstance(entry.get(key) or {}, dict):
                return file, entry.get(key) or {}
    there = f"there are: {', '.join(known)}" if known else "there are none"
    raise KubeconfigError(f"{source}: no {key} is named {name!r}; {there}")


def _user(user: Mapping[str, Any], file: Path, source: str, *, plugin_config: Any) -> dict[str, Any]:
    token_file = user.get("tokenFile")
    return {
        "token": str(user.get("token") or ""),
        "token_file": file.parent / str(token_file) if token_file else None,
        "client_certificate": _pem(user, "client-certificate", file), "client_key": _pem(user, "client-key", file),
        "client_certificate_file": _place(user, "client-certificate", file),
        "client_key_file": _place(user, "client-key", file), "other_self": _other_self(user, source),
        "username": str(user.get("username") or ""), "password": str(user.get("password") or ""),
        "exec_plugin": _exec_plugin(user.get("exec"), file, source, config=plugin_config),
        "oidc": _oidc(user.get("auth-provider"), source)}


def _oidc(provider: Any, source: str) -> Mapping[str, str]:
    if not provider:
        return {}
    name = provider.get("name") if isinstance(provider, dict) else provider
    if name != "oidc":
        raise KubeconfigError(f"{source}: auth-provider {name} is no longer supported by Kubernetes; use an exec plugin")
    config = provider.get("config")
    if not isinstance(config, dict) or not config:
        raise KubeconfigError(f"{source}: auth-provider oidc needs a config with id-token, client-id and idp-issuer-url")
    return {str(key): str(value) for key, value in config.items()}


def _plugin_config(cluster: Mapping[str, Any]) -> Any:
    """What the cluster's entry has for exec plugins: the extension of that name."""
    extensions = cluster.get("extensions")
    for item in extensions if isinstance(extensions, list) else ():
        if isinstance(item, dict) and item.get("name") == "client.authentication.k8s.io/exec":
            return item.get("extension")
    return None


def _exec_plugin(tree: Any, file: Path, source: str, *, config: Any) -> ExecPlugin | None:
    if not tree:
        return None
    if not isinstance(tree, dict) or not tree.get("command"):
        raise KubeconfigError(f"{source}: exec needs a command")
    args, env = tree.get("args") or [], tree.get("env") or []
    if not isinstance(args, list) or not isinstance(env, list) or not all(
            isinstance(item, dict) and "name" in item for item in env):
        raise KubeconfigError(f"{source}: exec.args must be a list of words, exec.env a list of name and value")
    command = str(tree["command"])
    return ExecPlugin(
        command=str(file.parent / command) if "/" in command else command, args=tuple(str(arg) for arg in args),
        env={str(item["name"]): str(item.get("value", "")) for item in env},
        api_version=str(tree.get("apiVersion") or _EXEC_VERSION), config=config,
        install_hint=str(tree.get("installHint") or ""), provide_cluster_info=bool(tree.get("provideClusterInfo")))


def _pem(tree: Mapping[str, Any], key: str, file: Path) -> str:
    """A certificate or key given in the file (``KEY-data``) or by a path, which is relative to the kubeconfig."""
    data = tree.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{file}: {key}-data is not base64 of a PEM file: {error}") from error
    place = _place(tree, key, file)
    return _text(place) if place is not None else ""


def _place(tree: Mapping[str, Any], key: str, file: Path) -> Path | None:
    """The file that holds it, if it is not given in the kubeconfig itself."""
    return file.parent / str(tree[key]) if tree.get(key) and not tree.get(f"{key}-data") else None


def _proxy(url: str, where: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise KubeconfigError(f"{where} is of the kind {url.partition(':')[0]!r}; write http:// or https:// and HOST:PORT")
    return url


def _other_self(user: Mapping[str, Any], source: str) -> OtherSelf | None:
    name, uid, groups, extra = (user.get(key) or kind() for key, kind in (
        ("as", str), ("as-uid", str), ("as-groups", list), ("as-user-extra", dict)))
    if not isinstance(name, str) or not isinstance(uid, str) or not f"{name}{uid}".isprintable():
        raise KubeconfigError(f"{source}: as must be a name and as-uid a text, each of one line")
    if not isinstance(groups, list) or not all(_is_value(group) for group in groups):
        raise KubeconfigError(f"{source}: as-groups must be a list of names")
    if not isinstance(extra, dict) or not all(
            isinstance(values, list) and all(_is_value(value) for value in values) for values in extra.values()):
        raise KubeconfigError(f"{source}: as-user-extra must be a mapping of names to lists of texts")
    if name:
        return OtherSelf(name, uid, tuple(groups), {str(key): tuple(values) for key, values in extra.items()})
    if given := [key for key in ("as-uid", "as-groups", "as-user-extra") if user.get(key)]:
        raise KubeconfigError(f"{source}: {given[0]} has no meaning without `as`: write as whom to act")
    return None


def _is_value(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"{path}: cannot be read: {error}") from error
