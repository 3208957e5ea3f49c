"""The people and groups that a session talks with: their addresses, their chat, and whether it may write there.

Nothing is ever sent to a contact who is not allowed, and to nobody in the mode "everyone" who has not written first.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, UniqueConstraint, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock
from exponential.core.database import GatewayBase, blind
from exponential.core.encryption import EncryptedJSON, EncryptedText
from exponential.core.errors import BadInput, Conflict
from exponential.gateway.access import policies, rules
from exponential.gateway.access.policy import Policy
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.protocol import Account


class Contact(GatewayBase):
    """`chat` is the name that the app knows the chat by, for good: the number's JID, else the LID, or the group's JID.

    The keys stand for the addresses, so that a person is found by number and by LID without either being readable.
    `heard_at` is when an accepted message came; until `paused_until` the assistant is silent, for the account's human
    wrote there by hand.
    """

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("session_id", "jid_key"), UniqueConstraint("session_id", "lid_key"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    jid_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    lid_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    chat: Mapped[str] = mapped_column(EncryptedText)
    addresses: Mapped[list[str]] = mapped_column(EncryptedJSON)
    heard_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    paused_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > clock.now()


def key(db: AsyncSession, session_id: UUID, address: str) -> bytes:
    """16 bytes that stand for a chat of a session."""
    return blind(db, "contacts.addresses", f"{session_id} {address}")


async def find(db: AsyncSession, session_id: UUID, addresses: Iterable[str]) -> Contact | None:
    """Who has one of these addresses. When number and LID were met apart, they are one contact from now on."""
    keys = [key(db, session_id, address) for address in addresses]
    query = (
        select(Contact)
        .where(Contact.session_id == session_id, or_(Contact.jid_key.in_(keys), Contact.lid_key.in_(keys)))
        .order_by(Contact.id)
    )
    found = list(await db.scalars(query))
    for other in found[1:]:
        found[0].heard_at = found[0].heard_at or other.heard_at
        found[0].paused_until = found[0].paused_until or other.paused_until
        await db.execute(delete(Contact).where(Contact.id == other.id))
    return found[0] if found else None


async def meet(db: AsyncSession, session_id: UUID, addresses: set[str]) -> Contact:
    """The contact with these addresses (a person's number and LID, or a group's JID), new or with what is now known."""
    contact = await find(db, session_id, addresses)
    if contact is None:
        jid = min(addresses, key=lambda address: address.endswith("@lid"))
        contact = Contact(id=clock.new_id(), session_id=session_id, chat=jid, addresses=[])
        db.add(contact)
    contact.addresses = sorted({*contact.addresses, *addresses})
    for address in contact.addresses:
        if address.endswith("@lid"):
            contact.lid_key = key(db, session_id, address)
        else:
            contact.jid_key = key(db, session_id, address)
    await db.flush()
    return contact


async def destination(db: AsyncSession, session_id: UUID, account: Account, chat: str) -> str:
    """The JID to write to. Raises BadInput when this session may not write there, Conflict while a human does."""
    if rules.is_own_chat(account, chat):
        return account.jid
    chat = rules.bare(chat)
    policy = await policies.load(db, session_id)
    contact = await find(db, session_id, {chat})
    if not _may_write(policy, contact, chat):
        raise BadInput(
            "This session writes in the account's own “Message yourself” chat, and to those whom its access settings "
            "allow and who have written first. This is none of these chats.",
            code="chat_not_allowed",
        )
    if contact is None:
        return chat
    if contact.paused and not policy.is_owner(set(contact.addresses)):
        raise Conflict(
            "Somebody answers in this chat by hand; the assistant is silent there for a while.", code="chat_paused"
        )
    return contact.chat


async def is_owners(db: AsyncSession, session_id: UUID, account: Account, chat: str) -> bool:
    """Whether this is the account's own chat, or that of a number which its owner has proved."""
    if rules.is_own_chat(account, chat):
        return True
    contact = await find(db, session_id, {rules.bare(chat)})
    return (await policies.load(db, session_id)).is_owner(set(contact.addresses) if contact else {rules.bare(chat)})


async def reachable(db: AsyncSession, session: Session, chat: str, *, owner_only: bool = False) -> str:
    """`destination`, of a session that is linked. Raises Conflict when it isn't, BadInput with `owner_only` when the
    chat isn't the owner's."""
    account = session.account
    if account is None or session.status not in (sessions.CONNECTED, sessions.RECONNECTING):
        raise Conflict(f"This session is not linked. {session.reason}", code="not_linked")
    to = await destination(db, session.id, account, chat)
    if owner_only and not await is_owners(db, session.id, account, to):
        raise BadInput(
            "This chat is neither the account's own “Message yourself” chat nor that of a number which its owner has "
            "proved.",
            code="chat_not_allowed",
        )
    return to


def _may_write(policy: Policy, contact: Contact | None, chat: str) -> bool:
    heard = contact is not None and contact.heard_at is not None
    if rules.is_group(chat):
        return policy.groups == "mentions" and heard
    who = set(contact.addresses) if contact else {chat}
    known = heard or policy.mode != "everyone" or policy.is_owner(who)
    return rules.is_person(chat) and policy.admits(who) and known
