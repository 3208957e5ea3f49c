"""Listening sockets of the services."""

import socket

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
