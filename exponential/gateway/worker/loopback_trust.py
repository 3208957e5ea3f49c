"""The one place where a worker can be made to trust the loopback WhatsApp server instead of WhatsApp itself.

Tests and the demo only. It takes three things in the child process: the way there (a proxy), the server's TLS
authority, and its Noise root key in place of WhatsApp's, which the client library holds in writable memory. A normal
worker never imports this module: in loopback mode the supervisor starts this one instead, and it refuses anything that
isn't on loopback.
"""

import ctypes
import ipaddress
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from exponential.core import log
from exponential.core.errors import ConfigurationError
from exponential.core.settings import GatewaySettings
from exponential.protocol.noise import WHATSAPP_ROOT

NOISE_ROOT = "EXPONENTIAL_LOOPBACK_NOISE_ROOT"
_log = log.get(__name__)


def environment(settings: GatewaySettings) -> dict[str, str]:
    """What a loopback worker's environment must hold. Raises ConfigurationError unless all of it is loopback."""
    if settings.mode != "loopback" or settings.environment == "production":
        raise ConfigurationError("Only WHATSAPP_MODE=loopback outside production may trust a loopback WhatsApp server.")
    if sys.platform != "linux":
        raise ConfigurationError("Loopback mode needs Linux: elsewhere the client library can't be told to trust it.")
    _require_loopback(settings.proxy_url)
    _noise_root(settings.loopback_noise_root)
    if settings.loopback_ca is None or not settings.loopback_ca.is_file():
        raise ConfigurationError("WHATSAPP_LOOPBACK_CA names no file. It is the PEM file of the loopback server's CA.")
    _log.warning("loopback_mode", meaning="sessions are linked to the loopback server, not to WhatsApp")
    return {
        "HTTPS_PROXY": settings.proxy_url,
        "SSL_CERT_FILE": str(settings.loopback_ca.resolve()),
        NOISE_ROOT: settings.loopback_noise_root,
    }


def _require_loopback(proxy_url: str) -> None:
    host = urlsplit(proxy_url).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback  # RFC 6761 §6.3: it is always loopback
    except ValueError:
        local = False
    if not local:
        raise ConfigurationError(
            "In loopback mode WHATSAPP_PROXY_URL must be an address such as http://127.0.0.1:8443."
        )


def _noise_root(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigurationError("WHATSAPP_LOOPBACK_NOISE_ROOT must be 64 hex digits: the loopback server's root key.")
    return key


def _writable_mappings(library: str) -> list[tuple[int, int]]:
    """(start, end) of the writable memory of a loaded library, with the anonymous part that directly follows it."""
    found: list[tuple[int, int]] = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, permissions, _offset, _device, _inode, *path = line.split(maxsplit=5)
        start, end = (int(part, 16) for part in addresses.split("-"))
        follows = not path and bool(found) and found[-1][1] == start
        if permissions.startswith("rw") and (follows or (path and Path(path[0]).name == library)):
            found.append((start, end))
    return found


def replace_root(library: str, noise_root: bytes) -> None:
    """Overwrite WhatsApp's root key in the loaded library. Raises ConfigurationError unless it is there once."""
    hits = []
    for start, end in _writable_mappings(library):
        memory = ctypes.string_at(start, end - start)
        at = memory.find(WHATSAPP_ROOT)
        while at >= 0:
            hits.append(start + at)
            at = memory.find(WHATSAPP_ROOT, at + 1)
    if len(hits) != 1:
        raise ConfigurationError(
            f"WhatsApp's root key is in the client library {len(hits)} times, not once: "
            "this version of neonize can't be used in loopback mode."
        )
    ctypes.memmove(hits[0], noise_root, len(noise_root))


def _prepare(environ: Mapping[str, str]) -> bytes:
    """Have the client library trust the loopback server; its root key, for the linking client."""
    _require_loopback(environ.get("HTTPS_PROXY", ""))
    root = _noise_root(environ.get(NOISE_ROOT, ""))
    import neonize._binder as binder

    replace_root(Path(binder.gocode._name).name, root)
    return root


if __name__ == "__main__":
    trusted = _prepare(os.environ)
    from exponential.gateway.worker import main

    main.main(trusted)
