"""From a wanted node to its Pod: what each field of a workflow and a template becomes."""

from collections.abc import Mapping
from typing import Any

import pytest

from argosy.errors import SpecError
from controller.engine import PodSeen, Run, WantedPod
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, MAIN_ANNOTATION, Assignment
from controller.pods.manifest import NODE_ID_ANNOTATION, ON_EXIT_LABEL, WORKFLOW_LABEL, build_pod
from controller.pods.work import build_assignment

NOW = 1_800_000_000.0
CONTAINER = {"image": "alpine", "command": ["true"]}


def pods_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pods that a fresh workflow with this spec wants first."""
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": {"entrypoint": "main", **spec},
                "metadata": {"name": "w", "namespace": "ns", "uid": "u-1"}}
    run = Run.load(workflow)
    run.advance(NOW)
    return [build_pod(wanted, workflow, run.spec, now=NOW, assignment=build_assignment(wanted, workflow, run.spec))
            for wanted in run.wanted.values()]


def pod_of(template: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    """The pod of a workflow with this one template."""
    (pod,) = pods_of({"templates": [{"name": "main", "container": CONTAINER, **template}], **spec})
    return pod


def main_of(pod: Mapping[str, Any]) -> dict[str, Any]:
    return next(each for each in pod["spec"]["containers"] if each["name"] == "main")


# ---- metadata ----


def test_a_pod_belongs_to_its_workflow_and_says_which_node_it_runs() -> None:
    metadata = pod_of({})["metadata"]
    assert metadata["labels"] == {WORKFLOW_LABEL: "w"}
    assert metadata["annotations"] == {
        "kubectl.kubernetes.io/default-container": "main", NODE_ID_ANNOTATION: "w",
        "workflows.argoproj.io/node-name": "w"}
    assert metadata["ownerReferences"] == [{
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w", "uid": "u-1", "controller": True,
        "blockOwnerDeletion": True}]


def test_the_templates_metadata_wins_over_the_workflows_and_neither_can_take_a_pod_from_its_workflow() -> None:
    pod = pod_of({"metadata": {"labels": {"team": "b", WORKFLOW_LABEL: "other"}, "annotations": {"why": "template"}}},
                 podMetadata={"labels": {"team": "a", "cost": "1"}, "annotations": {
                     "why": "workflow", "kubectl.kubernetes.io/default-container": "proxy", NODE_ID_ANNOTATION: "x"}})
    assert pod["metadata"]["labels"] == {"team": "b", "cost": "1", WORKFLOW_LABEL: "w"}
    annotations = pod["metadata"]["annotations"]
    assert annotations["why"] == "template"
    assert annotations["kubectl.kubernetes.io/default-container"] == "proxy"
    assert annotations[NODE_ID_ANNOTATION] == "w"


def test_a_pod_of_an_exit_handler_is_labelled_so() -> None:
    wanted = WantedPod("n", "w.onExit", "w-bye", "bye", {"name": "bye", "container": CONTAINER}, {}, wants_result=False,
                       exiting=True)
    workflow = {"apiVersion": "v", "kind": "Workflow", "metadata": {"name": "w", "namespace": "ns", "uid": "u"}}
    assert build_pod(wanted, workflow, {}, now=NOW)["metadata"]["labels"][ON_EXIT_LABEL] == "true"


# ---- where it runs ----


def test_a_templates_own_value_wins_over_the_workflows() -> None:
    fields = {"nodeSelector": {"disk": "hdd"}, "tolerations": [{"key": "a"}], "schedulerName": "slow",
              "securityContext": {"runAsUser": 1}, "serviceAccountName": "robot", "affinity": {"podAffinity": {}}}
    own = {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "b"}], "schedulerName": "quick",
           "securityContext": {"runAsUser": 2}, "serviceAccountName": "person", "affinity": {"nodeAffinity": {}}}
    assert fields.items() <= pod_of({}, **fields)["spec"].items()
    assert own.items() <= pod_of(own, **fields)["spec"].items()


def test_an_empty_value_says_nothing() -> None:
    spec = pod_of({"nodeSelector": {}, "tolerations": [], "schedulerName": ""}, nodeSelector={"disk": "ssd"})["spec"]
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert "tolerations" not in spec
    assert "schedulerName" not in spec


@pytest.mark.parametrize("field", ["nodeSelector", "affinity", "tolerations"])
def test_a_dag_decides_on_nodes_for_all_tasks_inside_it_that_do_not(field: str) -> None:
    def saying(text: str) -> Any:
        return {"nodeSelector": {"x": text}, "tolerations": [{"key": text}], "affinity": {"podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": text}]}}}[field]

    inherits, decides = pods_of({
        field: saying("of the workflow"),
        "templates": [
            {"name": "main", "inputs": {"parameters": [{"name": "x", "value": "dag"}]},
             field: saying("of the {{inputs.parameters.x}}"),
             "dag": {"tasks": [{"name": "a", "template": "plain"}, {"name": "b", "template": "own"}]}},
            {"name": "plain", "container": CONTAINER},
            {"name": "own", field: saying("its own"), "container": CONTAINER}]})
    assert inherits["spec"][field] == saying("of the dag")
    assert decides["spec"][field] == saying("its own")


def test_priority_classes_and_pod_resources_have_other_names_on_the_workflow_or_the_pod() -> None:
    spec = pod_of({}, podPriorityClassName="low", podResources={"limits": {"cpu": "1"}})["spec"]
    assert (spec["priorityClassName"], spec["resources"]) == ("low", {"limits": {"cpu": "1"}})
    spec = pod_of({"priorityClassName": "high", "podResources": {"limits": {"cpu": "2"}}}, podPriorityClassName="low",
                  podResources={"limits": {"cpu": "1"}})["spec"]
    assert (spec["priorityClassName"], spec["resources"]) == ("high", {"limits": {"cpu": "2"}})


def test_resource_claims_of_the_template_replace_those_of_the_workflow() -> None:
    theirs, own = [{"name": "gpu", "resourceClaimName": "a"}], [{"name": "fpga", "resourceClaimName": "b"}]
    assert pod_of({}, resourceClaims=theirs)["spec"]["resourceClaims"] == theirs
    assert pod_of({"resourceClaims": own}, resourceClaims=theirs)["spec"]["resourceClaims"] == own


def test_host_aliases_of_both_levels_add_up() -> None:
    one, other = {"ip": "10.0.0.1", "hostnames": ["a"]}, {"ip": "10.0.0.2", "hostnames": ["b"]}
    assert pod_of({"hostAliases": [other]}, hostAliases=[one])["spec"]["hostAliases"] == [one, other]


def test_what_only_a_workflow_can_say_reaches_every_pod() -> None:
    fields = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "dnsConfig": {"nameservers": ["1.1.1.1"]},
              "imagePullSecrets": [{"name": "registry"}]}
    assert fields.items() <= pod_of({}, **fields)["spec"].items()


def test_the_service_accounts_token_stays_away_where_somebody_says_so() -> None:
    assert "automountServiceAccountToken" not in pod_of({})["spec"]
    assert pod_of({}, automountServiceAccountToken=False)["spec"]["automountServiceAccountToken"] is False
    assert pod_of({"automountServiceAccountToken": True}, automountServiceAccountToken=False)["spec"][
        "automountServiceAccountToken"] is True


def test_another_attempt_keeps_off_the_hosts_where_earlier_ones_failed() -> None:
    required = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}, {}]}
    wanted = WantedPod("n", "w(1)", "w-1", "main", {
        "name": "main", "container": CONTAINER,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}, {}, wants_result=False,
        avoid_hosts=("node-1", "node-2"))
    workflow = {"apiVersion": "v", "kind": "Workflow", "metadata": {"name": "w", "namespace": "ns", "uid": "u"}}
    off = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["node-1", "node-2"]}
    affinity = build_pod(wanted, workflow, {}, now=NOW)["spec"]["affinity"]
    assert affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "disk", "operator": "Exists"}, off]}, {"matchExpressions": [off]}]


@pytest.mark.parametrize(("affinity", "hosts"), [({"nodeAntiAffinity": {}}, ("node-1",)), ({}, ())])
def test_the_engine_knows_where_earlier_attempts_failed(affinity: dict[str, Any], hosts: tuple[str, ...]) -> None:
    run = Run.load({"metadata": {"name": "w"}, "spec": {"entrypoint": "main", "templates": [
        {"name": "main", "retryStrategy": {"limit": 1, "affinity": affinity}, "container": CONTAINER}]}})
    run.advance(NOW)
    (first,) = run.wanted.values()
    run.observe(PodSeen(first.node_id, "Failed", exit_code=1, host="node-1"))
    run.advance(NOW + 1)
    (second,) = run.wanted.values()
    assert (second.attempt, second.avoid_hosts) == (1, hosts)


def test_placeholders_in_the_workflows_part_are_filled_for_each_pod() -> None:
    pod = pod_of({"inputs": {"parameters": [{"name": "size", "value": "7"}]}},
                 arguments={"parameters": [{"name": "zone", "value": "eu"}]},
                 nodeSelector={"zone": "{{workflow.parameters.zone}}"},
                 podMetadata={"labels": {"size": "s{{inputs.parameters.size}}"}},
                 podSpecPatch='{"terminationGracePeriodSeconds": {{inputs.parameters.size}}}')
    assert pod["spec"]["nodeSelector"] == {"zone": "eu"}
    assert pod["metadata"]["labels"]["size"] == "s7"
    assert pod["spec"]["terminationGracePeriodSeconds"] == 7


# ---- time ----


def test_the_earlier_of_two_limits_is_the_pods() -> None:
    assert "activeDeadlineSeconds" not in pod_of({})["spec"]
    assert pod_of({"activeDeadlineSeconds": 30})["spec"]["activeDeadlineSeconds"] == 30
    assert pod_of({"activeDeadlineSeconds": 30}, activeDeadlineSeconds=20)["spec"]["activeDeadlineSeconds"] == 20
    assert pod_of({"timeout": "10s", "activeDeadlineSeconds": "30"})["spec"]["activeDeadlineSeconds"] == 10


# ---- containers and volumes ----


def test_the_main_container_is_called_main_whatever_the_template_calls_it() -> None:
    assert main_of(pod_of({"container": {**CONTAINER, "name": "mine"}})) == {**CONTAINER, "name": "main"}


def test_a_script_is_run_from_a_file_that_is_laid_there_first() -> None:
    (pod,) = pods_of({"templates": [{"name": "main", "script": {
        "image": "alpine", "command": ["sh", "-e"], "source": "echo hi"}}]})
    assert main_of(pod) == {"image": "alpine", "command": ["sh", "-e"], "args": ["/argo/staging/script"], "name": "main"}
    assignment = Assignment.from_json(pod["metadata"]["annotations"][ASSIGNMENT_ANNOTATION])
    assert [(file.path, file.text, file.mode) for file in assignment.files] == [("/argo/staging/script", "echo hi", 0o755)]


def test_only_volumes_that_somebody_mounts_are_on_the_pod_and_the_templates_own_hides_the_workflows() -> None:
    pod = pod_of({"container": {**CONTAINER, "volumeMounts": [{"name": "work", "mountPath": "/work"}]},
                  "volumes": [{"name": "work", "emptyDir": {}}]},
                 volumes=[{"name": "work", "hostPath": {"path": "/"}}, {"name": "other", "emptyDir": {}}])
    assert pod["spec"]["volumes"] == [{"name": "work", "emptyDir": {}}]
    assert "volumes" not in pod_of({}, volumes=[{"name": "other", "emptyDir": {}}])["spec"]


def test_a_volume_that_nobody_declares_is_told_with_those_that_are() -> None:
    mount = {"volumeMounts": [{"name": "wrok", "mountPath": "/work"}]}
    with pytest.raises(SpecError, match="container main: mounts volume 'wrok', which is not declared") as caught:
        pod_of({"container": {**CONTAINER, **mount}}, volumes=[{"name": "work", "emptyDir": {}}])
    assert "(there are work); add it to the template's or the workflow's volumes" in str(caught.value)


def test_a_claim_that_the_workflow_brings_along_is_mounted_by_its_template_name() -> None:
    pod = pod_of({"container": {**CONTAINER, "volumeMounts": [{"name": "data", "mountPath": "/d"}]}},
                 volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {}}])
    assert pod["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "w-data"}}]


def test_containers_beside_main_mirror_its_mounts_where_they_ask_for_it() -> None:
    mounts = [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b"}]
    own = {"name": "c", "mountPath": "/b"}
    pod = pod_of({"container": {**CONTAINER, "volumeMounts": mounts},
                  "initContainers": [{"name": "first", "image": "alpine", "mirrorVolumeMounts": True}],
                  "sidecars": [{"name": "beside", "image": "alpine", "mirrorVolumeMounts": True, "volumeMounts": [own]},
                               {"name": "alone", "image": "alpine", "mirrorVolumeMounts": False}]},
                 volumes=[{"name": name, "emptyDir": {}} for name in "abc"])
    assert pod["spec"]["initContainers"] == [{"name": "first", "image": "alpine", "volumeMounts": mounts}]
    assert pod["spec"]["containers"][1:] == [
        {"name": "beside", "image": "alpine", "volumeMounts": [own, mounts[0]]}, {"name": "alone", "image": "alpine"}]
    assert pod["metadata"]["annotations"][MAIN_ANNOTATION] == "main"


def test_a_native_sidecar_stays_as_it_is_written() -> None:
    proxy = {"name": "proxy", "image": "alpine", "restartPolicy": "Always"}
    pod = pod_of({"initContainers": [proxy]})
    assert pod["spec"]["initContainers"] == [proxy]
    assert MAIN_ANNOTATION not in pod["metadata"]["annotations"]


# ---- podSpecPatch ----


def test_a_patch_merges_containers_by_name_and_the_templates_goes_over_the_workflows() -> None:
    pod = pod_of(
        {"container": {**CONTAINER, "env": [{"name": "A", "value": "1"}]},
         "podSpecPatch": "containers:\n- name: main\n  resources:\n    limits: {memory: 1Gi}\n  env: [{name: B, value: x}]"},
        podSpecPatch='{"containers": [{"name": "main", "resources": {"limits": {"memory": "2Gi", "cpu": "1"}}}], '
                     '"enableServiceLinks": false}')
    assert main_of(pod) == {
        **CONTAINER, "name": "main", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "x"}],
        "resources": {"limits": {"memory": "1Gi", "cpu": "1"}}}
    assert pod["spec"]["enableServiceLinks"] is False


def test_a_patch_may_add_a_container_and_take_a_field_away() -> None:
    pod = pod_of({"podSpecPatch": "containers: [{name: proxy, image: envoy}]\nnodeSelector: null"}, nodeSelector={"a": "b"})
    assert [each["name"] for each in pod["spec"]["containers"]] == ["main", "proxy"]
    assert "nodeSelector" not in pod["spec"]


def test_a_script_may_write_how_far_it_is() -> None:
    progress = {"name": "ARGO_PROGRESS_FILE", "value": "/dev/null"}
    pod = pod_of({"container": {**CONTAINER, "args": ["echo 1/2 > $ARGO_PROGRESS_FILE"]}})
    assert main_of(pod)["env"] == [progress]
    own = [{"name": "ARGO_PROGRESS_FILE", "value": "/mine"}]
    assert main_of(pod_of({"container": {**CONTAINER, "env": own}}))["env"] == own


def test_what_a_patch_says_of_containers_that_only_argo_adds_is_left_out() -> None:
    limits = "resources: {limits: {memory: 1Gi}}"
    pod = pod_of({"podSpecPatch": f"containers: [{{name: wait, {limits}}}]\ninitContainers: [{{name: init, {limits}}}]"})
    assert [each["name"] for each in pod["spec"]["containers"]] == ["main"]
    assert pod["spec"]["initContainers"] == []
    own = pod_of({"podSpecPatch": "containers: [{name: wait, image: mine}]"})
    assert [each["name"] for each in own["spec"]["containers"]] == ["main", "wait"]


@pytest.mark.parametrize(("patch", "text"), [
    ("containers: [", "podSpecPatch: cannot be read as YAML"),
    ("- name: main", "podSpecPatch: must be one mapping of pod fields"),
    ("a: 1\n---\nb: 2", "podSpecPatch: must be one mapping of pod fields"),
    ("containers: [{image: x}]", "podSpecPatch: an item of containers in the patch lacks 'name'"),
    ("containers: null", "podSpecPatch: leaves the pod without containers"),
])
def test_a_patch_that_is_none_is_told_in_words(patch: str, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        pod_of({"podSpecPatch": patch})
    assert str(caught.value).startswith(text)
