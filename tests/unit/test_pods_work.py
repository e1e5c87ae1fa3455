"""What must be done around a command: where artifacts are kept, what is staged and gathered, how it travels."""

from typing import Any

import pytest

from argosy.errors import SpecError
from controller.engine import WantedPod
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, Handover, ParameterOut, StagedFile
from controller.pods.locations import DEFAULT_KEY_FORMAT, Repository, completed, key_of, location_of, packing_of
from controller.pods.work import build_assignment


def assignment_of(*, artifacts: list[dict[str, Any]] | None = None, result: bool = False, **template: Any) -> Assignment | None:
    wanted = WantedPod("n", "w.a", "w-a-1", "a", {"name": "a", "container": {"image": "x"}, **template},
                       {"artifacts": artifacts or []}, wants_result=result)
    return build_assignment(wanted, {"metadata": {"name": "w"}}, {})


# ---- locations ----


@pytest.mark.parametrize(("artifact", "key"), [
    ({"s3": {"key": "a/b"}}, "a/b"),
    ({"s3": {"bucket": "mine", "key": "a/b"}}, "mine/a/b"),
    ({"gcs": {"bucket": "mine", "key": "a/"}}, "mine/a"),
    ({"azure": {"container": "c", "blob": "x"}}, "c/x"),
    ({"oss": {"key": ""}}, None),
    ({"git": {"repo": "https://example.org/r"}}, None),
    ({}, None),
])
def test_a_location_becomes_the_key_of_a_store(artifact: dict[str, Any], key: str | None) -> None:
    assert key_of(artifact) == key


def test_the_kind_of_storage_is_the_one_that_is_there() -> None:
    assert location_of({"name": "x", "s3": None, "raw": {"data": ""}}) == "raw"
    assert location_of({"name": "x"}) is None


@pytest.mark.parametrize(("archive", "packing"), [
    ({"none": {}}, "none"), ({"zip": {}}, "zip"), ({"tar": {"compressionLevel": 0}}, "tar"), ({}, "usual"), (None, "usual")])
def test_how_it_is_packed_is_as_written_or_as_usual(archive: Any, packing: str) -> None:
    assert packing_of({"archive": archive}, default="usual") == packing


# ---- the assignment ----


def test_where_nothing_is_to_be_done_there_is_no_assignment() -> None:
    assert assignment_of() is None


def test_artifacts_are_fetched_raw_ones_are_written_and_optional_ones_may_be_absent() -> None:
    assignment = assignment_of(artifacts=[
        {"name": "src", "path": "/src", "s3": {"key": "k"}, "mode": 0o640, "recurseMode": True, "subPath": "lib"},
        {"name": "conf", "path": "/conf", "raw": {"data": "x=1"}, "mode": 0o600},
        {"name": "maybe", "path": "/maybe", "optional": True}])
    assert assignment == Assignment(
        files=(StagedFile("/conf", "x=1", 0o600),),
        artifacts_in=(ArtifactIn("src", "/src", "k", mode=0o640, recurse=True, sub_path="lib",
                                 location={"s3": {"key": "k"}}),))


@pytest.mark.parametrize(("artifact", "text"), [
    ({"git": {"repo": "r"}}, "inputs.artifacts.x: is kept in 'git', which cannot be reached yet; use s3 or gcs"),
    ({}, "inputs.artifacts.x: has no location and nobody passes it in; pass it with `from:` or give an s3 key"),
])
def test_an_artifact_that_cannot_be_had_is_told_in_words(artifact: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError) as caught:
        assignment_of(artifacts=[{"name": "x", "path": "/x", **artifact}])
    assert str(caught.value).startswith(text)


def test_outputs_are_read_from_their_files_and_kept_under_a_key_of_their_own() -> None:
    assignment = assignment_of(result=True, outputs={
        "parameters": [{"name": "a", "valueFrom": {"path": "/a"}}, {"name": "b", "valueFrom": {"path": "/b", "default": 3}},
                       {"name": "c", "valueFrom": {"expression": "1"}}],
        "artifacts": [{"name": "log", "path": "/log"}, {"name": "raw", "path": "/raw", "archive": {"none": {}}},
                      {"name": "zip", "path": "/zip", "archive": {"zip": {}}, "optional": True},
                      {"name": "own", "path": "/own", "s3": {"bucket": "b", "key": "k"},
                       "archive": {"tar": {"compressionLevel": 9}}}]})
    assert assignment is not None
    assert (assignment.result, assignment.parameters) == (True, (ParameterOut("a", "/a"), ParameterOut("b", "/b", "3")))
    assert assignment.artifacts_out == (
        kept("log", "/log", {"key": "w/w-a-1/log.tgz"}), kept("raw", "/raw", {"key": "w/w-a-1/raw"}, archive="none"),
        kept("zip", "/zip", {"key": "w/w-a-1/zip.zip"}, archive="zip", optional=True),
        kept("own", "/own", {"bucket": "b", "key": "k"}, folder_key="b/k", compression_level=9))


def kept(name: str, path: str, place: dict[str, str], *, folder_key: str = "", **more: Any) -> ArtifactOut:
    return ArtifactOut(name, path, folder_key or place["key"], location={"s3": place}, **more)


# ---- where a cluster keeps them ----

REPOSITORY = Repository.read({"archiveLogs": False, "s3": {"bucket": "usual", "endpoint": "store:9000", "keyFormat":
                              "{{workflow.namespace}}/{{workflow.creationTimestamp.Y}}/{{workflow.parameters.who}}/{{pod.name}}"}},
                             {"default": True}, where="here")
WORKFLOW = {"metadata": {"name": "w", "namespace": "ns", "creationTimestamp": "2026-11-24T08:00:00Z"}}
SPEC = {"arguments": {"parameters": [{"name": "who", "value": "me"}]}}


def on_cluster(*outputs: dict[str, Any], repository: Repository = REPOSITORY, spec: dict[str, Any] | None = None,
               inputs: list[dict[str, Any]] | None = None, **template: Any) -> Assignment | None:
    whole = {"name": "a", "container": {"image": "x"}, "outputs": {"artifacts": list(outputs)}, **template}
    wanted = WantedPod("n", "w.a", "w-a-1", "a", whole, {"artifacts": inputs or []}, wants_result=False)
    return build_assignment(wanted, WORKFLOW, {**SPEC, **(spec or {})}, repository)


def location_for(output: dict[str, Any], **given: Any) -> Any:
    assignment = on_cluster({"name": "o", "path": "/tmp/o.txt", **output}, **given)
    assert assignment is not None
    return assignment.artifacts_out[0].location


def test_an_artifact_without_a_place_gets_a_key_of_the_repositorys_form() -> None:
    assert location_for({}) == {"s3": {"key": "ns/2026/me/w-a-1/o.tgz"}}
    assert location_for({"archive": {"none": {}}}) == {"s3": {"key": "ns/2026/me/w-a-1/o.txt"}}
    assert location_for({"s3": {"key": "mine"}}) == {"s3": {"key": "mine"}}


def test_an_artifact_with_a_place_of_its_own_keeps_all_of_it() -> None:
    place = {"endpoint": "other:9000", "bucket": "b", "key": "k", "accessKeySecret": {"name": "s", "key": "a"}}
    assert location_for({"s3": place}) == {"s3": place}
    without_key = {"endpoint": "other:9000", "bucket": "b"}
    assert location_for({"s3": without_key}) == {"s3": {**without_key, "key": "ns/2026/me/w-a-1/o.tgz"}}


def test_a_templates_archive_location_goes_before_the_repository() -> None:
    archive = {"s3": {"endpoint": "other:9000", "bucket": "b", "key": "folder"}}
    whole = {"s3": {"endpoint": "other:9000", "bucket": "b", "key": "folder/o.tgz"}}
    assert location_for({}, archiveLocation=archive) == whole
    assert location_for({}, archiveLocation={"s3": {"key": "folder"}}) == {"s3": {"key": "folder/o.tgz"}}
    assert location_for({"s3": {"key": "k"}}, archiveLocation=archive) == {"s3": {**whole["s3"], "key": "k"}}


def test_what_a_location_leaves_open_is_the_repositorys() -> None:
    base = {"s3": {"bucket": "usual", "endpoint": "store:9000", "region": "r"}}
    assert completed({"s3": {"key": "k"}}, base) == {"s3": {**base["s3"], "key": "k"}}
    assert completed({"s3": {"key": "k", "bucket": "b"}}, base) == {"s3": {**base["s3"], "key": "k", "bucket": "b"}}
    own = {"s3": {"key": "k", "bucket": "b", "endpoint": "e"}}
    assert completed(own, base) == own


@pytest.mark.parametrize(("config", "key_format"), [
    ({"s3": {"bucket": "b"}}, DEFAULT_KEY_FORMAT), ({"s3": {"keyPrefix": "/p/"}}, f"p/{DEFAULT_KEY_FORMAT}"),
    ({"s3": {"keyFormat": "x/{{pod.name}}", "keyPrefix": "p"}}, "x/{{pod.name}}")])
def test_a_repository_says_how_keys_are_formed(config: dict[str, Any], key_format: str) -> None:
    assert Repository.read(config, {}, where="here").key_format == key_format


def test_a_key_format_with_an_unknown_variable_is_told() -> None:
    wrong = Repository(key_format="{{workflow.nam}}")
    with pytest.raises(SpecError, match="artifact repository: has a keyFormat that cannot be filled in"):
        on_cluster({"name": "o", "path": "/o"}, repository=wrong)


@pytest.mark.parametrize(("installation", "workflow", "template", "kept_too"), [
    (False, None, None, False), (False, True, None, True), (False, None, True, True), (False, True, False, False),
    (True, None, None, True), (True, False, False, True)])
def test_logs_are_kept_as_the_template_the_workflow_or_the_installation_says(
    installation: bool, workflow: bool | None, template: bool | None, kept_too: bool,
) -> None:
    repository = Repository(archive_logs=installation)
    assignment = on_cluster(repository=repository, spec={"archiveLogs": workflow},
                            archiveLocation={"archiveLogs": template})
    assert (assignment is not None) == kept_too
    if assignment is not None:
        assert assignment.logs == ArtifactOut(
            "main-logs", "", "w/w-a-1/main.log", archive="none", location={"s3": {"key": "w/w-a-1/main.log"}})


def test_a_store_of_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(SpecError, match=r"outputs.artifacts.o: is kept in 'gcs', which cannot be reached yet; use s3 or http"):
        location_for({"gcs": {"bucket": "b", "key": "k"}})


def test_an_input_over_http_is_fetched_from_its_url() -> None:
    assignment = on_cluster(inputs=[{"name": "i", "path": "/i", "http": {"url": "https://example.org/x"}}])
    assert assignment is not None
    assert assignment.artifacts_in[0].location == {"http": {"url": "https://example.org/x"}}


# ---- how it travels ----


def test_an_assignment_and_a_handover_arrive_as_they_were_sent() -> None:
    assignment = Assignment(files=(StagedFile("/s", "text \u00fc"),), result=True, parameters=(ParameterOut("p", "/p", ""),),
                            artifacts_in=(ArtifactIn("i", "/i", "k", headers=("A: b",)),),
                            artifacts_out=(ArtifactOut("o", "/o", "k", location={"s3": {"key": "k"}}, form=("a=b",)),),
                            logs=ArtifactOut("main-logs", "", "l"))
    assert Assignment.from_json(assignment.to_json()) == assignment
    handover = Handover(result="", parameters={"p": "\u2713"}, artifacts=["o"], error="no")
    assert Handover.from_json(handover.to_json()) == handover


@pytest.mark.parametrize("text", [
    "", "done", "[1]", "{}", '{"argosy": 2}', '"argosy"', '{"argosy": 1, "parameters": [1]}', '{"argosy": 1, "result": 7}',
    '{"argosy": 1, "artifacts": "x"}', '{"argosy": 1, "error": [1]}', '{"argosy": 1, "parameters": {"a": 1}}'])
def test_a_users_own_termination_message_is_no_handover(text: str) -> None:
    assert Handover.from_json(text) is None


@pytest.mark.parametrize("text", ["{}", '{"container": "main"}', "nonsense"])
def test_an_annotation_that_is_none_of_ours_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Assignment.from_json(text)
