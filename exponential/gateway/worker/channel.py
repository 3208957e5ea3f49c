"""The worker's end of the wire: blocking reads on one thread, writes that never make anyone wait."""

import queue
import socket
import threading

from exponential.core import log
from exponential.gateway.worker import protocol

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

    def emit(self, event: protocol.Event) -> None:
        try:
            frame = protocol.pack(event)
        except protocol.TooLong as error:
            _log.error("event_too_long", why=str(error))
            if not isinstance(event, protocol.Answer):
                return
            frame = protocol.pack(protocol.Answer(event.request, "WhatsApp's answer is too long.", "RequestRefused"))
        self._outgoing.put(frame)

    def receive(self) -> protocol.Command | None:
        """The next command; None when the supervisor is gone."""
        while prefix := self._exactly(protocol.HEADER_BYTES):
            header = protocol.Header.read(prefix)
            if not header.too_long:
                frame = self._exactly(header.total)
                command: protocol.Command | None = protocol.unpack(header, frame) if frame else None
                return command
            left = header.total
            _log.error("command_too_long", bytes=left)
            while left and (skipped := self._exactly(min(left, _CHUNK))):
                left -= len(skipped)
        return None

    def _exactly(self, count: int) -> bytes:
        """So many bytes; b"" when the other end is gone."""
        data = bytearray(count)
        view, filled = memoryview(data), 0
        while filled < count:
            try:
                more = self._connection.recv_into(view[filled:])
            except OSError:
                more = 0
            if not more:
                return b""
            filled += more
        return bytes(data)

    def _write(self) -> None:
        while True:
            try:
                self._connection.sendall(self._outgoing.get())
            except OSError:
                return  # the reading side sees the same end and stops the process
