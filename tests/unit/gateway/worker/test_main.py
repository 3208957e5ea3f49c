"""A worker that earlier clients left too much behind in wants to be replaced, but not in the middle of a message."""

import socket
import threading
from collections.abc import Iterator

import pytest

from exponential.gateway.cluster.lease import Lease
from exponential.gateway.worker import main
from exponential.gateway.worker.channel import Channel
from exponential.gateway.worker.main import Worker


@pytest.fixture
def made() -> Iterator[Worker]:
    ours, theirs = socket.socketpair()
    lease = Lease()
    with ours, theirs:
        yield Worker(Channel(theirs), lease)
    lease.close()


def test_what_earlier_clients_left_behind_wears_it_out(made: Worker) -> None:
    assert not made._worn_out()
    made._left_behind = main.MAX_LEFT_THREADS + 1
    assert made._worn_out()
    made._left_behind, made._leftovers = 0, main.MAX_LEFTOVER_BYTES + 1
    assert made._worn_out()


def test_while_a_message_is_being_sent_it_goes_on(made: Worker) -> None:
    made._leftovers = main.MAX_LEFTOVER_BYTES + 1
    sent = threading.Event()
    made._call(1, lambda: str(sent.wait(10)))
    assert not made._worn_out()
    sent.set()
    made._calls.shutdown(wait=True)
    assert made._worn_out()
