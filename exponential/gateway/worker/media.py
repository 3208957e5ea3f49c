"""Files of messages, in the worker: fetched from WhatsApp's media host, checked, decrypted, and sealed for the gateway.

Not by the client library: that reads a file of any size into memory, however small its message says it is, and waits
for ever (docs/decisions/0006). Addresses, keys and layout: whatsmeow download.go (DownloadMediaWithPath, getMediaKeys).
"""

import base64
import hashlib
import hmac
import os
import re
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import certifi
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

HOST = "mmg.whatsapp.net"  # the one that messages' own URLs name; it serves what each of the other hosts does
FOLDER = "media"  # in a session's folder: fetched files, sealed, until the app has them
TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 60.0, 15.0  # seconds for one file; without a byte of it
_CHUNK = 2**16
_MAC, _NONCE = 10, 12
_INFOS = {
    "image": b"WhatsApp Image Keys",
    "sticker": b"WhatsApp Image Keys",
    "voice": b"WhatsApp Audio Keys",
    "audio": b"WhatsApp Audio Keys",
    "document": b"WhatsApp Document Keys",
}
_TYPES = {"image": "image", "sticker": "image", "voice": "audio", "audio": "audio", "document": "document"}
MAX_PATH = 2_000  # characters after the slash
_PATH = re.compile(rf"/[!-~]{{1,{MAX_PATH}}}")
_GONE = (403, 404, 410)
_ORIGIN = "https://web.whatsapp.com"


class MediaGone(Exception):
    """The file can't be had, now or later; `str(error)` says why, in a sentence."""


class MediaUnreachable(Exception):
    """The media host didn't give it now; try again."""


@dataclass(frozen=True)
class MediaReference:
    """What a message says of its file. Keys and hashes are hex, `size` is in bytes."""

    path: str
    key: str
    sha256: str
    encrypted_sha256: str
    size: int
    mime: str
    name: str = ""


def fetch(kind: str, file: MediaReference, limit: int, *, within: float = TIMEOUT_SECONDS) -> bytes:
    """The file of a message of this kind, if it has at most `limit` bytes. Raises MediaGone or MediaUnreachable.

    `within` is in seconds.
    """
    info = _INFOS.get(kind)
    if info is None:
        raise MediaGone(f"Files of this kind ({kind}) are not fetched.")
    if file.size > limit:
        raise too_large(file.size, limit)
    deadline = time.monotonic() + within
    return _opened(file, info, _download(_url(kind, file), limit, deadline))


def too_large(size: int, limit: int) -> MediaGone:
    return MediaGone(f"The file has {size / 1e6:.1f} MB; up to {limit / 1e6:.0f} MB are fetched.")


def seal(folder: Path, message_id: str, key: bytes, data: bytes) -> None:
    """Keep a message's file in the session's folder, readable with `key` alone."""
    path = path_of(folder, message_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    nonce = os.urandom(_NONCE)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(nonce + AESGCM(key).encrypt(nonce, data, message_id.encode()))
    fresh.rename(path)


def unseal(folder: Path, message_id: str, keys: list[bytes]) -> bytes | None:
    """The file that `seal` kept; None when there is none, or none that these keys open."""
    try:
        sealed = path_of(folder, message_id).read_bytes()
    except OSError:
        return None
    for key in keys:
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], message_id.encode())
        except (InvalidTag, ValueError):
            continue
    return None


def path_of(folder: Path, message_id: str) -> Path:
    return folder / FOLDER / hashlib.sha256(message_id.encode()).hexdigest()[:32]


def _url(kind: str, file: MediaReference) -> str:
    if not _PATH.fullmatch(file.path):
        raise MediaGone("The message names no place where its file is.")
    try:
        digest = base64.urlsafe_b64encode(bytes.fromhex(file.encrypted_sha256)).decode()
    except ValueError:
        raise MediaGone("The message doesn't say what its file is.") from None
    joint = "&" if "?" in file.path else "?"
    return f"https://{HOST}{file.path}{joint}hash={digest}&mms-type={_TYPES[kind]}&__wa-mms="


def _download(url: str, limit: int, deadline: float) -> bytes:
    request = Request(url, headers={"Origin": _ORIGIN, "Referer": f"{_ORIGIN}/", "User-Agent": "Mozilla/5.0"})
    most = limit + _MAC + 16  # padding
    data = bytearray()
    try:
        with _opener().open(request, timeout=READ_TIMEOUT_SECONDS) as answer:
            while chunk := answer.read(_CHUNK):
                data += chunk
                if len(data) > most:
                    raise MediaGone(
                        f"The file is larger than its message says; up to {limit / 1e6:.0f} MB are fetched."
                    )
                if time.monotonic() > deadline:
                    raise MediaUnreachable("WhatsApp gives the file too slowly.")
    except HTTPError as error:
        error.close()
        if error.code in _GONE:
            raise MediaGone("WhatsApp doesn't have this file any more.") from None
        raise MediaUnreachable(f"WhatsApp's media host answered with HTTP {error.code}.") from None
    except (OSError, HTTPException) as error:
        raise MediaUnreachable(f"WhatsApp's media host can't be reached ({type(error).__name__}).") from None
    return bytes(data)


def _opener() -> Any:
    # The worker's environment says which proxy to take, and whom to trust when that isn't everybody.
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
    return build_opener(ProxyHandler(), HTTPSHandler(context=context), _WhatsAppOnly())


class _WhatsAppOnly(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        to = urlsplit(newurl)
        if to.scheme != "https" or not (to.hostname or "").endswith(".whatsapp.net"):
            raise HTTPError(newurl, 502, "led elsewhere", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opened(file: MediaReference, info: bytes, data: bytes) -> bytes:
    damaged = MediaGone("The file that WhatsApp has isn't the one that was sent.")
    if len(data) <= _MAC or hashlib.sha256(data).hexdigest() != file.encrypted_sha256:
        raise damaged
    keys = HKDF(SHA256(), 112, salt=None, info=info).derive(bytes.fromhex(file.key))
    iv, cipher_key, mac_key = keys[:16], keys[16:48], keys[48:80]
    encrypted, mac = data[:-_MAC], data[-_MAC:]
    if not hmac.compare_digest(hmac.digest(mac_key, iv + encrypted, hashlib.sha256)[:_MAC], mac):
        raise damaged
    try:
        decryptor, unpadder = Cipher(AES(cipher_key), CBC(iv)).decryptor(), PKCS7(AES.block_size).unpadder()
        padded = decryptor.update(encrypted) + decryptor.finalize()
        plain = unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise damaged from None
    if hashlib.sha256(plain).hexdigest() != file.sha256:
        raise damaged
    return plain
