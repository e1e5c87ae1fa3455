"""``argosy eventing``: run the event sources and sensors of a cluster, from inside it or from here, until Ctrl-C."""

import asyncio

import click

from argosy.cli.options import Globals, VerbCommand, read_globals
from argosy.cli.serving import serve_until_told, tell_ready
from argosy.cli.session import connect

_BOTH = ("sources", "sensors")


@click.command(cls=VerbCommand)
@click.option("--nats", "nats_url", metavar="URL", required=True, envvar="ARGOSY_NATS",
              help="The NATS server with JetStream that carries the events; else $ARGOSY_NATS.")
@click.option("--only", type=click.Choice(_BOTH), default=None, help="Run this part alone.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True,
              help="Where webhooks are listened for; 0.0.0.0 in a pod.")
@click.option("--webhook-port", type=click.IntRange(0, 65535), metavar="PORT", default=12000, show_default=True,
              help="The port of the shared listener; 0 picks a free one.")
def command(*, nats_url: str, only: str | None, host: str, webhook_port: int) -> int:
    """Run the EventSources and Sensors of the cluster that KUBECONFIG, --kubeconfig or the pod's service account names.

    It prints one line that begins with `ready` once all of them listen, logs to standard error, and ends on Ctrl-C or
    SIGTERM; events that were accepted are worked off when it is started again.

    \b
    argosy eventing --nats nats://127.0.0.1:4222
    argosy eventing --only sensors
    """
    given = read_globals()
    parts = (only,) if only else _BOTH
    return serve_until_told(_serve(given, nats_url, parts=parts, host=host, port=webhook_port), verbose=bool(given.verbose))


async def _serve(given: Globals, nats_url: str, *, parts: tuple[str, ...], host: str, port: int) -> None:
    from argosy.lifecycle import Service, running
    from events.bus.jetstream import JetStreamBus
    from events.service import SensorsService
    from sources.service import SourcesService

    async with connect(given) as session:
        bus = JetStreamBus(nats_url, clock=session.clock)
        services: list[Service] = [bus]
        line = f"eventing nats={nats_url.rsplit('@', maxsplit=1)[-1]}"
        if "sensors" in parts:
            services.append(SensorsService(session.kube, bus, clock=session.clock))
        sources = SourcesService(session.kube, bus, clock=session.clock, host=host, port=port)
        if "sources" in parts:
            services.append(sources)
        async with running(services):
            tell_ready(f"{line} webhooks={sources.url}" if sources in services else line)
            await asyncio.Event().wait()
