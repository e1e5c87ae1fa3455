"""The log of a step whose pod is gone, from the store of artifacts where its workflow had it kept."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from argosy.cli.session import Session
from argosy.errors import ArgosyError
from argosy.kube.contract import Object

_MAIN_LOGS = "main-logs"


async def archived_log(session: Session, workflow: Object, node: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """What the step printed, in pieces; nothing where its log was not kept. Raises SpecError, Unavailable."""
    artifacts = (node.get("outputs") or {}).get("artifacts") or ()
    location = next(({"s3": item["s3"]} for item in artifacts if item.get("name") == _MAIN_LOGS and item.get("s3")), None)
    if location is None:
        return
    from controller.artifacts.signing import Signer  # late: few workflows have one

    signer = Signer(session.kube, clock=session.clock, personal=True)
    repository = await signer.repository(workflow, workflow.get("spec") or {})
    where = f"the log of {node.get('name')}"
    store, key = await signer.store(location, repository, namespace=workflow["metadata"]["namespace"], where=where)
    try:
        async for piece in store.read(key):
            yield piece
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise ArgosyError(f"{where} cannot be read: {error}") from error
