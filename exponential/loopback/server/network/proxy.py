"""The CONNECT proxy that clients dial instead of the internet: it joins WhatsApp's host names to the loopback server.

Any other destination is refused, so nothing that a client under test does can leave the machine.
"""

import asyncio
import contextlib
import re

_ALLOWED = re.compile(rb"^CONNECT ((?:[\w-]+\.)*whatsapp\.(?:com|net)):443 HTTP/1\.[01]\r\n")
_CHAT_HOST = b"web.whatsapp.com"  # whatsmeow socket/constants.go, URL
_MAX_HEAD_BYTES = 16_384


class ConnectProxy:
    """Tunnels to two ports on 127.0.0.1: web.whatsapp.com to the chat server, its other hosts to the media host."""

    def __init__(self, chat_port: int, media_port: int) -> None:
        self._chat = chat_port
        self._media = media_port
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []

    async def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1 and return the port: `port`, or a free one for 0."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=_MAX_HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every tunnel."""
        if self._server:
            self._server.close()
        for task in self._tunnels:
            task.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        try:
            await self._tunnel(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        allowed = _ALLOWED.match(head)
        if not allowed:
            self.refused.append(head.split(b"\r\n")[0].decode("latin-1"))
            writer.write(b"HTTP/1.1 403 Only WhatsApp's hosts are served here\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        port = self._chat if allowed[1] == _CHAT_HOST else self._media
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pipe(reader, upstream_writer))
                group.create_task(_pipe(upstream_reader, writer))
        finally:
            upstream_writer.close()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()
