"""What is installed on a cluster: unprivileged pods, small rights, and arguments that the programs understand."""

import subprocess
import sys
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


@pytest.mark.parametrize("components", [(), ("nats-cluster",)], ids=["one", "three"])
def test_nats_understands_its_configuration(tmp_path: Path, components: tuple[str, ...]):
    here = Path("../" * (len(tmp_path.parts) - 1)) / DEPLOY.relative_to("/")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [f"{here}/overlays/namespace"],
        "components": [f"{here}/components/{name}" for name in components]}))
    for name, text in of_kind(built(tmp_path), "ConfigMap")["argosy-nats"]["data"].items():
        (tmp_path / name).write_text(text.replace("/data", str(tmp_path / "data")))
    done = subprocess.run([str(find_binary()), "-t", "-c", str(tmp_path / "nats.conf")], capture_output=True, text=True,
                          check=False, env={"POD_NAME": "argosy-nats-0"})
    assert "is valid" in done.stdout + done.stderr, done.stderr
