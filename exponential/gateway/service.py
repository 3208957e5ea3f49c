"""The gateway as a running service: workers, delivery and outbox around the API, started and stopped in order."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from exponential import database, encryption, log
from exponential.database import Database
from exponential.errors import ConfigurationError
from exponential.gateway import api, spool, wakeups
from exponential.gateway.delivery import Delivery
from exponential.gateway.operations import Operations
from exponential.gateway.outbox import Outbox, Pace
from exponential.gateway.process import Launch
from exponential.gateway.supervisor import Supervisor
from exponential.settings import GatewaySettings

_log = log.get(__name__)


def serve(settings: GatewaySettings) -> None:
    """Run the gateway until SIGTERM or SIGINT. `settings` must name the database and hold secrets and keys.

    Raises ConfigurationError, in one sentence, when it can't start.
    """
    launch = _launch(settings)
    encryption.use_keys(settings.encryption_keys)
    database.prepare("gateway", settings.database_url)
    listener = _listen(settings.host, settings.port)
    asyncio.run(_serve(settings, launch, listener))


def application(settings: GatewaySettings, *, launch: Launch | None = None, pace: Pace | None = None) -> FastAPI:
    """The API with the whole gateway running in its lifespan. The database must be prepared, the key ring set."""
    db = Database(settings.database_url)
    spool_keys = spool.derive_keys(settings.encryption_keys)
    operations = Operations(db, max_sessions=settings.max_sessions, spool_keys=spool_keys)
    folder = settings.data_dir / "gateway" / "sessions"
    supervisor = Supervisor(launch or _launch(settings), folder, spool_keys[0], operations.apply)
    outbox = Outbox(db, supervisor, pace=pace)
    operations.attach(supervisor, outbox)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        delivery = Delivery(db, settings.app_url, settings.auth_secret)

        async def sweep() -> None:
            await operations.tidy()
            await delivery.sweep()
            await outbox.sweep()

        handlers = {wakeups.INBOX: delivery.notice, wakeups.OUTBOX: outbox.notice}
        follower = asyncio.create_task(wakeups.follow(db, handlers, sweep), name="wake-ups")
        try:
            await operations.resume()
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            await delivery.close()
            await outbox.close()
            await supervisor.close()
            await operations.close()
            await db.close()

    return api.create(settings, operations, lifespan=running)


def _launch(settings: GatewaySettings) -> Launch:
    if settings.mode == "loopback":
        from exponential.gateway import trust

        return Launch("exponential.gateway.trust", trust.environment(settings), settings.log_level)
    proxy = {"HTTPS_PROXY": settings.proxy_url} if settings.proxy_url else {}
    return Launch(environment=proxy, log_level=settings.log_level)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise ConfigurationError(
            f"The gateway can't listen on {host} port {port} ({error.strerror or error}). "
            "Stop what uses it, or set WHATSAPP_GATEWAY_PORT to another one."
        ) from None


async def _serve(settings: GatewaySettings, launch: Launch, listener: socket.socket) -> None:
    config = uvicorn.Config(
        application(settings, launch=launch),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    _log.info("gateway_listening", host=settings.host, port=listener.getsockname()[1], mode=settings.mode)
    await server.serve(sockets=[listener])
    if not server.started:
        raise ConfigurationError("The gateway could not start; the log line above says why.")
    _log.info("gateway_stopped")


class _Server(uvicorn.Server):
    """uvicorn that returns to its caller after a signal; as it is, it would end the process by that signal."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True
