"""The gateway as a running service: workers, delivery and outbox around the API, started and stopped in order."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from fastapi import FastAPI

from exponential.core import database, key_check, log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database
from exponential.core.errors import ConfigurationError
from exponential.core.http.server import Server
from exponential.core.http.sockets import bind_gateway
from exponential.core.settings import GatewaySettings
from exponential.gateway.api import application as api
from exponential.gateway.cluster import wakeups
from exponential.gateway.cluster.data_folder import DataFolder
from exponential.gateway.cluster.nodes import Membership
from exponential.gateway.cluster.ownership import Ownership
from exponential.gateway.credentials.checkouts import Checkouts
from exponential.gateway.credentials.credential_store import CredentialStore
from exponential.gateway.health import Health
from exponential.gateway.messages.delivery import Delivery
from exponential.gateway.messages.media import MediaFetcher
from exponential.gateway.messages.outbox import Outbox
from exponential.gateway.messages.pacing import Pace
from exponential.gateway.messages.rate_limits import FileLimiter
from exponential.gateway.operations import Operations
from exponential.gateway.sessions.sessions import SessionLimits
from exponential.gateway.timing import Timing
from exponential.gateway.worker import protocol, spool
from exponential.gateway.worker.process import Launch
from exponential.gateway.worker.reports import Reports
from exponential.gateway.worker.supervisor import SessionOptions, Supervisor

_log = log.get(__name__)


def serve(settings: GatewaySettings, listener: socket.socket | None = None) -> None:
    """Run the gateway until a signal. `settings` must name the database and hold secrets and keys.

    Raises ConfigurationError, in one sentence, when it can't start.
    """
    launch = _launch(settings)
    key_check.prepare("gateway", settings.database_url, settings.encryption_keys)
    asyncio.run(_serve(settings, launch, listener or bind_gateway(settings)))


def application(
    settings: GatewaySettings,
    *,
    launch: Launch | None = None,
    pace: Pace | None = None,
    timing: Timing | None = None,
) -> FastAPI:
    """The API with the whole gateway running in its lifespan. The database must be prepared, the key ring set."""
    data_folder = DataFolder(settings.data_dir / "gateway", timing)
    db = Database(database.named(settings.database_url, data_folder.name))
    spool_keys = spool.derive_keys(settings.encryption_keys)
    folder = settings.data_dir / "gateway" / "sessions"
    checkouts = Checkouts(CredentialStore(db, settings.encryption_keys), folder)

    # The supervisor and those whom it tells need each other: these find them once all are there.
    async def options_of(session_id: UUID) -> SessionOptions:
        return await operations.session_options(session_id)

    async def apply(event: protocol.Event) -> None:
        await reports.apply(event)

    async def record_id(leaving: protocol.Leaving) -> bool:
        return await outbox.leaving(leaving)

    async def look() -> None:
        """See what waits for sessions of this node."""
        await operations.unlinker.sweep()
        await operations.permissions.sweep()
        await operations.rpc.sweep()
        reports.collect_all()
        await delivery.sweep()
        await outbox.sweep()

    async def sweep() -> None:
        operations.events.look_again()
        await operations.tidy()
        await look()

    supervisor = Supervisor(
        launch or _launch(settings),
        folder,
        spool_keys[0],
        checkouts,
        options_of=options_of,
        apply=apply,
        record_id=record_id,
        per_worker=settings.sessions_per_worker,
        timing=timing,
    )
    ownership = Ownership(Membership(db.libpq, data_folder.name), supervisor, on_taken=look)
    outbox = Outbox(db, supervisor, ownership, pace=pace or Pace(per_minute=settings.send_limit), timing=timing)
    reports = Reports(db, outbox, ownership, folder, spool_keys, pause=timedelta(minutes=settings.pause_minutes))
    per_day = FileLimiter(settings.contact_files * 1_000_000, settings.session_files * 1_000_000)
    delivery = Delivery(
        db,
        settings.app_url,
        settings.auth_secret,
        park_after=timedelta(hours=settings.park_after),
        holds=ownership.holds,
        files=MediaFetcher(supervisor, folder, spool_keys, settings.media_limit * 1_000_000, per_day),
        timing=timing,
    )
    limits = SessionLimits(settings.max_sessions, settings.max_sessions_per_user)
    rates = settings.contact_limit, settings.session_limit
    operations = Operations(
        db, supervisor, outbox, reports, ownership, limits=limits, rates=rates, own_linking=settings.linking == "own"
    )
    handlers = {
        wakeups.INBOX: delivery.notice,
        wakeups.OUTBOX: outbox.notice,
        wakeups.ACCESS: operations.permissions.notice,
        wakeups.REQUESTS: operations.rpc.notice_request,
        wakeups.ANSWERS: operations.rpc.notice_answer,
        wakeups.UNLINK: operations.unlinker.notice,
        wakeups.EVENTS: operations.events.notice,
    }

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        follower = asyncio.create_task(wakeups.follow(db, handlers, sweep), name="wake-ups")
        try:
            await ownership.start()
            yield
        finally:
            await ownership.stop()
            await cancel_and_wait(follower)
            await operations.permissions.close()
            await operations.rpc.close()
            await delivery.close()
            await operations.unlinker.close()
            await outbox.close()
            await supervisor.close()
            await reports.close()
            await ownership.leave()
            await db.close()
            data_folder.close()

    health = Health(db, supervisor, reports, settings.data_dir)
    return api.create(settings, operations, health, lifespan=running)


def _launch(settings: GatewaySettings) -> Launch:
    environment = spool.SpoolRules(settings.spool_fsync, settings.spool_limit * 2**20).as_environment()
    if settings.mode == "loopback":
        from exponential.gateway.worker import loopback_trust

        return Launch(
            "exponential.gateway.worker.loopback_trust",
            environment | loopback_trust.environment(settings),
            settings.log_level,
        )
    if settings.proxy_url:
        environment["HTTPS_PROXY"] = settings.proxy_url
    return Launch(environment=environment, log_level=settings.log_level)


async def _serve(settings: GatewaySettings, launch: Launch, listener: socket.socket) -> None:
    app = application(settings, launch=launch)
    server = Server(
        app, before_stop=app.state.operations.events.close, trusted_proxies=settings.trusted_proxies, grace=1
    )
    _log.info("gateway_listening", host=settings.host, port=listener.getsockname()[1], mode=settings.mode)
    await server.serve(sockets=[listener])
    if not server.started:
        raise ConfigurationError("The gateway could not start; the log line above says why.")
    _log.info("gateway_stopped")
