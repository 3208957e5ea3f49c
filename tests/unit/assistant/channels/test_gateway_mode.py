import asyncio

import httpx

from exponential.assistant.channels import gateway_mode
from exponential.assistant.channels.gateway_mode import GatewayMode
from exponential.gateway.client import GatewayClient


class Gateway:
    """Answers /health as a test wants, through httpx's own transport seam."""

    def __init__(self, says: str) -> None:
        self.says = says
        self.asked = 0
        self.slow = asyncio.Event()
        self.slow.set()

    def client(self) -> GatewayClient:
        transport = httpx.MockTransport(self._answer)
        return GatewayClient("http://gateway", "x" * 32, http=httpx.AsyncClient(transport=transport))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await self.slow.wait()
        if self.says == "down":
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"ok": True, "mode": self.says})


async def test_without_a_gateway_there_is_no_loopback() -> None:
    assert not await GatewayMode(None).is_loopback()


async def test_the_answer_is_remembered_for_a_while() -> None:
    gateway = Gateway("loopback")
    known = GatewayMode(gateway.client())
    assert await known.is_loopback()
    assert await known.is_loopback()
    assert gateway.asked == 1


async def test_loopback_stays_known_while_the_gateway_is_down() -> None:
    gateway = Gateway("loopback")
    known = GatewayMode(gateway.client())
    assert await known.is_loopback()
    gateway.says = "down"
    for _ in range(3):
        known._asked_at = -gateway_mode.FRESH_SECONDS * 2  # long ago
        assert await known.is_loopback()
        await asyncio.sleep(0)
    assert gateway.asked > 1
    await known.close()


async def test_a_slow_gateway_does_not_slow_pages() -> None:
    gateway = Gateway("loopback")
    gateway.slow.clear()
    known = GatewayMode(gateway.client())
    async with asyncio.timeout(gateway_mode.FIRST_WAIT_SECONDS * 3):
        assert not await known.is_loopback()
    gateway.slow.set()
    while not await known.is_loopback():
        await asyncio.sleep(0)
    await known.close()
