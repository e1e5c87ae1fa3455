"""Whatever is sent to the API, it is answered or refused with a reason: nothing ends in an internal error."""

import asyncio
import json

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.clock import SystemClock
from argosy.embedded.api.calls import Call, Stream
from argosy.embedded.api.dispatch import Dispatch
from argosy.embedded.api.statuses import failure
from argosy.embedded.store import EmbeddedKube
from argosy.errors import SpecErrors, Unavailable
from argosy.kube.contract import KubeError
from argosy.kube.resources import CONFIG_MAPS, KNOWN, PODS, WORKFLOWS

TEXT = st.text(max_size=8)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
MEDIA_TYPES = [
    "", "application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json",
    "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf",
    "text/html",
]
SEGMENTS = [
    "api", "apis", "v1", "argoproj.io", "v1alpha1", "namespaces", "default", "workflows", "pods", "configmaps", "seen",
    "status", "log", "eviction", "%2e%2e", "%00", "", "openapi", "v3", "version",
]


def as_json(tree: object) -> bytes:
    """JSON as a careless client writes it: numbers may be of any size."""
    return json.dumps(tree).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8)
objects = st.dictionaries(
    st.sampled_from(["apiVersion", "kind", "metadata", "spec", "status", "data", "op", "path", "value"]), json_values)
metadata = st.dictionaries(
    st.sampled_from(["name", "namespace", "labels", "annotations", "ownerReferences", "finalizers", "resourceVersion",
                     "uid", "generateName", "deletionTimestamp", "creationTimestamp", "managedFields"]),
    json_values | st.sampled_from(["seen", "default", "1"]))
named = st.builds(lambda obj, meta: {**obj, "metadata": meta}, objects, metadata)
deletions = st.dictionaries(
    st.sampled_from(["gracePeriodSeconds", "propagationPolicy", "preconditions", "dryRun", "orphanDependents"]), json_values)
trees = objects | named | deletions | json_values | st.lists(objects, max_size=2)
bodies = st.one_of(
    st.just(b""), st.binary(max_size=60), trees.map(as_json), named.map(as_json),
    st.binary(max_size=60).map(lambda data: b"k8s\0" + data), TEXT.map(lambda text: text.encode()))
options = st.dictionaries(
    st.sampled_from(["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch", "dryRun",
                     "gracePeriodSeconds", "propagationPolicy", "sinceTime", "tailLines", "follow", "includeObject"]),
    TEXT | st.sampled_from(["1", "true", "All", "a=b", "metadata.name=seen"]), max_size=3)
collections = st.sampled_from([
    "/api/v1/namespaces/default/configmaps", "/apis/argoproj.io/v1alpha1/namespaces/default/workflows",
    "/api/v1/namespaces/default/pods", "/api/v1/namespaces"])
paths = st.one_of(
    collections, collections.map(lambda path: f"{path}/seen"), collections.map(lambda path: f"{path}/seen/status"),
    st.lists(st.sampled_from(SEGMENTS) | TEXT, max_size=8).map(lambda parts: "/" + "/".join(parts)))
calls = st.builds(
    Call, method=st.sampled_from(METHODS), path=paths, query=options, media_type=st.sampled_from(MEDIA_TYPES), body=bodies,
    accept=st.sampled_from(["", "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]))


@given(st.lists(calls, min_size=1, max_size=8))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_request_ends_in_an_internal_error(sent: list[Call]) -> None:
    asyncio.run(_answer_all(sent))


_SPEC = {"containers": [{"name": "main", "image": "busybox"}]}


async def _answer_all(sent: list[Call]) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    dispatch = Dispatch(kube, clock=SystemClock(), resources=lambda: KNOWN, routes=())
    try:
        for plural in (CONFIG_MAPS, WORKFLOWS, PODS):
            await kube.create(plural, {"metadata": {"name": "seen"}, "spec": _SPEC}, namespace="default")
        for call in sent:
            try:
                answer = await dispatch.answer(call)
            except (KubeError, SpecErrors, Unavailable) as error:
                status = failure(error)
                assert status["message"]
                assert 400 <= status["code"] < 500
            else:
                assert isinstance(answer, Stream) or isinstance(answer.body, bytes) or orjson.dumps(answer.body)
    finally:
        kube.close()
