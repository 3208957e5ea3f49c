"""The worker's end of the wire: blocking reads on one thread, writes that never make anyone wait."""

import queue
import socket
import threading

from exponential import log
from exponential.gateway import wire

_CHUNK = 2**16
_log = log.get(__name__)


class Channel:
    """Frames over `connection`. `emit` never blocks: a callback of the client must not wait for the supervisor.

    What is too long for a frame is left out, and an answer that is becomes a refusal.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._outgoing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._write, daemon=True, name="wire").start()

    def emit(self, event: wire.Event) -> None:
        try:
            frame = wire.pack(event)
        except wire.TooLong as error:
            _log.error("event_too_long", why=str(error))
            if not isinstance(event, wire.Answer):
                return
            frame = wire.pack(wire.Answer(event.request, "WhatsApp's answer is too long.", "Refused"))
        self._outgoing.put(frame)

    def receive(self) -> wire.Command | None:
        """The next command; None when the supervisor is gone."""
        while prefix := self._exactly(4):
            length = wire.body_length(prefix)
            if length <= wire.MAX_FRAME:
                body = self._exactly(length)
                command: wire.Command | None = wire.unpack(body) if body else None
                return command
            _log.error("command_too_long", bytes=length)
            while length and (skipped := self._exactly(min(length, _CHUNK))):
                length -= len(skipped)
        return None

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
