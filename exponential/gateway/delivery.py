"""Delivery: pushes inbox rows to the app, in order per chat, until it answers 2xx. Chats never wait for each other."""

import asyncio
import random
from uuid import UUID

import httpx

from exponential import clock, log
from exponential.auth import tokens
from exponential.auth.tokens import Identity
from exponential.database import Database
from exponential.gateway import inbox
from exponential.gateway.lanes import Lanes

PATH = "/api/whatsapp-gateway/messages"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between attempts while the app doesn't answer; doubled each time
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_RETRIED = (401, 404, 408, 425, 429)  # 4xx that an operator or time can mend; other 4xx mean this message is at fault
_log = log.get(__name__)


class Delivery:
    """`poke` a chat when it has something new; the rest happens by itself."""

    def __init__(self, database: Database, app_url: str, secret: str, *, http: httpx.AsyncClient | None = None) -> None:
        self._database = database
        self._url = app_url.rstrip("/") + PATH if app_url else ""
        self._secret = secret
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT, limits=limits)
        self._lanes: Lanes[tuple[UUID, bytes]] = Lanes("delivery", self._deliver)
        if not app_url:
            _log.warning("app_not_configured", meaning="messages wait in the inbox until EXPONENTIAL_APP_URL is set")

    def poke(self, session_id: UUID, chat_key: bytes) -> None:
        if self._url:
            self._lanes.poke((session_id, chat_key))

    def notice(self, payload: str) -> None:
        """A NOTIFY of wakeups.INBOX."""
        session_id, _, key = payload.partition(" ")
        self.poke(UUID(session_id), bytes.fromhex(key))

    async def sweep(self) -> None:
        """Poke every chat with something waiting."""
        async with self._database.transaction() as db:
            chats = await inbox.waiting_chats(db)
        for session_id, chat_key in chats:
            self.poke(session_id, chat_key)

    async def close(self) -> None:
        await self._lanes.close()
        await self._http.aclose()

    async def _deliver(self, chat: tuple[UUID, bytes], poked: asyncio.Event) -> None:
        pause = FIRST_PAUSE
        while True:
            async with self._database.transaction() as db:
                found = await inbox.next_waiting(db, *chat)
            if found is None:
                return
            row, owner = found
            problem, permanent = await self._post(row, owner)
            if problem is None or permanent:
                await self._settle(row.seq, problem)
                pause = FIRST_PAUSE
                continue
            _log.warning("delivery_waits", session=str(row.session_id), why=problem, retry_in=round(pause, 1))
            poked.clear()
            try:
                await asyncio.wait_for(poked.wait(), pause * random.uniform(0.8, 1.2))
            except TimeoutError:
                pass
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _post(self, row: inbox.InboxMessage, owner: str) -> tuple[str | None, bool]:
        """(what went wrong, whether trying again is pointless); (None, False) when the app has the message."""
        token = tokens.issue(Identity(owner), secret=self._secret, audience=tokens.APP)
        try:
            answer = await self._http.post(self._url, json=row.payload, headers={"Authorization": f"Bearer {token}"})
        except httpx.HTTPError as error:
            return f"the app can't be reached ({type(error).__name__})", False
        if answer.is_success:
            return None, False
        permanent = 400 <= answer.status_code < 500 and answer.status_code not in _RETRIED
        return f"the app answered with HTTP {answer.status_code}", permanent

    async def _settle(self, seq: int, problem: str | None) -> None:
        async with self._database.transaction() as db:
            row = await db.get(inbox.InboxMessage, seq)
            if row is None:
                return
            if problem is None:
                row.state, row.delivered_at, row.payload = inbox.DELIVERED, clock.now(), None
            else:
                row.state, row.reason = inbox.PARKED, problem
                _log.error("message_parked", session=str(row.session_id), message=row.seq, why=problem)
