"""A process with many light linked devices: they link, log in and acknowledge, but decrypt nothing, so that the server
is what is measured. It prints JSON lines {"qr": …} and {"online": true}; a line on its standard input ends it.

    python -m benchmarks.swarm PROXY_URL CA_PATH NOISE_ROOT DEVICES
"""

import asyncio
import json
import ssl
import sys
import time
from base64 import b64encode

from websockets.asyncio.client import ClientConnection, connect

from exponential.loopback.phones.signal import Keys
from exponential.loopback.state.rows import Rows
from exponential.protocol import adv
from exponential.protocol.binary import JID, SERVER, Node, decode, encode
from exponential.protocol.frames import HEADER, FrameBuffer, framed
from exponential.protocol.keys import KeyPair
from exponential.protocol.noise import Initiator
from exponential.protocol.protobufs import ClientPayload, DeviceProps

URL = "wss://web.whatsapp.com/ws/chat"
ONE_TIME_KEYS = 20
AT_ONCE = 20  # devices that link at the same time


class Device:
    """One light linked device."""

    def __init__(self, proxy: str, tls: ssl.SSLContext, root: bytes) -> None:
        self.proxy, self.tls, self.root = proxy, tls, root
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
        container = stanza.data("pair-success", "device-identity")
        identity, _index = adv.accept(self.keys.identity, self.adv_secret, container)
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
        self._buffer = FrameBuffer()
        noise = Initiator()
        await socket.send(HEADER + framed(noise.hello()))
        answer = await self._frame(socket)
        payload = self._payload()
        await socket.send(framed(noise.finish(answer, self.noise, payload, root=self.root, now=time.time())))
        self._out, self._in = noise.ciphers

    async def _send(self, socket: ClientConnection, stanza: Node) -> None:
        await socket.send(framed(self._out.encrypt(encode(stanza))))

    async def _frame(self, socket: ClientConnection) -> bytes:
        while (frame := self._buffer.next()) is None:
            data = await socket.recv()
            assert isinstance(data, bytes)
            self._buffer.feed(data)
        return frame


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


async def main(proxy: str, ca: str, root: str, count: int) -> None:
    tls = ssl.create_default_context(cafile=ca)
    gate = asyncio.Semaphore(AT_ONCE)
    running = []

    async def one() -> None:
        async with gate:
            online = asyncio.Event()
            running.append(asyncio.create_task(Device(proxy, tls, bytes.fromhex(root)).run(online)))
            await online.wait()
            say({"online": True})

    await asyncio.gather(*(one() for _ in range(count)))
    await asyncio.to_thread(sys.stdin.readline)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
