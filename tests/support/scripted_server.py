"""A server over HTTP that gives the answers it was told, one a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def server(*answers: web.Response) -> AsyncIterator[str]:
    """Its address."""
    waiting = list(answers)

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return waiting.pop(0)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def failed(code: int, reason: str = "") -> web.Response:
    """A refusal as the API server words it."""
    return web.json_response({"kind": "Status", "status": "Failure", "message": "so it is", "reason": reason, "code": code},
                             status=code)
