"""What keeps a process's memory from reaching a disk: no core dumps, no swap where the system allows it."""

import ctypes
import resource
import sys
from pathlib import Path

from exponential.core import log

_PR_SET_DUMPABLE = 4  # Linux, sys/prctl.h
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # Linux, sys/mman.h
_CAP_IPC_LOCK = 14  # Linux, linux/capability.h
_log = log.get(__name__)


def protect_memory() -> None:
    """From now on this process leaves no core dump, others of its user can't read its memory, and none of it is swapped
    out if the system allows that. Raises nothing: what can't be had is logged."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # With a limit, memory that is asked for later would be refused once it is reached.
    locked = _may_lock_all() and libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0
    if not locked:
        _log.debug("memory_may_be_swapped", meaning="locking it takes CAP_IPC_LOCK or an unlimited memlock limit")


def _may_lock_all() -> bool:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_IPC_LOCK & 1)
    return False
