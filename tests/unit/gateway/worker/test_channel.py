import socket
import struct
import threading

import pytest

from exponential.gateway.worker import protocol
from exponential.gateway.worker.channel import Channel


@pytest.mark.parametrize(
    "item",
    [
        protocol.Configure("00" * 32),
        protocol.Open("s", "/folder"),
        protocol.Open("s", "/folder", {"mode": "me"}, "a copy", True, b"\x00any bytes\xff"),
        protocol.StoreChanged("s", "a copy", 7, 5000, [0, 1], bytes(range(256))),
        protocol.Send("s", 7, "m", "49151@s.whatsapp.net", "Grüße 👋\n\x00"),
        protocol.Typing("s", 8, "49151@s.whatsapp.net", True),
        protocol.Online("s", protocol.Account("49151@s.whatsapp.net", "77@lid")),
        protocol.Receipt("s", ["A", "B"], "read"),
        protocol.Answer(7, "", "NotSent"),
    ],
)
def test_what_is_packed_comes_out_the_same(item: protocol.Command | protocol.Event) -> None:
    frame = protocol.pack(item)
    header = protocol.Header.read(frame[: protocol.HEADER_BYTES])
    assert header.total == len(frame) - protocol.HEADER_BYTES
    assert protocol.unpack(header, frame[protocol.HEADER_BYTES :]) == item


LONG = "x" * protocol.MAX_FRAME_BYTES


def test_what_is_too_long_for_a_frame_is_refused() -> None:
    with pytest.raises(protocol.TooLong):
        protocol.pack(protocol.Answer(7, LONG))


def test_the_channel_outlives_what_is_too_long_for_it() -> None:
    """An answer is refused instead, anything else is left out, and a frame of somebody else's is read over."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    channel = Channel(theirs)

    def heard() -> object:
        header = protocol.Header.read(exactly(ours, protocol.HEADER_BYTES))
        return protocol.unpack(header, exactly(ours, header.total))

    channel.emit(protocol.Receipt("s", [LONG], "read"))
    channel.emit(protocol.Answer(7, LONG))
    channel.emit(protocol.Answer(8, "fits"))
    refused = heard()
    assert isinstance(refused, protocol.Answer) and (refused.request, refused.error) == (7, "RequestRefused")
    assert heard() == protocol.Answer(8, "fits")
    too_long = struct.pack(">II", protocol.MAX_FRAME_BYTES + 1, 0) + b"x" * (protocol.MAX_FRAME_BYTES + 1)
    sending = threading.Thread(target=ours.sendall, args=(too_long + protocol.pack(protocol.Close("s")),))
    sending.start()
    assert channel.receive() == protocol.Close("s")
    sending.join()
    ours.close()
    assert channel.receive() is None


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += connection.recv(count - len(data))
    return data


def test_an_inbound_message_survives_its_bytes() -> None:
    message = protocol.Inbound(
        "ID", "49151@s.whatsapp.net", "49151@s.whatsapp.net", "Ada", True, "text", "Milch ☕", 1_700_000
    )
    assert protocol.Inbound.from_bytes(message.to_bytes()) == message
