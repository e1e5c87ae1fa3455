"""Answers a kubelet's probes: /healthz says that the program turns, /readyz that it can do its work, and else what is missing.

A program whose event loop hangs answers nobody, which is what /healthz is for; it asks no other server, so that a
restart, which would not help, never follows from an API server or a bus that is away.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from argosy.errors import ArgosyError

if TYPE_CHECKING:
    from aiohttp import web

Check: TypeAlias = Callable[[], str]
"""What is missing, in a few words; an empty text when all is well."""


class Health:
    """A lifecycle service that listens on `port` of every address (or of `host`), for those who may not know more."""

    def __init__(self, *, port: int, host: str | None = None, checks: Mapping[str, Check] | None = None) -> None:
        self.port = port
        self._host = host
        self._checks = dict(checks or {})
        self._started = False

    def started(self) -> None:
        """Everything that was to start has started: from now on the checks decide."""
        self._started = True

    def missing(self) -> dict[str, str]:
        """What keeps the program from its work, by the name of the check."""
        found = {name: text for name, check in self._checks.items() if (text := check())}
        return found if self._started or found else {"start": "not finished yet"}

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. Raises ArgosyError if the port is taken."""
        from aiohttp import web

        runner = web.ServerRunner(web.Server(self._answer, access_log=None), handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._host, self.port, reuse_address=True).start()
            except OSError as error:
                raise ArgosyError(f"the probes cannot have port {self.port}: {error.strerror or error}; choose another with "
                                  "--health-port") from error
            self.port = int(runner.addresses[0][1])
            ready.set()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _answer(self, request: "web.BaseRequest") -> "web.Response":
        from aiohttp import web

        if request.path == "/healthz":
            return web.json_response({"ok": True})
        if request.path == "/readyz":
            missing = self.missing()
            return web.json_response({"ok": not missing, "missing": missing}, status=503 if missing else 200)
        return web.json_response({"error": "there are /healthz and /readyz"}, status=404)
