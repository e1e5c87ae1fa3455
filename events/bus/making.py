"""Making a namespace's streams and its bucket on JetStream, and keeping apart what several clusters keep there.

Streams are named by namespace alone, and a namespace of the same name in another cluster is another namespace. So the
streams say, in their metadata, which cluster they belong to; whoever serves another cluster leaves them alone.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import nats.js.errors
from nats.js import JetStreamContext, api

from events.bus.contract import RULES, Foreign, Stream
from events.bus.subjects import to_filter, to_token

# What tells the cluster of a namespace: any of these names is enough, and no name means that it is not known.
ClusterOf: TypeAlias = Callable[[str], Awaitable[frozenset[str]]]

_MARK = "argosy.dev/cluster"
_DIFFERS = 10058  # the stream exists with another configuration
_KEPT_AS_LONG_AS_EVENTS = (Stream.EVENTS, Stream.INTENTS, Stream.DECISIONS)


class StreamMaker:
    """Makes what a namespace needs, or brings it up to date. What is None is left as it is.

    `replicas` is on how many servers each message is kept, `keep_seconds` for how long; with `take_over`, streams of
    another cluster become those of this one.
    """

    def __init__(
        self, *, replicas: int | None, keep_seconds: float | None, cluster: ClusterOf | None, take_over: bool,
    ) -> None:
        self._replicas, self._keep_seconds = replicas, keep_seconds
        self._cluster, self._take_over = cluster, take_over

    async def make(self, js: JetStreamContext, namespace: str) -> None:
        """Make all of them. Raises Foreign before anything is touched that is another cluster's."""
        here = await self._cluster(namespace) if self._cluster else frozenset()
        for stream in Stream:
            await self._make_stream(js, stream, namespace, here)
        await self._make_bucket(js, bucket_name(namespace))

    async def is_ours(self, namespace: str, config: api.StreamConfig) -> bool:
        """Whether a stream carries this cluster's mark; where nobody tells clusters apart, all are ours."""
        return self._cluster is None or bool(_marked(config) & await self._cluster(namespace))

    async def _make_stream(self, js: JetStreamContext, stream: Stream, namespace: str, here: frozenset[str]) -> None:
        wanted = _config(stream, namespace).evolve(num_replicas=self._replicas or 1)
        if self._keep_seconds is not None and stream in _KEPT_AS_LONG_AS_EVENTS:
            wanted = wanted.evolve(max_age=self._keep_seconds)
        try:
            there = (await js.stream_info(wanted.name or "")).config
        except nats.js.errors.NotFoundError:
            try:
                await js.add_stream(wanted.evolve(metadata=_mark(here)))
            except nats.js.errors.APIError as error:
                if error.err_code != _DIFFERS:
                    raise
                there = (await js.stream_info(wanted.name or "")).config  # somebody else was quicker
            else:
                return
        marked = _marked(there)
        if marked and here and not marked & here and not self._take_over:
            raise Foreign(namespace)
        wanted = wanted.evolve(
            metadata=_mark(here or marked), num_replicas=self._replicas or there.num_replicas,
            max_age=wanted.max_age if self._keep_seconds is not None else there.max_age)
        if _differs(wanted, there):
            await js.update_stream(wanted)

    async def _make_bucket(self, js: JetStreamContext, bucket: str) -> None:
        try:
            await js.create_key_value(
                bucket=bucket, history=1, storage=api.StorageType.FILE, replicas=self._replicas or 1)
        except nats.js.errors.APIError as error:
            if error.err_code != _DIFFERS:
                raise
            config = (await js.stream_info(f"KV_{bucket}")).config
            if self._replicas not in (None, config.num_replicas):
                await js.update_stream(config.evolve(num_replicas=self._replicas))


def stream_name(stream: Stream, namespace: str) -> str:
    """``EVENTS_default``."""
    return f"{stream.value.upper()}_{to_token(namespace)}"


def bucket_name(namespace: str) -> str:
    """``argosy-default``."""
    # Bucket names know no "=": namespaces are DNS labels, so nothing else than letters, digits and "-" occurs.
    return f"argosy-{to_token(namespace).replace('=', '_')}"


def _config(stream: Stream, namespace: str) -> api.StreamConfig:
    rule = RULES[stream]
    single = rule.once_per_subject or rule.newest_per_subject
    return api.StreamConfig(
        name=stream_name(stream, namespace), subjects=[to_filter(stream, namespace, (...,))],
        storage=api.StorageType.FILE, retention=api.RetentionPolicy.LIMITS, max_age=rule.keep_seconds,
        duplicate_window=rule.dedupe_seconds, allow_direct=True, max_msgs_per_subject=1 if single else -1,
        discard=api.DiscardPolicy.NEW if rule.once_per_subject else api.DiscardPolicy.OLD,
        discard_new_per_subject=rule.once_per_subject)


def _mark(cluster: frozenset[str]) -> dict[str, str] | None:
    return {_MARK: " ".join(sorted(cluster))} if cluster else None


def _marked(config: api.StreamConfig) -> frozenset[str]:
    return frozenset((config.metadata or {}).get(_MARK, "").split())


def _differs(wanted: api.StreamConfig, there: api.StreamConfig) -> bool:
    """Whether the server keeps something else than is wanted; it answers with more than it was told."""
    told = ("subjects", "max_age", "duplicate_window", "max_msgs_per_subject", "discard", "discard_new_per_subject",
            "allow_direct", "num_replicas")
    return _marked(wanted) != _marked(there) or any(getattr(wanted, key) != getattr(there, key) for key in told)
