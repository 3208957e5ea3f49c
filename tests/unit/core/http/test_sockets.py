"""Connections of the services' listeners don't wait for acknowledgements before they send on."""

import socket

import pytest

from exponential.core.http.sockets import listen


def test_what_is_sent_leaves_at_once() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()) as client:
        taken, _ = listener.accept()
        with taken, client:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_an_error() -> None:
    with listen("127.0.0.1", 0) as listener, pytest.raises(OSError):
        listen("127.0.0.1", listener.getsockname()[1])
