"""Bringing an installation up: its settings and databases, and both services as processes that are kept running."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx

from exponential.auth import sign_in, users
from exponential.core import database, key_check, log
from exponential.core.backoff import Backoff
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Part
from exponential.core.errors import ConfigurationError
from exponential.core.http.sockets import bind_app, bind_gateway, url_of
from exponential.core.postgres import embedded
from exponential.core.settings import AppSettings, GatewaySettings, read, with_kept_keys, with_secrets

TELL_EVERY_SECONDS = 15.0  # after which it is told again that a service is still starting
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 30.0  # seconds before an ended service starts again; doubled each time
STEADY_SECONDS = 30.0  # of life after which a service's end counts as the first again
STOP_SECONDS = 6.0  # a service gets to finish what it does
BAD_CONFIGURATION = 2  # exit code of a service that can't start as configured

Served = TypeVar("Served", AppSettings, GatewaySettings)

_log = log.get(__name__)


@dataclass(frozen=True)
class Installation:
    """One data directory, made ready: both services' settings with secrets and database URLs filled in."""

    app: AppSettings
    gateway: GatewaySettings


def installation(data: Path | None) -> Installation:
    """Both services' settings; see `app_settings`."""
    app, gateway = _verified("app", _app(data)), _verified("gateway", _gateway(data))
    return Installation(with_secrets(app), with_secrets(gateway))


def app_settings(data: Path | None) -> AppSettings:
    """The app's settings with its secrets, on the embedded Postgres unless another is given.

    Raises ConfigurationError, also when the database's data needs a key that isn't there: then no new one is made.
    """
    return with_secrets(_verified("app", _app(data)))


def gateway_settings(data: Path | None) -> GatewaySettings:
    """The same for the gateway, whose database is beside the app's if only that is given."""
    return with_secrets(_verified("gateway", _gateway(data)))


def _app(data: Path | None) -> AppSettings:
    return read(AppSettings, **_given(data))


def _gateway(data: Path | None) -> GatewaySettings:
    settings = read(GatewaySettings, **_given(data))
    if settings.database_url or not (beside := _app(data).database_url):
        return settings
    url = database.parse_url(beside)
    url = url.set(database=f"{url.database}_gateway")
    return settings.model_copy(update={"database_url": url.render_as_string(hide_password=False)})


def _given(data: Path | None) -> dict[str, Any]:
    return {"data_dir": data} if data else {}


def _verified(part: Part, settings: Served) -> Served:
    """With a database, and the keys that are kept, if there are any. They open what the database holds."""
    given = settings.database_url
    url = given or embedded.start(settings.data_dir).url(f"exponential_{part}")
    settings = with_kept_keys(settings.model_copy(update={"database_url": url}))
    key_check.verify(part, url, settings.encryption_keys)
    unused = [*settings.data_dir.glob("postgres/PG_VERSION")] if given else []
    if not settings.encryption_keys:
        if unused or any(settings.data_dir.glob("gateway/sessions/*")):
            raise key_check.missing(f"The data folder {settings.data_dir}")
        _verify_other(part, settings, embedded_url="" if given else url)
    return settings


def _verify_other(part: Part, settings: Served, *, embedded_url: str) -> None:
    """The other part's database needs no key either: a new one is made for both. Raises ConfigurationError."""
    other: Part = "gateway" if part == "app" else "app"
    data = settings.data_dir
    url = _gateway(data).database_url if other == "gateway" else _app(data).database_url
    if not url and embedded_url:
        url = embedded.start(data).url(f"exponential_{other}")
    if url:
        key_check.verify(other, url, ())


async def sign_in_link(settings: AppSettings, email: str | None = None) -> str:
    """A link that signs the local account in, once; or the one with an address. Raises NotFound."""
    async with (
        key_check.opened("app", settings.database_url, settings.encryption_keys) as db,
        db.transaction() as session,
    ):
        user = await users.find_by_name(session, email) if email else await users.local_user(session)
        token = await sign_in.make_link(session, user)
    return f"{public_url(settings)}/sign-in/{token}"


def public_url(settings: AppSettings) -> str:
    """Where browsers find the app."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.app_url.rstrip("/") or f"http://{host}:{settings.port}"


class Service:
    """One of our services as a child process. `verb` is its command: app or gateway.

    It serves on `listener`, which stays open here: nobody else gets the port, and calls wait while it starts again.
    While it is still starting, the log says so every `tell_every` seconds.
    """

    def __init__(
        self,
        verb: str,
        listener: socket.socket,
        data: Path,
        environment: Mapping[str, str],
        *,
        tell_every: float = TELL_EVERY_SECONDS,
    ) -> None:
        self.verb = verb
        self.url = url_of(listener)
        self._listener = listener
        self._tell_every = tell_every
        self._environment = {**os.environ, **environment, "EXPONENTIAL_DATA": str(data)}
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # ends with ConfigurationError

    async def start(self) -> None:
        """Start it, wait until it answers, and keep it running from then on. Raises ConfigurationError."""
        await self._spawn()
        await self._until_ready()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask it to finish; kill it when it takes too long."""
        if self._keeper:
            await cancel_and_wait(self._keeper)
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def _spawn(self) -> None:
        fd = self._listener.fileno()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P"),  # without the current folder, where anything may lie
            *("-m", "exponential", self.verb, "--with-parent", "--listen-on", str(fd)),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
            pass_fds=(fd,),
            start_new_session=True,  # a terminal's Ctrl+C is for us: we end the services in order
        )

    async def _until_ready(self) -> None:
        """A slow machine gets all the time that it needs. Raises ConfigurationError when the process ends before."""
        process = self._process
        assert process is not None
        clock = asyncio.get_running_loop().time
        began = told = clock()
        async with httpx.AsyncClient(trust_env=False, timeout=1) as http:
            while process.returncode is None:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/health")).is_success:
                        return
                if clock() - told > self._tell_every:
                    told = clock()
                    _log.warning("service_still_starting", service=self.verb, seconds=round(told - began))
                await asyncio.sleep(0.05)
        raise self._could_not_start()

    async def _keep(self) -> None:
        """Start it again whenever it ends without being asked to, unless it says that it can't start as configured."""
        clock = asyncio.get_running_loop().time
        pauses = Backoff(FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
        while True:
            assert self._process is not None
            started = clock()
            code = await self._process.wait()
            if code == BAD_CONFIGURATION:
                return self.refused.set_exception(self._could_not_start())
            if clock() - started > STEADY_SECONDS:
                pauses.reset()
            pause = pauses.next()
            _log.error("service_ended", service=self.verb, exit_code=code, again_in=round(pause, 1))
            await asyncio.sleep(pause)
            await self._spawn()

    def _could_not_start(self) -> ConfigurationError:
        return ConfigurationError(f"The {self.verb} could not start; what it said above tells why.")


@dataclass(frozen=True)
class Running:
    """An installation whose services are up. Its ports are those that they listen on."""

    place: Installation
    gateway: Service
    app: Service

    async def until_refused(self) -> NoReturn:
        """Wait for a service that can't be started again as it is configured, and raise its ConfigurationError."""
        await asyncio.wait((self.gateway.refused, self.app.refused), return_when=asyncio.FIRST_COMPLETED)
        raise next(
            error for each in (self.gateway, self.app) if each.refused.done() and (error := each.refused.exception())
        )


@asynccontextmanager
async def running(place: Installation, environment: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    """Both services, up and answering, until the block ends; port 0 takes a free one. `environment` wins over ours.

    Raises ConfigurationError when a port is taken or a service can't start.
    """
    with bind_app(place.app) as for_app, bind_gateway(place.gateway) as for_gateway:
        app = place.app.model_copy(update={"port": for_app.getsockname()[1]})
        gateway = place.gateway.model_copy(update={"port": for_gateway.getsockname()[1]})
        shared = {
            "DATABASE_URL": app.database_url,
            "GATEWAY_DATABASE_URL": gateway.database_url,
            "EXPONENTIAL_APP_PORT": str(app.port),
            "WHATSAPP_GATEWAY_PORT": str(gateway.port),
            "EXPONENTIAL_APP_URL": app.app_url or url_of(for_app),
            "WHATSAPP_GATEWAY_URL": app.gateway_url or url_of(for_gateway),
            **(environment or {}),
        }
        services = Running(
            Installation(app, gateway),
            Service("gateway", for_gateway, gateway.data_dir, shared),
            Service("app", for_app, app.data_dir, shared),
        )
        try:
            await asyncio.gather(services.gateway.start(), services.app.start())
            yield services
        finally:
            await asyncio.gather(services.gateway.stop(), services.app.stop())
