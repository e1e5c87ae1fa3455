"""What a client makes of an API server's refusals, warnings and lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.embedded.api.statuses import failure
from argosy.errors import Problem, SpecErrors, Unavailable
from argosy.kube.answers import ServerFailed, Unauthorized, error_of, error_of_status, warning_texts
from argosy.kube.contract import (
    KUBE_ERRORS,
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
)
from argosy.kube.lines import LineBuffer
from argosy.kube.paths import path_of
from argosy.kube.resources import CLUSTER_WORKFLOW_TEMPLATES, PODS, WORKFLOWS


@pytest.mark.parametrize("kind", KUBE_ERRORS.values())
def test_an_error_survives_the_way_through_a_status(kind: type[KubeError]) -> None:
    error = error_of_status(failure(kind("no", details={"name": "a"})))
    assert (type(error), str(error), error.details) == (kind, "no", {"name": "a"})  # type: ignore[union-attr] # a KubeError


def test_a_server_that_is_busy_is_unavailable_for_as_long_as_it_says() -> None:
    error = error_of_status(failure(Unavailable("busy", retry_after_seconds=7.2)))
    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds == 7
    told_by_header = error_of(429, b"slow down", retry_after="3")
    assert isinstance(told_by_header, Unavailable)
    assert (str(told_by_header), told_by_header.retry_after_seconds) == ("slow down", 3)
    assert isinstance(error_of(500, b'{"kind": "Status", "reason": "ServerTimeout", "code": 500}'), Unavailable)


@pytest.mark.parametrize(("code", "kind"), [
    (400, BadRequest), (401, Unauthorized), (403, Forbidden), (404, NotFound), (409, Conflict), (410, Expired),
    (422, Invalid), (500, ServerFailed), (405, KubeError), (502, Unavailable), (503, Unavailable), (504, Unavailable),
])
def test_a_bare_code_is_understood(code: int, kind: type[Exception]) -> None:
    for body in (b"", b"<html>", b"[]", b'{"kind": "Status"}', b'{"kind": "Status", "details": 3}'):
        assert type(error_of(code, body)) is kind
        assert str(error_of(code, body))


def test_what_exists_already_is_told_from_a_conflict() -> None:
    assert type(error_of(409, b'{"kind": "Status", "reason": "AlreadyExists"}')) is AlreadyExists


def test_several_mistakes_are_told_with_their_places() -> None:
    status = failure(SpecErrors([Problem("spec.a", "is wrong"), Problem("spec.b", "is unknown")]))
    assert (status["code"], [cause["field"] for cause in status["details"]["causes"]]) == (422, ["spec.a", "spec.b"])


def test_warnings_are_read_from_headers() -> None:
    assert warning_texts(['299 - "a \\"b\\" c"', '299 kube "d"', "199 - x", "299 -", ""]) == ['a "b" c', "d"]


@given(st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line)), st.integers(min_value=1, max_value=9))
def test_lines_arrive_whole_however_they_are_cut(lines: list[bytes], size: int) -> None:
    sent = b"".join(line + b"\n" for line in lines) + b"rest"
    buffer, seen = LineBuffer(), []
    for start in range(0, len(sent), size):
        seen += list(buffer.feed(sent[start:start + size]))
    assert seen == lines
    assert buffer.rest() == b"rest"


def test_paths_are_those_of_the_kubernetes_api() -> None:
    assert path_of(PODS) == "/api/v1/pods"
    assert path_of(PODS, "a", namespace="b", subresource="log") == "/api/v1/namespaces/b/pods/a/log"
    assert path_of(WORKFLOWS, "a/b", namespace="c d") == "/apis/argoproj.io/v1alpha1/namespaces/c%20d/workflows/a%2Fb"
    assert path_of(CLUSTER_WORKFLOW_TEMPLATES, "a", namespace="b") == (
        "/apis/argoproj.io/v1alpha1/clusterworkflowtemplates/a")
    with pytest.raises(BadRequest, match="say in which namespace"):
        path_of(PODS, "a")
    with pytest.raises(BadRequest, match=r"metadata\.name is needed"):
        path_of(PODS, "", namespace="b")
