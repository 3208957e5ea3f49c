"""However long or many a contact makes what the phone sends: the worker stays, and others' messages go on."""

import pytest
from support.gateway.linked_gateway import World
from support.waiting import until

from exponential.gateway.worker import protocol
from exponential.loopback.server import routing
from exponential.protocol.binary import Node
from exponential.protocol.protobufs import Message

MANY = 65_535  # as many as one stanza has; more than a statement to Postgres takes


async def test_a_document_whose_place_is_longer_than_a_frame(linked: World) -> None:
    await linked.allow(mode="everyone")
    workers = linked.gateway.operations.supervisor.workers
    message = Message()
    message.documentMessage.directPath = "/" + "a" * (protocol.MAX_FRAME_BYTES + 100_000)
    message.documentMessage.caption = "x" * 100_000
    message.documentMessage.fileLength = 10
    linked.bob.send(linked.ada, message)
    linked.bob.send_text(linked.ada, "after it")
    document, after = await linked.hears(2)
    assert len(document["text"]) == 65_536
    assert document["media"]["problem"] == "The message names no place where its file is."
    assert after["text"] == "after it"
    assert linked.gateway.operations.supervisor.workers == workers


@pytest.mark.parametrize("extra", [[], ["3EB0\0"], ["A" * 5_000_000]])
async def test_receipts_for_many_messages_that_never_were(linked: World, extra: list[str]) -> None:
    await linked.allow(mode="everyone")
    linked.bob.send_text(linked.ada, "hi")
    await linked.hears(1)
    sent = await linked.gateway.client.send(*linked.ids, linked.bobs_chat, "hello", key="1")
    await linked.bob.wait_for("hello", chat=linked.ada)
    workers = linked.gateway.operations.supervisor.workers
    items = [Node("item", {"id": id}) for id in [*extra, *(f"3EB0{number:018}" for number in range(MANY - len(extra)))]]
    told = Node("receipt", {"id": "3EB0", "to": linked.ada.account.lid, "type": "read"}, [Node("list", {}, items)])
    routing.receipt(linked.whatsapp, linked.bob._device, told)
    linked.bob.mark_read(linked.ada)
    linked.bob.send_text(linked.ada, "after it")

    async def is_read() -> bool:
        return (await linked.call("GET", f"/messages/{sent}"))["status"] == "read"

    await until(is_read)
    await linked.hears(2)
    assert linked.gateway.operations.supervisor.workers == workers
