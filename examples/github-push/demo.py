"""The demo: a signed GitHub push becomes a finished workflow, on this machine, with nothing installed beside Python.

It does by program what the README's tour does by hand: starts ``argosy up`` in a scratch folder, applies the manifests
beside this file, posts a push signed as GitHub signs it, and tells what happens until the workflow has ended.
"""

import asyncio
import hashlib
import hmac
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from argosy.cli.follow import follow
from argosy.cli.get import show as show_workflow
from argosy.cli.screen import open_screen
from argosy.cli.session import Session
from argosy.clock import new_uid
from argosy.kube.contract import Kube
from argosy.kube.kubeconfig import load_kubeconfig
from argosy.kube.remote import RemoteKube
from argosy.kube.resources import EVENT_SOURCES, SENSORS, resource_of
from argosy.manifests import load_manifests

HERE = Path(__file__).parent
SECRET = b"it-is-only-a-demo"  # as in secret.yaml
NAMESPACE = "default"
PATIENCE_SECONDS = 50


def say(text: str = "") -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)  # noqa: T201 - a demo talks to a person


@asynccontextmanager
async def argosy_up(data: Path) -> AsyncIterator[dict[str, str]]:
    """Run ``argosy up`` as a user would; gives the URLs of its ready line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "argosy.cli.main", "up", "--data", str(data), "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=(data / "up.log").open("wb"))
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if line.startswith("ready"):
                yield dict(part.split("=", 1) for part in line.split()[1:] if "=" in part)
                return
        raise SystemExit(f"argosy up ended before it was ready:\n{(data / 'up.log').read_text()}")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def apply(kube: Kube, path: Path) -> None:
    """Create the objects of one file."""
    for manifest in load_manifests(await asyncio.to_thread(path.read_text), source=str(path)):
        resource = resource_of(manifest.object["apiVersion"], manifest.object["kind"])
        assert resource is not None
        await kube.create(resource, manifest.object, namespace=NAMESPACE)
        say(f"  applied  {manifest.object['kind']}/{manifest.object['metadata']['name']}")


async def until_listening(kube: Kube) -> None:
    """Wait until the source serves and the sensor listens, as their status says."""
    for resource, condition in ((EVENT_SOURCES, "Deployed"), (SENSORS, "Deployed")):
        async for event in kube.watch(resource, namespace=NAMESPACE):
            conditions = (event.object.get("status") or {}).get("conditions") or []
            if any(item["type"] == condition and item["status"] == "True" for item in conditions):
                break


async def push(webhooks: str) -> str:
    """Post the push of push.body, signed as GitHub signs it; returns the event's id."""
    body = (HERE / "push.body").read_bytes()
    headers = {
        "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": new_uid(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest(),
    }
    async with aiohttp.ClientSession() as session, session.post(f"{webhooks}/push", data=body, headers=headers) as answer:
        text = await answer.text()
        if answer.status >= 300:
            raise SystemExit(f"the push was refused: {answer.status} {text}")
        return str(json.loads(text)["id"])


async def decided(remote: RemoteKube, event_id: str) -> dict[str, Any]:
    """Wait for the sensor's record of what it made of the event, up to the workflow it created."""
    while True:
        record = await remote.get_json(f"/argosy/v1/namespaces/{NAMESPACE}/events/{event_id}")
        for decision in record.get("decisions") or []:
            if (decision.get("result") or {}).get("outcome") == "done":
                return dict(decision)
        await asyncio.sleep(0.02)


async def show(data: Path) -> bool:
    """The whole story; whether the workflow succeeded."""
    clock = asyncio.get_running_loop().time
    started = clock()
    say("Starting the embedded system: object store, pod runtime, controller, event sources, sensors, nats-server.")
    async with argosy_up(data) as urls:
        say(f"  ready after {clock() - started:.1f} s: {urls['api']}, webhooks at {urls['webhooks']}")
        async with RemoteKube(load_kubeconfig(path=data / "kubeconfig", home=data)) as remote:
            for name in ("secret", "workflow-template", "event-source", "sensor"):
                await apply(remote, HERE / f"{name}.yaml")
            await until_listening(remote)
            say("\nPosting a push to main, signed with the secret.")
            event_id = await push(urls["webhooks"])
            say(f"  accepted: event {event_id} is on disk, only now the sender has its answer")
            decision = await decided(remote, event_id)
            for clause in decision["dependencies"][0]["clauses"]:
                say(f"  filter:   {clause['says']}; the event has {clause['actual']!r}")
            say(f"  decided:  {decision['sensor']}/{decision['trigger']} fires, because {decision['why']}")
            name = decision["result"]["object"]["name"]
            say(f"  {decision['result']['text']}\n")
            with open_screen(sys.stdout) as screen:
                ended = await follow(remote, name, namespace=NAMESPACE, screen=screen, logs=True)
            if not sys.stdout.isatty():  # a terminal has seen the tree grow
                say()
                show_workflow(Session(remote, namespace=NAMESPACE), ended)
            phase = ended["status"]["phase"]
            say(f"\nThe workflow ended: {phase}, {clock() - started:.1f} s after the start.")
    return phase == "Succeeded"


def main() -> int:
    """Run the demo in a scratch folder; 0 only if the workflow succeeded."""
    data = Path(tempfile.mkdtemp(prefix="argosy-demo-"))
    try:
        succeeded = asyncio.run(asyncio.wait_for(show(data), PATIENCE_SECONDS))
    except TimeoutError:
        say(f"nothing came of it within {PATIENCE_SECONDS} s; the log of argosy up says:\n{(data / 'up.log').read_text()}")
        return 1
    finally:
        shutil.rmtree(data, ignore_errors=True)
    say(NEXT)
    return 0 if succeeded else 1


NEXT = """
To go on by hand:
  .venv/bin/argosy up                                      # in one terminal
  .venv/bin/argosy run examples/fan-out.yaml               # or one workflow, with no server at all
  .venv/bin/argosy submit examples/dag-diamond.yaml --watch
  .venv/bin/argosy events list"""

if __name__ == "__main__":
    sys.exit(main())
