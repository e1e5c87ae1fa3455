"""What must be done around a command: where artifacts are kept, what is staged and gathered, how it travels."""

from typing import Any

import pytest

from argosy.errors import SpecError
from controller.engine import WantedPod
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment, Handover, ParameterOut, StagedFile
from controller.pods.locations import key_of, location_of, packing_of
from controller.pods.work import build_assignment


def assignment_of(*, artifacts: list[dict[str, Any]] | None = None, result: bool = False, **template: Any) -> Assignment | None:
    wanted = WantedPod("n", "w.a", "w-a-1", "a", {"name": "a", "container": {"image": "x"}, **template},
                       {"artifacts": artifacts or []}, wants_result=result)
    return build_assignment(wanted, "w")


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
        artifacts_in=(ArtifactIn("src", "/src", "k", mode=0o640, recurse=True, sub_path="lib"),))


@pytest.mark.parametrize(("artifact", "text"), [
    ({"git": {"repo": "r"}}, "inputs.artifacts.x: is kept in 'git', which cannot be read yet"),
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
    assert assignment == Assignment(
        result=True, parameters=(ParameterOut("a", "/a"), ParameterOut("b", "/b", "3")),
        artifacts_out=(ArtifactOut("log", "/log", "w/w-a-1/log.tgz"), ArtifactOut("raw", "/raw", "w/w-a-1/raw", "none"),
                       ArtifactOut("zip", "/zip", "w/w-a-1/zip.zip", "zip", optional=True),
                       ArtifactOut("own", "/own", "b/k", compression_level=9)))


# ---- how it travels ----


def test_an_assignment_and_a_handover_arrive_as_they_were_sent() -> None:
    assignment = Assignment(files=(StagedFile("/s", "text \u00fc"),), result=True, parameters=(ParameterOut("p", "/p", ""),),
                            artifacts_in=(ArtifactIn("i", "/i", "k"),), artifacts_out=(ArtifactOut("o", "/o", "k"),))
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
