"""What workers report, applied: states to the session's row, spooled messages to the inbox, receipts to the outbox."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import log
from exponential.core.database import Database
from exponential.gateway.cluster import data_folder
from exponential.gateway.cluster.nodes import Fence
from exponential.gateway.linking import unlink
from exponential.gateway.messages import inbox, outbox
from exponential.gateway.messages.keyed_queue import KeyedQueue
from exponential.gateway.messages.outbox import Outbox
from exponential.gateway.sessions import reasons, sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker import protocol, spool

_log = log.get(__name__)


class Reports:
    """`apply` takes every event of every worker; of sessions that this node holds no more only the messages count.

    Spools lie below `folder`, one folder a session. The assistant is silent for `pause` where the account's
    human has written by hand.
    """

    def __init__(
        self,
        database: Database,
        outbox_: Outbox,
        fence: Fence,
        folder: Path,
        spool_keys: list[bytes],
        *,
        pause: timedelta,
    ) -> None:
        self._database = database
        self._outbox = outbox_
        self._fence = fence
        self._folder = folder
        self._spool_keys = spool_keys
        self._pause = pause
        self.recorded = 0  # messages for the assistant, since this process began
        self.stuck: dict[str, str] = {}  # by session id: why its messages can't be kept, in words for people
        self._readers: dict[UUID, spool.SpoolReader] = {}
        self._collecting: KeyedQueue[UUID] = KeyedQueue("spool", self._collect)

    def collect_all(self) -> None:
        """Fetch what the spools of this machine hold, whoever holds those sessions now."""
        for session_id in data_folder.sessions_in(self._folder):
            self._collecting.poke(session_id)

    async def drop(self, session_id: UUID) -> None:
        """Stop reading the session's spool: its folder is about to go."""
        self.stuck.pop(str(session_id), None)
        await self._collecting.drop(session_id)
        reader = self._readers.pop(session_id, None)
        if reader is not None:
            reader.close()

    async def close(self) -> None:
        await self._collecting.close()
        for reader in self._readers.values():
            reader.close()

    async def apply(self, event: protocol.Event) -> None:
        """Apply an event, however long the database is away: a lost one would leave a wrong status behind."""
        if isinstance(event, protocol.SpoolFailed):
            self.stuck[event.session] = event.reason
            return
        while True:
            try:
                return await self._apply(event)
            except DataError as error:  # no wait helps
                _log.error("report_refused", report=type(event).__name__, error=error)
                return
            except SQLAlchemyError as error:
                _log.warning("report_waits_for_database", error=error)
                await asyncio.sleep(1.0)

    async def _apply(self, event: protocol.Event) -> None:
        match event:
            case protocol.Ready() | protocol.ClientStopped() | protocol.Answer():
                return
            case protocol.Spooled(session):
                self._collecting.poke(UUID(session))
                return
            case protocol.Receipt(session, message_ids, status):
                return await self._outbox.receipt(UUID(session), message_ids, status)
            case protocol.Offline(session) | protocol.Ended(session):
                self._outbox.went_offline(UUID(session))
        async with self._database.transaction() as db:
            if not await self._fence.fenced(db, UUID(event.session)):
                return  # what happens to a client of ours says nothing about the session any more
            await self._record(db, event)
        match event:
            case protocol.Online(session):
                _log.info("session_online", session=session)
                self.stuck.pop(session, None)
                await self._outbox.sweep(UUID(session))
                self._collecting.poke(UUID(session))
            case protocol.Ended(session, cause) | protocol.PairingEnded(session, cause):
                _log.warning("session_ended", session=session, cause=cause)
                self._collecting.poke(UUID(session))

    @staticmethod
    async def _record(db: AsyncSession, event: protocol.Event) -> None:
        """The session's row."""
        match event:
            case protocol.QrCode(session, code, seconds):
                await sessions.show_code(db, session, code, seconds)
            case protocol.PairingEnded(session, outcome):
                await sessions.pairing_ended(db, session, outcome)
            case protocol.PasskeyWanted(session):
                await sessions.passkey_wanted(db, session)
            case protocol.PasskeyAsked(session, options, seconds):
                await sessions.passkey_asked(db, session, options, seconds)
            case protocol.PasskeyCode(session, code):
                await sessions.passkey_code(db, session, code)
            case protocol.Online(session, account):
                await unlink.came_online(db, session, account)
            case protocol.Offline(session, reason):
                await sessions.offline(db, session, reason)
            case protocol.Ended(session, cause):
                await sessions.ended(db, session, cause)
                if cause in reasons.VOID:
                    await outbox.give_up(db, UUID(session), "The session was unlinked on the phone before.")

    async def _collect(self, session_id: UUID, poked: asyncio.Event) -> None:
        """Move what the worker spooled into the inbox, then trim the spool."""
        reader = self._readers.get(session_id)
        if reader is None:
            folder = self._folder / str(session_id)
            if not folder.is_dir():
                return
            reader = self._readers[session_id] = spool.SpoolReader(folder, self._spool_keys)
        payloads = await asyncio.to_thread(reader.read)
        if not payloads:
            return self._put_away(session_id)
        messages = [protocol.Inbound.from_bytes(payload) for payload in payloads]
        async with self._database.transaction() as db:
            session = await db.get(Session, session_id)
            if session is None or session.unlink_since is not None:
                return  # nobody hears it any more
            if session.account is None and session.status in sessions.ACTIVE:
                return  # Online, which names the account, is on its way and pokes again
            new = await inbox.record(db, session, messages, pause=self._pause)
        self.recorded += new
        await asyncio.to_thread(reader.trim)
        _log.info("messages_recorded", session=str(session_id), count=new)
        self._put_away(session_id)

    def _put_away(self, session_id: UUID) -> None:
        """Keep spools open only where more will come."""
        if not self._fence.holds(session_id) and (reader := self._readers.pop(session_id, None)) is not None:
            reader.close()
