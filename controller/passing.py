"""Which refusals of the API server may pass: the same request may be taken a little later, so nothing is to end for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from argosy.errors import Unavailable
from argosy.kube.contract import Conflict, Forbidden, KubeError
from controller.packing import is_too_large

_WAIT_FOR_ROOM = "exceeded quota"
_QUOTA_IS_BEING_WRITTEN = "cannot be fulfilled on resourcequotas"  # two requests counted at the same moment


def may_pass(error: KubeError) -> bool:
    """Whether trying again may help: the server is in trouble, does not know us for now, or a quota leaves no room yet."""
    if isinstance(error, Forbidden):
        return _WAIT_FOR_ROOM in str(error)
    if isinstance(error, Conflict):
        return _QUOTA_IS_BEING_WRITTEN in str(error)
    return (error.status >= 500 or error.status in (401, 429)) and not is_too_large(error)


@contextmanager
def waiting_for_better() -> Iterator[None]:
    """What may pass is raised as Unavailable, so that whoever asked tries again with back-off."""
    try:
        yield
    except KubeError as error:
        if not may_pass(error):
            raise
        raise Unavailable(str(error)) from error
