"""What the gateway says it talks to, remembered so that asking slows no page."""

import asyncio
import time

from exponential.core.cancellation import cancel_and_wait
from exponential.core.errors import ExponentialError
from exponential.gateway.client import GatewayClient

FRESH_SECONDS = 5.0  # an answer is good for
FIRST_WAIT_SECONDS = 0.3  # a page waits for the first answer


class GatewayMode:
    """Whether the gateway runs in loopback mode. An unreachable gateway doesn't change what is known."""

    def __init__(self, gateway: GatewayClient | None) -> None:
        self._gateway = gateway
        self._loopback = False
        self._asked_at: float | None = None
        self._asking: asyncio.Task[None] | None = None

    async def is_loopback(self) -> bool:
        if self._gateway is None:
            return False
        if self._asking is None and (self._asked_at is None or time.monotonic() - self._asked_at > FRESH_SECONDS):
            self._asking = asyncio.create_task(self._ask(self._gateway))
        if self._asking is not None and self._asked_at is None:
            await asyncio.wait({self._asking}, timeout=FIRST_WAIT_SECONDS)
        return self._loopback

    async def close(self) -> None:
        if self._asking is not None:
            await cancel_and_wait(self._asking)

    async def _ask(self, gateway: GatewayClient) -> None:
        try:
            self._loopback = (await gateway.health()).mode == "loopback"
        except (ExponentialError, KeyError, ValueError):
            pass  # down, or no gateway of ours: the modal says so; the banner stays as it is
        finally:
            self._asked_at = time.monotonic()
            self._asking = None
