"""The questions about events, answered from the bus itself where no server of ours answers them over HTTP."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from argosy.kube.contract import NotFound
from events.records import CALLS, NoRecord, Records


class BusAnswers:
    """Answers the paths of `events.records.CALLS` as the HTTPS face does."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def get_json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The answer to a question. Raises NotFound where nothing is known."""
        return await self._ask("GET", path, params or {})

    async def post_json(self, path: str, body: Any, params: Mapping[str, str] | None = None) -> Any:
        """The answer to a request; none of them reads a body. Raises NotFound."""
        del body
        return await self._ask("POST", path, params or {})

    async def _ask(self, method: str, path: str, params: Mapping[str, str]) -> Any:
        for call in CALLS:
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", call.path), path)
            if call.method == method and found:
                parts = {name: unquote(text) for name, text in found.groupdict().items()}
                try:
                    return await call.ask(self._records, {**params, **parts})
                except NoRecord as error:
                    raise NotFound(str(error)) from error
        raise AssertionError(f"no question has the path {path}")
