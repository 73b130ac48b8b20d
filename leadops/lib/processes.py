"""Processes that do not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1  # linux/prctl.h
RUN_VARIABLE = "LEADOPS_RUN"  # marks every process of one `manage.py up` with its home
ROLE_VARIABLE = "LEADOPS_PROCESS"  # what a process is there for: web, pump, misc


def die_with_parent(sign: signal.Signals = signal.SIGKILL, *, parent: int | None = None) -> None:
    """Ask the kernel for `sign` when our parent ends, however it ends. Linux only.

    Elsewhere nothing happens, and `manage.py up` clears leftovers at its next start.
    `parent` is the expected parent: when it is gone already, this process ends at once.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sign, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), sign)


def children_die_with_us() -> None:
    """From now on forked children of this process, and theirs, die when their parent does."""
    os.register_at_fork(before=_remember, after_in_child=_bind)


_parent = 0


def _remember() -> None:
    global _parent  # read by the child, which has a copy
    _parent = os.getpid()


def _bind() -> None:
    die_with_parent(parent=_parent)


def group_of(pid: int) -> int | None:
    """The process group of `pid`; None when it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def kill(pid: int) -> bool:
    """End `pid` at once. False when it was gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_group(pid: int) -> bool:
    """End the whole group that `pid` leads, at once. False when it was gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether `pid` is a running process of this machine (a stopped one counts)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def has_ended(pid: int) -> bool:
    """Whether nothing of `pid` runs any more, and its files and ports are free: it is gone, or
    waits without a thread to be buried by its parent. Linux only; elsewhere as `is_alive` says."""
    if sys.platform != "linux":
        return not is_alive(pid)
    try:
        with open(f"/proc/{pid}/stat") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        return state in "ZX" and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return True


def marked(name: str, value: str) -> list[int]:
    """Our processes whose environment has `name=value`, this one excepted. Linux only."""
    if sys.platform != "linux":
        return []
    wanted = os.fsencode(f"{name}={value}")
    return [pid for pid in _others() if wanted in _environment(pid)]


def _others() -> list[int]:
    mine = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != mine]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


@dataclass(frozen=True)
class Resident:
    """A process and the memory it holds."""

    pid: int
    role: str  # as LEADOPS_PROCESS of its environment says
    bytes: int


def residents(name: str, value: str) -> list[Resident]:
    """Memory of our processes whose environment has `name=value`, this one included."""
    pids = [*marked(name, value), os.getpid()]
    return [Resident(pid, _role(pid), size) for pid in pids if (size := _resident_bytes(pid))]


def _role(pid: int) -> str:
    roles = (part[16:] for part in _environment(pid) if part.startswith(b"LEADOPS_PROCESS="))
    return os.fsdecode(next(roles, b"leadops"))


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
