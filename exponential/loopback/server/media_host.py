"""WhatsApp's media: the encryption of files and the host that keeps them, encrypted, under HTTPS.

Keys, layout and hashes: whatsmeow download.go (getMediaKeys, validateMedia) and upload.go (Upload, rawUpload); what the
client asks before either: mediaconn.go.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exponential.loopback.phones.content import Attachment, Kind
from exponential.loopback.state.rows import Rows
from exponential.protocol import aes_cbc
from exponential.protocol.binary import Node

HOST = "mmg.whatsapp.net"
MAC_BYTES = 10
LIFETIME_SECONDS = 3600  # that a client may keep the answer to media_conn
_MAX_HEAD_BYTES = 16_384
_MAX_BODY_BYTES = 1 << 27
# The HKDF's info for each kind, and the name in an upload's path (download.go: MediaType, mediaTypeToMMSType).
_INFOS: dict[Kind, bytes] = {
    "image": b"WhatsApp Image Keys",
    "sticker": b"WhatsApp Image Keys",
    "video": b"WhatsApp Video Keys",
    "voice": b"WhatsApp Audio Keys",
    "audio": b"WhatsApp Audio Keys",
    "document": b"WhatsApp Document Keys",
}
_TYPES = {"image", "video", "audio", "document"}


class MediaError(Exception):
    """A file that isn't there, or isn't what its message says."""


@dataclass(frozen=True)
class Sealed:
    """An encrypted file with what its message must say of it."""

    data: bytes
    key: bytes
    sha256: bytes
    encrypted_sha256: bytes


def seal(kind: Kind, plain: bytes, key: bytes | None = None) -> Sealed:
    """Encrypt a file with a fresh media key of 32 bytes, or with `key`."""
    key = key or secrets.token_bytes(32)
    iv, cipher_key, mac_key = _keys(kind, key)
    data = aes_cbc.encrypt(cipher_key, iv, plain)
    data += _mac(mac_key, iv, data)
    return Sealed(data, key, hashlib.sha256(plain).digest(), hashlib.sha256(data).digest())


def unseal(kind: Kind, data: bytes, media: Attachment) -> bytes:
    """Check and decrypt what the media host holds. Raises MediaError."""
    if hashlib.sha256(data).hexdigest() != media.encrypted_sha256:
        raise MediaError("the encrypted file has another hash than its message says")
    iv, cipher_key, mac_key = _keys(kind, bytes.fromhex(media.key))
    encrypted, mac = data[:-MAC_BYTES], data[-MAC_BYTES:]
    if not hmac.compare_digest(_mac(mac_key, iv, encrypted), mac):
        raise MediaError("the file does not verify: another key, or another kind of file")
    plain = aes_cbc.decrypt(cipher_key, iv, encrypted)
    if hashlib.sha256(plain).hexdigest() != media.sha256:
        raise MediaError("the file has another hash than its message says")
    return plain


class MediaHost:
    """Keeps encrypted files by path. Clients put and get them by HTTPS, phones in memory."""

    def __init__(self) -> None:
        self.files: Rows[str, bytes] = Rows()
        self.auth = secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self, context: ssl.SSLContext) -> int:
        """Listen on 127.0.0.1 and return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context, limit=_MAX_HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def put(self, data: bytes) -> str:
        """Keep an encrypted file; the direct path that its message gives. It has a query: clients append to it."""
        name = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        path = f"/v/t62.7118-24/{name}.enc"
        self.files[path] = data
        return f"{path}?ccb=11-4"

    def get(self, direct_path: str) -> bytes:
        """The encrypted file. Raises MediaError when it isn't there."""
        try:
            return self.files[urlsplit(direct_path).path]
        except KeyError:
            raise MediaError("the media host has no such file") from None

    def connection(self) -> Node:
        """The answer to a media_conn query (mediaconn.go): hosts and the right to use them."""
        ttl = str(LIFETIME_SECONDS)
        attrs = {"auth": self.auth, "ttl": ttl, "auth_ttl": ttl, "max_buckets": "12"}
        return Node("media_conn", {**attrs}, [Node("host", {"hostname": HOST})])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                while True:
                    status, body = await self._answer(reader)
                    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
                    writer.write(head.encode() + body)
                    await writer.drain()
        except asyncio.CancelledError:
            pass
        finally:
            self._busy.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, bytes]:
        """Read one request and answer it: (status line's end, body). Raises ValueError for what isn't HTTP."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        size = int(headers.get("content-length", "0"))
        if not 0 <= size <= _MAX_BODY_BYTES:
            raise ValueError("too large")
        return self._handle(method, target, await reader.readexactly(size))

    def _handle(self, method: str, target: str, body: bytes) -> tuple[str, bytes]:
        url = urlsplit(target)
        if method == "GET":
            found = self.files.get(url.path)
            return ("200 OK", found) if found is not None else ("404 Not Found", b"")
        parts = url.path.split("/")
        if method != "POST" or len(parts) != 4 or parts[1] != "mms" or parts[2] not in _TYPES:
            return "404 Not Found", b""
        if parse_qs(url.query).get("auth") != [self.auth]:
            return "401 Unauthorized", b""
        # whatsmeow pads the token, Baileys doesn't (messages-media.ts, encodeBase64EncodedStringForUpload).
        token = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode()
        if unquote(parts[3]).rstrip("=") != token.rstrip("="):
            return "400 Bad Request", b"the token is not the file's hash"
        path = self.put(body)
        return "200 OK", json.dumps({"url": f"https://{HOST}{path}", "direct_path": path}).encode()


def _keys(kind: Kind, key: bytes) -> tuple[bytes, bytes, bytes]:
    """Initialisation vector, cipher key, MAC key; WhatsApp derives 112 bytes, the last 32 are unused here."""
    out = HKDF(SHA256(), 112, salt=None, info=_INFOS[kind]).derive(key)
    return out[:16], out[16:48], out[48:80]


def _mac(key: bytes, iv: bytes, data: bytes) -> bytes:
    return hmac.digest(key, iv + data, hashlib.sha256)[:MAC_BYTES]
