"""The Linux calls that Python's standard library lacks: mounts, namespaces, and giving up capabilities."""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME = 32, 1024, 2048
MS_BIND, MS_REC, MS_SILENT, MS_SLAVE, MS_RELATIME = 4096, 16384, 32768, 1 << 19, 1 << 21
MNT_DETACH = 2

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER = 1, 4, 15, 24, 36
_SIGCHLD, _SIGKILL = 17, 9

# clone, pivot_root. The second table holds for every 64-bit machine younger than x86_64.
_NUMBERS = {"x86_64": (56, 155), "aarch64": (220, 41), "riscv64": (220, 41), "loongarch64": (220, 41)}

CAPABILITIES = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7,
    "SETPCAP": 8, "LINUX_IMMUTABLE": 9, "NET_BIND_SERVICE": 10, "NET_BROADCAST": 11, "NET_ADMIN": 12, "NET_RAW": 13,
    "IPC_LOCK": 14, "IPC_OWNER": 15, "SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_CHROOT": 18, "SYS_PTRACE": 19,
    "SYS_PACCT": 20, "SYS_ADMIN": 21, "SYS_BOOT": 22, "SYS_NICE": 23, "SYS_RESOURCE": 24, "SYS_TIME": 25,
    "SYS_TTY_CONFIG": 26, "MKNOD": 27, "LEASE": 28, "AUDIT_WRITE": 29, "AUDIT_CONTROL": 30, "SETFCAP": 31,
}
# What a container's root user keeps unless its securityContext says otherwise. Without NET_RAW, since pods share the
# host's network and must not listen in on what other processes say to each other.
DEFAULT_CAPABILITIES = frozenset({
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT",
    "AUDIT_WRITE", "SETFCAP",
})
_LAST_CAPABILITY = 63
_CAPSET_VERSION_3 = 0x20080522

# PyDLL keeps the interpreter's lock during a call: `clone` must return in both processes with the lock as it was.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, doing: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")
    return result


def clone(flags: int) -> int:
    """Fork with the child in new namespaces; returns 0 in the child. The caller must have one thread only."""
    number = _NUMBERS.get(os.uname().machine)
    if number is None:
        raise OSError(38, f"namespaces are not known for {os.uname().machine}")
    return _check(
        _libc.syscall(ctypes.c_long(number[0]), ctypes.c_ulong(flags | _SIGCHLD), *(ctypes.c_long(0),) * 4), "clone")


def unshare(flags: int) -> None:
    """Leave the parent's namespaces of these kinds."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags | MS_SILENT),
        os.fsencode(options) or None)
    _check(result, f"mount {kind or source} at {target}")


def unmount(target: str) -> None:
    """Detach what is mounted at `target`, at once for us and for good when nobody uses it any more."""
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(MNT_DETACH)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace and attach the former one at `old`."""
    number = _NUMBERS[os.uname().machine][1]
    _check(_libc.syscall(ctypes.c_long(number), os.fsencode(new), os.fsencode(old)), "pivot_root")


def set_hostname(name: str) -> None:
    """The host name of this UTS namespace."""
    data = name.encode()[:64]
    _check(_libc.sethostname(data, ctypes.c_size_t(len(data))), "sethostname")


def _prctl(option: int, argument: int) -> int:
    return int(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), *(ctypes.c_ulong(0),) * 3))


def die_with_parent() -> None:
    """SIGKILL for this process when its parent ends, however it ends."""
    _check(_prctl(_PR_SET_PDEATHSIG, _SIGKILL), "prctl")


def hide_from_debuggers() -> None:
    """Nobody without CAP_SYS_PTRACE may look into this process: not its memory, not its open files."""
    _check(_prctl(_PR_SET_DUMPABLE, 0), "prctl")


def set_name(name: str) -> None:
    """What `ps` and `top` call this process."""
    text = ctypes.create_string_buffer(name.encode()[:15])
    _prctl(_PR_SET_NAME, ctypes.addressof(text))


def adopt_orphans() -> None:
    """Descendants whose parent ended become children of this process."""
    _check(_prctl(_PR_SET_CHILD_SUBREAPER, 1), "prctl")


def keep_capabilities(names: frozenset[str]) -> None:
    """Take every other capability out of the bounding set: a program started from here never has them."""
    kept = {CAPABILITIES[name] for name in names if name in CAPABILITIES}
    for number in range(_LAST_CAPABILITY + 1):
        # EINVAL says that the kernel has no capability of this number, EPERM that we have none to give up.
        if number not in kept:
            _prctl(_PR_CAPBSET_DROP, number)


def limit_self(names: frozenset[str]) -> None:
    """Give up every other capability in this very process, which goes on running our code."""
    mask = sum(1 << CAPABILITIES[name] for name in names if name in CAPABILITIES)
    header = (ctypes.c_uint32 * 2)(_CAPSET_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, held), "capget")
    for half in (0, 1):
        low = (mask >> (32 * half)) & 0xFFFFFFFF
        held[3 * half] = held[3 * half + 1] = held[3 * half + 1] & low
        held[3 * half + 2] = 0
    _check(_libc.capset(header, held), "capset")
