"""The process that `benchmarks.burst` measures: the way (BENCHMARK_WAY) says which client runs in it, and on what."""

import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exponential.gateway.worker import loopback_trust, protocol
from exponential.gateway.worker.channel import Channel


def bare(way: str) -> None:
    """neonize and nothing else: each message is one event on the wire."""
    from neonize._binder import gocode
    from neonize.client import NewClient
    from neonize.events import ConnectedEv, MessageEv

    from exponential.gateway.worker.workarounds import memory_database

    if way == "bare in memory":
        memory_database.install(gocode)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    channel.emit(protocol.Ready())
    while not isinstance(opening := channel.receive(), protocol.Open):
        pass
    name = f"/{opening.session}" if way == "bare in memory" else str(Path(opening.folder) / "bare.db")
    client = NewClient(name)
    client.event(ConnectedEv)(lambda *_: channel.emit(protocol.Online(opening.session, protocol.Account(""))))
    client.event(MessageEv)(lambda *_: channel.emit(protocol.Spooled(opening.session)))
    client.event.qr(lambda _, code: channel.emit(protocol.QrCode(opening.session, code.decode(), 20)))
    threading.Thread(target=client.connect, daemon=True).start()
    while channel.receive() is not None:
        pass
    os._exit(0)


def without_gate() -> None:
    """Our worker with a store that counts as durable at once, and a gate that holds nothing up."""
    from neonize._binder import gocode

    from exponential.gateway.credentials import store_copy
    from exponential.gateway.worker import neonize_client
    from exponential.gateway.worker.workarounds.stanza_gate import StanzaGate

    class Local(store_copy.StoreCopy):
        def is_durable(self, _generation: int) -> bool:
            return True

        def catch_up(self) -> None: ...

    class OpenGate(StanzaGate):
        def log(self, *_: Any) -> None: ...

    def new_store(opening: protocol.Open, emit: Callable[[protocol.Event], None], on_lost: Callable[[], None]) -> Local:
        return Local(gocode, opening, emit, on_lost)

    neonize_client.new_store = new_store
    neonize_client.StanzaGate = OpenGate  # type: ignore[attr-defined]


def main() -> None:
    os.umask(0o077)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # neonize prints there
    loopback_trust._prepare(os.environ)
    way = os.environ["BENCHMARK_WAY"]
    if way.startswith("bare"):
        bare(way)
    if way == "ours, no gate":
        without_gate()
    from exponential.gateway.worker import main as worker

    worker.main()


if __name__ == "__main__":
    main()
