"""The process that `benchmarks.burst` measures: the way (BENCHMARK_WAY) says which client runs in it, and on what."""

import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exponential.gateway import trust, wire
from exponential.gateway.channel import Channel


def bare(way: str) -> None:
    """neonize and nothing else: each message is one event on the wire."""
    from neonize._binder import gocode
    from neonize.client import NewClient
    from neonize.events import ConnectedEv, MessageEv

    from exponential.gateway import memdb

    if way == "bare in memory":
        memdb.install(gocode)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    channel.emit(wire.Ready())
    while not isinstance(opening := channel.receive(), wire.Open):
        pass
    name = f"/{opening.session}" if way == "bare in memory" else str(Path(opening.folder) / "bare.db")
    client = NewClient(name)
    client.event(ConnectedEv)(lambda *_: channel.emit(wire.Online(opening.session, wire.Account(""))))
    client.event(MessageEv)(lambda *_: channel.emit(wire.Spooled(opening.session)))
    client.event.qr(lambda _, code: channel.emit(wire.Code(opening.session, code.decode(), 20)))
    threading.Thread(target=client.connect, daemon=True).start()
    while channel.receive() is not None:
        pass
    os._exit(0)


def without_gate() -> None:
    """Our worker with a store that counts as durable at once, and a gate that holds nothing up."""
    from neonize._binder import gocode

    from exponential.gateway import keeper, whatsapp
    from exponential.gateway.gate import Gate

    class Local(keeper.Keeper):
        def is_durable(self, _generation: int) -> bool:
            return True

        def catch_up(self) -> None: ...

    class OpenGate(Gate):
        def log(self, *_: Any) -> None: ...

    def new_store(opening: wire.Open, emit: Callable[[wire.Event], None], on_lost: Callable[[], None]) -> Local:
        return Local(gocode, opening, emit, on_lost)

    whatsapp.new_store = new_store
    whatsapp.Gate = OpenGate  # type: ignore[attr-defined]


def main() -> None:
    os.umask(0o077)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # neonize prints there
    trust._prepare(os.environ)
    way = os.environ["BENCHMARK_WAY"]
    if way.startswith("bare"):
        bare(way)
    if way == "ours, no gate":
        without_gate()
    from exponential.gateway import worker

    worker.main()


if __name__ == "__main__":
    main()
