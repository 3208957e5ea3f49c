"""The worker's end of the wire: blocking reads on one thread, writes that never make anyone wait."""

import queue
import socket
import threading

from exponential.gateway import wire


class Channel:
    """Frames over `connection`. `emit` never blocks: a callback of the client must not wait for the supervisor."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._write, daemon=True, name="wire").start()

    def emit(self, event: wire.Event) -> None:
        self._outgoing.put(wire.pack(event))

    def receive(self) -> wire.Command | None:
        """The next command; None when the supervisor is gone."""
        prefix = self._exactly(4)
        body = self._exactly(wire.body_length(prefix)) if prefix else b""
        command: wire.Command | None = wire.unpack(body) if body else None
        return command

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                more = self._connection.recv(count - len(data))
            except OSError:
                more = b""
            if not more:
                return b""
            data += more
        return data

    def _write(self) -> None:
        while True:
            try:
                self._connection.sendall(self._outgoing.get())
            except OSError:
                return  # the reading side sees the same end and stops the process
