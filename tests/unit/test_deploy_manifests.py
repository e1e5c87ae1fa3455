"""What is installed on a cluster: unprivileged pods, small rights, and arguments that the programs understand."""

import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy import __version__
from argosy.cli import main
from argosy.embedded.nats import find_binary

DEPLOY = Path(__file__).parents[2] / "deploy"
OVERLAYS = ("namespace", "cluster")
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
PROGRAMS = ("argosy-controller", "argosy-sources", "argosy-sensors", "argosy-nats")


def built(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=True)
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return built(DEPLOY / "overlays" / request.param)


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] in kinds}


def test_no_container_is_privileged_and_each_is_bounded(objects: list[dict[str, Any]]):
    programs = of_kind(objects, "Deployment", "StatefulSet")
    assert programs.keys() == set(PROGRAMS)
    for program in programs.values():
        pod = program["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert container["livenessProbe"]
            assert container["readinessProbe"]


def test_each_program_has_a_budget_and_a_policy_that_select_its_pods(objects: list[dict[str, Any]]):
    for name, program in of_kind(objects, "Deployment", "StatefulSet").items():
        labels = program["spec"]["template"]["metadata"]["labels"]
        assert program["spec"]["selector"]["matchLabels"] == labels
        assert of_kind(objects, "PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"] == labels
        assert of_kind(objects, "NetworkPolicy")[name]["spec"]["podSelector"]["matchLabels"] == labels


def test_no_rule_names_everything(objects: list[dict[str, Any]]):
    for role in of_kind(objects, "Role", "ClusterRole").values():
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role["metadata"]["name"]


def test_what_is_bound_exists(objects: list[dict[str, Any]]):
    accounts, roles = of_kind(objects, "ServiceAccount"), of_kind(objects, "Role", "ClusterRole")
    for binding in of_kind(objects, "RoleBinding", "ClusterRoleBinding").values():
        assert roles[binding["roleRef"]["name"]]["kind"] == binding["roleRef"]["kind"]
        for subject in binding["subjects"]:
            assert accounts[subject["name"]]["metadata"]["namespace"] == subject["namespace"] == "argosy"


def test_the_rights_over_one_namespace_and_over_all_are_the_same():
    one, all_ = (of_kind(built(DEPLOY / "overlays" / name), "Role", "ClusterRole") for name in OVERLAYS)
    assert {each["kind"] for each in one.values()} == {"Role"}
    assert all_["argosy-controller-leases"]["kind"] == "Role"
    assert {name: each["rules"] for name, each in one.items()} == {name: all_[name]["rules"] for name in one}
    assert all_.keys() - one.keys() == {"argosy-cluster-templates", "argosy-view", "argosy-edit", "argosy-admin"}


def test_one_namespace_is_watched_or_all_are():
    for name in OVERLAYS:
        for program in of_kind(built(DEPLOY / "overlays" / name), "Deployment").values():
            (container,) = program["spec"]["template"]["spec"]["containers"]
            assert ("--namespace=$(NAMESPACE)" in container["args"]) == (name == "namespace")


def test_the_programs_understand_their_arguments(objects: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]):
    for program in of_kind(objects, "Deployment").values():
        (container,) = program["spec"]["template"]["spec"]["containers"]
        assert main.run([*container["args"], "--help"]) == 0, capsys.readouterr().err


def test_all_that_tells_the_version_tells_this_one(objects: list[dict[str, Any]]):
    chart = yaml.safe_load((DEPLOY / "helm/argosy/Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    for program in of_kind(objects, "Deployment").values():
        assert program["spec"]["template"]["spec"]["containers"][0]["image"] == f"ghcr.io/argosy/argosy:{__version__}"


def test_the_folder_of_kinds_can_be_applied_as_it_is():
    for file in (DEPLOY / "crds").glob("*.y*ml"):
        assert yaml.safe_load(file.read_text())["kind"] == "CustomResourceDefinition"


def kustomized(folder: Path, **parts: Any) -> list[dict[str, Any]]:
    """What a kustomization of one's own makes of the overlay for one namespace, and of components."""
    here = Path("../" * (len(folder.parts) - 1)) / DEPLOY.relative_to("/")
    components = [f"{here}/components/{name}" for name in parts.pop("components", ())]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [f"{here}/overlays/namespace"], "components": components, **parts}))
    return built(folder)


def nats_configuration(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The ConfigMap that the servers mount."""
    server = of_kind(objects, "StatefulSet")["argosy-nats"]["spec"]["template"]["spec"]
    (volume,) = server["volumes"]
    return of_kind(objects, "ConfigMap")[volume["configMap"]["name"]]


@pytest.mark.parametrize("components", [(), ("nats-cluster",)], ids=["one", "three"])
def test_nats_understands_its_configuration(tmp_path: Path, components: tuple[str, ...]):
    for name, text in nats_configuration(kustomized(tmp_path, components=components))["data"].items():
        (tmp_path / name).write_text(text.replace("/data", str(tmp_path / "data")))
    done = subprocess.run([str(find_binary()), "-t", "-c", str(tmp_path / "nats.conf")], capture_output=True, text=True,
                          check=False, env={"POD_NAME": "argosy-nats-0"})
    assert "is valid" in done.stdout + done.stderr, done.stderr


def test_another_configuration_of_nats_restarts_its_servers(tmp_path: Path):
    usual = nats_configuration(kustomized(tmp_path))
    larger = usual["data"]["nats.conf"].replace("max_payload: 8MB", "max_payload: 16MB")
    other = nats_configuration(kustomized(tmp_path, configMapGenerator=[
        {"name": "argosy-nats", "behavior": "merge", "literals": [f"nats.conf={larger}"]}]))
    assert other["data"] == {**usual["data"], "nats.conf": larger}
    assert other["metadata"]["name"] != usual["metadata"]["name"]
    assert other["metadata"]["labels"] == usual["metadata"]["labels"]


def test_a_nats_of_ones_own_leaves_nothing_of_ours(tmp_path: Path):
    for each in kustomized(tmp_path, components=["own-nats"]):
        assert each["metadata"].get("labels", {}).get("app.kubernetes.io/component") != "nats"


def test_a_server_of_three_lets_its_clients_go_before_it_ends(tmp_path: Path):
    objects = kustomized(tmp_path, components=["nats-cluster"])
    for name, text in nats_configuration(objects)["data"].items():
        (tmp_path / name).write_text(re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:-1", text).replace("/data", str(tmp_path / "data")))
    (container,) = of_kind(objects, "StatefulSet")["argosy-nats"]["spec"]["template"]["spec"]["containers"]
    program, *words = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == container["command"][0]
    with subprocess.Popen([str(find_binary()), "-c", str(tmp_path / "nats.conf")], stderr=subprocess.PIPE, text=True,
                          env={"POD_NAME": "argosy-nats-0"}) as server:
        assert server.stderr is not None
        try:
            port = int(next(line for line in server.stderr if "for client connections on" in line).rsplit(":", 1)[1])
            with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as client:
                answers = client.makefile("rwb")
                answers.write(b'CONNECT {"verbose": false}\r\nPING\r\n')
                answers.flush()
                assert b"PONG\r\n" in answers
                subprocess.run([str(find_binary()), *(word.replace("=1", f"={server.pid}") for word in words)], check=True)
                assert any("lame duck mode" in line for line in server.stderr)
                server.terminate()  # as the kubelet does next
                assert any('Trapped "terminated" signal' in line for line in server.stderr)
                answers.write(b"PING\r\n")
                answers.flush()
                assert b"PONG\r\n" in answers
        finally:
            server.kill()


def test_the_guide_leaves_events_to_argo_until_they_are_moved(tmp_path: Path):
    guide = (DEPLOY.parent / "docs/from-argo.md").read_text()
    tree = next(tree for tree in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL))
                if tree.get("kind") == "Kustomization")
    here = Path("../" * (len(tmp_path.parts) - 1)) / DEPLOY.relative_to("/")
    tree["resources"] = [path.replace("../argosy/deploy", str(here)) for path in tree["resources"]]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(tree))
    programs = of_kind(built(tmp_path), "Deployment")
    assert {name: program["spec"]["replicas"] for name, program in programs.items()} == {
        "argosy-controller": 2, "argosy-sources": 0, "argosy-sensors": 0}
    (container,) = programs["argosy-controller"]["spec"]["template"]["spec"]["containers"]
    assert "--instance-id=argosy" in container["args"]
