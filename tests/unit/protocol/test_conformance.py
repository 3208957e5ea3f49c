"""The server's cryptography against the vectors that its specifications publish, and its handshakes step by step.

Where a spec has vectors, they are spelled out here; the handshake's other side is written in this file, from the Noise
spec alone, and proves itself on others' vectors before it talks to our server's half. Each vector was compared,
figure by figure, with the place that its test names; those of RFCs, NIST, McGrew and Viega not with the documents but
with other projects' copies that name the same section or test case: several of each, pyca/cryptography's of RFC 5869.
"""

import hashlib
import hmac
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from websockets.asyncio.client import connect

from exponential.loopback.phones import ratchet
from exponential.loopback.phones.signal import Keys
from exponential.loopback.server.directory import Device
from exponential.loopback.server.network.certificate_authority import Authority
from exponential.loopback.server.server import Loopback
from exponential.loopback.testing import NewPhone
from exponential.protocol import aes_cbc
from exponential.protocol.binary import decode
from exponential.protocol.frames import HEADER
from exponential.protocol.keys import KeyPair, verify
from exponential.protocol.noise import Cipher, Responder
from exponential.protocol.protobufs import CertChain, ClientPayload, HandshakeMessage

h = bytes.fromhex
PAYLOAD = ClientPayload(username=4915110000001, device=1, passive=True).SerializeToString()


# RFC 7748 §5.2, "two input/output examples", X25519.
@pytest.mark.parametrize(
    ("scalar", "point", "result"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_x25519_rfc_7748_5_2(scalar: str, point: str, result: str) -> None:
    assert KeyPair(h(scalar)).agree(h(point)).hex() == result


# RFC 7748 §5.2, "the second type of test vector": after one and after 1,000 iterations.
@pytest.mark.parametrize(
    ("rounds", "result"),
    [
        (1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
        (1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
    ],
)
def test_x25519_rfc_7748_5_2_iterated(rounds: int, result: str) -> None:
    scalar = point = h("09" + "00" * 31)
    for _ in range(rounds):
        scalar, point = KeyPair(scalar).agree(point), scalar
    assert scalar.hex() == result


def test_x25519_rfc_7748_6_1() -> None:
    """RFC 7748 §6.1, the Diffie-Hellman of Alice and Bob."""
    alice = KeyPair(h("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = KeyPair(h("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert alice.agree(bob.public).hex() == bob.agree(alice.public).hex() == shared


# RFC 5869 appendix A, test cases 1, 2 and 3: IKM, salt, info, OKM.
@pytest.mark.parametrize(
    ("secret", "salt", "info", "result"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
    ids=["A.1", "A.2", "A.3"],
)
def test_hkdf_sha256_rfc_5869(secret: bytes, salt: bytes, info: bytes, result: str) -> None:
    assert ratchet.hkdf(salt, secret, info, len(result) // 2).hex() == result


def test_aes_256_gcm_of_the_transport() -> None:
    """McGrew & Viega, The Galois/Counter Mode of Operation (GCM), appendix B, test cases 13 and 14: all zero."""
    assert Cipher(bytes(32)).encrypt(b"").hex() == "530f8afbc74536b9a963b4f1c4cb738b"
    sealed = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    assert Cipher(bytes(32)).encrypt(bytes(16)).hex() == sealed
    assert Cipher(bytes(32)).decrypt(h(sealed)) == bytes(16)


def test_aes_256_gcm_with_associated_data() -> None:
    """McGrew & Viega, appendix B, test case 16: the library that the handshake uses, with associated data."""
    key = h("feffe9928665731c6d6a8f9467308308" * 2)
    plain = h(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    data = h("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    assert AESGCM(key).encrypt(h("cafebabefacedbaddecaf888"), plain, data).hex() == sealed


def test_aes_256_cbc_sp_800_38a_f_2_5() -> None:
    """NIST SP 800-38A (2001), F.2.5 CBC-AES256.Encrypt, all four blocks."""
    key, iv = h("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"), bytes(range(16))
    plain = h(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    sealed = aes_cbc.encrypt(key, iv, plain)
    assert sealed[:64].hex() == (
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
    )
    assert len(sealed) == 80, "a whole block of padding follows (PKCS #7)"
    assert aes_cbc.decrypt(key, iv, sealed) == plain


def test_a_signature_that_libsignal_publishes() -> None:
    """signalapp/libsignal, rust/core/src/curve/curve25519.rs, test_signature: it signs a pre-key with its type."""
    identity = KeyPair(h("c097248412e58bf05df487968205132794178e367637f5818f81e0e6ce73e865"))
    assert identity.public.hex() == "ab7e717d4a163b7d9a1d8071dfe9dcf8cdcd1cea3339b6356be84d887e322c64"
    message = h("05edce9d9c415ca78cb7252e72c2c4a554d3eb29485a0e1d503118d1a82d99fb4a")
    signature = h(
        "5de88ca9a89b4a115da79109c67c9c7464a3e4180274f1cb8c63c2984e286dfb"
        "ede82deb9dcd9fae0bfbb821569b3d9001bd8130cd11d486cef047bd60b86e88"
    )
    assert verify(identity.public, message, signature)
    for index in range(len(signature)):
        changed = bytes((signature[index] ^ 1,))
        assert not verify(identity.public, message, signature[:index] + changed + signature[index + 1 :])


def test_xeddsa_signs_what_it_verifies() -> None:
    pair, other = KeyPair(), KeyPair()
    for size in (0, 1, 32, 33, 1000):
        message = bytes(size)
        signature = pair.sign(message)
        assert verify(pair.public, message, signature)
        assert pair.sign(message) != signature, "XEdDSA takes 64 fresh random bytes (§3)"
        assert not verify(other.public, message, signature)
        assert not verify(pair.public, message + b"\x00", signature)


class Symmetric:
    """Noise rev. 34 §5.1 and §5.2, for 25519, AESGCM and SHA256."""

    def __init__(self, prologue: bytes, pattern: str = "XX") -> None:
        name = f"Noise_{pattern}_25519_AESGCM_SHA256".encode()
        self.h = self.ck = name.ljust(32, b"\x00") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.k: bytes | None = None
        self.n = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def hkdf(self, material: bytes) -> tuple[bytes, bytes]:
        temp = hmac.digest(self.ck, material, "sha256")
        first = hmac.digest(temp, b"\x01", "sha256")
        return first, hmac.digest(temp, first + b"\x02", "sha256")

    def mix_key(self, material: bytes) -> None:
        self.ck, self.k = self.hkdf(material)
        self.n = 0

    def nonce(self) -> bytes:
        self.n += 1
        return bytes(4) + (self.n - 1).to_bytes(8, "big")

    def seal(self, plain: bytes) -> bytes:
        sealed = AESGCM(self.k).encrypt(self.nonce(), plain, self.h) if self.k else plain
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        plain = AESGCM(self.k).decrypt(self.nonce(), sealed, self.h) if self.k else sealed
        self.mix_hash(sealed)
        return plain


def test_this_files_noise_is_the_published_one() -> None:
    """haskell-cryptography/cacophony, vectors/cacophony.txt, Noise_XX_25519_AESGCM_SHA256: messages and hash."""
    static = KeyPair(h("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"))
    ephemeral = KeyPair(h("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"))
    their_static = KeyPair(h("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"))
    their_ephemeral = KeyPair(h("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"))
    state = Symmetric(b"John Galt")
    state.mix_hash(ephemeral.public)
    first = ephemeral.public + state.seal(b"Ludwig von Mises")
    state.mix_hash(their_ephemeral.public)
    state.mix_key(ephemeral.agree(their_ephemeral.public))
    second = their_ephemeral.public + state.seal(their_static.public)
    state.mix_key(ephemeral.agree(their_static.public))
    second += state.seal(b"Murray Rothbard")
    third = state.seal(static.public)
    state.mix_key(static.agree(their_ephemeral.public))
    third += state.seal(b"F. A. Hayek")
    assert first.hex() == (
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573"
    )
    assert second.hex() == (
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843757117acceb05bd7a45733bc22015c97a9d0cbaf41b80446"
        "d5988ff5127235d76b79eade70f473d6a4ef521fdcbeda5340d01e028ba793fc059f2724a83af05f12dda0448a7621a926b379a92477fd"
    )
    assert third.hex() == (
        "c90f1cf77eba4e50edb038991565e36c9758943a989229b6051244dc4fbecb6946744b401af2ee1a5881b65fbb87fd07"
        "cb6a328ececc9ce6ce84c399dc332d4fd521fa4bb7f467ce909395"
    )
    assert state.h.hex() == "1b7aefb1125762aa21a252890d00af54519638b76437444538f9a52f21e2e0dc"
    to_responder, to_initiator = (Cipher(key) for key in state.hkdf(b""))  # the server's own transport ciphers
    assert to_initiator.encrypt(b"Carl Menger").hex() == "bc3fa77f6aca3e8466d7dc6bea10013e88a6a29add5132b461806c"
    assert to_responder.encrypt(b"Jean-Baptiste Say").hex() == (
        "250b01074cdfe0df2ecf8ccbf1737b15a2ddb5b52fd9a396604e9c793cee3b3bb9"
    )
    assert to_initiator.encrypt("Eugen Böhm von Bawerk".encode("latin-1")).hex() == (
        "449d4d433b3cdc3d02bf6fc881774b9df54366ebcffb9689bb13f14709822cd7ef42bcdb4d"
    )


def test_this_files_ik_is_the_published_one() -> None:
    """flynn/noise, vectors.txt, Noise_IK_25519_AESGCM_SHA256: messages."""
    ephemeral, their_ephemeral = KeyPair(bytes(range(32, 64))), KeyPair(bytes(range(65, 97)))
    static, their_static = KeyPair(bytes(range(32))), KeyPair(bytes(range(1, 33)))
    client = Client(static, ephemeral, b"notsecret")
    state, first = client.ik(their_static.public, b"test_msg_0")
    hello = first.clientHello
    assert (hello.ephemeral + hello.static + hello.payload).hex() == (
        "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16625419d6fab175300a577115c701c41ed681373f0432f81d3bf"
        "8676bd05216cd1919e61b75ccef0c0cf0b216fcdf371d0859e6d8177aa9777fe9b8435bb6f8202c3acd9051a9aee0a63e76f6"
    )
    state.mix_hash(their_ephemeral.public)
    state.mix_key(ephemeral.agree(their_ephemeral.public))
    state.mix_key(static.agree(their_ephemeral.public))
    assert (their_ephemeral.public + state.seal(b"test_msg_1")).hex() == (
        "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846658a7bb8caac5097833909e90778571d34ce0e5b6ea4c3a7"
        "6f102"
    )
    to_responder, to_initiator = (Cipher(key) for key in state.hkdf(b""))
    assert to_responder.encrypt(b"yellowsubmarine").hex() == (
        "80a75e75c8e8d2e9c2a6c7bc6e550c4997d6d2b45429a530821c4aa5d36f27"
    )
    assert to_initiator.encrypt(b"submarineyellow").hex() == (
        "b8475410da62a98493d33a1e669f8f56dd8f61d449b53bd375299c3435424a"
    )


@dataclass
class Client:
    """An initiator of IK, written from Noise rev. 34 §7.5."""

    static: KeyPair = field(default_factory=KeyPair)
    ephemeral: KeyPair = field(default_factory=KeyPair)
    prologue: bytes = HEADER

    def ik(self, server: bytes, payload: bytes) -> tuple[Symmetric, HandshakeMessage]:
        """<- s, then -> e, es, s, ss, to a server with that static key."""
        state, first = Symmetric(self.prologue, "IK"), HandshakeMessage()
        state.mix_hash(server)
        state.mix_hash(self.ephemeral.public)
        state.mix_key(self.ephemeral.agree(server))
        first.clientHello.ephemeral = self.ephemeral.public
        first.clientHello.static = state.seal(self.static.public)
        state.mix_key(self.static.agree(server))
        first.clientHello.payload = state.seal(payload)
        return state, first

    def finish_ik(self, state: Symmetric, server: HandshakeMessage.ServerHello) -> bytes:
        """<- e, ee, se. The server's payload."""
        state.mix_hash(server.ephemeral)
        state.mix_key(self.ephemeral.agree(server.ephemeral))
        state.mix_key(self.static.agree(server.ephemeral))
        return state.open(server.payload)


@dataclass
class Handshake:
    """Both ends of one handshake with our Responder, as far as the server's answer."""

    state: Symmetric
    responder: Responder
    authority: Authority
    static: KeyPair
    ephemeral: KeyPair
    hello: HandshakeMessage


@pytest.fixture
def handshake() -> Iterator[Handshake]:
    authority, static, ephemeral = Authority(), KeyPair(), KeyPair()
    responder = Responder(static, authority.certificate(static.public, int(time.time())))
    state = Symmetric(HEADER)
    state.mix_hash(ephemeral.public)  # -> e; WhatsApp has no payload here, not even the empty one of Noise §7.3
    first = HandshakeMessage()
    first.clientHello.ephemeral = ephemeral.public
    answer = HandshakeMessage.FromString(responder.hello(first.SerializeToString()))
    yield Handshake(state, responder, authority, static, ephemeral, answer)


def test_the_handshake_step_by_step(handshake: Handshake) -> None:
    finish_xx(handshake)


def finish_xx(handshake: Handshake) -> None:
    """The rest of XX: what the server shows, and that both sides have the same keys in the end."""
    state, server = handshake.state, handshake.hello.serverHello
    state.mix_hash(server.ephemeral)  # <- e
    state.mix_key(handshake.ephemeral.agree(server.ephemeral))  # ee
    static = state.open(server.static)  # s
    assert static == handshake.static.public
    state.mix_key(handshake.ephemeral.agree(static))  # es
    check_certificates(state.open(server.payload), handshake.authority.root.public, static)

    own = KeyPair()
    finish = HandshakeMessage()
    finish.clientFinish.static = state.seal(own.public)  # -> s
    state.mix_key(own.agree(server.ephemeral))  # se
    finish.clientFinish.payload = state.seal(PAYLOAD)
    their_view = handshake.responder.finish(finish.SerializeToString())
    assert their_view[:2] == (own.public, PAYLOAD)

    check_ciphers(state, *their_view[2:])


def check_ciphers(state: Symmetric, receive: Cipher, send: Cipher) -> None:
    to_server, to_client = state.hkdf(b"")  # Split(), §5.2
    for number in range(3):
        nonce = number.to_bytes(12, "big")
        assert receive.decrypt(AESGCM(to_server).encrypt(nonce, b"stanza", None)) == b"stanza"
        assert AESGCM(to_client).decrypt(nonce, send.encrypt(b"answer"), None) == b"answer"


def check_certificates(chain: bytes, root: bytes, static: bytes) -> None:
    """What whatsmeow's verifyServerCert asks of the chain (handshake.go)."""
    certificates = CertChain.FromString(chain)
    intermediate, leaf = (
        CertChain.NoiseCertificate.Details.FromString(part.details)
        for part in (certificates.intermediate, certificates.leaf)
    )
    assert verify(root, certificates.intermediate.details, certificates.intermediate.signature)
    assert verify(intermediate.key, certificates.leaf.details, certificates.leaf.signature)
    assert (intermediate.issuerSerial, leaf.issuerSerial) == (0, intermediate.serial)
    assert leaf.key == static
    for details in (intermediate, leaf):
        assert details.notBefore < time.time() < details.notAfter


def test_a_handshake_that_was_tampered_with_does_not_open(handshake: Handshake) -> None:
    finish = HandshakeMessage()
    finish.clientFinish.static = bytes(48)
    finish.clientFinish.payload = bytes(16)
    with pytest.raises(InvalidTag):
        handshake.responder.finish(finish.SerializeToString())


def test_a_client_that_knows_the_servers_key_is_in_after_its_first_message() -> None:
    authority, server, client = Authority(), KeyPair(), Client()
    responder = Responder(server, authority.certificate(server.public, int(time.time())))
    state, first = client.ik(server.public, PAYLOAD)
    answer = HandshakeMessage.FromString(responder.hello(first.SerializeToString())).serverHello
    assert not answer.HasField("static"), "by which the client sees that its key was right"
    check_certificates(client.finish_ik(state, answer), authority.root.public, server.public)
    session = responder.session
    assert session and (session.static, session.payload) == (client.static.public, PAYLOAD)
    check_ciphers(state, session.receive, session.send)


@pytest.mark.parametrize("wrong", ["another server's key", "a changed payload"])
def test_a_first_message_that_does_not_open_is_answered_as_in_xx(wrong: str) -> None:
    authority, server, client = Authority(), KeyPair(), Client()
    responder = Responder(server, authority.certificate(server.public, int(time.time())))
    _, first = client.ik(KeyPair().public if wrong == "another server's key" else server.public, PAYLOAD)
    if wrong == "a changed payload":
        first.clientHello.payload = first.clientHello.payload[:-1] + bytes((first.clientHello.payload[-1] ^ 1,))
    answer = HandshakeMessage.FromString(responder.hello(first.SerializeToString()))
    assert responder.session is None
    state = Symmetric(HEADER, "XXfallback")
    state.mix_hash(client.ephemeral.public)  # known from the first message (§10.2)
    finish_xx(Handshake(state, responder, authority, server, client.ephemeral, answer))


async def test_a_device_logs_in_with_its_first_message(whatsapp: Loopback, phone: NewPhone) -> None:
    account, client = phone("Alice").account, Client()
    keys = Keys()
    signed = (keys.signed.id, keys.signed.pair.public, keys.signature())
    device = Device(account, 1, keys.identity.public, keys.registration_id, *signed, noise=client.static.public)
    account.devices[1] = device
    payload = ClientPayload(username=int(account.number), device=1).SerializeToString()
    state, first = client.ik(whatsapp.static.public, payload)
    trust = ssl.create_default_context(cafile=str(whatsapp.ca_path))
    url, proxy = "wss://web.whatsapp.com/ws/chat", whatsapp.proxy_url
    async with connect(url, ssl=trust, proxy=proxy, compression=None) as socket:
        await socket.send(HEADER + frame(first.SerializeToString()))
        client.finish_ik(state, HandshakeMessage.FromString(unframed(await socket.recv())).serverHello)
        _, to_client = state.hkdf(b"")
        assert decode(Cipher(to_client).decrypt(unframed(await socket.recv()))).tag == "success"
    assert device.noise == client.static.public


def frame(content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + content


def unframed(data: bytes | str) -> bytes:
    assert isinstance(data, bytes)
    return data[3:]
