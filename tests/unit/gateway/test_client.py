"""The gateway's client, alone."""

import json

import httpx
import pytest

from exponential.auth.service_tokens import Identity
from exponential.core.errors import BadInput, Unavailable
from exponential.gateway.client import GatewayClient


@pytest.mark.parametrize("body", ["<h1>Welcome to nginx!</h1>", "{}", "[]", '{"sessions": [{}]}', ""])
async def test_what_is_no_gateway_is_said_so(body: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text=body))
    async with httpx.AsyncClient(transport=transport) as http:
        client = GatewayClient("http://gateway", "x" * 32, http=http)
        with pytest.raises(Unavailable, match="Check WHATSAPP_GATEWAY_URL"):
            await client.sessions(Identity("ada", "ada@example.org"))


async def test_what_is_not_said_is_not_sent() -> None:
    """A gateway of an earlier version refuses fields that it doesn't know."""
    sent = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(202, json={"messageId": "m", "status": "queued"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as http:
        client, ada = GatewayClient("http://gateway", "x" * 32, http=http), Identity("ada")
        await client.send(ada, "s", "c", "hello", key="1")
        await client.send(ada, "s", "c", "hello", key="2", reply_to="M1")
    assert sent == [{"chat": "c", "text": "hello"}, {"chat": "c", "text": "hello", "replyTo": "M1"}]


async def test_what_the_gateway_would_refuse_is_refused() -> None:
    client, ada = GatewayClient("http://127.0.0.1:9", "x" * 32), Identity("ada")
    with pytest.raises(BadInput, match="phoneNumber: String should have at most 40 characters"):
        await client.pairing_code(ada, "s", "1" * 1000)
    with pytest.raises(BadInput, match="replyTo"):
        await client.send(ada, "s", "c", "text", key="1", reply_to="r" * 1000)
    await client.close()
