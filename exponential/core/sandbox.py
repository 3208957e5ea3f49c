"""A sandbox for what strangers send: a process of its own with little memory and time. A hostile file ends there."""

import asyncio
import contextlib
import json
import os
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from exponential.core import log
from exponential.core.limits.fair_semaphore import FairSemaphore

try:
    import resource
except ImportError:  # Windows has none; there the time-out alone holds
    resource = None  # type: ignore[assignment]

MEMORY = 2**30  # bytes of address space
AT_ONCE = 2  # of one app process
GUESTS = "guests"  # all guests as one caller
MAX_ANSWER_BYTES = 32_000_000
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_log = log.get(__name__)


def programs(user_id: UUID) -> str:
    """The caller of what a user's programs hand in."""
    return f"{user_id}:programs"


_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, FairSemaphore] = WeakKeyDictionary()


def slot(caller: str) -> contextlib.AbstractAsyncContextManager[None]:
    """Waits until fewer than AT_ONCE sandboxes run, and none of this caller's, and counts as one (see FairSemaphore).

    Callers are GUESTS, a user's (their id) and that of their programs (`programs`).
    """
    return _slots.setdefault(asyncio.get_running_loop(), FairSemaphore(AT_ONCE)).slot(caller)


async def run(
    module: str,
    data: bytes,
    about: Mapping[str, str],
    *,
    within: float,
    environment: Collection[str] = (),
) -> dict[str, Any] | None:
    """The JSON object that `python -m module` prints when it is given `data` and what is known `about` it (`given`);
    None when it failed.

    It sees none of this process's environment but what it needs to run, and the variables named in `environment`; that
    it calls `confine` first is its own business. Raises TimeoutError after `within` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in (*_PASSED_ON, *environment) if name in os.environ},
    )
    try:
        async with asyncio.timeout(within):
            answer, _ = await process.communicate(json.dumps(dict(about)).encode() + b"\n" + data)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == 0 and len(answer) <= MAX_ANSWER_BYTES:
        with contextlib.suppress(ValueError):
            return dict(json.loads(answer))
    _log.warning("sandbox_failed", module=module.rpartition(".")[2], exit_code=process.returncode)
    return None


def given() -> tuple[dict[str, str], bytes]:
    """In the sandbox: what is known about the data, and the data."""
    return json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer.read()


def confine(cpu_seconds: int) -> None:
    """Limit this very process: MEMORY, so much time of a processor, no file of its own, and a low priority."""
    warnings.simplefilter("ignore")
    if resource is None:
        return
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@contextlib.contextmanager
def confined(cpu_seconds: int) -> Iterator[None]:
    """Inside, this process gets MEMORY and so much time of a processor beyond what it has used, and no file of its own.

    For what needs more afterwards, such as a large model; libraries are best loaded before.
    """
    if resource is None:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = {
        resource.RLIMIT_AS: _address_space() + MEMORY,
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
    }
    before = {limit: resource.getrlimit(limit) for limit in most}
    try:
        for limit, (_, hard) in before.items():
            allowed = most[limit] if hard == resource.RLIM_INFINITY else min(most[limit], hard)
            resource.setrlimit(limit, (allowed, hard))
        yield
    finally:
        for limit, both in before.items():
            resource.setrlimit(limit, both)


def _address_space() -> int:
    """Bytes of this process's; 0 where the system doesn't say, and doesn't keep to such a limit either."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
