"""The wire log: what it prints, and waiting for a stanza."""

import asyncio

import pytest

from exponential.loopback.server.network.wire_log import WireLog, readable
from exponential.protocol.binary import JID, Node


def test_a_stanza_is_printed_for_people() -> None:
    part = Node("to", {"jid": JID("1", "lid", 2)}, [Node("enc", {"v": "2", "type": "msg"}, bytes(range(200, 230)))])
    stanza = Node("message", {"id": "3EB0", "to": JID("1", "lid"), "edit": ""}, [Node("participants", {}, [part])])
    assert readable(stanza) == (
        '<message id="3EB0" to="1@lid">\n'
        "  <participants>\n"
        '    <to jid="1:2@lid">\n'
        '      <enc v="2" type="msg">[30 bytes: c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf…]</enc>\n'
        "    </to>\n"
        "  </participants>\n"
        "</message>"
    )
    assert readable(Node("ref", {}, b"2@abc")) == "<ref>2@abc</ref>"
    assert readable(Node("enc", {}, b"\x00")) == "<enc>[1 bytes: 00]</enc>"


def test_a_hostile_name_cannot_forge_a_line() -> None:
    printed = readable(Node("presence", {"name": 'A"/>\n<success/>\u202e'}))
    assert printed == '<presence name="A&quot;/&gt;\\n&lt;success/&gt;\\u202e"/>'


def test_the_log_prints_the_last_stanzas() -> None:
    wire = WireLog()
    for number in range(5):
        wire.add("in" if number % 2 else "out", "1:1@lid", Node("iq", {"id": str(number)}))
    first, *lines = wire.text(last=2).splitlines()
    assert first == "… 3 earlier"
    assert [line.split(maxsplit=1)[1] for line in lines[::2]] == ["1:1@lid → server", "1:1@lid ← server"]
    assert [line.strip() for line in lines[1::2]] == ['<iq id="3"/>', '<iq id="4"/>']


async def test_a_stanza_is_awaited() -> None:
    wire = WireLog()
    wire.add("in", "unlinked", Node("iq", {"id": "1"}))
    assert (await wire.until("in", "iq")).text("id") == "1"
    waiting = asyncio.create_task(wire.until("in", "iq", lambda stanza: stanza.text("id") == "2"))
    await asyncio.sleep(0)
    wire.add("out", "unlinked", Node("iq", {"id": "2"}))
    wire.add("in", "unlinked", Node("iq", {"id": "2"}))
    assert (await waiting).text("id") == "2"
    with pytest.raises(TimeoutError):
        await wire.until("in", "message", timeout=0.01)
