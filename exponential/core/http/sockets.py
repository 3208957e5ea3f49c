"""Listening sockets of the services."""

import socket

from exponential.core.errors import ConfigurationError
from exponential.core.settings import AppSettings, GatewaySettings

BACKLOG = 512  # connections that may wait to be taken


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket, on IPv6 when `host` is such an address; port 0 takes a free one. Raises OSError.

    Its connections send at once: TCP_NODELAY is inherited. Without it the second part of an answer waits for the
    acknowledgement of the first, which the other side puts off for 40 ms; asyncio sets it only for its own listeners.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def bind_app(settings: AppSettings) -> socket.socket:
    """The app's socket. Raises ConfigurationError."""
    return _bind("app", settings.host, settings.port, "EXPONENTIAL_APP_PORT")


def bind_gateway(settings: GatewaySettings) -> socket.socket:
    """The gateway's. Raises ConfigurationError."""
    return _bind("gateway", settings.host, settings.port, "WHATSAPP_GATEWAY_PORT")


def url_of(listener: socket.socket) -> str:
    """Where this machine reaches what listens there."""
    host, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def _bind(service: str, host: str, port: int, variable: str) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise ConfigurationError(
            f"The {service} can't listen on {host} port {port} ({error.strerror or error}). "
            f"Stop the program that uses it, or set {variable} to another port."
        ) from None
