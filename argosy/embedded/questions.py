"""The questions about events, served beside the Kubernetes API: what came in, why it did or did not fire, dead letters."""

from collections.abc import Sequence

from argosy.embedded.api import Route, RouteCall
from argosy.embedded.api.routes import Handler
from argosy.errors import ArgosyError, Unavailable
from argosy.kube.contract import BadRequest, KubeError, NotFound
from events.records import CALLS, Ask, NoRecord, Records


def routes_of(records: Records) -> Sequence[Route]:
    """A route for each question that `records` answers."""
    return [Route("POST" if call.method == "POST" else "GET", call.path, _handler(records, call.ask)) for call in CALLS]


def _handler(records: Records, ask: Ask) -> Handler:
    async def answer(call: RouteCall) -> object:
        try:
            return await ask(records, {**call.query, **call.parts})
        except NoRecord as error:
            raise NotFound(str(error)) from error
        except (KubeError, Unavailable):
            raise
        except ArgosyError as error:
            raise BadRequest(str(error)) from error

    return answer
