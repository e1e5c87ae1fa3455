"""``argosy controller``: run the workflows of a cluster, from inside it or from here, until Ctrl-C."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import click

from argosy.cli.options import Globals, VerbCommand, read_globals
from argosy.cli.serving import ask_whether_known, health_port, serve_until_told, serving, tell_ready
from argosy.cli.session import Session, connect
from argosy.clock import seconds_since_boot
from argosy.kube.contract import Kube, Object
from argosy.settings import Settings, find_settings, host_name, load_settings, read_environment

if TYPE_CHECKING:
    from controller.leases import Leases

_CONTAINER = "argosy"  # what deploy/ calls the container that runs this


@click.command(cls=VerbCommand)
@health_port
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), default=None, metavar="FILE",
              help="The settings; else $ARGOSY_SETTINGS.")
@click.option("--image", default="", metavar="NAME",
              help="Argosy's own image, for resource and http templates; else $ARGOSY_IMAGE, or that of the pod $POD_NAME.")
@click.option("--instance-id", "instance", default="", metavar="ID", callback=lambda _ctx, _param, value: _instance_id(value),
              help="Run only workflows with the label workflows.argoproj.io/controller-instanceid=ID; else those without it.")
@click.option("--lease-namespace", default="", metavar="NAME",
              help="Where replicas keep the leases by which they share the work; else the controller's own namespace.")
@click.option("--lease-seconds", type=click.FloatRange(3, 600), default=15.0, show_default=True, metavar="SECONDS",
              help="After so long without a sign of life a replica's work is taken over.")
@click.option("--shards", type=click.IntRange(1, 256), default=16, show_default=True, metavar="NUMBER",
              help="Into how many parts replicas divide the work; the same for all of them.")
def command(*, health_port: int | None, settings_file: Path | None, image: str, **sharing: Any) -> int:
    """Run the workflows of the cluster that KUBECONFIG, --kubeconfig or the pod's own service account names.

    It prints one line that begins with `ready` once it works, logs to standard error, and ends on Ctrl-C or SIGTERM;
    workflows go on where they were when it is started again. With -n it looks after that namespace only, without it after
    all of them. Started several times, it shares the work.

    \b
    argosy controller
    argosy controller -n builds --kubeconfig ./staging.yaml
    """
    given = read_globals()
    environment = read_environment()
    settings = load_settings(find_settings(settings_file, None, environment))
    work = _serve(given, health_port, settings, image=image or environment.image, pod=environment.pod,
                  sharing=Sharing(**sharing))
    return serve_until_told(work, verbose=bool(given.verbose))


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which workflows are this installation's, and how its replicas share them."""

    instance: str
    lease_namespace: str
    lease_seconds: float
    shards: int


def _instance_id(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", text):
        raise click.UsageError(f"--instance-id {text!r} cannot be a label's value; write up to 63 letters, digits, -, _ and .")
    return text


async def _serve(given: Globals, port: int | None, settings: Settings, *, image: str, pod: str, sharing: Sharing) -> None:
    from argosy.kube.remote import RemoteKube
    from controller.outfitting import for_cluster
    from controller.service import Controller
    from controller.untaken import Untaken

    # Leases have connections of their own, so that signs of life never queue behind the work.
    async with connect(given) as session, RemoteKube(session.kube.config) as lease_kube:  # type: ignore[attr-defined]  # remote
        await ask_whether_known(lease_kube)
        outfitter = for_cluster(session.kube, clock=session.clock, home=session.home, settings=settings,
                                own_image=image or await _image_of(session, pod))
        controller = Controller(session.kube, clock=session.clock, chance=Random(), namespace=given.namespace,
                                outfitter=outfitter, one_machine=False, instance=sharing.instance,
                                leases=_leases(lease_kube, session, given, sharing))
        untaken = Untaken(session.kube, clock=session.clock, chance=Random(), namespace=given.namespace,
                          instance=sharing.instance)
        async with serving([controller, untaken], port=port):
            tell_ready(f"controller of {given.namespace or 'all namespaces'}")
            await asyncio.Event().wait()


def _leases(kube: Kube, session: Session, given: Globals, sharing: Sharing) -> "Leases":
    from controller.leases import Leases, Terms, group_of

    terms = Terms(sharing.lease_namespace or session.home, group_of(given.namespace, sharing.instance),
                  shards=sharing.shards, seconds=sharing.lease_seconds)
    return Leases(kube, terms, replica=host_name(), clock=session.clock, uptime=seconds_since_boot, chance=Random())


async def _image_of(session: Session, pod: str) -> str:
    """The image that this very pod runs; "" where it is none, or may not be looked at."""
    from argosy.backoff import Backoff
    from argosy.errors import Unavailable
    from argosy.kube.contract import KubeError
    from argosy.kube.resources import PODS

    failures = 0
    while pod:
        try:
            found = await session.kube.get(PODS, pod, namespace=session.home)
        except Unavailable:
            failures += 1
            await session.clock.sleep(Backoff().wait_seconds(failures))
        except KubeError:
            break
        else:
            return _own_image(found)
    return ""


def _own_image(pod: Object) -> str:
    """The image of the container that our manifests call so; of the first, where none has that name.

    A service mesh may have put a container of its own before it.
    """
    containers = pod["spec"]["containers"]
    return str(next((each for each in containers if each["name"] == _CONTAINER), containers[0])["image"])
