"""Frames on WhatsApp's socket: three bytes of length, then content (whatsmeow socket/framesocket.go, constants.go)."""

HEADER = b"WA\x06\x03"  # what a client's first frame follows; also the prologue of the Noise handshake
LENGTH_BYTES = 3


def framed(content: bytes) -> bytes:
    """`content`, less than 2^24 bytes of it, as a frame."""
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


class FrameBuffer:
    """Cuts what comes from a socket into frames: the socket's own messages may hold parts of one, or several."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        self._data += data

    def take(self, count: int) -> bytes | None:
        """The next `count` bytes, such as a header; None until they have come."""
        if len(self._data) < count:
            return None
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def next(self) -> bytes | None:
        """The content of the next frame; None until all of it has come."""
        end = LENGTH_BYTES + int.from_bytes(self._data[:LENGTH_BYTES], "big")
        if len(self._data) < max(end, LENGTH_BYTES):
            return None
        content, self._data = self._data[LENGTH_BYTES:end], self._data[end:]
        return content
