"""What every kind of isolation must do for a pod."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from argosy.clock import SystemClock
from argosy.embedded.pods import ImageTable, PodRuntime
from argosy.embedded.pods.forker import Forker
from argosy.embedded.store import EmbeddedKube
from argosy.kube.resources import CONFIG_MAPS, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS
from argosy.lifecycle import running
from argosy.settings import ImageStandIn
from controller.artifacts.folder import FolderStore
from controller.pods.assignment import (
    ASSIGNMENT_ANNOTATION,
    ArtifactIn,
    ArtifactOut,
    Assignment,
    Handover,
    ParameterOut,
    StagedFile,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pods are Linux processes")


class World:
    """A store, a runtime on it, and the words the tests speak in."""

    def __init__(self, folder: Path, kube: EmbeddedKube, runtime: PodRuntime, artifacts: FolderStore) -> None:
        self.folder, self.kube, self.runtime, self.artifacts = folder, kube, runtime, artifacts

    async def start(self, *containers: dict[str, Any], name: str = "pod", assignment: Assignment | None = None,
                    **spec: Any) -> dict[str, Any]:
        annotations = {ASSIGNMENT_ANNOTATION: assignment.to_json()} if assignment else {}
        return await self.kube.create(PODS, {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": list(containers), **spec}})

    async def see(self, name: str, holds: Any) -> dict[str, Any]:
        async with asyncio.timeout(30):
            async for event in self.kube.watch(PODS, namespace="default", field_selector=f"metadata.name={name}"):
                if event.type != "BOOKMARK" and holds(event):
                    return event.object
        raise AssertionError(f"the watch ended before pod {name} came so far")

    async def end_of(self, name: str = "pod") -> dict[str, Any]:
        return await self.see(name, lambda event: event.object.get("status", {}).get("phase") in ("Succeeded", "Failed"))

    async def run(self, *containers: dict[str, Any], name: str = "pod", **options: Any) -> dict[str, Any]:
        await self.start(*containers, name=name, **options)
        return await self.end_of(name)

    async def log(self, name: str = "pod", **options: Any) -> str:
        pieces = [piece async for piece in self.runtime.read_logs(name, namespace="default", **options)]
        return b"".join(pieces).decode()


def shell(script: str, name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **fields}


def ended(pod: dict[str, Any], container: str = "main") -> dict[str, Any]:
    for status in [*pod["status"]["containerStatuses"], *pod["status"].get("initContainerStatuses", [])]:
        if status["name"] == container:
            return status["state"]["terminated"]
    raise AssertionError(f"no container {container}")


@asynccontextmanager
async def a_world(folder: Path, **options: Any) -> AsyncIterator[World]:
    kube = EmbeddedKube.open(":memory:", clock=SystemClock())
    artifacts = FolderStore(folder / "artifacts")
    options.setdefault("images", ImageTable())
    options.setdefault("durable", False)
    runtime = PodRuntime(kube, folder=folder / "runtime", artifacts=artifacts, clock=SystemClock(),
                         outlive=False, **options)
    try:
        async with running([runtime]):
            yield World(folder, kube, runtime, artifacts)
    finally:
        kube.close()


@pytest.fixture(params=["auto", "rootless", "plain"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    isolation = request.param
    if isolation == "rootless":  # what an ordinary user gets; root can have it too, where user namespaces are allowed
        if os.geteuid() != 0:
            pytest.skip("the same as auto for an ordinary user")
        monkeypatch.setattr(Forker, "find_isolation", find_rootless)
        isolation = "auto"
    async with a_world(tmp_path, isolation=isolation) as world:
        if request.param == "rootless" and "rootless" in world.runtime.refused:
            pytest.skip(f"user namespaces are refused here: {world.runtime.refused['rootless']}")
        yield world


async def find_rootless(forker: Forker, folder: Path) -> dict[str, Any]:
    assert forker._requests
    forker._requests.send(json.dumps({"probe": str(folder), "skip": ["root"]}).encode())
    return json.loads(await asyncio.get_running_loop().sock_recv(forker._requests, 65536))


async def test_a_pod_runs_its_command_and_tells_how_it_ended(world: World) -> None:
    pod = await world.run(shell("echo hello; echo oops >&2; exit 3"))
    assert pod["status"]["phase"] == "Failed"
    assert ended(pod)["exitCode"] == 3
    assert ended(pod)["reason"] == "Error"
    assert sorted((await world.log()).splitlines()) == ["hello", "oops"]


# ---- isolation ----


def skip_plain(world: World) -> None:
    if world.runtime.isolation == "plain":
        pytest.skip("needs namespaces")


async def test_two_pods_that_write_the_same_path_see_only_their_own(world: World) -> None:
    skip_plain(world)
    script = "echo $ME > /tmp/argosy-test-out; echo $ME > /etc/argosy-test; sleep 0.2; cat /tmp/argosy-test-out /etc/argosy-*"
    for name in ("a", "b"):
        await world.start(shell(script, env=[{"name": "ME", "value": name}]), name=name)
    for name in ("a", "b"):
        await world.end_of(name)
        assert await world.log(name) == f"{name}\n{name}\n"
    assert not read_or_nothing("/tmp/argosy-test-out")
    assert not read_or_nothing("/etc/argosy-test")


async def test_a_pod_has_its_own_processes_host_name_and_folders(world: World) -> None:
    skip_plain(world)
    await world.run(shell("hostname; ls /tmp /run /var/tmp; ls /proc | grep -c '^[0-9]'; ls /dev/vda /dev/sda 2>/dev/null"),
                    name="quiet")
    host, *folders, processes = (await world.log("quiet")).splitlines()
    assert host == "quiet"
    assert [line for line in folders if line] == ["/run:", "/tmp:", "/var/tmp:"]
    assert int(processes) <= 5


async def test_argosys_own_folder_cannot_be_seen_not_even_through_a_host_path(world: World) -> None:
    skip_plain(world)
    folder = world.folder / "runtime"
    pod = await world.run(
        shell(f"ls {folder} /host{folder}; find / -path '*{world.folder}*/plan.json' 2>/dev/null; echo end",
              volumeMounts=[{"name": "host", "mountPath": "/host"}]),
        volumes=[{"name": "host", "hostPath": {"path": "/"}}])
    assert pod["status"]["phase"] == "Succeeded"
    assert [line for line in (await world.log()).splitlines() if line and "No such file" not in line] == [
        f"/host{folder}:", "end"]


async def test_a_link_of_the_host_does_not_lead_into_argosys_own_folder_either(world: World) -> None:
    skip_plain(world)
    (world.folder / "link").symlink_to(world.folder / "runtime" / "logs")
    pod = await world.run(shell("ls /h", volumeMounts=[{"name": "h", "mountPath": "/h"}]),
                          volumes=[{"name": "h", "hostPath": {"path": str(world.folder / "link")}}])
    assert "lies in Argosy's own data folder" in ended(pod)["message"]


async def test_the_callers_environment_does_not_reach_a_pod(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_TEST_SECRET", "hush")
    await world.run(shell("env"))
    log = await world.log()
    assert "hush" not in log
    names = {line.partition("=")[0] for line in log.splitlines()}
    assert names <= {"PATH", "LANG", "HOME", "HOSTNAME", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD"}


async def test_the_pod_says_how_it_is_isolated(world: World) -> None:
    pod = await world.run(shell("true"))
    condition = next(item for item in pod["status"]["conditions"] if item["type"] == "argosy.dev/Isolated")
    assert condition["reason"] == {"root": "Namespaces", "rootless": "UserNamespace", "plain": "Plain"}[world.runtime.isolation]


# ---- commands ----


async def test_a_program_that_the_host_lacks_fails_the_pod_at_once_with_the_remedy(world: World) -> None:
    pod = await world.run({"name": "main", "image": "aquasec/trivy:1", "command": ["trivy"]})
    assert ended(pod)["reason"] == "StartError"
    assert ended(pod)["exitCode"] == 128
    assert ended(pod)["message"] == (
        "the host has no program 'trivy' (image aquasec/trivy:1); install it, or give a stand-in under images: in the "
        "settings")


async def test_a_container_without_any_command_fails_with_the_remedy(world: World) -> None:
    pod = await world.run({"name": "main", "image": "ghcr.io/some/thing:1"})
    assert pod["status"]["phase"] == "Failed"
    assert "give the image an entry under images: in the settings" in ended(pod)["message"]


async def test_variables_are_expanded_in_commands_and_in_each_other(world: World) -> None:
    await world.run({
        "name": "main", "image": "busybox", "command": ["echo", "$(B)", "$$(B)", "$(C)"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}]})
    assert await world.log() == "12 $(B) $(C)\n"


async def test_values_come_from_config_maps_secrets_and_the_pod_itself(world: World) -> None:
    await world.kube.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "default"}, "data": {"k": "v", "other": "o"}})
    await world.kube.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}, "data": {"p": "aHVzaA=="}})
    await world.run(shell(
        'echo "$K $P $NAME $NONE $PRE_other $CPU"; cat /c/sub/k /s/p /d/labels; echo; ls -lL /s/p | cut -c1-10',
        resources={"limits": {"cpu": "1500m"}}, envFrom=[{"prefix": "PRE_", "configMapRef": {"name": "c"}}],
        env=[
            {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "x", "optional": True}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        ],
        volumeMounts=[{"name": "c", "mountPath": "/c"}, {"name": "s", "mountPath": "/s"}, {"name": "d", "mountPath": "/d"}]),
        volumes=[
            {"name": "c", "configMap": {"name": "c", "items": [{"key": "k", "path": "sub/k"}]}},
            {"name": "s", "secret": {"secretName": "s", "defaultMode": 0o640}},
            {"name": "d", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        ])
    assert (await world.log()).split() == ["v", "hush", "pod", "o", "2", "vhush", "-rw-r-----"]


async def test_a_pod_waits_for_a_config_map_that_comes_later(world: World) -> None:
    await world.start(shell("echo $K", env=[{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "k"}}}]))
    pod = await world.see("pod", lambda event: event.object.get("status", {}).get("containerStatuses"))
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "late" not found'}
    await world.kube.create(CONFIG_MAPS, {"metadata": {"name": "late", "namespace": "default"}, "data": {"k": "here"}})
    await world.end_of()
    assert await world.log() == "here\n"


# ---- several containers ----


async def test_init_containers_run_in_order_and_share_volumes_with_the_others(world: World) -> None:
    mount = [{"name": "share", "mountPath": "/share"}]
    pod = await world.run(
        shell("cat /share/log", volumeMounts=mount),
        initContainers=[shell("echo one >> /share/log", "first", volumeMounts=mount),
                        shell("echo two >> /share/log", "second", volumeMounts=mount)],
        volumes=[{"name": "share", "emptyDir": {"medium": "Memory"}}])
    assert pod["status"]["phase"] == "Succeeded"
    assert await world.log() == "one\ntwo\n"


async def test_a_failed_init_container_fails_the_pod_and_nothing_else_starts(world: World) -> None:
    pod = await world.run(shell("echo never"), initContainers=[shell("exit 7", "first")])
    assert pod["status"]["phase"] == "Failed"
    assert ended(pod, "first")["exitCode"] == 7
    assert "waiting" in pod["status"]["containerStatuses"][0]["state"]


async def test_a_native_sidecar_starts_first_and_ends_after_main(world: World) -> None:
    mount = [{"name": "share", "mountPath": "/share"}]
    sidecar = shell("trap 'echo bye; exit 0' TERM; echo up; touch /share/up; while :; do sleep 0.05; done", "side",
                    restartPolicy="Always", volumeMounts=mount)
    pod = await world.run(shell("while ! test -e /share/up; do sleep 0.05; done", volumeMounts=mount),
                          initContainers=[sidecar], volumes=[{"name": "share", "emptyDir": {}}])
    assert pod["status"]["phase"] == "Succeeded"
    assert {"up", "bye"} <= set((await world.log(container="side")).splitlines())


async def test_a_pod_with_a_named_main_container_ends_with_it(world: World) -> None:
    await world.kube.create(PODS, {
        "metadata": {"name": "pod", "namespace": "default", "annotations": {"argosy.dev/main": "main"}},
        "spec": {"restartPolicy": "Never", "containers": [shell("echo done"), shell("sleep 1000", "side")]}})
    pod = await world.end_of()
    assert pod["status"]["phase"] == "Succeeded"
    assert ended(pod, "side")["exitCode"] in (143, 137)


async def test_without_a_main_container_a_pod_ends_with_its_last_one(world: World) -> None:
    pod = await world.run(shell("exit 1", "a"), shell("sleep 0.2; echo last", "b"))
    assert pod["status"]["phase"] == "Failed"
    assert await world.log(container="b") == "last\n"


async def test_on_failure_a_container_is_started_again_in_the_same_pod(world: World) -> None:
    pod = await world.run(
        shell("echo x >> /v/tries; test $(wc -l < /v/tries) = 2", volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        restartPolicy="OnFailure", volumes=[{"name": "v", "emptyDir": {}}])
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1


# ---- the end ----


async def test_deleting_a_pod_ends_it_with_sigterm_first(world: World) -> None:
    await world.start(shell("trap 'echo caught; exit 9' TERM; echo up; while :; do sleep 0.05; done"))
    await world.see("pod", lambda event: event.object.get("status", {}).get("phase") == "Running")
    async with asyncio.timeout(30):
        async for _ in world.runtime.read_logs("pod", namespace="default", follow=True):
            break
    await world.kube.delete(PODS, "pod", namespace="default")
    await world.see("pod", lambda event: event.type == "DELETED")
    assert {"up", "caught"} <= set((await world.log()).splitlines())


async def test_what_ignores_sigterm_is_killed_when_the_grace_is_over(world: World) -> None:
    await world.start(shell("trap '' TERM; echo up; while :; do sleep 0.05; done"), terminationGracePeriodSeconds=1)
    await world.see("pod", lambda event: event.object.get("status", {}).get("phase") == "Running")
    async with asyncio.timeout(30):
        async for _ in world.runtime.read_logs("pod", namespace="default", follow=True):
            break
    await world.kube.delete(PODS, "pod", namespace="default")
    await world.see("pod", lambda event: event.type == "DELETED")


async def test_a_pod_that_takes_too_long_fails_with_deadline_exceeded(world: World) -> None:
    pod = await world.run(shell("sleep 1000"), activeDeadlineSeconds=1)
    assert pod["status"]["phase"] == "Failed"
    assert pod["status"]["reason"] == "DeadlineExceeded"


async def test_a_signal_that_ends_a_command_is_told(world: World) -> None:
    pod = await world.run(shell("kill -s SEGV $$$$"))
    assert (ended(pod)["exitCode"], ended(pod)["signal"]) == (139, 11)


async def test_processes_left_behind_end_with_their_container(world: World) -> None:
    await world.run(shell("sleep 654321 & setsid sleep 654321 & echo gone"))
    assert not [process for process in psutil.process_iter(["cmdline"]) if "654321" in (process.info["cmdline"] or [])]


def read_or_nothing(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


async def test_a_termination_message_and_the_last_log_lines_reach_the_status(world: World) -> None:
    skip_plain(world)
    pod = await world.run(shell("echo said > /dev/termination-log"), name="one")
    assert ended(pod)["message"] == "said\n"
    pod = await world.run(shell("echo why; exit 1", terminationMessagePolicy="FallbackToLogsOnError"), name="two")
    assert ended(pod)["message"] == "why\n"


# ---- probes ----


async def test_a_daemon_becomes_ready_when_its_probe_passes(world: World) -> None:
    await world.start(shell("sleep 0.2; touch /tmp/argosy-up; sleep 1000" if world.runtime.isolation != "plain"
                            else "sleep 1000", readinessProbe={
        "exec": {"command": ["sh", "-c", "test -e /tmp/argosy-up"] if world.runtime.isolation != "plain" else ["true"]},
        "periodSeconds": 1}))
    pod = await world.see("pod", lambda event: any(
        item["type"] == "Ready" and item["status"] == "True" for item in event.object.get("status", {}).get("conditions", [])))
    assert pod["status"]["containerStatuses"][0]["ready"]
    await world.kube.delete(PODS, "pod", namespace="default", grace_seconds=0)


# ---- logs ----


async def test_a_log_can_be_cut_stamped_and_read_after_the_pod_is_gone(world: World) -> None:
    await world.run(shell("for n in 1 2 3 4 5; do echo line $n; done; printf end"))
    assert await world.log(tail_lines=3) == "line 4\nline 5\nend"
    assert await world.log(tail_lines=0) == ""
    assert await world.log(tail_lines=99) == "line 1\nline 2\nline 3\nline 4\nline 5\nend"
    stamped = (await world.log(timestamps=True)).splitlines()
    assert [line.split(" ", 1)[1] for line in stamped] == ["line 1", "line 2", "line 3", "line 4", "line 5", "end"]
    assert await world.log(since_seconds=1000) != ""
    await world.kube.delete(PODS, "pod", namespace="default")
    assert (await world.log(tail_lines=1)) == "end"


# ---- the assignment ----


async def test_results_parameters_and_artifacts_are_handed_over(world: World) -> None:
    folder = world.folder / "in"
    folder.mkdir()
    (folder / "greeting").write_text("hi")
    world.artifacts.save(folder, "in.tgz")
    assignment = Assignment(
        files=(StagedFile("/argo/script", "#!/bin/sh\ncat /data/greeting\necho\necho 42 > /tmp/argosy-p\nmkdir -p /out/d; "
                                          "echo kept > /out/d/file\necho last\n", 0o755),),
        artifacts_in=(ArtifactIn("in", "/data", "in.tgz"),), result=True,
        parameters=(ParameterOut("p", "/tmp/argosy-p"), ParameterOut("q", "/tmp/argosy-none", "fallback")),
        artifacts_out=(ArtifactOut("d", "/out/d", "run/d.tgz"), ArtifactOut("maybe", "/nowhere", "run/m", optional=True)))
    pod = await world.run({"name": "main", "image": "busybox", "command": ["/argo/script"]}, assignment=assignment)
    assert pod["status"]["phase"] == "Succeeded", await world.log()
    handover = Handover.from_json(ended(pod)["message"])
    assert handover == Handover(result="hi\nlast", parameters={"p": "42", "q": "fallback"}, artifacts=["d"])
    world.artifacts.load("run/d.tgz", world.folder / "back")
    assert (world.folder / "back" / "file").read_text() == "kept\n"


async def test_outputs_that_are_missing_are_an_error_and_a_failed_commands_outputs_are_kept(world: World) -> None:
    assignment = Assignment(result=True, parameters=(ParameterOut("p", "/tmp/argosy-no"),),
                            artifacts_out=(ArtifactOut("a", "/tmp/argosy-no-dir", "k"),))
    pod = await world.run(shell("echo partial; exit 4"), assignment=assignment)
    handover = Handover.from_json(ended(pod)["message"])
    assert handover is not None
    assert ended(pod)["exitCode"] == 4
    assert handover.result == "partial"
    assert "output parameter 'p': the container left no file /tmp/argosy-no" in handover.error
    assert "output artifact 'a': the container left nothing at /tmp/argosy-no-dir" in handover.error


async def test_a_missing_input_artifact_fails_the_pod_unless_it_is_optional(world: World) -> None:
    pod = await world.run(shell("echo ran"), name="strict", assignment=Assignment(
        artifacts_in=(ArtifactIn("in", "/data", "none"),)))
    assert ended(pod)["message"] == "input artifact 'in': there is no artifact at key 'none'"
    pod = await world.run(shell("echo ran"), name="lenient", assignment=Assignment(
        artifacts_in=(ArtifactIn("in", "/data", "none", optional=True),)))
    assert pod["status"]["phase"] == "Succeeded"


async def test_links_that_a_pod_leaves_lead_only_to_what_it_could_read_itself(world: World) -> None:
    skip_plain(world)
    secret = world.folder / "runtime" / "logs"
    assignment = Assignment(
        parameters=(ParameterOut("p", "/tmp/link"), ParameterOut("q", "/tmp/../../../etc/hostname", "none"),
                    ParameterOut("fifo", "/tmp/fifo")),
        artifacts_out=(ArtifactOut("a", "/tmp/folder", "k"),))
    pod = await world.run(shell(f"ln -s {secret}/pod /tmp/link; ln -s {secret} /tmp/folder; mkfifo /tmp/fifo"),
                          assignment=assignment)
    handover = Handover.from_json(ended(pod)["message"])
    assert handover is not None
    assert "p" not in handover.parameters
    assert handover.artifacts == []
    assert "it is no regular file" in handover.error


# ---- images, identity and room ----


def an_image_folder(folder: Path) -> Path:
    folder.mkdir()
    tool = folder / "tool"
    tool.write_text("#!/bin/sh\necho tool says $* $GREETING\n")
    tool.chmod(0o755)
    (folder / "etc").mkdir()
    (folder / "etc" / "of-the-image").write_text("laid over\n")
    return folder


async def test_an_images_stand_in_gives_entry_point_command_variables_and_files(tmp_path: Path) -> None:
    root = await asyncio.to_thread(an_image_folder, tmp_path / "root")
    table = ImageTable([ImageStandIn("acme/tool:*", entrypoint=("/tool",), command=("by", "default"), root=root,
                                     env={"GREETING": "hi"})])
    async with a_world(tmp_path, images=table) as world:
        skip_plain(world)
        await world.run({"name": "main", "image": "docker.io/acme/tool:v2"}, name="default")
        assert await world.log("default") == "tool says by default hi\n"
        await world.run({"name": "main", "image": "acme/tool:v2", "args": ["arg"]}, name="args")
        assert await world.log("args") == "tool says arg hi\n"
        await world.run({"name": "main", "image": "acme/tool:v2", "command": ["cat", "/etc/of-the-image"]}, name="files")
        assert await world.log("files") == "laid over\n"


async def test_the_images_of_argos_own_examples_have_stand_ins(world: World) -> None:
    await world.run({"name": "main", "image": "argoproj/argosay:v2", "args": ["echo", "hello there"]}, name="said")
    assert await world.log("said") == "hello there\n"
    failed = await world.run({"name": "main", "image": "argoproj/argosay:v2", "args": ["exit", "3"]}, name="left")
    assert ended(failed)["exitCode"] == 3
    await world.run({"name": "main", "image": "docker/whalesay", "command": ["cowsay"], "args": ["hello"]}, name="whale")
    assert "< hello >" in await world.log("whale")


async def test_a_python_image_has_python_under_both_names(world: World) -> None:
    await world.run({"name": "main", "image": "python:3.12-alpine", "command": ["sh", "-c"],
                     "args": ["python -c 'print(1)'; python3 -c 'print(2)'"]})
    assert await world.log() == "1\n2\n"


async def test_a_container_may_run_as_somebody_else(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        if world.runtime.isolation != "root":
            pytest.skip("only root can become somebody else")
        assignment = Assignment(files=(StagedFile("/tmp/s", "x", 0o600),), parameters=(ParameterOut("p", "/tmp/p"),),
                                artifacts_out=(ArtifactOut("a", "/tmp/p", "k"),))
        pod = await world.run(shell("id -u; cat /tmp/s; echo mine > /tmp/p", workingDir="/new/place",
                                    securityContext={"runAsUser": 1234}), assignment=assignment)
        assert await world.log() == "1234\nx"
        handover = Handover.from_json(ended(pod)["message"])
        assert handover == Handover(parameters={"p": "mine"}, artifacts=["a"])


async def test_more_pods_than_there_is_room_for_wait_and_say_so(tmp_path: Path) -> None:
    async with a_world(tmp_path, most_pods=2) as world:
        for name in ("a", "b", "c"):
            await world.start(shell("while ! test -e /v/go; do sleep 0.05; done",
                                    volumeMounts=[{"name": "v", "mountPath": "/v"}]), name=name,
                              volumes=[{"name": "v", "hostPath": {"path": str(world.folder)}}])
        pod = await world.see("c", lambda event: event.object.get("status", {}).get("conditions"))
        assert pod["status"]["conditions"][0]["reason"] == "Unschedulable"
        assert "2 pods run already" in pod["status"]["conditions"][0]["message"]
        (world.folder / "go").touch()
        for name in ("a", "b", "c"):
            assert (await world.end_of(name))["status"]["phase"] == "Succeeded"


async def test_a_claim_is_bound_and_shared_by_pods_one_after_the_other(world: World) -> None:
    await world.kube.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "work", "namespace": "default"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    options: dict[str, Any] = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "work"}}]}
    mount = [{"name": "v", "mountPath": "/argosy-v", "subPath": "sub"}]
    await world.run(shell("echo kept > /argosy-v/file", volumeMounts=mount), name="one", **options)
    await world.run(shell("cat /argosy-v/file", volumeMounts=mount), name="two", **options)
    assert await world.log("two") == "kept\n"


async def test_a_sub_path_that_a_pod_turned_into_a_link_is_refused(world: World) -> None:
    mount = {"name": "v", "mountPath": "/argosy-v"}
    pod = await world.run(
        shell("ls /argosy-w", volumeMounts=[{"name": "v", "mountPath": "/argosy-w", "subPath": "link"}]),
        initContainers=[shell("ln -s /etc /argosy-v/link", "first", volumeMounts=[mount])],
        volumes=[{"name": "v", "emptyDir": {}}])
    assert "leads through a link" in ended(pod)["message"]


async def test_nothing_of_a_pod_is_left_but_its_log(world: World) -> None:
    await world.run(shell("mkdir -p deep/er; chmod 000 deep; echo x"))
    await world.kube.delete(PODS, "pod", namespace="default")
    await world.run(shell("true"), name="second")
    await world.kube.delete(PODS, "second", namespace="default")
    pods = world.folder / "runtime" / "pods"
    async with asyncio.timeout(10):
        while len(list(pods.glob("*"))):
            await asyncio.sleep(0)
    assert await world.log() == "x\n"
