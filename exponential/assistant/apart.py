"""Work on what strangers send, in a process of its own: what a hostile file does there ends with that process."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Collection
from typing import Any

from exponential import log

MOST = 8_000_000  # bytes of an answer
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_log = log.get(__name__)


async def work(
    module: str, *arguments: str, data: bytes, within: float, environment: Collection[str] = ()
) -> dict[str, Any] | None:
    """The JSON object that `python -m module arguments…` prints for `data` on its stdin; None when it failed.

    It sees none of this process's environment but what it needs to run, and the variables named in `environment`.
    Raises TimeoutError after `within` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in (*_PASSED_ON, *environment) if name in os.environ},
    )
    try:
        async with asyncio.timeout(within):
            answer, _ = await process.communicate(data)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == 0 and len(answer) <= MOST:
        with contextlib.suppress(ValueError):
            return dict(json.loads(answer))
    _log.warning("file_not_read", by=module.rpartition(".")[2], exit_code=process.returncode)
    return None
