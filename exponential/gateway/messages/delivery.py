"""Delivery: pushes inbox rows to the app, in order per chat, until it answers 2xx. Chats never wait for each other.

While the app can't be reached at all, one chat at a time tries, after growing pauses; when it is back, a few at once.
A message's file is fetched first, which holds up its own chat alone.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

import httpx

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core import clock, log
from exponential.core.backoff import Backoff
from exponential.core.database import Database
from exponential.gateway.messages import inbox
from exponential.gateway.messages.keyed_queue import KeyedQueue
from exponential.gateway.messages.media import MediaFetcher
from exponential.gateway.timing import Timing

PATH = "/api/whatsapp-gateway/messages"
MAX_CONCURRENT = 16  # messages handed over at the same time
MAX_CONCURRENT_FILES = 2  # of them with a file, which is in memory meanwhile
PARK_AFTER = timedelta(days=3)
REQUEST_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_RETRIED = (401, 404, 408, 425, 429)  # 4xx that an operator or time can mend; other 4xx mean this message is at fault
_AWAY = (502, 503, 504)  # whoever answers these, it wasn't an app that could
_REFUSED = "the app answered with HTTP {}"
TOO_LARGE = _REFUSED.format(413)
_log = log.get(__name__)


class Outcome(Enum):
    """Of one attempt for a chat."""

    IDLE = auto()  # nothing waits
    UNFETCHED = auto()  # the message's file isn't here yet
    SETTLED = auto()  # the app has the message, or it was parked
    LATER = auto()  # the app can't take this message now
    AWAY = auto()  # the app can't be reached


class Delivery:
    """`poke` a chat when it has something new; the rest happens by itself, in sessions that this node `holds`.

    A message goes out only when all before it were accepted: so the order holds even while two nodes believe they hold
    a session. What waits longer than `park_after` is set aside, so that nobody gets answers to what they asked days
    ago, until somebody asks for it (inbox.retry).
    """

    def __init__(
        self,
        database: Database,
        app_url: str,
        secret: str,
        *,
        park_after: timedelta = PARK_AFTER,
        holds: Callable[[UUID], bool] = lambda _: True,
        files: MediaFetcher | None = None,
        http: httpx.AsyncClient | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._database = database
        self._url = app_url.rstrip("/") + PATH if app_url else ""
        self._secret = secret
        self._park_after = park_after
        # With a transport of its own, httpx sends nothing through a proxy that the environment names for the outside.
        direct = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=MAX_CONCURRENT))
        self._http = http or httpx.AsyncClient(timeout=REQUEST_TIMEOUT, transport=direct)
        self._holds = holds
        self._queue: KeyedQueue[tuple[UUID, bytes]] = KeyedQueue("delivery", self._deliver)
        self._room = asyncio.Semaphore(MAX_CONCURRENT)
        self._files = files
        self._room_for_files = asyncio.Semaphore(MAX_CONCURRENT_FILES)
        self._away = False
        self._trying = asyncio.Lock()
        self._timing = timing or Timing()
        self._pause = self._backoff()
        if not app_url:
            _log.warning("app_not_configured", meaning="messages wait in the inbox until EXPONENTIAL_APP_URL is set")

    def poke(self, session_id: UUID, chat_key: bytes) -> None:
        if self._url and self._holds(session_id):
            self._queue.poke((session_id, chat_key))

    def notice(self, payload: str) -> None:
        """A NOTIFY of wakeups.INBOX."""
        session_id, _, key = payload.partition(" ")
        self.poke(UUID(session_id), bytes.fromhex(key))

    async def sweep(self) -> None:
        """Park what is too old, and poke every chat with something waiting."""
        async with self._database.transaction() as db:
            parked = await inbox.park(db, clock.now() - self._park_after)
            chats = await inbox.waiting_chats(db)
        if parked:
            _log.error("messages_parked", count=parked, why="the app didn't take them in time")
        for session_id, chat_key in chats:
            self.poke(session_id, chat_key)

    async def close(self) -> None:
        await self._queue.close()
        await self._http.aclose()

    def _backoff(self) -> Backoff:
        return Backoff(self._timing.first_pause, self._timing.max_pause)

    async def _deliver(self, chat: tuple[UUID, bytes], _poked: asyncio.Event) -> None:
        pause = self._backoff()
        while self._holds(chat[0]) and (outcome := await self._attempt(chat)) is not Outcome.IDLE:
            if outcome is Outcome.LATER or (outcome is Outcome.UNFETCHED and not await self._fetch(chat)):
                await pause.wait()
            elif outcome is Outcome.SETTLED:
                pause.reset()

    async def _attempt(self, chat: tuple[UUID, bytes]) -> Outcome:
        if self._away:
            async with self._trying:
                if self._away:
                    await self._pause.wait()
                    return await self._offer(chat)
        async with self._room:
            return await self._offer(chat)

    async def _offer(self, chat: tuple[UUID, bytes]) -> Outcome:
        """Hand over the chat's oldest message."""
        async with self._database.transaction() as db:
            found = await inbox.next_waiting(db, *chat)
        if found is None:
            return Outcome.IDLE
        row, owner = found
        if self._files is not None and not self._files.ready(row):
            return Outcome.UNFETCHED
        outcome, problem = await self._hand_over(row, owner)
        self._note(outcome, problem)
        if outcome is Outcome.SETTLED:
            await self._settle(row.seq, problem)
            if self._files is not None and problem is None:
                self._files.forget(row)
        elif outcome is Outcome.LATER:
            _log.warning("delivery_waits", session=str(row.session_id), why=problem)
        return outcome

    async def _fetch(self, chat: tuple[UUID, bytes]) -> bool:
        """Get the file of the chat's oldest message here. False: not yet."""
        async with self._database.transaction() as db:
            found = await inbox.next_waiting(db, *chat)
        return found is None or self._files is None or await self._files.fetch(found[0])

    async def _hand_over(self, row: inbox.InboxMessage, owner: str) -> tuple[Outcome, str | None]:
        if self._files is None or not (row.payload or {}).get("media"):
            return await self._post(row.payload, owner)
        async with self._room_for_files:
            payload = await self._files.payload(row)
            outcome, problem = await self._post(payload, owner)
        if problem == TOO_LARGE and "data" in payload["media"]:
            self._files.without(row, "The app takes no files of this size.")
            return Outcome.LATER, problem
        return outcome, problem

    async def _post(self, payload: dict[str, Any] | None, owner: str) -> tuple[Outcome, str | None]:
        """What came of it, and what went wrong; a message that is settled with a problem is to be parked."""
        token = service_tokens.issue(Identity(owner), secret=self._secret, audience=service_tokens.APP)
        try:
            answer = await self._http.post(self._url, json=payload, headers={"Authorization": f"Bearer {token}"})
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Outcome.AWAY, f"the app can't be reached ({type(error).__name__})"
        except httpx.HTTPError as error:
            return Outcome.LATER, f"the app didn't answer ({type(error).__name__})"
        if answer.is_success:
            return Outcome.SETTLED, None
        problem = _REFUSED.format(answer.status_code)
        if answer.status_code in _AWAY:
            return Outcome.AWAY, problem
        permanent = 400 <= answer.status_code < 500 and answer.status_code not in _RETRIED
        return (Outcome.SETTLED if permanent else Outcome.LATER), problem

    def _note(self, outcome: Outcome, problem: str | None) -> None:
        """Remember whether the app is there."""
        away = outcome is Outcome.AWAY
        if away != self._away:
            self._away = away
            if away:
                _log.warning("app_away", why=problem)
            else:
                _log.info("app_back")
        if not away:
            self._pause.reset()

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
