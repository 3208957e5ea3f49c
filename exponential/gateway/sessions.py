"""WhatsApp sessions: their rows, their state machine, and the use-cases of the API that need nothing but the database.

pending (QR shown) → connected ⇄ reconnecting → disconnected | error; pending → expired when no one scanned.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, String, Text, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential import clock
from exponential.database import GatewayBase
from exponential.encryption import EncryptedText
from exponential.errors import Conflict, NotFound, Unavailable
from exponential.gateway.access import bare, phone_number
from exponential.gateway.wire import Account

PENDING, CONNECTED, RECONNECTING = "pending", "connected", "reconnecting"
DISCONNECTED, ERROR, EXPIRED = "disconnected", "error", "expired"
ACTIVE = (PENDING, CONNECTED, RECONNECTING)  # these hold one of the gateway's places and a client in a worker

PENDING_LIFE = timedelta(minutes=10)  # the codes of one connection last 160 s; a restart begins anew
EXPIRED_LIFE = timedelta(days=1)

STARTING = "Asking WhatsApp for a QR code."
SCAN = "Scan the QR code with the phone: Settings, Linked Devices, Link a Device."
ONLINE = "Linked and online."
RESUMING = "The gateway has started and is connecting to WhatsApp."

# Why WhatsApp ended a session → (status, whether the credentials are void, reason for people).
ENDINGS = {
    "logged_out": (DISCONNECTED, True, "This device was unlinked on the phone. Connect again with a new QR code."),
    "replaced": (
        ERROR,
        False,
        "Another program took over this linked device's connection. Restart the session, or remove it and link again.",
    ),
    "banned": (
        ERROR,
        False,
        "WhatsApp has banned this account for now. Look at the phone for what it says and how long.",
    ),
    "outdated": (ERROR, False, "WhatsApp no longer accepts this version of its client. The gateway needs an update."),
    "refused": (ERROR, False, "WhatsApp refused the connection. Look at the phone for a notice about linked devices."),
}
# How linking can fail → (status, reason for people).
PAIRINGS = {
    "exhausted": (EXPIRED, "No one scanned the QR codes in time. Ask for a new one."),
    "timeout": (EXPIRED, "The connection to WhatsApp broke before a scan. Ask for a new QR code."),
    "passkey-request": (
        ERROR,
        "This WhatsApp account is protected by a passkey, which can't be confirmed from here yet. "
        "Turn the passkey off on the phone, or link another account.",
    ),
    "err-client-outdated": (ERROR, ENDINGS["outdated"][2]),
    "err-scanned-without-multidevice": (
        ERROR,
        "The phone's WhatsApp is too old for linked devices. Update it, then try again.",
    ),
}
PAIRING_FAILED = (ERROR, "WhatsApp refused this link. Ask for a new QR code and scan again.")


class Session(GatewayBase):
    """One linked (or linking) WhatsApp account. `owner` is the JWT subject; `since` is when `status` began.

    `connected_at` is when it was linked. `jid` and `lid` name the account from its first login on; `linked` says
    whether our credentials for it are valid.
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

    def become(self, status: str, reason: str) -> None:
        """Enter a state. Entering the state it is in already only updates the reason."""
        if status != self.status:
            self.status, self.since = status, clock.now()
        self.reason = reason
        if status != PENDING:
            self.qr_code = self.qr_expires_at = None


async def create(db: AsyncSession, owner: str, *, limit: int) -> Session:
    """A new pending session. Raises Conflict when `limit` sessions are active on this gateway."""
    await _take_place(db, limit)
    now = clock.now()
    session = Session(
        id=clock.new_id(), owner=owner, status=PENDING, reason=STARTING, since=now, created_at=now, linked=False
    )
    db.add(session)
    await db.flush()
    return session


async def restart(db: AsyncSession, owner: str, session_id: str, *, limit: int) -> Session:
    """Back to pending for new QR codes (or, where credentials are left, to reconnecting).

    Raises Conflict when it is connected already, or when the gateway has no place left.
    """
    session = await owned(db, owner, session_id, lock=True)
    if session.status in (CONNECTED, RECONNECTING):
        raise Conflict("This session is linked already; there is nothing to scan.", code="already_connected")
    if session.status != PENDING:
        await _take_place(db, limit)
    session.become(*((RECONNECTING, RESUMING) if session.linked else (PENDING, STARTING)))
    session.qr_code = session.qr_expires_at = None
    session.since = clock.now()
    return session


async def resume(db: AsyncSession) -> list[UUID]:
    """After a start of the gateway: nothing is connected, no code is valid. The sessions that want a client."""
    for session in await db.scalars(select(Session).where(Session.status.in_(ACTIVE)).with_for_update()):
        session.become(*((RECONNECTING, RESUMING) if session.linked else (PENDING, STARTING)))
        session.qr_code = session.qr_expires_at = None
    return list(await db.scalars(select(Session.id).where(Session.status.in_(ACTIVE)).order_by(Session.id)))


async def tidy(db: AsyncSession) -> tuple[list[UUID], list[UUID]]:
    """Expire what has been pending for too long and remove what expired long ago: (expired, removed) ids."""
    stale = select(Session).where(Session.status == PENDING, Session.since < clock.now() - PENDING_LIFE)
    expired = list(await db.scalars(stale.with_for_update()))
    for session in expired:
        session.become(EXPIRED, "No one scanned a QR code, or WhatsApp couldn't be reached. Ask for a new one.")
    old = delete(Session).where(Session.status == EXPIRED, Session.since < clock.now() - EXPIRED_LIFE)
    return [session.id for session in expired], list(await db.scalars(old.returning(Session.id)))


async def _take_place(db: AsyncSession, limit: int) -> None:
    # Held until the transaction ends: two logins at once can't both take the last place.
    await db.execute(text("select pg_advisory_xact_lock(hashtext('gateway session limit'))"))
    taken = await db.scalar(select(func.count()).select_from(Session).where(Session.status.in_(ACTIVE)))
    if (taken or 0) >= limit:
        raise Conflict(
            f"Maximum sessions reached: this gateway holds {limit}. Disconnect an existing session first, or ask your "
            "administrator to increase the limit.",
            code="session_limit",
        )


async def owned(db: AsyncSession, owner: str, session_id: str, *, lock: bool = False) -> Session:
    """The session if `owner` has it. Raises NotFound otherwise, whether it is unknown or another user's."""
    try:
        session = await db.get(Session, UUID(session_id), with_for_update=lock or None)
    except ValueError:
        session = None
    if session is None or session.owner != owner:
        raise NotFound("There is no such session. It may have been disconnected.", code="session_not_found")
    return session


async def of_owner(db: AsyncSession, owner: str) -> list[Session]:
    """All sessions of a user, oldest first."""
    return list(await db.scalars(select(Session).where(Session.owner == owner).order_by(Session.id)))


async def remove(db: AsyncSession, session_id: UUID) -> None:
    """Delete the row and, by cascade, its inbox and outbox."""
    await db.execute(delete(Session).where(Session.id == session_id))


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
        session.qr_code, session.qr_expires_at = code, clock.now() + timedelta(seconds=seconds)
        session.reason = SCAN


async def pairing_ended(db: AsyncSession, session_id: str, outcome: str) -> None:
    session = await _row(db, session_id)
    if session and session.status == PENDING:
        session.become(*PAIRINGS.get(outcome, PAIRING_FAILED))


async def online(db: AsyncSession, session_id: str, account: Account) -> None:
    session = await _row(db, session_id)
    if session and session.status in ACTIVE:
        session.jid, session.lid = bare(account.jid), bare(account.lid) if account.lid else None
        session.become(CONNECTED, ONLINE)
        if not session.linked:
            session.linked, session.connected_at = True, session.since


async def offline(db: AsyncSession, session_id: str, reason: str) -> None:
    """The connection broke: a linked session reconnects, a pending one waits for its next code."""
    session = await _row(db, session_id)
    if session is None or session.status not in ACTIVE:
        return
    if session.linked:
        session.become(RECONNECTING, reason)
    else:
        session.reason, session.qr_code, session.qr_expires_at = reason, None, None


async def ended(db: AsyncSession, session_id: str, cause: str) -> None:
    session = await _row(db, session_id)
    if session and session.status in ACTIVE:
        status, void, reason = ENDINGS.get(cause, ENDINGS["refused"])
        session.become(status, reason)
        session.linked = not void
