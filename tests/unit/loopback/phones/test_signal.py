"""Two devices talk through our Signal sessions; the real client's side of it is in tests/integration/loopback."""

import random

import pytest

from exponential.loopback.phones.signal import Bundle, Keys, SessionBook, pad, unpad
from exponential.loopback.phones.signal_wire import SignalError
from exponential.loopback.state.rows import Rows
from exponential.protocol.keys import KeyPair, verify


def bundle(keys: Keys, one_time: int | None = None) -> Bundle:
    public = keys.one_time[one_time].public if one_time is not None else None
    signed = keys.signed
    return Bundle(
        keys.registration_id, keys.identity.public, signed.id, signed.pair.public, keys.signature(), one_time, public
    )


@pytest.fixture
def alice() -> SessionBook:
    return SessionBook(Keys())


@pytest.fixture
def bob() -> SessionBook:
    return SessionBook(Keys(one_time=Rows({7: KeyPair()})))


def test_the_first_messages_carry_the_keys_until_they_are_answered(alice: SessionBook, bob: SessionBook) -> None:
    alice.begin("bob", bundle(bob.keys, 7))
    first = alice.encrypt("bob", b"one")
    second = alice.encrypt("bob", b"two")
    assert (first[0], second[0]) == ("pkmsg", "pkmsg")
    assert [bob.decrypt("alice", *first), bob.decrypt("alice", *second)] == [b"one", b"two"]
    answer = bob.encrypt("alice", b"three")
    assert (answer[0], alice.decrypt("bob", *answer)) == ("msg", b"three")
    assert alice.encrypt("bob", b"four")[0] == "msg"


def test_a_one_time_key_opens_one_conversation_only(alice: SessionBook, bob: SessionBook) -> None:
    offer = bundle(bob.keys, 7)
    for book in (alice, SessionBook(Keys())):
        book.begin("bob", offer)
    bob.decrypt("alice", *alice.encrypt("bob", b"hello"))
    mallory = SessionBook(Keys())
    mallory.begin("bob", offer)
    with pytest.raises(SignalError, match="used already"):
        bob.decrypt("mallory", *mallory.encrypt("bob", b"me too"))


def test_any_order_and_no_repeats(alice: SessionBook, bob: SessionBook) -> None:
    alice.begin("bob", bundle(bob.keys, 7))
    order = random.Random(4)
    for round_ in range(20):
        sent = [alice.encrypt("bob", b"%d/%d" % (round_, i)) for i in range(order.randint(1, 9))]
        mixed = order.sample(sent, len(sent))
        assert sorted(bob.decrypt("alice", *message) for message in mixed) == sorted(
            b"%d/%d" % (round_, i) for i in range(len(sent))
        )
        with pytest.raises(SignalError):
            bob.decrypt("alice", *mixed[0])
        assert alice.decrypt("bob", *bob.encrypt("alice", b"ok")) == b"ok"


def test_a_changed_message_is_refused_and_harms_nothing(alice: SessionBook, bob: SessionBook) -> None:
    alice.begin("bob", bundle(bob.keys))
    bob.decrypt("alice", *alice.encrypt("bob", b"hello"))
    alice.decrypt("bob", *bob.encrypt("alice", b"hello"))
    kind, data = alice.encrypt("bob", b"pay 10")
    for at in range(1, len(data), 7):
        forged = bytearray(data)
        forged[at] ^= 1
        with pytest.raises(SignalError):
            bob.decrypt("alice", kind, bytes(forged))
    assert bob.decrypt("alice", kind, data) == b"pay 10"


def test_both_write_first_at_once(alice: SessionBook, bob: SessionBook) -> None:
    alice.begin("bob", bundle(bob.keys, 7))
    bob.begin("alice", bundle(alice.keys))
    to_bob, to_alice = alice.encrypt("bob", b"a"), bob.encrypt("alice", b"b")
    assert (bob.decrypt("alice", *to_bob), alice.decrypt("bob", *to_alice)) == (b"a", b"b")
    for text in (b"c", b"d", b"e"):
        assert bob.decrypt("alice", *alice.encrypt("bob", text)) == text
        assert alice.decrypt("bob", *bob.encrypt("alice", text)) == text


def test_a_bundle_with_a_wrong_signature_is_refused(alice: SessionBook, bob: SessionBook) -> None:
    offer = bundle(bob.keys)
    with pytest.raises(SignalError, match="signature"):
        alice.begin("bob", Bundle(**{**vars(offer), "signature": bytes(64)}))


def test_signatures() -> None:
    key = KeyPair()
    signature = key.sign(b"words")
    assert verify(key.public, b"words", signature)
    assert not verify(key.public, b"other words", signature)
    assert not verify(KeyPair().public, b"words", signature)
    assert not verify(key.public, b"words", signature[:-1])


def test_padding_comes_off() -> None:
    for size in range(40):
        assert unpad(pad(bytes(size))) == bytes(size)
        assert 1 <= len(pad(b"")) <= 15
