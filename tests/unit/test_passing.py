"""Which refusals of the API server are worth another try."""

import pytest

from argosy.errors import Unavailable
from argosy.kube.contract import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, KubeError, NotFound
from controller.passing import may_pass, waiting_for_better


def failed(text: str, status: int = 500) -> KubeError:
    error = KubeError(text)
    error.status = status
    return error


@pytest.mark.parametrize("error", [
    failed("etcdserver: leader changed"), failed("who are you?", 401), failed("not now", 429), failed("away", 503),
    Forbidden('pods "w" is forbidden: exceeded quota: q'),
    Conflict('Operation cannot be fulfilled on resourcequotas "q": the object has been modified'),
])
def test_what_may_pass_is_unavailable_for_now(error: KubeError) -> None:
    assert may_pass(error)
    with pytest.raises(Unavailable) as told, waiting_for_better():
        raise error
    assert str(told.value) == str(error)


@pytest.mark.parametrize("error", [
    failed("etcdserver: request is too large"), failed("too large", 413), NotFound("gone"), AlreadyExists("there"),
    Conflict('Operation cannot be fulfilled on workflows "w": the object has been modified'), Invalid("wrong"),
    BadRequest("what?"), Forbidden("you may not"),
])
def test_what_will_not_pass_stays_what_it_is(error: KubeError) -> None:
    assert not may_pass(error)
    with pytest.raises(type(error)) as told, waiting_for_better():
        raise error
    assert told.value is error
