"""The helper process: forks a shim for each pod that Argosy asks for, and finds out what the kernel allows.

It exists because forking Argosy itself, with its threads and its memory, would be neither safe nor small. It ends when
Argosy does; the shims go on.
"""

import contextlib
import gc
import json
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from argosy.embedded.pods.shim import kernel, pod, root


def main(file: int) -> NoReturn:
    """Serve requests from the socket `file` until it closes. A request is one packet of JSON, with a socket for its pod."""
    requests = socket.socket(fileno=file)
    kernel.set_name("argosy-pods")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the shims
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Argosy, which then ends us
    gc.collect()
    gc.freeze()  # a collector that touches every object would copy the memory that the shims share
    gc.disable()
    while True:
        data, files, _, _ = socket.recv_fds(requests, 65536, 1)
        if not data:
            os._exit(0)
        request = json.loads(data)
        if "probe" in request:
            requests.send(json.dumps(_find_isolation(request["probe"], request.get("skip", ()))).encode())
            continue
        pid = os.fork()
        if pid == 0:
            requests.close()
            _be_shim(request["pod"], socket.socket(fileno=files[0]) if files else None)
        for given in files:
            os.close(given)


def _be_shim(folder: str, connection: socket.socket | None) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        kernel.set_name("argosy-pod")
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        for standard in (0, 1, 2):  # whoever reads what Argosy prints must see its end when Argosy ends
            os.dup2(null, standard)
        pod.Shim(folder, connection).run()
    except BaseException:  # noqa: BLE001  the last place that can report it; Argosy finds the pod without an outcome
        import traceback

        with contextlib.suppress(OSError), open(f"{folder}/shim-error.txt", "w", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    finally:
        os._exit(0)


def _find_isolation(folder: str, skip: Sequence[str]) -> dict[str, Any]:
    """The strongest isolation that works here, tried for real, and why the stronger ones did not."""
    refused: dict[str, str] = {}
    for isolation in ("root", "rootless"):
        if isolation in skip or (isolation == "root" and os.geteuid() != 0):
            continue
        reason = _try_isolation(folder, isolation)
        if not reason:
            return {"isolation": isolation, "refused": refused}
        refused[isolation] = reason
    return {"isolation": "plain", "refused": refused}


def _try_isolation(folder: str, isolation: str) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _say_reason(writing, lambda: _build_once(f"{folder}/{isolation}", isolation))
    os.close(writing)
    said = b""
    while piece := os.read(reading, 4096):
        said += piece
    os.close(reading)
    return said.decode()


def _say_reason(writing: int, attempt: Callable[[], str]) -> NoReturn:
    """Write why `attempt` did not work ("" if it did), and end."""
    said = "it was killed"
    try:
        said = attempt()
    except BaseException as error:  # noqa: BLE001  any reason is a reason
        said = str(error) or repr(error)
    finally:
        os.write(writing, said.encode())
        os._exit(0)


def _build_once(layer: str, isolation: str) -> str:
    flags = kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    pod.enter_user_namespace(flags) if isolation == "rootless" else kernel.unshare(flags)
    reading, writing = os.pipe()
    child = kernel.clone(kernel.CLONE_NEWNS | kernel.CLONE_NEWPID)
    if child == 0:
        _say_reason(writing, lambda: _use_root(layer, isolation))
    os.close(writing)
    said = os.read(reading, 4096)
    os.waitpid(child, 0)
    return said.decode()


def _use_root(layer: str, isolation: str) -> str:
    root.build({"layer": layer, "extra_roots": [], "mounts": []}, rootless=isolation == "rootless", hide=[], hosts="")
    with open("/tmp/probe", "w", encoding="ascii") as file:  # noqa: S108  the new root's own
        file.write("it can be written")
    return "" if os.access("/bin/sh", os.X_OK) else "the new root has no /bin/sh"
