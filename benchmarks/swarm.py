"""A process with many light linked devices: they link, log in and acknowledge, but decrypt nothing, so that the server
is what is measured. It prints JSON lines {"qr": …} and {"online": true}; a line on its standard input ends it.

    python -m benchmarks.swarm PROXY_URL CA_PATH DEVICES
"""

import asyncio
import json
import ssl
import sys
from base64 import b64encode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from websockets.asyncio.client import ClientConnection, connect

from exponential.loopback.binary import JID, SERVER, Node, decode, encode
from exponential.loopback.keys import KeyPair
from exponential.loopback.noise import PROLOGUE, XX, Cipher
from exponential.loopback.pairing import DEVICE_PREFIX
from exponential.loopback.protobufs import (
    ADVSignedDeviceIdentity,
    ADVSignedDeviceIdentityHMAC,
    ClientPayload,
    DeviceProps,
    HandshakeMessage,
)
from exponential.loopback.rows import Rows
from exponential.loopback.signal import Keys

URL = "wss://web.whatsapp.com/ws/chat"
ONE_TIME_KEYS = 20
AT_ONCE = 20  # devices that link at the same time


class Handshake:
    """The client's half of Noise XX, enough of it for a server that it trusts blindly."""

    def __init__(self) -> None:
        self.hash = self.salt = self.key = XX.ljust(32, b"\0")
        self.count = 0
        self.mix(PROLOGUE)

    def mix(self, data: bytes) -> None:
        import hashlib

        self.hash = hashlib.sha256(self.hash + data).digest()

    def expand(self, secret: bytes) -> tuple[bytes, bytes]:
        out = HKDF(SHA256(), 64, salt=self.salt, info=b"").derive(secret)
        return out[:32], out[32:]

    def mix_key(self, secret: bytes) -> None:
        self.salt, self.key = self.expand(secret)
        self.count = 0

    def nonce(self) -> bytes:
        self.count += 1
        return (self.count - 1).to_bytes(12, "big")

    def open(self, sealed: bytes) -> bytes:
        plain = AESGCM(self.key).decrypt(self.nonce(), sealed, self.hash)
        self.mix(sealed)
        return plain

    def seal(self, plain: bytes) -> bytes:
        sealed = AESGCM(self.key).encrypt(self.nonce(), plain, self.hash)
        self.mix(sealed)
        return sealed


class Device:
    """One light linked device."""

    def __init__(self, proxy: str, tls: ssl.SSLContext) -> None:
        self.proxy, self.tls = proxy, tls
        self.noise, self.adv_secret = KeyPair(), KeyPair().private
        self.keys = Keys(one_time=Rows({index: KeyPair() for index in range(1, ONE_TIME_KEYS + 1)}))
        self.jid: JID | None = None

    async def run(self, online: asyncio.Event) -> None:
        """Link, then stay logged in and acknowledge messages."""
        await self._session(online)
        await self._session(online)

    async def _session(self, online: asyncio.Event) -> None:
        async with connect(URL, proxy=self.proxy, ssl=self.tls, compression=None, ping_interval=None) as socket:
            await self._handshake(socket)
            self._buffer = b""
            while True:
                stanza = decode(self._in.decrypt(await self._frame(socket)))
                if stanza.tag == "stream:error":
                    return
                await self._handle(socket, stanza, online)

    async def _handle(self, socket: ClientConnection, stanza: Node, online: asyncio.Event) -> None:
        if stanza.tag == "iq" and stanza.child("pair-device"):
            await self._send(socket, Node("iq", {"to": SERVER, "id": stanza.text("id"), "type": "result"}))
            ref = stanza.data("pair-device", "ref").decode()
            parts = (self.noise.public, self.keys.identity.public, self.adv_secret)
            self.show(",".join([f"https://wa.me/settings/linked_devices#{ref}", *(b64(part) for part in parts), "0"]))
        elif stanza.tag == "iq" and stanza.child("pair-success"):
            await self._send(socket, self._signed(stanza))
        elif stanza.tag == "success":
            await self._send(socket, self._prekeys())
            online.set()
        elif stanza.tag == "message":
            attrs = {"id": stanza.text("id"), "to": stanza.attrs["from"], "type": "inactive"}
            await self._send(socket, Node("receipt", attrs))

    def show(self, code: str) -> None:
        """Show the QR code's text to whoever scans."""
        say({"qr": code})

    def _signed(self, stanza: Node) -> Node:
        """Accept the phone's signature and add ours (whatsmeow pair.go, handlePair)."""
        container = ADVSignedDeviceIdentityHMAC.FromString(stanza.data("pair-success", "device-identity"))
        identity = ADVSignedDeviceIdentity.FromString(container.details)
        message = DEVICE_PREFIX + identity.details + self.keys.identity.public + identity.accountSignatureKey
        identity.deviceSignature = self.keys.identity.sign(message)
        identity.accountSignatureKey = b""
        device = stanza.child("pair-success", "device")
        self.jid = device.jid("jid") if device else None
        answer = Node("pair-device-sign", {}, [Node("device-identity", {}, identity.SerializeToString())])
        return Node("iq", {"to": SERVER, "id": stanza.text("id"), "type": "result"}, [answer])

    def _prekeys(self) -> Node:
        keys = [
            Node("key", {}, [Node("id", {}, index.to_bytes(3, "big")), Node("value", {}, pair.public)])
            for index, pair in self.keys.one_time.items()
        ]
        attrs: dict[str, str | JID] = {"id": "prekeys", "xmlns": "encrypt", "type": "set", "to": SERVER}
        return Node("iq", attrs, [Node("list", {}, keys)])

    def _payload(self) -> bytes:
        payload = ClientPayload()
        if self.jid:
            payload.username, payload.device = int(self.jid.user), self.jid.device
            return bytes(payload.SerializeToString())
        pairing = payload.devicePairingData
        pairing.eRegid = self.keys.registration_id.to_bytes(4, "big")
        pairing.eKeytype, pairing.eIdent = b"\x05", self.keys.identity.public
        pairing.eSkeyID = self.keys.signed.id.to_bytes(3, "big")
        pairing.eSkeyVal, pairing.eSkeySig = self.keys.signed.pair.public, self.keys.signature()
        pairing.deviceProps = DeviceProps(os="Swarm").SerializeToString()
        return bytes(payload.SerializeToString())

    async def _handshake(self, socket: ClientConnection) -> None:
        self._buffer = b""
        noise, ephemeral = Handshake(), KeyPair()
        noise.mix(ephemeral.public)
        hello = HandshakeMessage()
        hello.clientHello.ephemeral = ephemeral.public
        await socket.send(PROLOGUE + framed(hello.SerializeToString()))
        answer = HandshakeMessage.FromString(await self._frame(socket)).serverHello
        noise.mix(answer.ephemeral)
        noise.mix_key(ephemeral.agree(answer.ephemeral))
        noise.mix_key(ephemeral.agree(noise.open(answer.static)))
        noise.open(answer.payload)
        finish = HandshakeMessage()
        finish.clientFinish.static = noise.seal(self.noise.public)
        noise.mix_key(self.noise.agree(answer.ephemeral))
        finish.clientFinish.payload = noise.seal(self._payload())
        await socket.send(framed(finish.SerializeToString()))
        out, in_ = noise.expand(b"")
        self._out, self._in = Cipher(out), Cipher(in_)

    async def _send(self, socket: ClientConnection, stanza: Node) -> None:
        await socket.send(framed(self._out.encrypt(encode(stanza))))

    async def _frame(self, socket: ClientConnection) -> bytes:
        while len(self._buffer) < 3 or len(self._buffer) < 3 + int.from_bytes(self._buffer[:3], "big"):
            data = await socket.recv()
            assert isinstance(data, bytes)
            self._buffer += data
        size = int.from_bytes(self._buffer[:3], "big")
        frame, self._buffer = self._buffer[3 : 3 + size], self._buffer[3 + size :]
        return frame


def framed(content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + content


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


async def main(proxy: str, ca: str, count: int) -> None:
    tls = ssl.create_default_context(cafile=ca)
    gate = asyncio.Semaphore(AT_ONCE)
    running = []

    async def one() -> None:
        async with gate:
            online = asyncio.Event()
            running.append(asyncio.create_task(Device(proxy, tls).run(online)))
            await online.wait()
            say({"online": True})

    await asyncio.gather(*(one() for _ in range(count)))
    await asyncio.to_thread(sys.stdin.readline)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
