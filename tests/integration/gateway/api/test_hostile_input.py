"""Whatever values a request or its token has: the gateway answers with a sentence, never with a fault of its own."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from support.gateway.tokens import bearer
from support.gateways import ADA, SECRET, StartGateway, scan
from support.hostile_requests import attempts
from support.unfinished_requests import answer_to, uploads

from exponential.gateway.worker import event_parser

Folder = Callable[[str], Path]
OWN = "4915112345678@s.whatsapp.net"


async def test_no_value_in_any_field_of_any_route_is_a_fault(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    faults = []
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        await scan(gateway, session_folder(session), session)
        gateway.operations.events.close()  # so that streams end
        for attempt in attempts(gateway.asgi, {"session_id": session, "chat": OWN}, {}):
            if session in attempt.path and (attempt.method == "DELETE" or "/groups" in attempt.path):
                continue  # the one would end it all, the other asks WhatsApp, which isn't there
            answer = await attempt.by(gateway.http, **{**gateway.headers(ADA), "Idempotency-Key": "k"})
            if answer.status_code >= 500:
                faults.append(f"{answer.status_code} {attempt.what}")
        assert (await gateway.client.login_status(ADA, session)).connected  # all this was asked by its owner
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults)


def signed(claims: str, header: str = '{"alg": "HS256"}') -> str:
    """A token of these very characters, signed with the gateway's secret."""
    parts = b".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in (header, claims))
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(parts, SECRET.encode())
    return (parts + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def claims(**given: Any) -> str:
    return json.dumps({"sub": "ada", "exp": 4_000_000_000, "aud": "whatsapp-gateway", "iss": "exponential", **given})


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(sub="ada\0")),
        signed(claims(sub="\ud800")),
        signed(claims(sub=["ada"])),
        signed(claims(sub=10**30)),
        signed(claims(email="ada\0")),
        signed(claims(name="\udfff")),
        *(signed(claims(**{claim: float("inf")})) for claim in ("exp", "nbf", "iat")),
        *(signed(claims(**{claim: float("nan")})) for claim in ("exp", "nbf", "iat")),
        signed(claims(exp=10**400)),
        signed(claims(exp={})),
        signed(claims(aud={"a": 1})),
        signed(claims(iss=["exponential"])),
        signed(claims(), '{"alg": ["HS256"]}'),
        signed(claims(), '{"alg": "HS256", "crit": 5}'),
        signed(claims(), "[" * 20_000),
        signed("[" * 20_000),
        signed("{}"),
        signed("5"),
        "\xff.\xff.\xff",
        "a" * 60_000,
    ],
)
async def test_no_token_is_a_fault(start_gateway: StartGateway, token: str) -> None:
    async with start_gateway() as gateway:
        for path in ("/sessions", "/events"):
            answer = await gateway.http.get(path, headers={"Authorization": f"Bearer {token}".encode("latin-1")})
            assert answer.status_code == 401, answer.text
            assert set(answer.json()) == {"error", "code"}


async def test_numbers_that_are_none_are_refused_with_a_sentence(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        session = await gateway.client.login(ADA)
        headers = {**bearer(), "Content-Type": "application/json"}
        body = b'{"access": {"people": [1e999]}}'
        answer = await gateway.http.patch(f"/sessions/{session}", headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "number_invalid")


def test_what_a_strangers_phone_says_can_be_kept() -> None:
    from neonize.proto.Neonize_pb2 import Message

    event = Message()
    event.Info.ID, event.Info.Pushname = "3EB0\0" + "A" * 200, "Mal\0lory"
    event.Message.conversation = "hi\0"
    told = event_parser.inbound(event)
    assert told is not None
    assert (told.text, told.sender_name) == ("hi\ufffd", "Mal\ufffdlory")
    assert "\0" not in told.message_id and len(told.message_id) <= 128


async def test_no_route_reads_a_body_before_it_knows_who_sends_it(start_gateway: StartGateway) -> None:
    async with start_gateway() as gateway:
        for method, path in uploads(gateway.asgi):
            assert await answer_to(gateway.asgi, method, path) == 401, f"{method} {path}"
            large = {"Content-Length": "100000000", **bearer()}
            assert await answer_to(gateway.asgi, method, path, **large) in (200, 404, 413), f"{method} {path}"
