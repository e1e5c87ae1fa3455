"""The region that a bucket of Amazon's own is in: its requests are signed for that region."""

from argosy.errors import Unavailable

_USUAL = "us-east-1"


async def region_of(bucket: str) -> str:
    """The region of a bucket of Amazon's, which tells everybody who asks. Raises Unavailable."""
    import aiohttp

    url = f"https://s3.amazonaws.com/{bucket}"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session, \
                session.head(url, allow_redirects=False) as answer:
            return answer.headers.get("x-amz-bucket-region", _USUAL)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(f"the region of bucket {bucket} cannot be looked up: {error}; write it beside the bucket") from error
