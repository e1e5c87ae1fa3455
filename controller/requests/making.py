"""Makes the request of an http template. Whatever comes of it is told in one sentence."""

import base64
from collections.abc import Awaitable, Callable

from controller.pods.assignment import Header, HttpWork
from controller.requests.judging import Reply
from controller.resources.contract import WorkFailed

_MOST_BODY = 64 << 20  # bytes that are read of an answer at all


async def make_request(work: HttpWork, *, secret: Callable[[int, Header], Awaitable[str]]) -> Reply:
    """Send it and read the whole answer; `secret` gives the value of a header that is kept in a Secret.

    Raises WorkFailed where no answer comes.
    """
    import aiohttp

    headers = [(header.name, await secret(number, header) if header.secret else header.value)
               for number, header in enumerate(work.headers)]
    patience = aiohttp.ClientTimeout(total=work.timeout_seconds)
    try:
        async with aiohttp.ClientSession(timeout=patience) as session, session.request(
                work.method, work.url, data=base64.b64decode(work.body) or None, headers=headers,
                ssl=work.verify) as answer:
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > _MOST_BODY:
                    raise WorkFailed(f"{work.method} {work.url}: the answer is larger than {_MOST_BODY >> 20} MiB")
            return Reply(answer.status, bytes(body), tuple(answer.headers.items()))
    except TimeoutError as error:
        raise WorkFailed(f"{work.method} {work.url}: no answer within {work.timeout_seconds:g} seconds") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise WorkFailed(f"{work.method} {work.url}: {error or type(error).__name__}") from error
