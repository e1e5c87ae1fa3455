"""Which kubeconfig is used, and what is read from it."""

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.kube.kubeconfig import KubeconfigError, load_kubeconfig, read_kubeconfig, write_kubeconfig

NO_POD = Path("/nowhere")


def write(path: Path, server: str, *, namespace: str = "", current: str = "main", user: Any = None,
          cluster: dict[str, Any] | None = None) -> Path:
    """A kubeconfig whose names all are `current`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    context = {"cluster": current, "user": current, **({"namespace": namespace} if namespace else {})}
    path.write_text(yaml.safe_dump({
        "clusters": [{"name": current, "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": current, "user": user or {"token": "t"}}],
        "contexts": [{"name": current, "context": context}], "current-context": current}))
    return path


def server_found(tmp_path: Path, **options: Any) -> str:
    return load_kubeconfig(home=tmp_path / "home", service_account_folder=NO_POD, **options).server


def test_the_nearest_wish_wins(tmp_path: Path) -> None:
    """Each step takes the nearest place away and finds the next."""
    explicit = write(tmp_path / "explicit", "https://explicit")
    data = write(tmp_path / "data" / "kubeconfig", "https://data").parent
    variable = str(write(tmp_path / "variable", "https://variable"))
    own = write(tmp_path / "home" / ".argosy" / "kubeconfig", "https://own")
    users = write(tmp_path / "home" / ".kube" / "config", "https://users")

    assert server_found(tmp_path, path=explicit, data=data, kubeconfig=variable) == "https://explicit"
    assert server_found(tmp_path, data=data, kubeconfig=variable) == "https://data"
    assert server_found(tmp_path, kubeconfig=variable) == "https://variable"
    assert server_found(tmp_path) == "https://own"
    own.unlink()
    assert server_found(tmp_path) == "https://users"
    users.unlink()
    with pytest.raises(KubeconfigError, match="start one on this machine with `argosy up`"):
        server_found(tmp_path)


def test_in_a_pod_its_service_account_is_used(tmp_path: Path) -> None:
    for name, text in (("token", "secret"), ("ca.crt", "PEM"), ("namespace", "team\n")):
        (tmp_path / name).write_text(text)
    config = load_kubeconfig(home=tmp_path / "home", service_account_folder=tmp_path)
    assert (config.server, config.namespace, config.authority) == ("https://kubernetes.default.svc", "team", "PEM")
    assert config.token_file == tmp_path / "token"
    assert load_kubeconfig(in_cluster_server="https://10.0.0.1:443", service_account_folder=tmp_path).server == (
        "https://10.0.0.1:443")


def test_several_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text("contexts: [{name: work, context: {cluster: main, user: main, namespace: mine}}]\n"
                     "current-context: work\n")
    second = write(tmp_path / "second", "https://second", namespace="theirs")
    config = load_kubeconfig(kubeconfig=f"{tmp_path / 'missing'}:{first}:{second}")
    assert (config.server, config.namespace, config.context) == ("https://second", "mine", "work")
    assert load_kubeconfig(kubeconfig=f"{first}:{second}", context="main").namespace == "theirs"


def test_what_we_write_is_what_we_read_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "kubeconfig"
    write_kubeconfig(file, server="https://127.0.0.1:6443", authority="PEM\n", token="t", namespace="team")
    config = read_kubeconfig([file])
    assert (config.server, config.authority, config.token, config.namespace) == (
        "https://127.0.0.1:6443", "PEM\n", "t", "team")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["kubeconfig"]


def test_certificates_may_be_given_in_the_file_or_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("AUTHORITY")
    (tmp_path / "me.key").write_text("KEY")
    encoded = base64.b64encode(b"CERTIFICATE").decode()
    file = write(tmp_path / "config", "https://a/", cluster={"certificate-authority": "ca.crt", "tls-server-name": "b"},
                 user={"client-certificate-data": encoded, "client-key": "me.key", "tokenFile": "token"})
    config = read_kubeconfig([file])
    assert (config.authority, config.client_certificate, config.client_key) == ("AUTHORITY", "CERTIFICATE", "KEY")
    assert (config.server, config.tls_server_name, config.token_file) == ("https://a", "b", tmp_path / "token")


def test_secrets_stay_out_of_what_is_printed(tmp_path: Path) -> None:
    file = write(tmp_path / "config", "https://a", user={"token": "hush", "password": "hush", "username": "u"})
    assert "hush" not in repr(read_kubeconfig([file]))


SCENE = "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
USER = SCENE + "clusters: [{name: c, cluster: {server: 'https://a'}}]\nusers: [{name: u, user: {%s}}]"
CLUSTER = SCENE + "clusters: [{name: c, cluster: {%s}}]\nusers: [{name: u, user: {}}]"


@pytest.mark.parametrize(("text", "told"), [
    ("[1, 2]", "is no kubeconfig"),
    ("a: [", "cannot be read"),
    ("clusters: []", "has no current-context"),
    ("current-context: x", "no context is named 'x'; there are none"),
    ("current-context: x\ncontexts: [{name: y, context: {}}]", "no context is named 'x'; there are: y"),
    ("current-context: x\ncontexts: 5", "must be a list"),
    ("current-context: x\ncontexts: [{name: x, context: 7}]", "no context is named 'x'"),
    (SCENE, "no cluster is named 'c'"),
    (CLUSTER % "server: a", "write https://HOST:PORT"),
    (CLUSTER % "server: 'https://a', certificate-authority-data: '%%'", "is not base64"),
    (CLUSTER % "server: 'https://a', certificate-authority: /nowhere", "/nowhere: cannot be read"),
    (USER % "auth-provider: {name: gcp}", "use an exec plugin"),
    (USER % "exec: {args: [1]}", "exec needs a command"),
    (USER % "exec: {command: a, env: [1]}", "a list of name and value"),
])
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(KubeconfigError, match=told):
        read_kubeconfig([file])


def test_a_named_file_that_is_missing_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=r"does not exist; --kubeconfig takes"):
        load_kubeconfig(path=tmp_path / "ghost")
    with pytest.raises(KubeconfigError, match=rf"start it: argosy up --data {tmp_path}"):
        load_kubeconfig(data=tmp_path)
    with pytest.raises(KubeconfigError, match="set it to a file, or unset it"):
        load_kubeconfig(kubeconfig=str(tmp_path / "ghost"))
