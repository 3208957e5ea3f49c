import pytest
from hypothesis import given
from hypothesis import strategies as st

from exponential.protocol import dictionary
from exponential.protocol.binary import JID, LID_SERVER, SERVER, USER_SERVER, DecodeError, Node, decode, encode

words = st.one_of(
    st.text(min_size=1, max_size=40),
    st.sampled_from(dictionary.SINGLE[1:]),
    st.sampled_from(dictionary.DOUBLE[2]),
    st.text("0123456789-.", min_size=1, max_size=130),
    st.text("0123456789ABCDEF", min_size=1, max_size=130),
)
users = st.text("0123456789", min_size=1, max_size=15)
jids = st.one_of(
    st.just(SERVER),
    st.builds(JID, users, st.sampled_from([USER_SERVER, LID_SERVER]), st.integers(0, 99)),
    st.builds(JID, users, st.just("g.us")),
)
attributes = st.dictionaries(words, st.one_of(words, jids), max_size=4)
leaves = st.builds(Node, words, attributes, st.one_of(st.none(), st.binary(max_size=300)))
stanzas = st.recursive(
    leaves, lambda inner: st.builds(Node, words, attributes, st.lists(inner, min_size=1, max_size=4)), max_leaves=12
)


@given(stanzas)
def test_a_stanza_survives_the_wire(stanza: Node) -> None:
    assert decode(encode(stanza)) == stanza


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_decoder(data: bytes) -> None:
    try:
        decode(data)
    except DecodeError:
        pass


@given(stanzas, st.integers(0, 400))
def test_a_cut_stanza_is_refused(stanza: Node, at: int) -> None:
    whole = encode(stanza)
    if at < len(whole):
        with pytest.raises(DecodeError):
            decode(whole[:at])


def test_long_content_and_long_lists() -> None:
    stanza = Node("list", {}, [Node("item", {"id": str(i)}, bytes(i % 7)) for i in range(300)])
    assert decode(encode(stanza)) == stanza
    large = Node("enc", {}, b"x" * (1 << 20))
    assert decode(encode(large)) == large


def test_the_bare_server_travels_as_a_pair_with_no_user() -> None:
    # whatsmeow compares `from` with a JID whose user is empty; as a plain string it would ignore the stanza.
    assert b"\xfa\x00\x03" in encode(Node("iq", {"from": SERVER}))


def test_a_bomb_is_refused() -> None:
    import zlib

    with pytest.raises(DecodeError, match="too large"):
        decode(b"\x02" + zlib.compress(bytes(1 << 25)))


@pytest.mark.parametrize("text", ["4915112345678@s.whatsapp.net", "4915112345678:3@s.whatsapp.net", "1@lid", "g.us"])
def test_addresses_read_as_they_are_written(text: str) -> None:
    assert str(JID.parse(text)) == text
