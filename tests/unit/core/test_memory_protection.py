"""A process whose memory is protected: no core dump, and locked where the system allows it."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, resource, sys
from exponential.core import memory_protection
if sys.argv[1] == "limited":
    memory_protection._may_lock_all = lambda: False
memory_protection.protect_memory()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), status["VmLck"].split()[0])
bytearray(64 * 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="core limits and prctl are Linux's")
@pytest.mark.parametrize("memlock", ["unlimited", "limited"])
def test_no_core_dump_and_no_swap(memlock: str) -> None:
    program = [sys.executable, "-c", PROGRAM, memlock]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    core, dumpable, locked = done.stdout.split()
    assert (core, dumpable) == ("0", "0")
    if memlock == "limited":
        assert locked == "0"  # with a limit it is not tried: what comes later would be refused
