"""The WhatsApp server on loopback: a simulated WhatsApp that clients can reach."""

import asyncio
import platform
import shutil
import tempfile
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from exponential.loopback.scenarios import player
from exponential.loopback.scenarios.scenario import find
from exponential.loopback.server.connection import Connection
from exponential.loopback.server.network import tls
from exponential.loopback.server.network.proxy import ConnectProxy
from exponential.loopback.server.network.wire_log import Direction
from exponential.loopback.server.whatsapp import WhatsApp
from exponential.loopback.state.folder import State
from exponential.protocol.binary import Node


class Loopback(WhatsApp):
    """`async with Loopback() as whatsapp:` serves on 127.0.0.1 until the block ends.

    A client is pointed at it by `proxy_url` (its HTTP proxy), `ca_path` (a TLS root to trust) and `noise_root` (hex of
    the key that stands where WhatsApp's Noise certificate root is).

    With a folder as `state` it begins as what it was when that folder was last used, by this process or another:
    accounts, phones, links, keys, chats, groups, files and what waits, the TLS authority and the Noise root, but not
    the ports. Entering raises ConfigurationError when the folder can't be used. Without one, all of it is forgotten.
    """

    def __init__(self, state: Path | None = None) -> None:
        super().__init__()
        self._state: State | None = State(state) if state else None
        self._open: set[Connection] = set()

    @staticmethod
    def unsupported() -> str | None:
        """Why clients can't be pointed at a loopback server on this platform, in one sentence; None where they can."""
        if platform.system() == "Linux":
            return None
        return f"The simulated WhatsApp needs Linux, not {platform.system()}. `exponential up` links real WhatsApp."

    async def __aenter__(self) -> "Loopback":
        if self._state:
            self._folder = self._state.folder
            self._state.load(self)
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="exponential-loopback-"))
            self._folder.chmod(0o755)
        self.ca_path, context = tls.make(self._folder, keep=bool(self._state))
        self._server: Server = await serve(
            self._accept,
            "127.0.0.1",
            0,
            ssl=context,
            process_request=_website,
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=0.2,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self._proxy = ConnectProxy(port, await self.media.start(context))
        self._port = await self._proxy.start()
        self.proxy_url = f"http://127.0.0.1:{self._port}"
        self.noise_root = self.authority.root.public.hex()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in list(self._open):
            connection.drop()
        await self._proxy.stop()
        await self.media.stop()
        self._server.close()
        await self._server.wait_closed()
        if self._state:
            self._state.save(self)
            self._state.close()
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def save(self) -> None:
        """Bring what has changed into the state folder, if there is one. It is done before anything leaves the server.

        So a kill of this process loses nothing that a client, or whoever asks by HTTP, was told.
        """
        if self._state:
            self._state.save(self)

    async def restart(self, seconds: float = 0) -> None:
        """Cut every connection, be away for `seconds` with the port closed, then be back as the same server.

        Codes that were on screen are worth nothing afterwards. The phones keep writing meanwhile: it waits.
        """
        await self._proxy.stop()
        for connection in list(self._open):
            connection.drop()
        await asyncio.sleep(seconds)
        await self._proxy.start(self._port)

    async def play(self, scenario: Path | str) -> None:
        """Go through a scenario file, or one that is shipped, by name: `play("flaky-network")`.

        Raises ConfigurationError for a file that isn't a scenario, ScenarioError when it takes another turn.
        """
        await player.play(self, self.restart, find(str(scenario)))

    def stanzas(self, direction: Direction, tag: str) -> list[Node]:
        """What went over the wire, oldest first: `in` is from clients, `out` to them."""
        return self.wire.stanzas(direction, tag)

    async def _accept(self, socket: ServerConnection) -> None:
        connection = Connection(self, socket)
        self._open.add(connection)
        try:
            await connection.run()
        except asyncio.CancelledError:
            connection.drop()
        finally:
            self._open.discard(connection)


def _website(socket: ServerConnection, request: Request) -> Response | None:
    """What a browser sees of web.whatsapp.com: a page on which a passkey can be asked for."""
    if "Upgrade" in request.headers:
        return None
    answer = socket.respond(HTTPStatus.OK, "<!doctype html><title>WhatsApp Web</title><p>The simulated WhatsApp Web.")
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    return answer
