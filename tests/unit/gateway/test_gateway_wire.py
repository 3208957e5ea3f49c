import socket
import struct
import threading

import pytest

from exponential.gateway import wire
from exponential.gateway.channel import Channel


@pytest.mark.parametrize(
    "item",
    [
        wire.Configure("00" * 32),
        wire.Open("s", "/folder"),
        wire.Open("s", "/folder", {"mode": "me"}, "a copy", True, b"\x00any bytes\xff"),
        wire.Changed("s", "a copy", 7, 5000, [0, 1], bytes(range(256))),
        wire.Send("s", 7, "m", "49151@s.whatsapp.net", "Grüße 👋\n\x00"),
        wire.Typing("s", 8, "49151@s.whatsapp.net", True),
        wire.Online("s", wire.Account("49151@s.whatsapp.net", "77@lid")),
        wire.Receipt("s", ["A", "B"], "read"),
        wire.Answer(7, "", "NotSent"),
    ],
)
def test_what_is_packed_comes_out_the_same(item: wire.Command | wire.Event) -> None:
    frame = wire.pack(item)
    header = wire.Header.read(frame[: wire.HEADER_BYTES])
    assert header.total == len(frame) - wire.HEADER_BYTES
    assert wire.unpack(header, frame[wire.HEADER_BYTES :]) == item


LONG = "x" * wire.MAX_FRAME


def test_what_is_too_long_for_a_frame_is_refused() -> None:
    with pytest.raises(wire.TooLong):
        wire.pack(wire.Answer(7, LONG))


def test_the_channel_outlives_what_is_too_long_for_it() -> None:
    """An answer is refused instead, anything else is left out, and a frame of somebody else's is read over."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    channel = Channel(theirs)

    def heard() -> object:
        header = wire.Header.read(exactly(ours, wire.HEADER_BYTES))
        return wire.unpack(header, exactly(ours, header.total))

    channel.emit(wire.Receipt("s", [LONG], "read"))
    channel.emit(wire.Answer(7, LONG))
    channel.emit(wire.Answer(8, "fits"))
    refused = heard()
    assert isinstance(refused, wire.Answer) and (refused.request, refused.error) == (7, "Refused")
    assert heard() == wire.Answer(8, "fits")
    too_long = struct.pack(">II", wire.MAX_FRAME + 1, 0) + b"x" * (wire.MAX_FRAME + 1)
    sending = threading.Thread(target=ours.sendall, args=(too_long + wire.pack(wire.Close("s")),))
    sending.start()
    assert channel.receive() == wire.Close("s")
    sending.join()
    ours.close()
    assert channel.receive() is None


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += connection.recv(count - len(data))
    return data


def test_an_inbound_message_survives_its_bytes() -> None:
    message = wire.Inbound(
        "ID", "49151@s.whatsapp.net", "49151@s.whatsapp.net", "Ada", True, "text", "Milch ☕", 1_700_000
    )
    assert wire.Inbound.from_bytes(message.to_bytes()) == message
