"""The whole product at once, as processes: app, gateway, real clients, the loopback WhatsApp.

For the stories of a module to share (`running`): every user, phone and browser window in it is a story's own.
"""

import base64
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
from playwright.async_api import Browser, Page, expect

from exponential.auth import consents, sign_in
from exponential.auth.users import User
from exponential.cli import installation
from exponential.cli.installation import Installation
from exponential.core import encryption
from exponential.core.database import Database
from exponential.core.errors import ExponentialError
from exponential.core.postgres.embedded import EmbeddedPostgres
from exponential.core.settings import AppSettings, GatewaySettings, read
from exponential.gateway.client import GatewayClient
from exponential.gateway.messages.inbox import PARKED, InboxMessage
from exponential.gateway.sessions import sessions
from exponential.loopback.phones import camera
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.directory import Device
from exponential.loopback.server.server import Loopback
from support.browser import PATIENT, Window, open_window
from support.waiting import until

SECRET = "a secret of more than thirty-two characters"
PER_USER = 3  # sessions


@dataclass
class Living:
    """`client` speaks to the gateway as any user's `identity`."""

    url: str
    database: Database
    client: GatewayClient
    whatsapp: Loopback
    keys: tuple[bytes, ...]
    gateway: installation.Service
    gateway_database: str
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(4915110000001))

    async def user(self, name: str = "Alice", *, consented: bool = False) -> User:
        encryption.use_keys(self.keys)
        async with self.database.transaction() as session:
            user = User(email=f"{name}.{secrets.token_hex(3)}@example.org".lower(), name=name, timezone="Europe/Berlin")
            session.add(user)
            await session.flush()
            if consented:
                await consents.record(session, user.id, consents.WHATSAPP, consents.WHATSAPP_VERSION)
        return user

    async def link_of(self, user: User) -> str:
        """A sign-in link's whole address."""
        async with self.database.transaction() as session:
            return f"{self.url}/sign-in/{await sign_in.make_link(session, user)}"

    def phone(self, name: str = "Alice") -> Phone:
        return self.whatsapp.add_phone(f"+{next(self.numbers)}", name)

    async def linked(self, user: User, phone: Phone) -> tuple[str, Device]:
        """Link a phone without looking at the pages: the session's id, and the device that the phone lists for it."""
        session_id = await self.client.login(user.identity)
        device = await self.scan(user, session_id, phone)
        await self.until(user, session_id, "connected")
        return session_id, device

    async def scan(self, user: User, session_id: str, phone: Phone) -> Device:
        """Scan the code that the session shows, as soon as it shows one. Raises LinkError."""

        async def code() -> bytes | None:
            try:
                return await self.client.qr(user.identity, session_id)
            except ExponentialError:
                return None

        return await phone.scan(camera.read(await until(code, within=30)))

    async def until(self, user: User, session_id: str, status: str) -> None:
        async def reached() -> bool:
            return (await self.client.login_status(user.identity, session_id)).status == status

        await until(reached, within=30)

    async def between_codes(self, session_id: str, since: int) -> None:
        """The moment in which a code has ended and the next one is not there yet, made longer: `since` seconds ago."""
        async with await psycopg.AsyncConnection.connect(self.gateway_database, autocommit=True) as connection:
            await connection.execute(
                "update sessions set qr_code = null, qr_expires_at = null, since = now() - make_interval(secs => %s) "
                "where id = %s",
                (since, session_id),
            )

    async def compare(self, session_id: str, code: str) -> None:
        """WhatsApp wants this code compared."""
        gateway = Database(self.gateway_database)
        async with gateway.transaction() as db:
            await sessions.passkey_code(db, session_id, code)
        await gateway.close()

    async def park(self, session_id: str) -> None:
        """A message that the app has refused, as one of a later version may be."""
        gateway = Database(self.gateway_database)
        async with gateway.transaction() as db:
            refused = {"state": PARKED, "reason": "The app answered with HTTP 422."}
            which = {"message_id": secrets.token_hex(8), "chat_key": b"a chat", "payload": {"text": "hello"}}
            db.add(InboxMessage(session_id=UUID(session_id), **which, **refused))
        await gateway.close()

    @asynccontextmanager
    async def window(
        self, browser: Browser, user: User | None = None, path: str = "/chat", **context: object
    ) -> AsyncIterator[Window]:
        """A profile of its own, signed in as `user`, at `path`; its console must stay silent."""
        async with open_window(browser, **context) as window:
            if user is not None:
                await window.sign_in(await self.link_of(user))
            if path != "/chat" or user is None:
                await window.page.goto(self.url + path)
            yield window


@asynccontextmanager
async def running(postgres: EmbeddedPostgres, folder: Path, **app: object) -> AsyncIterator[Living]:
    """All of it until the block ends; `app`: settings of the app service by their environment names."""
    key = secrets.token_bytes(32)
    name = secrets.token_hex(4)
    shared = {"data_dir": folder, "auth_secret": SECRET, "encryption_keys": (key,)}
    place = Installation(
        read(AppSettings, **shared, database_url=postgres.url(f"app_{name}"), port=0),
        read(GatewaySettings, **shared, database_url=postgres.url(f"gateway_{name}"), port=0),
    )
    encryption.use_keys((key,))
    expect.set_options(timeout=PATIENT)
    async with Loopback() as whatsapp:
        environment = {
            "AUTH_SECRET": SECRET,
            "EXPONENTIAL_ENCRYPTION_KEY": base64.b64encode(key).decode(),
            "EXPONENTIAL_LOG_LEVEL": "warning",
            "WHATSAPP_MODE": "loopback",
            "WHATSAPP_PROXY_URL": whatsapp.proxy_url,
            "WHATSAPP_LOOPBACK_CA": str(whatsapp.ca_path),
            "WHATSAPP_LOOPBACK_NOISE_ROOT": whatsapp.noise_root,
            "WHATSAPP_MAX_SESSIONS_PER_USER": str(PER_USER),
            **{name: str(value) for name, value in app.items()},
        }
        async with installation.running(place, environment) as services:
            database = Database(place.app.database_url)
            gateway = services.gateway
            client = GatewayClient(gateway.url, SECRET)
            url = services.app.url
            yield Living(url, database, client, whatsapp, (key,), gateway, place.gateway.database_url)
            await client.close()
            await database.close()


async def open_whatsapp(page: Page) -> None:
    await page.get_by_role("button", name="WhatsApp", exact=True).click()
    await expect(page.get_by_role("dialog", name="WhatsApp Connection")).to_be_visible()
