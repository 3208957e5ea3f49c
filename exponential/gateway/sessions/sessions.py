"""WhatsApp sessions: their rows, their state machine, and the use-cases of the API that need nothing but the database.

pending (QR shown) → connected ⇄ reconnecting → disconnected | error; pending → expired when no one scanned. Any of them
→ removed when its owner disconnects it: nobody sees it from then on, and it is gone once the phone has been told.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, String, Text, delete, false, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock
from exponential.core.database import GatewayBase, notify
from exponential.core.encryption import EncryptedJSON, EncryptedText
from exponential.core.errors import Conflict, NotFound, Unavailable
from exponential.gateway.access.rules import bare, phone_number
from exponential.gateway.cluster import wakeups
from exponential.gateway.cluster.nodes import HeldByNode
from exponential.gateway.sessions import reasons
from exponential.gateway.worker.protocol import Account

PENDING, CONNECTED, RECONNECTING = "pending", "connected", "reconnecting"
DISCONNECTED, ERROR, EXPIRED, REMOVED = "disconnected", "error", "expired", "removed"
SIGN, SENT, COMPARE = "sign", "sent", "compare"  # steps of linking with a passkey
ACTIVE = (PENDING, CONNECTED, RECONNECTING)  # these hold one of the gateway's places and a client in a worker

PENDING_LIFETIME = timedelta(minutes=10)  # the codes of one connection last 160 s; a restart begins anew
JUST_NOW = timedelta(seconds=5)  # in which a client that was started gets its first code, or hasn't failed yet
EXPIRED_LIFETIME = timedelta(days=1)


class Session(HeldByNode, GatewayBase):
    """One linked (or linking) WhatsApp account. `owner` is the JWT subject; `since` is when `status` began.

    `connected_at` is when it was linked. `jid` and `lid` name the account from its first login on; `linked` says
    whether our credentials for it are valid. `unlink_since` is set while the phone is still to be told that its device
    goes (see unlink.py). `own_linking`: the account has asked for a passkey, so our own client links it. `passkey`
    is how far that is, see `passkey_step`: {"step", and "options" or "code"}.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    owner: Mapped[str] = mapped_column(Text, index=True)
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    jid: Mapped[str | None] = mapped_column(EncryptedText)
    lid: Mapped[str | None] = mapped_column(EncryptedText)
    linked: Mapped[bool] = mapped_column(default=False)
    qr_code: Mapped[str | None] = mapped_column(EncryptedText)
    qr_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    connected_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    unlink_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    own_linking: Mapped[bool] = mapped_column(default=False, server_default=false())
    passkey: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)
    passkey_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def account(self) -> Account | None:
        """The account; None before the first scan."""
        return Account(self.jid, self.lid or "") if self.jid else None

    @property
    def phone(self) -> str | None:
        """ "+49…" once linked."""
        return phone_number(self.jid) if self.jid else None

    @property
    def qr_live(self) -> bool:
        return bool(self.status == PENDING and self.qr_code and self.qr_expires_at and self.qr_expires_at > clock.now())

    @property
    def passkey_step(self) -> str | None:
        """What linking waits for: SIGN, the passkey; SENT, WhatsApp; COMPARE, the person. None: for none of them."""
        return self.passkey["step"] if self.status == PENDING and self.passkey else None

    def become(self, status: str, reason: str) -> None:
        """Enter a state. Entering the state it is in already only updates the reason."""
        if status != self.status:
            self.status, self.since = status, clock.now()
        self.reason = reason
        if status != PENDING:
            self.show_nothing()

    def show_nothing(self) -> None:
        """No QR code, and no question for a passkey."""
        self.qr_code = self.qr_expires_at = self.passkey = self.passkey_expires_at = None


@dataclass(frozen=True)
class SessionLimits:
    """How many sessions may be active at once: on this gateway, and of one user. Pending ones count."""

    gateway: int
    user: int


async def create(db: AsyncSession, owner: str, *, limits: SessionLimits) -> Session:
    """A new pending session. Raises Conflict at a limit."""
    await _take_place(db, owner, limits)
    now = clock.now()
    session = Session(
        id=clock.new_id(), owner=owner, status=PENDING, reason=reasons.STARTING, since=now, created_at=now, linked=False
    )
    db.add(session)
    await db.flush()
    return session


async def restart(db: AsyncSession, owner: str, session_id: str, *, limits: SessionLimits) -> Session | None:
    """Back to pending for new QR codes (or, where credentials are left, to reconnecting). None: it just was.

    Raises Conflict when it is connected already, when its old device is still to be unlinked, or at a limit.
    """
    session = await owned(db, owner, session_id, lock=True)
    if session.status in (CONNECTED, RECONNECTING):
        raise Conflict("This session is linked already; there is nothing to scan.", code="already_connected")
    if session.unlink_since is not None:
        raise Conflict(
            "This session's old device is still being unlinked on the phone. Try again in a moment, or link the phone "
            "in a new session.",
            code="unlinking",
        )
    starting = session.status == PENDING and session.qr_code is None and session.passkey is None
    if starting and clock.now() - session.since < JUST_NOW:
        return None  # many clicks are one
    if session.status != PENDING:
        await _take_place(db, owner, limits)
    session.become(*((RECONNECTING, reasons.RESUMING) if session.linked else (PENDING, reasons.STARTING)))
    session.show_nothing()
    session.since = clock.now()
    return session


async def tidy(db: AsyncSession) -> tuple[list[UUID], list[UUID]]:
    """Expire what has been pending for too long and remove what expired long ago: (expired, removed) ids."""
    stale = select(Session).where(Session.status == PENDING, Session.since < clock.now() - PENDING_LIFETIME)
    expired = list(await db.scalars(stale.with_for_update()))
    for session in expired:
        session.become(EXPIRED, reasons.PAIRINGS["passkey-expired"][1] if session.passkey else reasons.NOBODY_SCANNED)
    old = delete(Session).where(Session.status == EXPIRED, Session.since < clock.now() - EXPIRED_LIFETIME)
    return [session.id for session in expired], list(await db.scalars(old.returning(Session.id)))


async def _take_place(db: AsyncSession, owner: str, limits: SessionLimits) -> None:
    # Held until the transaction ends: two logins at once can't both take the last place.
    await db.execute(text("select pg_advisory_xact_lock(hashtext('gateway session limit'))"))
    taken = (
        await db.execute(
            select(func.count(), func.count().filter(Session.owner == owner)).where(Session.status.in_(ACTIVE))
        )
    ).one()
    if taken[1] >= limits.user:
        raise Conflict(
            f"Maximum sessions reached: you have {taken[1]} of the {limits.user} that one user may have here. "
            "Disconnect an existing session first, or ask your administrator to increase the limit.",
            code="user_session_limit",
        )
    if taken[0] >= limits.gateway:
        raise Conflict(
            f"Maximum sessions reached: this gateway holds {limits.gateway}. Disconnect an existing session first, or "
            "ask your administrator to increase the limit.",
            code="session_limit",
        )


async def owned(db: AsyncSession, owner: str, session_id: str, *, lock: bool = False) -> Session:
    """The session if `owner` has it. Raises NotFound otherwise, whether it is unknown or another user's."""
    try:
        session = await db.get(Session, UUID(session_id), with_for_update=lock or None)
    except ValueError:
        session = None
    if session is None or session.owner != owner or session.status == REMOVED:
        raise NotFound("There is no such session. It may have been disconnected.", code="session_not_found")
    return session


async def existing(db: AsyncSession, session_ids: set[UUID]) -> set[UUID]:
    """Which of these sessions there are."""
    return set(await db.scalars(select(Session.id).where(Session.id.in_(session_ids))))


async def of_owner(db: AsyncSession, owner: str) -> list[Session]:
    """All sessions of a user, oldest first."""
    visible = (Session.owner == owner, Session.status != REMOVED)
    return list(await db.scalars(select(Session).where(*visible).order_by(Session.id)))


def current_code(session: Session) -> str:
    """The QR code's text. Raises Conflict (linked), NotFound (no longer linking) or Unavailable (not yet there)."""
    if session.status in (CONNECTED, RECONNECTING):
        raise Conflict("This session is linked already; there is nothing to scan.", code="already_connected")
    if session.status != PENDING:
        raise NotFound(session.reason, code=f"session_{session.status}")
    if not session.qr_live or session.qr_code is None:
        raise Unavailable("There is no QR code yet; it comes in a moment.", code="qr_not_ready", retry_after=1)
    return session.qr_code


# What a worker reports, applied to the row. Rows that were deleted meanwhile are simply not there any more.


async def _row(db: AsyncSession, session_id: str) -> Session | None:
    return await db.get(Session, UUID(session_id), with_for_update=True)


async def show_code(db: AsyncSession, session_id: str, code: str, seconds: int) -> None:
    session = await _row(db, session_id)
    if session and session.status == PENDING:
        session.show_nothing()
        session.qr_code, session.qr_expires_at = code, clock.now() + timedelta(seconds=seconds)
        session.reason = reasons.PASSKEY_SCAN if session.own_linking else reasons.SCAN


async def passkey_wanted(db: AsyncSession, session_id: str) -> None:
    session = await _row(db, session_id)
    if session and session.status == PENDING:
        session.show_nothing()
        session.own_linking, session.reason, session.since = True, reasons.PASSKEY_SCAN, clock.now()


async def passkey_asked(db: AsyncSession, session_id: str, options: dict[str, Any], seconds: int) -> None:
    session = await _row(db, session_id)
    if session and session.status == PENDING:
        session.show_nothing()
        session.passkey = {"step": SIGN, "options": options}
        session.since = clock.now()
        session.passkey_expires_at = session.since + timedelta(seconds=seconds)
        session.own_linking, session.reason = True, reasons.PASSKEY_ASKED


async def passkey_sent(db: AsyncSession, session_id: UUID, asked: dict[str, Any] | None) -> None:
    """The answer to what was `asked` has gone to WhatsApp: it is not asked for again."""
    session = await db.get(Session, session_id, with_for_update=True)
    if session and session.status == PENDING and session.passkey == asked:
        session.passkey, session.reason, session.since = {"step": SENT}, reasons.PASSKEY_SENT, clock.now()


async def passkey_code(db: AsyncSession, session_id: str, code: str) -> None:
    session = await _row(db, session_id)
    if session and session.status == PENDING:
        session.passkey, session.reason = {"step": COMPARE, "code": code}, reasons.PASSKEY_COMPARE
        session.since = clock.now()


async def pairing_ended(db: AsyncSession, session_id: str, outcome: str) -> None:
    session = await _row(db, session_id)
    if session and session.status == PENDING:
        session.become(*reasons.PAIRINGS.get(outcome, reasons.PAIRING_FAILED))


async def online(db: AsyncSession, session_id: str, account: Account) -> Session | None:
    """Logged in. The session, if this is its first login since a scan."""
    session = await _row(db, session_id)
    if session is None or session.status not in ACTIVE:
        return None
    session.jid, session.lid = bare(account.jid), bare(account.lid) if account.lid else None
    session.become(CONNECTED, reasons.ONLINE)
    if session.linked:
        return None
    session.linked, session.connected_at = True, session.since
    return session


async def offline(db: AsyncSession, session_id: str, reason: str) -> None:
    """The connection broke: a linked session reconnects, a pending one waits for its next code."""
    session = await _row(db, session_id)
    if session is None or session.status not in ACTIVE:
        return
    if session.linked:
        session.become(RECONNECTING, reason)
    else:
        session.show_nothing()
        session.reason = reason


async def ended(db: AsyncSession, session_id: str, cause: str) -> None:
    session = await _row(db, session_id)
    if session is None:
        return
    status, void, reason = reasons.ENDINGS.get(cause, reasons.ENDINGS["refused"])
    if session.status in ACTIVE:
        session.become(status, reason)
        session.linked = not void
    elif session.unlink_since is not None:
        session.linked = False  # whatever it was, the phone can't be told any more
        await notify(db, wakeups.UNLINK, session_id)
