import pytest

from exponential.gateway import access
from exponential.gateway.wire import Account, Inbound

ADA = Account("4915112345678@s.whatsapp.net", "77001122@lid")


def from_ada(chat: str, text: str = "hello", *, from_me: bool = True) -> Inbound:
    return Inbound("ID", chat, ADA.jid, "Ada", from_me, "text", text, 0)


@pytest.mark.parametrize("chat", [ADA.jid, ADA.lid, "4915112345678:3@s.whatsapp.net"])
def test_only_the_own_chat_is_heard_by_number_or_lid(chat: str) -> None:
    assert access.accepts(ADA, from_ada(chat))


@pytest.mark.parametrize(
    "chat",
    [
        "4915187654321@s.whatsapp.net",  # Ada writes to a friend
        "4915112345678@lid",  # someone whose LID happens to have the digits of Ada's number
        "77001122@s.whatsapp.net",
        "120363000000000000@g.us",
        "status@broadcast",
        "",
    ],
)
def test_every_other_chat_is_not(chat: str) -> None:
    assert not access.accepts(ADA, from_ada(chat))


def test_a_stranger_is_not_heard() -> None:
    assert not access.accepts(ADA, from_ada("4915187654321@s.whatsapp.net", from_me=False))


def test_an_account_without_lid_does_not_match_an_empty_one() -> None:
    assert not access.accepts(Account(ADA.jid), from_ada("@lid"))


def test_paddys_own_words_are_not_heard() -> None:
    assert not access.accepts(ADA, from_ada(ADA.jid, "🤖 *Paddy:* Done."))


def test_the_prefix_is_the_one_the_assistant_writes() -> None:
    from exponential.assistant.formatting import PREFIX

    assert PREFIX.rstrip() == access.REPLY_PREFIX


def test_phone_numbers_come_from_phone_jids_only() -> None:
    assert access.phone_number("4915112345678:3@s.whatsapp.net") == "+4915112345678"
    assert access.phone_number("77001122@lid") is None
