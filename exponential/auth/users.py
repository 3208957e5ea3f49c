"""Accounts of people who use this installation, and the local account that `up`, `link` and `demo` sign in with."""

import contextlib
import re
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import Boolean, DateTime, Index, String, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.auth.service_tokens import Identity
from exponential.core import clock, validation
from exponential.core.database import AppBase, blind
from exponential.core.encryption import BlindIndex, EncryptedText
from exponential.core.errors import BadInput, Conflict, NotFound

LOCAL_DOMAIN = "@exponential.local"
LOCAL_EMAIL = f"you{LOCAL_DOMAIN}"
MAX_NAME_CHARS = 100
_AT = "@\ufe6b\uff20"  # also as it is written small or full-width
_EMAIL = re.compile(f"^[^\\s{_AT}]+@[^\\s{_AT}]+")
Role = Literal["admin", "member"]


class User(AppBase):
    """A person with an account here. `timezone` is an IANA name; `local`: whoever runs this installation.

    `email_verified`: the sign-in provider, or the admin who sent the invite, vouches for the address; no longer once
    the user has typed another one. `zone_fixed`: the user chose the time zone; else it is the browser's.
    `password_hash` is Argon2's own text (auth/passwords.py), None while there is no password.
    """

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_local", "local", unique=True, postgresql_where=text("local")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    email: Mapped[str] = mapped_column(EncryptedText)
    email_key: Mapped[bytes] = mapped_column(BlindIndex("email"), unique=True)
    email_verified: Mapped[bool] = mapped_column(Boolean, default=False)
    name: Mapped[str] = mapped_column(EncryptedText)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    zone_fixed: Mapped[bool] = mapped_column(Boolean, default=False)
    role: Mapped[str] = mapped_column(String(16), default="member")
    local: Mapped[bool] = mapped_column(Boolean, default=False)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    @property
    def identity(self) -> Identity:
        """Who the gateway is told that this user is."""
        return Identity(str(self.id), self.email, self.name)

    @property
    def has_typed_address(self) -> bool:
        """Nobody vouches for it, so it may be another person's."""
        return not self.email_verified and not self.email.endswith(LOCAL_DOMAIN)

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


async def local_user(session: AsyncSession) -> User:
    """The account of whoever runs this installation, an admin, made on first use."""
    email = LOCAL_EMAIL if await find(session, LOCAL_EMAIL) is None else _own_address()
    await session.execute(
        insert(User)
        .values(
            id=clock.new_id(),
            email=email,
            email_key=blind(session, "users.email", email),
            email_verified=False,
            name="You",
            timezone="UTC",
            zone_fixed=False,
            role="admin",
            local=True,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=[User.local], index_where=text("local"))
    )
    return (await session.execute(select(User).where(User.local))).scalar_one()


async def get(session: AsyncSession, user_id: UUID) -> User:
    """Raises NotFound."""
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such account here.", code="unknown_user")
    return user


async def find(session: AsyncSession, email: str) -> User | None:
    """By e-mail address, whatever its case."""
    key = blind(session, "users.email", normalize_email(email))
    return (await session.execute(select(User).where(User.email_key == key))).scalar_one_or_none()


async def find_by_name(session: AsyncSession, who: str) -> User:
    """The account with this e-mail address, id, or name if only one has it; a name is no address, whatever it looks
    like. Raises NotFound, Conflict."""
    with contextlib.suppress(ValueError):
        return await get(session, UUID(who))
    if "@" in who:
        known = await find(session, who)
        found = [known] if known is not None else []
    else:
        wanted = " ".join(who.split()).casefold()
        found = [user for user in await list_all(session) if user.name.casefold() == wanted]
    if not found:
        raise NotFound("There is no account with this e-mail address or name here.", code="unknown_user")
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} accounts have this name. Use the e-mail address or the id.", code="name_ambiguous"
        )
    return found[0]


async def list_all(session: AsyncSession) -> list[User]:
    """All accounts, the oldest first."""
    return list(await session.scalars(select(User).order_by(User.created_at, User.id)))


async def add(
    session: AsyncSession,
    *,
    email: str,
    name: str,
    role: Role = "member",
    timezone: str = "UTC",
    email_verified: bool = False,
) -> User:
    """A new account. Raises BadInput (address, name), Conflict `email_taken`."""
    user = User(
        email=validate_email(email),
        email_verified=email_verified,
        name=validate_name(name),
        role=role,
        timezone=timezone,
    )
    session.add(user)
    await _flush(session)
    return user


async def update(session: AsyncSession, user_id: UUID, *, email: str, name: str) -> None:
    """Change an account's address and name. Raises BadInput, Conflict `email_taken`, NotFound."""
    user = await get(session, user_id)
    address = validate_email(email, current=user.email)
    user.email_verified &= address == user.email
    user.email, user.name = address, name if name == user.name else validate_name(name)
    await _flush(session)


async def free_address(session: AsyncSession, user_id: UUID) -> None:
    """Take an address from an account whose user merely typed it; the account stays. Raises NotFound, Conflict."""
    user = await get(session, user_id)
    if not user.has_typed_address:
        raise Conflict("This address is confirmed, so it stays with its account.", code="address_verified")
    user.email = _own_address()
    await _flush(session)


async def set_zone(session: AsyncSession, user_id: UUID, zone: str, *, by_browser: bool = False) -> None:
    """Set an IANA time zone; "" goes with the browser again. A browser's zone doesn't change a chosen one.

    Raises BadInput, NotFound.
    """
    if zone and zone not in available_timezones():
        raise BadInput("This time zone is not known here.", code="unknown_timezone")
    user = await get(session, user_id)
    if by_browser and user.zone_fixed:
        return
    user.zone_fixed = bool(zone) and not by_browser
    user.timezone = zone or user.timezone


async def set_role(session: AsyncSession, user_id: UUID, role: Role) -> None:
    """Raises NotFound, Conflict `last_admin`."""
    user = await get(session, user_id)
    if role != "admin":
        await keep_an_admin(session, user)
    user.role = role


async def keep_an_admin(session: AsyncSession, leaving: User) -> None:
    """Raises Conflict when `leaving` is the only admin. Nobody else stops being one before this transaction ends."""
    admins = select(User.id, User.name).where(User.role == "admin").order_by(User.id).with_for_update(key_share=True)
    found = (await session.execute(admins)).all()
    if [admin.id for admin in found] == [leaving.id]:
        raise Conflict(
            f"{found[0].name} is the only admin here. Make somebody else an admin first: without one nobody could "
            "invite people or change roles.",
            code="last_admin",
        )


async def may_be_erased(session: AsyncSession, leaving: User) -> None:
    """Raises Conflict when `leaving` is the only admin of other people; whoever is alone here may go."""
    others = select(func.count()).select_from(User).where(User.id != leaving.id)
    if (await session.execute(others)).scalar_one():
        await keep_an_admin(session, leaving)


def normalize_email(text: str) -> str:
    """An e-mail address as it is stored, looked up and compared: whatever its case.

    No more is made equal: "ａda@example.org" is not "ada@example.org", but perhaps another person's (RFC 6532 §3.1).
    """
    return text.strip().lower()


def validate_email(text: str, *, current: str = "") -> str:
    """An address that may be taken, normalized; the `current` one of an account is always good. Raises BadInput."""
    email = normalize_email(text)
    if email == current:
        return email
    if len(email) > 320 or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise BadInput("This is not an e-mail address; it looks like ada@example.org.", code="email_invalid")
    if email.endswith(LOCAL_DOMAIN):
        raise BadInput(f"Addresses that end with {LOCAL_DOMAIN} are this installation's own.", code="email_invalid")
    return email


def validate_name(text: str) -> str:
    """A person's name as it is stored: on one line, without what isn't seen. Raises BadInput."""
    name = validation.one_line(text)
    if not 0 < len(name) <= MAX_NAME_CHARS or set(name) & set(_AT):
        raise BadInput(f"A name has 1 to {MAX_NAME_CHARS} characters, and no @.", code="name_invalid")
    return name


def _own_address() -> str:
    """One that nobody else can have."""
    return f"you-{clock.new_id().hex}{LOCAL_DOMAIN}"


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError:
        sentence = "This e-mail address is used by another account here. If it is yours, ask an admin to free it."
        raise Conflict(sentence, code="email_taken") from None
