"""What the gateway does where database and workers meet: link, unlink, queue, type, and apply what workers report."""

import asyncio
import shutil
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from exponential import log
from exponential.database import Database
from exponential.errors import BadInput, Conflict
from exponential.gateway import access, inbox, outbox, sessions, spool, wire
from exponential.gateway.lanes import Lanes
from exponential.gateway.outbox import Outbox, OutboxMessage, SendFailed, SendUnknown
from exponential.gateway.sessions import Session
from exponential.gateway.supervisor import Supervisor

MAX_TEXT = 65_536  # characters, WhatsApp's own limit for one message
_log = log.get(__name__)


class Operations:
    """The gateway's use-cases. `attach` gives it supervisor and outbox, which in turn report here."""

    supervisor: Supervisor
    outbox: Outbox

    def __init__(self, database: Database, *, max_sessions: int, spool_keys: list[bytes]) -> None:
        self.database = database
        self._max_sessions = max_sessions
        self._spool_keys = spool_keys
        self._readers: dict[UUID, spool.Reader] = {}
        self._collecting: Lanes[UUID] = Lanes("spool", self._collect)

    def attach(self, supervisor: Supervisor, outbox_: Outbox) -> None:
        self.supervisor = supervisor
        self.outbox = outbox_

    # --- start and stop

    async def resume(self) -> None:
        """Bring every active session back, without a scan where it is linked, and fetch what the spools still hold."""
        async with self.database.transaction() as db:
            active = await sessions.resume(db)
        for session_id in active:
            self._collecting.poke(session_id)
            await self.supervisor.open(session_id)
        _log.info("sessions_resumed", count=len(active))

    async def tidy(self) -> None:
        """Now and then: let go of sessions that nobody finished linking."""
        async with self.database.transaction() as db:
            expired, removed = await sessions.tidy(db)
        for session_id in expired:
            await self.supervisor.close_session(session_id)
        for session_id in removed:
            await self._forget_credentials(session_id)

    async def close(self) -> None:
        await self._collecting.close()
        for reader in self._readers.values():
            reader.close()

    # --- use-cases

    async def login(self, owner: str) -> str:
        """A new pending session; its id. Raises Conflict at the limit."""
        async with self.database.transaction() as db:
            session = await sessions.create(db, owner, limit=self._max_sessions)
        await self.supervisor.open(session.id)
        return str(session.id)

    async def restart(self, owner: str, session_id: str) -> None:
        """New QR codes for the same session. Raises NotFound, or Conflict when it is linked or no place is left."""
        async with self.database.transaction() as db:
            session = await sessions.restart(db, owner, session_id, limit=self._max_sessions)
        await self.supervisor.close_session(session.id)
        if not session.linked:
            await self._collecting.drop(session.id)
            await self._forget_credentials(session.id)
        await self.supervisor.open(session.id)

    async def disconnect(self, owner: str, session_id: str) -> None:
        """Unlink the device on the phone, then remove credentials and rows. Raises NotFound."""
        async with self.database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
        await self.outbox.drop(session.id)
        told = await self.supervisor.unlink(session.id)
        if session.linked and not told:
            _log.warning("removed_without_unlinking", session=session_id, meaning="the phone still lists the device")
        await self.supervisor.close_session(session.id)
        await self._collecting.drop(session.id)
        async with self.database.transaction() as db:
            await sessions.remove(db, session.id)
        await self._forget_credentials(session.id)
        _log.info("session_removed", session=session_id, unlinked=told)

    async def queue(self, owner: str, session_id: str, *, key: str, chat: str, text: str) -> OutboxMessage:
        """Queue a message once. Raises NotFound, Conflict (not linked, key reused) or BadInput (text, chat, key)."""
        if not text.strip():
            raise BadInput("The text is empty; there is nothing to send.", code="text_empty")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadInput("The text has half of a character (a lone surrogate) in it.", code="text_invalid")
        if len(text) > MAX_TEXT:
            raise BadInput(
                f"The text has {len(text):,} characters; WhatsApp takes at most {MAX_TEXT:,}. Send it in parts.",
                code="text_too_long",
            )
        if not 0 < len(key) <= 200:
            raise BadInput("The Idempotency-Key header must have 1 to 200 characters.", code="idempotency_key_missing")
        async with self.database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            return await outbox.enqueue(db, session.id, key, _reachable(session, chat), text)

    async def typing(self, owner: str, session_id: str, chat: str, on: bool) -> None:
        """Show or hide "typing…". Raises NotFound, Conflict, BadInput, or Unavailable while it reconnects."""
        async with self.database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
        try:
            await self.supervisor.typing(session.id, _reachable(session, chat), on)
        except (SendFailed, SendUnknown) as error:
            _log.info("typing_failed", session=session_id, why=str(error))

    # --- what workers report

    async def apply(self, event: wire.Event) -> None:
        """Apply an event, however long the database is away: a lost one would leave a wrong status behind."""
        while True:
            try:
                return await self._apply(event)
            except SQLAlchemyError as error:
                _log.warning("report_waits_for_database", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _apply(self, event: wire.Event) -> None:
        match event:
            case wire.Ready():
                return
            case wire.Spooled(session):
                self._collecting.poke(UUID(session))
                return
            case wire.Receipt(_, message_ids, status):
                return await self.outbox.receipt(message_ids, status)
        async with self.database.transaction() as db:
            match event:
                case wire.Code(session, code, seconds):
                    await sessions.show_code(db, session, code, seconds)
                case wire.PairingEnded(session, outcome):
                    await sessions.pairing_ended(db, session, outcome)
                case wire.Online(session, account):
                    await sessions.online(db, session, account)
                case wire.Offline(session, reason):
                    await sessions.offline(db, session, reason)
                case wire.Ended(session, cause):
                    await sessions.ended(db, session, cause)
                    if cause == "logged_out":
                        await outbox.give_up(db, UUID(session), "The session was unlinked on the phone before.")
        match event:
            case wire.Online(session):
                _log.info("session_online", session=session)
                self.outbox.poke(UUID(session))
                self._collecting.poke(UUID(session))
            case wire.Ended(session, cause) | wire.PairingEnded(session, cause):
                _log.warning("session_ended", session=session, cause=cause)
                self._collecting.poke(UUID(session))

    async def _collect(self, session_id: UUID, poked: asyncio.Event) -> None:
        """Move what the worker spooled into the inbox, then trim the spool."""
        reader = self._readers.get(session_id)
        if reader is None:
            folder = self.supervisor.folder_of(session_id)
            if not folder.is_dir():
                return
            reader = self._readers[session_id] = spool.Reader(folder, self._spool_keys)
        payloads = await asyncio.to_thread(reader.read)
        if not payloads:
            return
        messages = [wire.Inbound.from_bytes(payload) for payload in payloads]
        async with self.database.transaction() as db:
            session = await db.get(Session, session_id)
            if session is None:
                return
            if session.account is None and session.status in sessions.ACTIVE:
                return  # Online, which names the account, is on its way and pokes again
            new = await inbox.record(db, session, messages)
        await asyncio.to_thread(reader.trim)
        _log.info("messages_recorded", session=str(session_id), count=new)

    async def _forget_credentials(self, session_id: UUID) -> None:
        reader = self._readers.pop(session_id, None)
        if reader is not None:
            reader.close()
        folder = self.supervisor.folder_of(session_id)
        for _ in range(50):  # a client that is just stopping may still write there
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            if not folder.exists():
                return
            await asyncio.sleep(0.1)
        _log.error("credentials_not_removed", session=str(session_id), meaning="remove the session's folder by hand")


def _reachable(session: Session, chat: str) -> str:
    """The chat's JID if this session may write there; nothing is ever sent to anyone who wasn't allowed."""
    account = session.account
    if account is None or session.status not in (sessions.CONNECTED, sessions.RECONNECTING):
        raise Conflict(f"This session is not linked. {session.reason}", code="not_linked")
    if not access.is_own_chat(account, chat):
        raise BadInput(
            "This session talks only in the account's own “Message yourself” chat; that is not this chat.",
            code="chat_not_allowed",
        )
    return account.jid
