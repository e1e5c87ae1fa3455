"""What the person who runs Argosy may choose: read once at start, from one YAML file and a few environment variables.

The file (``--settings FILE``, else ``$ARGOSY_SETTINGS``, else ``DIR/settings.yaml`` in the data folder) looks so::

    images:                     # what stands in for a container image on this machine; on a cluster, how it starts
      - pattern: "argoproj/argosay:*"
        entrypoint: [/argosay]  # used where a template names no command
        root: ./stand-ins       # a folder laid over the host's root: its files appear at /
    isolation: auto             # auto | namespaces | plain
    most_pods: 200              # pods that run at the same time
    webhook_port: 12000         # the shared listener of webhook-like event sources
    insecure_registries: []     # HOST:PORT of image registries that speak plain HTTP
"""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from argosy.errors import SpecError

Isolation: TypeAlias = Literal["auto", "namespaces", "plain"]


@dataclass(frozen=True, slots=True)
class ImageStandIn:
    """What stands in for the images whose name matches the glob `pattern` when pods are processes of this machine."""

    pattern: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    root: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be chosen for the embedded system."""

    images: tuple[ImageStandIn, ...] = ()
    isolation: Isolation = "auto"
    most_pods: int = 200
    webhook_port: int = 12000
    insecure_registries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment variables that Argosy reads, as they were at start."""

    kubeconfig: str = ""
    data: str = ""
    settings: str = ""
    namespace: str = ""
    debug: bool = False
    color: bool = True
    home: Path = Path("/")
    path: str = ""  # where the host's programs are
    in_cluster_server: str = ""  # the API server's address, where this is a pod
    image: str = ""  # Argosy's own, for pods that its program works in
    pod: str = ""  # the name of the pod that this is, where it is one
    https_proxy: str = field(default="", repr=False)  # an address may hold a password
    http_proxy: str = field(default="", repr=False)
    no_proxy: str = ""

    @property
    def data_folder(self) -> Path:
        """Where the embedded system keeps everything unless told otherwise."""
        return Path(self.data) if self.data else self.home / ".argosy"


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """ARGOSY_DATA, _SETTINGS, _NAMESPACE (or ARGO_NAMESPACE), _IMAGE and _DEBUG, POD_NAME, KUBECONFIG, NO_COLOR, TERM,
    HTTPS_PROXY, HTTP_PROXY and NO_PROXY (in capitals or small)."""
    values = os.environ if environ is None else environ
    return Environment(
        kubeconfig=values.get("KUBECONFIG", ""),
        data=values.get("ARGOSY_DATA", ""),
        settings=values.get("ARGOSY_SETTINGS", ""),
        namespace=values.get("ARGOSY_NAMESPACE", "") or values.get("ARGO_NAMESPACE", ""),
        debug=values.get("ARGOSY_DEBUG", "") not in ("", "0"),
        color=not values.get("NO_COLOR") and values.get("TERM") != "dumb",
        home=Path(values.get("HOME", "/")),
        path=values.get("PATH", ""),
        in_cluster_server=_in_cluster_server(values),
        image=values.get("ARGOSY_IMAGE", ""),
        pod=values.get("POD_NAME", ""),
        https_proxy=values.get("HTTPS_PROXY", "") or values.get("https_proxy", ""),
        http_proxy=values.get("HTTP_PROXY", "") or values.get("http_proxy", ""),
        no_proxy=values.get("NO_PROXY", "") or values.get("no_proxy", ""),
    )


def read_variable(name: str) -> str:
    """One variable whose name is known only then: a header of a request, given to a pod from a Secret."""
    return os.environ.get(name, "")


def _in_cluster_server(values: Mapping[str, str]) -> str:
    host = values.get("KUBERNETES_SERVICE_HOST", "")
    port = values.get("KUBERNETES_SERVICE_PORT", "") or "443"
    return f"https://{f'[{host}]' if ':' in host else host}:{port}" if host else ""


def find_settings(explicit: Path | None, data: Path | None, environment: Environment) -> Path | None:
    """The settings file to read: the one that is named, else ``$ARGOSY_SETTINGS``, else the data folder's own."""
    if explicit is not None:
        return explicit
    if environment.settings:
        return Path(environment.settings)
    own = data / "settings.yaml" if data is not None else None
    return own if own is not None and own.is_file() else None


def load_settings(path: Path | None) -> Settings:
    """Read the settings file; None gives the defaults. Raises SpecError for what cannot be read or is unknown."""
    if path is None:
        return Settings()
    import yaml

    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError("settings", f"cannot be read: {error}", source=str(path)) from error
    if tree is None:
        return Settings()
    if not isinstance(tree, dict):
        raise SpecError("settings", "must be a mapping such as `most_pods: 200`", source=str(path))
    return _settings_from(tree, path)


def _settings_from(tree: Mapping[str, Any], path: Path) -> Settings:
    known = {item.name for item in fields(Settings)}
    for key in tree:
        if key not in known:
            raise SpecError(str(key), f"is no setting; there are: {', '.join(sorted(known))}", source=str(path))
    isolation = tree.get("isolation", "auto")
    if isolation not in ("auto", "namespaces", "plain"):
        raise SpecError("isolation", f"is {isolation!r}; write auto, namespaces or plain", source=str(path))
    numbers: dict[str, int] = {}
    for key in ("most_pods", "webhook_port"):
        if key in tree:
            numbers[key] = _whole_number(tree[key], key, path)
    images = tree.get("images", [])
    if not isinstance(images, list):
        raise SpecError("images", "must be a list of entries with `pattern:`", source=str(path))
    stand_ins = tuple(_stand_in(item, f"images[{index}]", path) for index, item in enumerate(images))
    registries = _words(tree.get("insecure_registries"), "insecure_registries", path, such_as="[registry.lan:5000]")
    return Settings(images=stand_ins, isolation=isolation, insecure_registries=registries, **numbers)


def _whole_number(value: Any, key: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SpecError(key, f"is {value!r}; write a whole number", source=str(path))
    return value


def _stand_in(item: Any, where: str, path: Path) -> ImageStandIn:
    if not isinstance(item, dict) or not isinstance(item.get("pattern"), str):
        raise SpecError(where, 'needs a `pattern:`, such as "alpine/git:*"', source=str(path))
    unknown = set(item) - {"pattern", "entrypoint", "command", "root", "env"}
    if unknown:
        raise SpecError(f"{where}.{min(unknown)}", "is unknown; an image has pattern, entrypoint, command, root, env",
                        source=str(path))
    root = item.get("root")
    return ImageStandIn(
        pattern=item["pattern"],
        entrypoint=_words(item.get("entrypoint"), f"{where}.entrypoint", path),
        command=_words(item.get("command"), f"{where}.command", path),
        root=(path.parent / root).resolve() if root else None,
        env={str(key): str(value) for key, value in (item.get("env") or {}).items()},
    )


def _words(value: Any, where: str, path: Path, *, such_as: str = "[sh, -c]") -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise SpecError(where, f"is {value!r}; write a list of words, such as {such_as}", source=str(path))
    return tuple(value)


def host_name() -> str:
    """The name of this machine, or pod, as far as it can be part of an object's name."""
    return re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")[:40] or "host"
