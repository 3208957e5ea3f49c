"""The link by pairing code: eight characters that the computer shows and the phone's owner types.

Three stages, as whatsmeow's pair-code.go takes its part in them: the companion's hello, the phone's hello with a key
sealed by the code, the companion's finish with the secret that pair-success is authenticated by.
"""

import asyncio
from typing import Any

from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.linking import qr_code
from exponential.loopback.server.linking.qr_code import LinkError
from exponential.loopback.server.linking.registration import Hello, Registration
from exponential.loopback.server.registers import Registers
from exponential.protocol import pairing_code as wrapping
from exponential.protocol.binary import SERVER, Node, Value
from exponential.protocol.keys import KeyPair

TAG = "link_code_companion_reg"


def answer(server: Registers, registration: Registration | None, stage: Node) -> list[Node] | None:
    """The answer to a companion's `link_code_companion_reg`; None refuses it."""
    jid = stage.jid("jid")
    account = server.directory.account(jid) if jid else None
    if registration is None or account is None:
        return None
    if stage.text("stage") == "companion_hello":
        registration.hello = Hello(account, stage.data("link_code_pairing_wrapped_companion_ephemeral_pub"))
        ref = Node("link_code_pairing_ref", {}, registration.hello.ref)
        return [Node(TAG, {"stage": "companion_hello"}, [ref])]
    hello = registration.hello
    if hello is None or hello.finish is None or hello.finish.done():
        return None
    hello.finish.set_result(stage)
    return []


async def enter(server: Registers, account: Account, identity: KeyPair, text: str) -> Device:
    """The phone of `account` is given the code `text`: agree on a secret by it, then link. Raises LinkError."""
    code = text.strip().upper().replace("-", "")
    if len(code) != wrapping.CODE_CHARS or not set(wrapping.ALPHABET).issuperset(code):
        raise LinkError("This is not a pairing code: it has eight letters and digits.")
    registration, hello = _waiting(server, account)
    ephemeral = KeyPair()
    companion = await asyncio.to_thread(wrapping.unwrap, code, hello.wrapped_key)
    hello.finish = server.loop.create_future()
    _say_hello(server, registration, hello, identity, await asyncio.to_thread(wrapping.wrap, code, ephemeral.public))
    either: list[asyncio.Future[Any]] = [hello.finish, registration.linked]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not hello.finish.done():
        return await asyncio.shield(registration.linked)  # it has gone: raises why
    secret = _agreed(registration, ephemeral, identity, companion, hello.finish.result())
    secret = await qr_code.confirmed(server, registration, account, secret)
    return await qr_code.complete(server, registration, account, identity, secret)


def _waiting(server: Registers, account: Account) -> tuple[Registration, Hello]:
    for registration in reversed(server.registrations.values()):
        if registration.hello and registration.hello.account is account:
            return registration, registration.hello
    raise LinkError("No device waits for a code for this phone number. Show a new code and type that one.")


def _say_hello(
    server: Registers, registration: Registration, hello: Hello, identity: KeyPair, wrapped_key: bytes
) -> None:
    content = [
        Node("link_code_pairing_ref", {}, hello.ref),
        Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped_key),
        Node("primary_identity_pub", {}, identity.public),
    ]
    attrs: dict[str, Value] = {"id": server.next_id(), "type": TAG, "from": SERVER}
    registration.send(Node("notification", attrs, [Node(TAG, {"stage": "primary_hello"}, [*content])]))


def _agreed(registration: Registration, ephemeral: KeyPair, identity: KeyPair, companion: bytes, finish: Node) -> bytes:
    """The secret that both sides have if the phone was given the right code. Raises LinkError."""
    bundle = finish.data("link_code_pairing_wrapped_key_bundle")
    try:
        device, secret = wrapping.open_bundle(ephemeral, identity, companion, bundle)
    except ValueError:
        raise LinkError("This is not the code that the device shows.") from None
    if device != registration.keys.eIdent:
        raise LinkError("This code was not made by the device that shows it.")
    return secret
