"""Writes a pod's record so that a kill at any moment leaves either the old text or the new one, whole."""

import fcntl
import json
import os
from typing import Any

CLAIM = "claim"  # exists once a shim has taken the pod: its commands are never started a second time
STATE = "state.json"  # how far the pod has come, as the shim saw it
PLAN = "plan.json"  # what the shim is to do
SOCKET = "ctl.sock"  # where the shim listens


def write(folder: str, name: str, tree: Any, *, durable: bool) -> None:
    """Replace `folder`/`name`; with `durable`, it outlives a loss of power from here on."""
    temporary = f"{folder}/.{name}.new"
    file = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        data = memoryview(json.dumps(tree).encode())
        while data:
            data = data[os.write(file, data):]
        if durable:
            os.fsync(file)
    finally:
        os.close(file)
    os.rename(temporary, f"{folder}/{name}")
    if durable:
        sync_folder(folder)


def read(folder: str, name: str) -> Any:
    """What was written, or None where nothing was."""
    try:
        with open(f"{folder}/{name}", "rb") as file:
            return json.loads(file.read())
    except FileNotFoundError:
        return None


def claim(folder: str, *, durable: bool) -> bool:
    """Take the pod, and hold it as long as this process lives; False if a shim has taken it before.

    The lock is a POSIX lock: it belongs to this process alone, not to what it forks, and ends with it. It is there before
    the claim has its name, so nobody ever sees a claim that its living owner does not hold.
    """
    temporary = f"{folder}/.{CLAIM}.{os.getpid()}"
    file = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)  # never closed: that would end the lock
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        os.link(temporary, f"{folder}/{CLAIM}")
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    if durable:
        sync_folder(folder)
    return True


def claimed(folder: str) -> str:
    """"" where no shim ever took the pod, "held" while the one that did is alive, "left" once it is gone."""
    try:
        file = os.open(f"{folder}/{CLAIM}", os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return "held"
    finally:
        os.close(file)
    return "left"


def sync_folder(folder: str) -> None:
    """Make the names in `folder` outlive a loss of power."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
