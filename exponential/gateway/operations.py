"""The gateway's use-cases, where database and workers meet: link, resume, unlink, queue, type."""

import asyncio
import shutil
from uuid import UUID

from exponential.core import log
from exponential.core.database import Database
from exponential.core.errors import BadInput, Conflict
from exponential.gateway.access import policies
from exponential.gateway.access.permissions import Permissions
from exponential.gateway.access.policy import PER_CONTACT, PER_SESSION
from exponential.gateway.cluster import data_folder
from exponential.gateway.cluster.ownership import Ownership
from exponential.gateway.cluster.rpc import NodeRpc
from exponential.gateway.linking import unlink
from exponential.gateway.linking.pairing_codes import PairingCodes
from exponential.gateway.linking.passkeys import Passkeys
from exponential.gateway.linking.unlink import Unlinker
from exponential.gateway.messages import outbox
from exponential.gateway.messages.outbox import Outbox, OutboxMessage
from exponential.gateway.messages.presence import Presence
from exponential.gateway.messages.rate_limits import LinkingLimiter
from exponential.gateway.messages.sender import SendFailed, SendUnknown
from exponential.gateway.sessions import contacts, sessions
from exponential.gateway.sessions.events import Events
from exponential.gateway.sessions.groups import Groups
from exponential.gateway.sessions.sessions import Session, SessionLimits
from exponential.gateway.worker.event_parser import MAX_TEXT_CHARS
from exponential.gateway.worker.reports import Reports
from exponential.gateway.worker.supervisor import SessionOptions, Supervisor

MAX_LINKINGS_PER_MINUTE = 10  # that a user may begin within a minute; more where a user may have more sessions
TYPING_TIMEOUT_SECONDS = 8.0  # later it would be of no use
_log = log.get(__name__)


class Operations:
    """The gateway's use-cases. Raises what the API answers with: NotFound, Conflict, BadInput, Unavailable.

    `own_linking`: our own client links all accounts, not only those that want a passkey.
    """

    def __init__(
        self,
        database: Database,
        supervisor: Supervisor,
        outbox_: Outbox,
        reports: Reports,
        ownership: Ownership,
        *,
        limits: SessionLimits,
        rates: tuple[int, int] = (PER_CONTACT, PER_SESSION),
        own_linking: bool = False,
    ) -> None:
        self.database = database
        self.supervisor = supervisor
        self.outbox = outbox_
        self.reports = reports
        self.permissions = Permissions(database, supervisor, *rates)
        self.ownership = ownership
        self.rpc = NodeRpc(database, ownership)
        self._reopen = self.rpc.at_holder("reopen", self._reopen_here)
        self._type = self.rpc.at_holder("typing", outbox_.typing.set, within=TYPING_TIMEOUT_SECONDS)
        self.presence = Presence(database, supervisor, self.rpc)
        self.unlinker = Unlinker(database, supervisor, self._forget_credentials, ownership.holds)
        self.events = Events(database)
        self.pairing_codes = PairingCodes(database, supervisor, self.rpc, self.restart)
        self.groups = Groups(database, supervisor, self.rpc)
        self.passkeys = Passkeys(database, supervisor, self.rpc)
        self._own_linking = own_linking
        self._limits = limits
        self._linkings = LinkingLimiter(max(MAX_LINKINGS_PER_MINUTE, limits.user))

    async def tidy(self) -> None:
        """Now and then: let go of sessions that nobody finished linking; clear away what other nodes removed."""
        async with self.database.transaction() as db:
            expired, removed = await sessions.tidy(db)
        for session_id in expired:
            await self.supervisor.close_session(session_id)
        for session_id in [*removed, *await self._orphans()]:
            await self._forget_credentials(session_id)

    async def _orphans(self) -> set[UUID]:
        """Sessions that have a folder here and are no more."""
        here = await asyncio.to_thread(data_folder.sessions_in, self.supervisor.folder)
        async with self.database.transaction() as db:
            return here - await sessions.existing(db, here)

    async def login(self, owner: str) -> str:
        """A new pending session; its id. Raises Conflict at the limit of sessions, Unavailable at that of linkings."""
        async with self.database.transaction() as db:
            session = await sessions.create(db, owner, limits=self._limits)
            self._linkings.count(owner)
            self.ownership.place(session)
        await self.ownership.adopt(session.id, session.holder_epoch)
        return str(session.id)

    async def restart(self, owner: str, session_id: str) -> None:
        """New QR codes for the same session.

        Raises NotFound, Conflict when it is linked or no place is left, Unavailable at the limit of linkings.
        """
        async with self.database.transaction() as db:
            session = await sessions.restart(db, owner, session_id, limits=self._limits)
            if session is not None:
                self._linkings.count(owner)
        if session is not None:
            await self._reopen(session.id)

    async def disconnect(self, owner: str, session_id: str) -> bool:
        """Remove a session for good. Whether its device is off the phone already. Raises NotFound.

        False: WhatsApp can't be told right now; it will be, and only then are the credentials deleted.
        """
        async with self.database.transaction() as db:
            online = (await sessions.owned(db, owner, session_id)).status == sessions.CONNECTED
            session = await unlink.begin(db, owner, session_id)
        await self.outbox.drop(session.id)
        reachable = not session.linked or online
        return await self.unlinker.done(session.id, within=unlink.ANSWER_TIMEOUT_SECONDS if reachable else 0)

    async def queue(
        self,
        owner: str,
        session_id: str,
        *,
        key: str,
        chat: str,
        text: str,
        reply_to: str | None = None,
        owner_only: bool = False,
    ) -> OutboxMessage:
        """Queue a message once. Raises NotFound, Conflict (not linked, key reused) or BadInput (text, chat, key).

        `owner_only`: to none but the owner's chats. What was queued before, and didn't fail, is found whatever has
        become of its chat.
        """
        if not text.strip():
            raise BadInput("The text is empty; there is nothing to send.", code="text_empty")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadInput("The text has half of a character (a lone surrogate) in it.", code="text_invalid")
        if len(text) > MAX_TEXT_CHARS:
            raise BadInput(
                f"The text has {len(text):,} characters; WhatsApp takes at most {MAX_TEXT_CHARS:,}. Send it in parts.",
                code="text_too_long",
            )
        if not 0 < len(key) <= 200:
            raise BadInput("The Idempotency-Key header must have 1 to 200 characters.", code="idempotency_key_missing")
        async with self.database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            try:
                to = await contacts.reachable(db, session, chat, owner_only=owner_only)
            except (BadInput, Conflict):
                known = await outbox.find(db, session.id, key)
                if known is None or known.text != text or known.state == outbox.FAILED:
                    raise
                return known
            return await outbox.enqueue(db, session.id, key, to, text, reply_to=reply_to)

    async def typing(self, owner: str, session_id: str, chat: str, on: bool) -> None:
        """Show or hide "typing…". Raises NotFound, Conflict, BadInput, or Unavailable while it reconnects."""
        async with self.database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            to = await contacts.reachable(db, session, chat)
        try:
            await self._type(session.id, chat=to, on=on)
        except (SendFailed, SendUnknown) as error:
            _log.info("typing_failed", session=session_id, why=str(error))

    async def session_options(self, session_id: UUID) -> SessionOptions:
        """What a session's client is opened with."""
        async with self.database.transaction() as db:
            session = await db.get(Session, session_id)
            policy = self.permissions.rated(await policies.load(db, session_id))
        own_linking = session is not None and not session.linked and (self._own_linking or session.own_linking)
        return SessionOptions(policy, own_linking)

    async def _reopen_here(self, session_id: UUID) -> None:
        """What a session's holder does when it is asked to restart it."""
        async with self.ownership.paused(session_id):
            async with self.database.transaction() as db:
                session = await self.ownership.renew(db, session_id)
            if not session.linked:
                await self._forget_credentials(session.id)
        await self.ownership.adopt(session.id, session.holder_epoch)

    async def _forget_credentials(self, session_id: UUID) -> None:
        await self.reports.drop(session_id)
        await self.supervisor.checkouts.forget(session_id)
        folder = self.supervisor.folder_of(session_id)
        for _ in range(50):  # a client that is just stopping may still write there
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            if not folder.exists():
                return
            await asyncio.sleep(0.1)
        _log.error("credentials_not_removed", session=str(session_id), meaning="remove the session's folder by hand")
