"""``argosy eventing``: run the event sources and sensors of a cluster, from inside it or from here, until Ctrl-C."""

import asyncio
from dataclasses import dataclass

import click

from argosy.cli.options import Globals, VerbCommand, read_globals
from argosy.cli.serving import ask_whether_known, health_port, serve_until_told, serving, tell_ready
from argosy.cli.session import connect, remote_of

_BOTH = ("sources", "sensors")


@dataclass(frozen=True, slots=True)
class _Webhooks:
    """Where webhooks are listened for, and where senders are told to send them."""

    host: str
    port: int
    url: str


@dataclass(frozen=True, slots=True)
class _Streams:
    """Where events are kept, and how."""

    url: str
    replicas: int
    keep_days: int
    take_over: bool


@click.command(cls=VerbCommand)
@click.option("--nats", "nats_url", metavar="URL", required=True, envvar="ARGOSY_NATS",
              help="The NATS server with JetStream that carries the events; else $ARGOSY_NATS.")
@click.option("--stream-replicas", type=click.IntRange(1, 5), metavar="NUMBER", default=1, show_default=True,
              envvar="ARGOSY_STREAM_REPLICAS",
              help="On how many servers of a NATS cluster each event is kept; else $ARGOSY_STREAM_REPLICAS.")
@click.option("--keep-days", type=click.IntRange(min=1), metavar="DAYS", default=7, show_default=True,
              envvar="ARGOSY_KEEP_DAYS",
              help="How long events, also those that nothing has been done with yet, and what became of them are kept; "
                   "else $ARGOSY_KEEP_DAYS.")
@click.option("--take-over", is_flag=True,
              help="Take over what another cluster has kept on this NATS, when that cluster is gone for good.")
@click.option("--only", type=click.Choice(_BOTH), default=None, help="Run this part alone.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True,
              help="Where webhooks are listened for; 0.0.0.0 in a pod.")
@click.option("--webhook-port", type=click.IntRange(0, 65535), metavar="PORT", default=12000, show_default=True,
              help="The port of the shared listener; 0 picks a free one.")
@click.option("--webhook-url", metavar="URL", default="", envvar="ARGOSY_WEBHOOK_URL",
              help="Where senders reach the shared listener, told on each EventSource; else $ARGOSY_WEBHOOK_URL.")
@health_port
def command(*, nats_url: str, stream_replicas: int, keep_days: int, take_over: bool, only: str | None, host: str,
            webhook_port: int, webhook_url: str, health_port: int | None) -> int:
    """Run the EventSources and Sensors of the cluster that KUBECONFIG, --kubeconfig or the pod's service account names.

    It prints one line that begins with `ready` once all of them listen, logs to standard error, and ends on Ctrl-C or
    SIGTERM; events that were accepted are worked off when it is started again. With -n it looks after that namespace only,
    without it after all of them.

    \b
    argosy eventing --nats nats://127.0.0.1:4222
    argosy eventing --only sensors
    """
    given = read_globals()
    work = _serve(given, _Streams(nats_url, stream_replicas, keep_days, take_over), parts=(only,) if only else _BOTH,
                  webhooks=_Webhooks(host, webhook_port, webhook_url), port=health_port)
    return serve_until_told(work, verbose=bool(given.verbose))


async def _serve(given: Globals, streams: _Streams, *, parts: tuple[str, ...], webhooks: _Webhooks,
                 port: int | None) -> None:
    from argosy.kube.kinds import ServedKinds
    from argosy.lifecycle import Service
    from events.bus.contract import DAY_SECONDS
    from events.bus.jetstream import JetStreamBus
    from events.identity import ClusterIdentity
    from events.service import SensorsService
    from sources.service import SourcesService

    async with connect(given) as session:
        await ask_whether_known(remote_of(session))
        bus = JetStreamBus(
            streams.url, clock=session.clock, replicas=streams.replicas, keep_seconds=streams.keep_days * DAY_SECONDS,
            cluster=ClusterIdentity(session.kube, namespace=given.namespace), take_over=streams.take_over)
        services: list[Service] = [bus]
        line = f"eventing nats={streams.url.rsplit('@', maxsplit=1)[-1]}"
        if "sensors" in parts:
            services.append(SensorsService(session.kube, bus, clock=session.clock, namespace=given.namespace,
                                           kinds=ServedKinds(remote_of(session).get_json)))
        sources = SourcesService(session.kube, bus, clock=session.clock, host=webhooks.host, port=webhooks.port,
                                 namespace=given.namespace, public_url=webhooks.url)
        if "sources" in parts:
            services.append(sources)
        checks = {"nats": lambda: "" if bus.connected else "not connected"}
        async with serving(services, port=port, checks=checks):
            tell_ready(f"{line} webhooks={sources.url}" if sources in services else line)
            await asyncio.Event().wait()
