"""The assistant's tables: chats, messages, turns, and the ledger of what each turn's tools have done.

A `main` chat is a user's own conversation with Paddy, the same on every channel. A `topic` chat is another one that
they opened on the web. A `contact` chat is with somebody else who writes to one of the user's linked accounts; it never
sees the owner's workspace.
"""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from exponential.assistant.channels.base import Place
from exponential.core import clock
from exponential.core.database import AppBase
from exponential.core.encryption import BlindIndex, EncryptedJSON, EncryptedText
from exponential.workspace.history import Act

Role = Literal["owner", "guest"]


class Chat(AppBase):
    """One conversation. `channel`, `account` and `address` say where a contact chat lives; they are null in the user's
    own ones. `handle` is what people know the contact by there, such as a phone number. `is_group`: several people
    write and read there. `title` is what a topic chat is called, null until something was said in it.

    While `paused_at` is set, and `paused_until` (if it is set) not reached, Paddy is silent here; it is, too, until
    `breaker_until`, the end for which the circuit breaker opened last. Paddy remembers what
    was said since `begins_at`: `summary` stands for the turns that began up to `summarised_until`.
    """

    __tablename__ = "chats"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'contact') = (address_key is not null) and (address_key is null) = (account is null)"
            " and (account is null) = (channel is null)",
            name="place",
        ),
        Index("ix_chats_user_id", "user_id"),
        Index("uq_chats_main", "user_id", unique=True, postgresql_where=text("kind = 'main'")),
        Index("uq_chats_contact", "user_id", "channel", "account", "address_key", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str | None] = mapped_column(String(16))
    account: Mapped[str | None] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(EncryptedText)
    address_key: Mapped[bytes | None] = mapped_column(BlindIndex("address"))
    handle: Mapped[str | None] = mapped_column(EncryptedText)
    is_group: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    title: Mapped[str | None] = mapped_column(EncryptedText)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    paused_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    paused_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    begins_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    summary: Mapped[str | None] = mapped_column(EncryptedText)
    summarised_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    breaker_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    limit_told_on: Mapped[date | None] = mapped_column(Date)  # the user's day on which its daily limit was told of

    @property
    def role(self) -> Role:
        """Who Paddy talks with here; all tools hang on it."""
        return "guest" if self.kind == "contact" else "owner"

    @property
    def place(self) -> Place | None:
        return _place(self.channel, self.account, self.address)


class Message(AppBase):
    """What a person (`role` "user") or Paddy ("assistant") said. `turn_id` is null until a turn takes it up.

    `account` and `address` are the place where it was written, or goes; on the web and in the terminal there is none.
    `external_id` is its channel's name for it, `sender` for who wrote it; `sender_handle` is what people know them by
    (such as a phone number), `sender_name` what they call themselves. `is_group`: others read there.
    `forwarded`: its text, or its file, is what somebody else said. `quoted` are the words that it replies to, and
    `quoted_turn_id` is whose answer they stood in, if they are Paddy's. `written_at` is when its channel got it, in
    whole seconds.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("uq_messages_external", "channel", "account", "external_id", unique=True),
        Index("ix_messages_chat_id_position", "chat_id", "position"),
        Index(
            "ix_messages_unanswered",
            "chat_id",
            postgresql_where=text("turn_id is null and role = 'user'"),
            unique=False,
        ),
        Index("ix_messages_turn_id", "turn_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))  # the order within a chat
    chat_id: Mapped[UUID] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    turn_id: Mapped[UUID | None] = mapped_column(ForeignKey("turns.id"))
    role: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(16))
    account: Mapped[str | None] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(EncryptedText)
    is_group: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    external_id: Mapped[str | None] = mapped_column(String(200))
    sender_name: Mapped[str | None] = mapped_column(EncryptedText)
    sender: Mapped[str | None] = mapped_column(EncryptedText)
    sender_handle: Mapped[str | None] = mapped_column(EncryptedText)
    text: Mapped[str] = mapped_column(EncryptedText)
    forwarded: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    quoted: Mapped[str | None] = mapped_column(EncryptedText)
    quoted_turn_id: Mapped[UUID | None] = mapped_column()
    written_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    @property
    def place(self) -> Place | None:
        return _place(self.channel, self.account, self.address)

    @place.setter
    def place(self, place: Place | None) -> None:
        """Without one, it is on the web alone."""
        self.channel = place.channel if place else "web"
        self.account, self.address = (place.account, place.address) if place else (None, None)

    @property
    def own_words(self) -> str:
        """What its sender says to Paddy: nothing, where they only pass on what somebody else said."""
        return "" if self.forwarded else self.text


class Turn(AppBase):
    """One answer in the making, to one or several messages. `state`: running, done, failed, stopped (asked to, see
    `stop_asked_at`) or silent (the chat was paused; there is no answer).

    `history` holds this turn's own pydantic-ai messages so far; a turn that lost its process goes on from them. `runs`
    counts how often it was taken up: only the latest run may write. `fruitless` of them, the last ones, saved nothing;
    `failures` failed for a reason of their own, not because a process or the database went away. `again_of` is the turn
    whose messages this one answers anew; they stay with that one.
    """

    __tablename__ = "turns"
    __table_args__ = (
        Index("ix_turns_chat_id_started_at", "chat_id", "started_at"),
        # At most one turn of a chat runs; a second one is a bug that must not get far.
        Index("uq_turns_running", "chat_id", unique=True, postgresql_where=text("state = 'running'")),
        Index("ix_turns_again_of", "again_of", postgresql_where=text("again_of is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    chat_id: Mapped[UUID] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16), default="running")
    history: Mapped[Any] = mapped_column(EncryptedJSON)
    runs: Mapped[int] = mapped_column(default=0)
    fruitless: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    stop_asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    again_of: Mapped[UUID | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ToolCall(AppBase):
    """A ledger entry, committed together with the tool's effect: once it is there, the call is not made again.
    `act_id`: the act in the workspace's history that the call was."""

    __tablename__ = "tool_calls"
    __table_args__ = (Index("ix_tool_calls_act_id", "act_id"),)

    turn_id: Mapped[UUID] = mapped_column(ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    name: Mapped[str] = mapped_column(String(100))
    args: Mapped[Any] = mapped_column(EncryptedJSON)
    result: Mapped[Any] = mapped_column(EncryptedJSON)
    act_id: Mapped[UUID | None] = mapped_column(ForeignKey(Act.id, ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


def _place(channel: str | None, account: str | None, address: str | None) -> Place | None:
    if channel is None or account is None or address is None:
        return None
    return Place(channel, account, address)
