"""Killed at any moment, the runtime starts no command twice and learns every end."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from argosy.clock import SystemClock
from argosy.embedded.pods import ImageTable, PodRuntime
from argosy.embedded.pods.shim import record
from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import PODS
from argosy.lifecycle import running
from controller.artifacts.folder import FolderStore
from controller.pods.assignment import ASSIGNMENT_ANNOTATION, ArtifactOut, Assignment, Handover, ParameterOut

ROOT = Path(__file__).parents[2]
PODS_IN_ALL = 12
PROGRAM = """
import asyncio, contextlib, json, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from argosy.clock import SystemClock
from argosy.embedded.pods import ImageTable, PodRuntime
from argosy.embedded.store import EmbeddedKube
from argosy.kube.contract import AlreadyExists
from argosy.kube.resources import PODS
from argosy.lifecycle import running
from controller.artifacts.folder import FolderStore

async def tick():
    while True:
        print(".", flush=True)
        await asyncio.sleep(0.01)

async def main():
    ticking = asyncio.ensure_future(tick())
    folder = Path(sys.argv[1])
    kube = EmbeddedKube.open(folder / "store.db", clock=SystemClock())
    runtime = PodRuntime(kube, folder=folder / "runtime", images=ImageTable(), artifacts=FolderStore(folder / "artifacts"),
                         clock=SystemClock(), isolation=sys.argv[3])
    async with running([runtime]):
        for pod in json.loads((folder / "pods.json").read_text()):
            with contextlib.suppress(AlreadyExists):
                await kube.create(PODS, pod)
                print("created", flush=True)
        async for event in kube.watch(PODS, namespace="default"):
            print(event.object["metadata"]["name"], event.object.get("status", {}).get("phase"), flush=True)

asyncio.run(main())
"""


def start(folder: Path, isolation: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), str(ROOT), isolation], stdout=subprocess.PIPE,
                            text=True, start_new_session=True)


def kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout
    process.stdout.close()


def read_lines(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdout
    for _ in range(count):
        if not process.stdout.readline():
            return


def pod(number: int, counts: Path) -> dict[str, object]:
    script = (f"echo started >> {counts}/{number}; sleep 0.{number % 3}; echo result {number}; "
              f"echo p > /tmp/argosy-p-{number}; exit {number % 2}")
    assignment = Assignment(result=True, parameters=(ParameterOut("p", f"/tmp/argosy-p-{number}"),),
                            artifacts_out=(ArtifactOut("a", f"/tmp/argosy-p-{number}", f"k/{number}.tgz"),))
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"p{number}", "namespace": "default",
                         "annotations": {ASSIGNMENT_ANNOTATION: assignment.to_json()}},
            "spec": {"restartPolicy": "Never", "volumes": [{"name": "counts", "hostPath": {"path": str(counts)}}],
                     "containers": [{"name": "main", "image": "busybox", "command": ["sh", "-c", script],
                                     "volumeMounts": [{"name": "counts", "mountPath": str(counts)}]}]}}


@pytest.mark.parametrize("isolation", ["auto", "plain"])
def test_sigkill_at_many_moments_starts_nothing_twice_and_loses_no_end(tmp_path: Path, isolation: str) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    (tmp_path / "pods.json").write_text(json.dumps([pod(number, counts) for number in range(PODS_IN_ALL)]))
    for lines in (1, 20, 30, 35, 40, 45, 25, 60, 50):
        process = start(tmp_path, isolation)
        read_lines(process, lines)
        kill_group(process)
    ends = asyncio.run(all_ends(tmp_path, isolation))
    for number in range(PODS_IN_ALL):
        phase, code, handover = ends[f"p{number}"]
        assert (counts / str(number)).read_text() == "started\n", f"pod {number} was not started exactly once"
        assert (phase, code) == (("Failed", 1) if number % 2 else ("Succeeded", 0))
        assert handover == Handover(result=f"result {number}", parameters={"p": "p"}, artifacts=["a"])
        assert (tmp_path / "artifacts" / "k" / f"{number}.tgz").exists()


async def all_ends(folder: Path, isolation: str) -> dict[str, tuple[str, int, Handover | None]]:
    kube = EmbeddedKube.open(folder / "store.db", clock=SystemClock())
    ends: dict[str, tuple[str, int, Handover | None]] = {}
    try:
        async with running([runtime_on(kube, folder, isolation)]), asyncio.timeout(60):
            for body in json.loads((folder / "pods.json").read_text()):
                with contextlib.suppress(Exception):
                    await kube.create(PODS, body)
            async for event in kube.watch(PODS, namespace="default"):
                status = event.object.get("status", {})
                if status.get("phase") in ("Succeeded", "Failed"):
                    end = status["containerStatuses"][0]["state"]["terminated"]
                    ends[event.object["metadata"]["name"]] = (
                        status["phase"], end["exitCode"], Handover.from_json(end.get("message", "")))
                if len(ends) == PODS_IN_ALL:
                    return ends
    finally:
        kube.close()
    raise AssertionError("the watch ended early")


def runtime_on(kube: EmbeddedKube, folder: Path, isolation: str = "auto") -> PodRuntime:
    return PodRuntime(kube, folder=folder / "runtime", images=ImageTable(), artifacts=FolderStore(folder / "artifacts"),
                      clock=SystemClock(), isolation=isolation)  # type: ignore[arg-type]  # parametrized text


async def until(kube: EmbeddedKube, name: str, phase: str) -> dict[str, object]:
    async with asyncio.timeout(30):
        async for event in kube.watch(PODS, namespace="default", field_selector=f"metadata.name={name}"):
            if event.object.get("status", {}).get("phase") == phase:
                return event.object
    raise AssertionError("the watch ended early")


def simple(script: str) -> dict[str, object]:
    return {"metadata": {"name": "pod", "namespace": "default"}, "spec": {"restartPolicy": "Never", "containers": [
        {"name": "main", "image": "busybox", "command": ["sh", "-c", script]}]}}


async def test_a_running_pod_goes_on_while_the_runtime_is_away_and_its_end_is_learned(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    gate = tmp_path / "gate"
    gate.mkdir()
    body = simple("while ! test -e /gate/open; do sleep 0.02; done; exit 5")
    body["spec"]["volumes"] = [{"name": "gate", "hostPath": {"path": str(gate)}}]  # type: ignore[index]  # JSON
    body["spec"]["containers"][0]["volumeMounts"] = [{"name": "gate", "mountPath": "/gate"}]  # type: ignore[index]  # JSON
    async with running([runtime_on(kube, tmp_path)]):
        await kube.create(PODS, body)
        await until(kube, "pod", "Running")
    (gate / "open").touch()
    async with running([runtime_on(kube, tmp_path)]):
        pod = await until(kube, "pod", "Failed")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 5  # type: ignore[index]  # JSON
    kube.close()


@pytest.mark.parametrize("isolation", ["auto", "plain"])
async def test_a_pod_whose_watcher_is_killed_is_lost_with_all_its_processes(tmp_path: Path, isolation: str) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    async with running([runtime_on(kube, tmp_path, isolation)]):
        await kube.create(PODS, simple("sleep 765432 & setsid sleep 765432 & wait"))
        pod = await until(kube, "pod", "Running")
        state = record.read(str(tmp_path / "runtime" / "pods" / pod["metadata"]["uid"]), record.STATE)  # type: ignore[index]  # JSON
        os.kill(state["shim"], signal.SIGKILL)
        pod = await until(kube, "pod", "Failed")
    assert pod["status"]["reason"] == "NodeLost"  # type: ignore[index]  # JSON
    async with asyncio.timeout(10):
        while processes_with("765432"):
            await asyncio.sleep(0)
    kube.close()


def processes_with(text: str) -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if text in (process.info["cmdline"] or [])]


async def test_a_pod_deleted_while_the_runtime_was_away_ends_and_leaves_nothing(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    async with running([runtime_on(kube, tmp_path)]):
        await kube.create(PODS, simple("sleep 765433"))
        await until(kube, "pod", "Running")
    await kube.delete(PODS, "pod", namespace="default", grace_seconds=0)
    folder_of_pods = tmp_path / "runtime" / "pods"
    async with running([runtime_on(kube, tmp_path)]), asyncio.timeout(30):
        while len(list(folder_of_pods.glob("*"))):
            await asyncio.sleep(0)
    kube.close()


def test_a_pod_is_claimed_once_and_held_only_while_its_shim_lives(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert record.claimed(folder) == ""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(record.claim(folder, durable=True)).encode())
        signal.pause()
    assert os.read(reading, 10) == b"True"
    assert record.claimed(folder) == "held"
    second = os.fork()
    if second == 0:
        os._exit(10 if record.claim(folder, durable=True) else 11)
    assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == 11
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert record.claimed(folder) == "left"


async def test_what_a_pod_wrote_stays_until_it_is_deleted_if_that_is_wanted(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    folder = tmp_path / "runtime" / "pods"

    def runtime(*, keep_layers: bool) -> PodRuntime:
        return PodRuntime(kube, folder=tmp_path / "runtime", images=ImageTable(), clock=SystemClock(),
                          artifacts=FolderStore(tmp_path / "artifacts"), keep_layers=keep_layers)

    async with running([runtime(keep_layers=True)]):
        await kube.create(PODS, simple("echo x > /tmp/written-by-the-pod"))
        pod = await until(kube, "pod", "Succeeded")
    if conditions_of(pod)["argosy.dev/Isolated"] == "True":
        assert len(list(folder.rglob("written-by-the-pod"))) == 1
    async with running([runtime(keep_layers=False)]), asyncio.timeout(10):
        while list(folder.glob("*")):
            await asyncio.sleep(0)
    kube.close()


def conditions_of(pod: dict[str, object]) -> dict[str, str]:
    return {item["type"]: item["status"] for item in pod["status"]["conditions"]}  # type: ignore[index]  # JSON


async def test_the_helper_that_forks_is_started_again_when_it_is_killed(tmp_path: Path) -> None:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    async with running([runtime_on(kube, tmp_path)]):
        helpers = [child for child in psutil.Process().children() if child.name() == "argosy-pods"]
        assert len(helpers) == 1
        helpers[0].kill()
        helpers[0].wait()
        await kube.create(PODS, simple("exit 0"))
        await until(kube, "pod", "Succeeded")
    kube.close()


async def test_what_reads_argosys_output_sees_its_end_although_pods_go_on(tmp_path: Path) -> None:
    (tmp_path / "pods.json").write_text(json.dumps([simple("sleep 765434")]))
    process = await asyncio.to_thread(start, tmp_path, "auto")
    assert process.stdout
    while "pod Running" not in await asyncio.to_thread(process.stdout.readline):
        pass
    os.killpg(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.communicate)  # would not return if a pod held the pipe
    while not processes_with("765434"):  # the container runs before its program does
        await asyncio.sleep(0)
    kube = EmbeddedKube.open(tmp_path / "store.db", clock=SystemClock())
    async with running([runtime_on(kube, tmp_path)]):
        await kube.delete(PODS, "pod", namespace="default", grace_seconds=0)
        async with asyncio.timeout(10):
            while processes_with("765434"):
                await asyncio.sleep(0)
    kube.close()
