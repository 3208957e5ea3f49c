import pytest

from exponential.gateway import wire


@pytest.mark.parametrize(
    "item",
    [
        wire.Configure("00" * 32),
        wire.Open("s", "/folder"),
        wire.Send("s", 7, "m", "49151@s.whatsapp.net", "Grüße 👋\n\x00"),
        wire.Typing("s", 8, "49151@s.whatsapp.net", True),
        wire.Online("s", wire.Account("49151@s.whatsapp.net", "77@lid")),
        wire.Receipt("s", ["A", "B"], "read"),
        wire.Answer(7, "", "NotSent"),
    ],
)
def test_what_is_packed_comes_out_the_same(item: wire.Command | wire.Event) -> None:
    frame = wire.pack(item)
    assert wire.body_length(frame[:4]) == len(frame) - 4
    assert wire.unpack(frame[4:]) == item


def test_a_frame_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="can't come from our own process"):
        wire.body_length(b"\xff\xff\xff\xff")


def test_an_inbound_message_survives_its_bytes() -> None:
    message = wire.Inbound(
        "ID", "49151@s.whatsapp.net", "49151@s.whatsapp.net", "Ada", True, "text", "Milch ☕", 1_700_000
    )
    assert wire.Inbound.from_bytes(message.to_bytes()) == message
