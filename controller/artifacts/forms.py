"""A form with which somebody without credentials may store many objects under one key prefix, for a while.

This is S3's browser upload ("POST policy"): the signed policy names the bucket and how keys must begin. It is how a folder
is stored file by file by a program that learns the files' names only after everything was signed.
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

from controller.artifacts.buckets import Bucket, Credentials


def upload_form(bucket: Bucket, credentials: Credentials, prefix: str, *, now: float, expires_seconds: int) -> tuple[str, ...]:
    """The form's fields, each ``name=value``, for keys that begin with `prefix`; the file comes after them."""
    moment = datetime.fromtimestamp(now, UTC)
    day = moment.strftime("%Y%m%d")
    scope = f"{day}/{bucket.region}/s3/aws4_request"
    fields = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{credentials.access_key}/{scope}",
        "x-amz-date": moment.strftime("%Y%m%dT%H%M%SZ"),
    }
    if credentials.session_token:
        fields["x-amz-security-token"] = credentials.session_token
    exactly = ({name: value} for name, value in {"bucket": bucket.name, **fields}.items())
    policy = {
        "expiration": datetime.fromtimestamp(now + expires_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "conditions": [["starts-with", "$key", prefix], *exactly],
    }
    text = base64.b64encode(json.dumps(policy, separators=(",", ":")).encode()).decode()
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (day, bucket.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    fields |= {"policy": text, "x-amz-signature": hmac.digest(key, text.encode(), hashlib.sha256).hex()}
    return (f"key={prefix}", *(f"{name}={value}" for name, value in fields.items()))
