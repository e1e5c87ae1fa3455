"""``argosy controller``: run the workflows of a cluster, from inside it or from here, until Ctrl-C."""

import asyncio
from random import Random

import click

from argosy.cli.options import Globals, VerbCommand, read_globals
from argosy.cli.serving import serve_until_told, tell_ready
from argosy.cli.session import connect


@click.command(cls=VerbCommand)
def command() -> int:
    """Run the workflows of the cluster that KUBECONFIG, --kubeconfig or the pod's own service account names.

    It prints one line that begins with `ready` once it works, logs to standard error, and ends on Ctrl-C or SIGTERM;
    workflows go on where they were when it is started again. With -n it looks after that namespace only.

    \b
    argosy controller
    argosy controller -n builds --kubeconfig ./staging.yaml
    """
    given = read_globals()
    return serve_until_told(_serve(given), verbose=bool(given.verbose))


async def _serve(given: Globals) -> None:
    from argosy.lifecycle import running
    from controller.service import Controller

    async with connect(given) as session:
        controller = Controller(session.kube, clock=session.clock, chance=Random(), namespace=given.namespace,
                                executor=False, one_machine=False)
        async with running([controller]):
            tell_ready(f"controller of {given.namespace or 'all namespaces'}")
            await asyncio.Event().wait()
