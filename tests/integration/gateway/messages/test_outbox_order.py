"""What is sent first, and what no more: the owner waits for no contact, contacts take turns, a chat keeps its order."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from support.gateways import ADA, Gateway, StartGateway, scan
from support.waiting import until

from exponential.core import clock
from exponential.gateway.access import own_numbers, policies
from exponential.gateway.messages import inbox
from exponential.gateway.messages.pacing import Pace
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.protocol import Inbound

ADAS_CHAT, ADAS_PHONE = "4915112345678@s.whatsapp.net", "4915199999999@s.whatsapp.net"
CARL, DORA = "4915187654321@s.whatsapp.net", "4915187654322@s.whatsapp.net"
PEOPLE = ["+4915187654321", "+4915187654322"]
Folder = Callable[[str], Path]


async def linked(gateway: Gateway, folder: Folder) -> str:
    """A session that may write to Carl and Dora."""
    session = await gateway.client.login(ADA)
    await scan(gateway, folder(session), session)
    await gateway.client.change_access(ADA, session, mode="people", people=PEOPLE)
    return session


async def is_sent(gateway: Gateway, session: str, message: str) -> bool:
    return await gateway.client.message(ADA, session, message) == "sent"


def said(folder: Path) -> list[str]:
    """What the worker was asked to send."""
    return [line.split(" ", 1)[1] for line in (folder.parent / "sent").read_text(encoding="utf-8").splitlines()]


def offline(gateway: Gateway, session: str) -> Callable[[], Awaitable[None]]:
    """WhatsApp is away, and messages wait, until what is returned is called."""
    gateway.operations.supervisor._online.discard(session)

    async def back() -> None:
        gateway.operations.supervisor._online.add(session)
        await gateway.operations.outbox.sweep()

    return back


async def prove(gateway: Gateway, session: str, phone: str) -> None:
    """As if the owner had texted the code from this phone."""
    await gateway.client.prove(ADA, session)
    async with gateway.operations.database.transaction() as db:
        row = await db.get_one(Session, session)
        proof = (await policies.load(db, row.id)).proof
        assert proof is not None
        at = int(clock.now().timestamp() * 1000)
        await inbox.record(db, row, [Inbound("P1", phone, phone, "Ada", False, own_numbers.PROVED, proof.id, at)])


async def test_the_owner_never_waits_for_what_goes_to_contacts(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway(pace=Pace(0, 0, 0, per_minute=1)) as gateway:
        session = await linked(gateway, session_folder)
        await prove(gateway, session, ADAS_PHONE)
        first, late = [await gateway.client.send(ADA, session, CARL, f"{number}", key=f"{number}") for number in (1, 2)]
        await until(lambda: is_sent(gateway, session, first))  # and Carl's next one waits for a minute
        for chat in (ADAS_CHAT, ADAS_PHONE):
            message = await gateway.client.send(ADA, session, chat, "yours", key=chat)
            await until(lambda message=message: is_sent(gateway, session, message))
        assert not await is_sent(gateway, session, late)


async def test_typing_to_a_contact_holds_up_nobody_else_than_contacts(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway(pace=Pace(0, 1.0, 1_000)) as gateway:  # a second for each letter, three for contacts
        session = await linked(gateway, session_folder)
        await gateway.client.send(ADA, session, CARL, "a long answer to Carl", key="1")
        message = await gateway.client.send(ADA, session, ADAS_CHAT, "ok", key="2")
        await until(lambda: is_sent(gateway, session, message))
        assert said(session_folder(session)) == ["ok"]


async def test_contacts_take_turns_and_each_chat_keeps_its_order(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway() as gateway:
        session = await linked(gateway, session_folder)
        back = offline(gateway, session)
        texts = [(CARL, f"Carl {number}") for number in range(5)] + [(DORA, f"Dora {number}") for number in range(3)]
        sent = [await gateway.client.send(ADA, session, chat, text, key=text) for chat, text in texts]
        await back()
        for message in sent:
            await until(lambda message=message: is_sent(gateway, session, message))
        order = said(session_folder(session))
    assert sorted(order[:6]) == ["Carl 0", "Carl 1", "Carl 2", "Dora 0", "Dora 1", "Dora 2"]
    assert order[6:] == ["Carl 3", "Carl 4"]
    for chat in ("Carl", "Dora"):
        assert [text for text in order if chat in text] == [text for _, text in texts if chat in text]


async def test_what_may_not_be_sent_any_more_fails_while_it_is_typed(
    start_gateway: StartGateway, session_folder: Folder
) -> None:
    async with start_gateway(pace=Pace(0.5, 0, 1)) as gateway:
        session = await linked(gateway, session_folder)
        message = await gateway.client.send(ADA, session, CARL, "hello", key="1")
        await until(lambda: gateway.operations.outbox.typing._ends)
        await gateway.client.change_access(ADA, session, mode="only_me")

        async def has_failed() -> bool:
            return await gateway.client.message(ADA, session, message) == "failed"

        await until(has_failed)
        assert not (session_folder(session).parent / "sent").exists()
