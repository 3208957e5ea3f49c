"""Lines of the client's log: what means something to the gate is never passed over."""

import pytest
from neonize.proto.Neonize_pb2 import LogEntry

from exponential.gateway.worker.workarounds import client_log

KEY = "3EB0" + "A" * 16


def entry(name: str, line: str) -> bytes:
    return LogEntry(Message=line, Level="DEBUG", Name=name).SerializeToString()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Client/Recv", f'<message from="1@lid" id="{KEY}" t="1" type="text"><enc type="msg" v="2"/></message>'),
        ("Client/Recv", f'<message from="1@lid" id="{"x" * 70_000}" t="1"/>'),
        ("Client/Recv", f'<appdata from="1@lid" id="{KEY}" t="1"/>'),
        ("Client/Recv", '<success lid="1@lid" t="1"/>'),
        ("Client/Recv", f'<ack class="message" from="1@lid" id="{KEY}"/>'),
        ("Client/Recv", '<failure location="x" reason="401"/>'),
        ("Client/Recv", '<stream:error code="515"/>'),
        ("Client/Recv", '<stream:error><conflict type="replaced"/></stream:error>'),
        ("Client/Send", f'<message id="{KEY}" to="1@lid" type="text"/>'),
        ("Client/Send", f'<receipt id="{KEY}" to="1@lid"/>'),
        ("Client/Send", f'<ack class="message" id="{KEY}" to="1@lid"/>'),
        ("Client/Send", f'<iq id="{KEY}" to="s.whatsapp.net" type="set" xmlns="encrypt"/>'),
        ("Client/Send", f'<iq id="{KEY}" to="s.whatsapp.net" type="result"><pair-device-sign/></iq>'),
        ("Client", "Decrypting message from 1:7@lid"),
        ("Client", f"Unavailable message {KEY} from 1@lid"),
        ("Client", f"Requested message {KEY} from phone"),
        ("Client", f"Failed to send request for unavailable message {KEY}: no"),
        ("Client", "Error unmarshaling decrypted message from 1@lid: no"),
        ("Client", f"Ignoring message {KEY} from 1@lid: old counter"),
        ("Client", f"Error decrypting message {KEY} from 1@lid in 2@g.us: no"),
        ("Client", "OnDisconnect() called, but it was expected, so not emitting event"),
    ],
)
def test_what_means_something_is_read(name: str, line: str) -> None:
    stanza = client_log.stanza(line)
    assert (
        stanza.is_message
        or stanza.is_remembered
        or stanza.acknowledges_receipt
        or stanza.tag in ("success", "ack")
        or client_log.farewell(line)
        or client_log.opens(line)
        or client_log.requests(line)
        or client_log.unreadable(line)
        or client_log.not_opened(line)
        or client_log.says_nothing_of_hanging_up(line)
    ), "a line of this list means nothing to anybody any more"
    assert client_log.matters(entry(name, line))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Client/Recv", '<notification from="1@lid" id="1" type="picture"/>'),
        ("Client/Recv", '<ib><offline count="3"/></ib>'),
        ("Client/Recv", '<presence from="12345678901234567890@lid" last="<message>"/>'),
        ("Client/Send", '<presence name="Ada" type="available"/>'),
        ("Client/Socket", "Frame websocket read pump starting 0xc000"),
        ("Database", "Upgrading database to v8"),
    ],
)
def test_what_means_nothing_is_passed_over(name: str, line: str) -> None:
    assert not client_log.matters(entry(name, line))


def test_the_codes_of_a_connection_are_read_from_the_stanza_that_brings_them() -> None:
    line = (
        '<iq from="s.whatsapp.net" id="1" type="set" xmlns="md"><pair-device>'
        "<ref>2@abc+/=</ref><ref>2@def</ref></pair-device></iq>"
    )
    assert client_log.qr_refs(line) == ["2@abc+/=", "2@def"]
    assert client_log.qr_refs(f"<message>{line}</message>") == []
