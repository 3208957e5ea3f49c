"""The gateway's client, where something else answers."""

import httpx
import pytest

from exponential.auth.service_tokens import Identity
from exponential.core.errors import Unavailable
from exponential.gateway.client import GatewayClient


@pytest.mark.parametrize("body", ["<h1>Welcome to nginx!</h1>", "{}", "[]", '{"sessions": [{}]}', ""])
async def test_what_is_no_gateway_is_said_so(body: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text=body))
    async with httpx.AsyncClient(transport=transport) as http:
        client = GatewayClient("http://gateway", "x" * 32, http=http)
        with pytest.raises(Unavailable, match="Check WHATSAPP_GATEWAY_URL"):
            await client.sessions(Identity("ada", "ada@example.org"))
