"""What the owner says to an answer that waits for approval: YES, NO or other words, and which answer that means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant import approvals
from exponential.assistant.approvals import PendingApproval
from exponential.assistant.channels.base import Place
from exponential.assistant.channels.registry import Channels
from exponential.assistant.tables import Chat, Message
from exponential.auth import users
from exponential.core import log
from exponential.core.database import Database
from exponential.core.errors import ExponentialError, NotFound
from exponential.workspace.text.markdown import plain

_NUMBER = r"(?:\s*(?:no\.?\s*|#\s*)?(?P<number>\d{1,6}))?"
_YES = re.compile(rf"(?:yes|yep|ok(?:ay)?|send(?:\s+it)?|yes,?\s+send(?:\s+it)?|ja|👍){_NUMBER}[\s.!]*", re.IGNORECASE)
_NO = re.compile(rf"(?:no|nope|don['’]?t(?:\s+send)?(?:\s+it)?|drop(?:\s+it)?|nein|👎){_NUMBER}[\s.!]*", re.IGNORECASE)
_OTHER = re.compile(rf"send{_NUMBER}\s*:\s*(?P<text>\S.*)", re.IGNORECASE | re.DOTALL)
_log = log.get(__name__)


@dataclass(frozen=True)
class Decision:
    """What the owner said of one that waits: `number` None means that they must say which; `text` replaces Paddy's."""

    send: bool
    number: int | None = None
    text: str | None = None


async def note_shown(database: Database, channels: Channels, chat_id: UUID) -> None:
    """Before a YES from elsewhere than the web is understood: find out when the questions that it may answer left."""
    async with database.transaction() as session:
        chat = await session.get(Chat, chat_id)
        if chat is None or chat.role != "owner":
            return
        unanswered = (Message.chat_id == chat_id, Message.role == "user", Message.turn_id.is_(None))
        said = await session.scalars(select(Message).where(*unanswered, Message.address.is_not(None)))
        if not any(_read(message.own_words) for message in said):
            return
        user = await users.get(session, chat.user_id)
        asked = select(
            PendingApproval.id, PendingApproval.ask_message_id, Message.channel, Message.account, Message.address
        ).join(Message, Message.turn_id == PendingApproval.ask_turn_id)
        unknown = asked.where(*approvals.waits(user.id), PendingApproval.shown_at.is_(None))
        rows = (await session.execute(unknown)).all()
    for pending_id, message_id, name, account, address in rows:
        channel = channels.find(name)
        if channel is None or message_id is None or account is None or address is None:
            continue  # still on its way to the channel
        try:
            shown_at = await channel.sent_at(user, Place(name, account, address), message_id)
        except ExponentialError as error:
            _log.info("question_not_followed", pending=str(pending_id), code=error.code)
            continue
        async with database.transaction() as session:
            await session.execute(
                update(PendingApproval).where(PendingApproval.id == pending_id).values(shown_at=shown_at)
            )


async def read(session: AsyncSession, chat: Chat, message: Message) -> Decision | None:
    """What a message of the owner's decides about an answer that waits; None when it is about something else.

    With a number it always counts, and so it does as a reply to the question, unless the two differ. Else it must have
    been written after the question was shown, a bare YES or NO right after. Where several wait, or it crossed with the
    question by the channel's clock (ours may be ahead), it doesn't say which one is meant.
    """
    found = _read(message.own_words) if chat.role == "owner" else None
    if found is None:
        return None
    waits = await approvals.pending_of(session, chat.user_id)
    quoted = await _asked_in(session, chat.user_id, message.quoted_turn_id)
    if quoted is not None:
        return replace(found, number=quoted if found.number in (None, quoted) else None)
    if found.number is not None:
        return found if waits else None
    seen = [pending for pending in waits if _was_shown(pending, message)]
    crossed = [pending for pending in waits if pending not in seen and _has_left(pending, message)]
    if found.text is not None:  # says itself what it is about
        only = seen[0].number if seen == waits and len(waits) == 1 else None
        return replace(found, number=only) if seen or crossed else None
    if message.quoted:
        return None
    asked = await _asked_last(session, chat, message, [pending for pending in waits if pending not in seen])
    if asked is None:
        last = await _asked_last(session, chat, message, [])
        return replace(found, number=None) if any(pending.number == last for pending in crossed) else None
    several = any(pending.number == asked for pending in waits) and len(waits) > 1
    return replace(found, number=None if several else asked)


async def decide(session: AsyncSession, user_id: UUID, what: Decision) -> tuple[str, str]:
    """Do what the owner decided. What to say to it, in Markdown, and what Paddy keeps in mind: no words of others.

    Raises NotFound, Conflict, BadInput.
    """
    everything = await approvals.waiting(session, user_id)
    if what.number is None:
        first = everything[0].pending.number if everything else 1
        asks = f"Which answer do you mean? Say its number: *YES {first}*, *NO {first}* or *SEND {first}: …*."
        return f"{asks}\n\n{approvals.lines(everything)}", "I asked which one of the answers that wait is meant."
    one = next((each for each in everything if each.pending.number == what.number), None)
    if one is None:
        raise NotFound(f"No answer with the number {what.number} waits any more.", code="unknown_pending")
    more = _more(
        [each.pending for each in everything if each is not one and each.pending.chat_id == one.pending.chat_id]
    )
    if not what.send:
        await approvals.drop(session, user_id, one.pending.id)
        return f"Not sent. **{plain(one.contact)}** gets no answer.{more}", f"Answer {what.number} was not sent."
    await approvals.send(session, user_id, one.pending.id, what.text)
    return f"Sent to **{plain(one.contact)}**.{more}", f"Answer {what.number} was sent."


def _more(others: Sequence[PendingApproval]) -> str:
    """A sentence about a contact's other answers, once the owner has decided all that they were asked about."""
    if not others or any(pending.ask_turn_id for pending in others):
        return ""
    waits = "1 more answer to them waits" if len(others) == 1 else f"{len(others)} more answers to them wait"
    return f" {waits}: */approve* lists them."


def _read(text: str) -> Decision | None:
    text = text.strip()
    for pattern, yes in ((_OTHER, True), (_YES, True), (_NO, False)):
        match = pattern.fullmatch(text)
        if match is not None:
            number = int(match["number"]) if match["number"] else None
            return Decision(yes, number, match.groupdict().get("text"))
    return None


def _was_shown(pending: PendingApproval, message: Message) -> bool:
    """Whether the owner could have seen the question when they wrote: on the web, at once; elsewhere, once it had left
    for there. Channels tell whole seconds."""
    if message.place is None:
        return pending.ask_turn_id is not None and pending.created_at <= message.created_at
    written_at = message.written_at or message.created_at
    return pending.shown_at is not None and pending.shown_at.replace(microsecond=0) <= written_at


def _has_left(pending: PendingApproval, message: Message) -> bool:
    """Whether the question was on its way to the phone when the message came."""
    return pending.shown_at is not None and pending.shown_at <= message.created_at


async def _asked_in(session: AsyncSession, user_id: UUID, turn_id: UUID | None) -> int | None:
    """The number of the answer that the owner was asked about in this turn."""
    query = select(PendingApproval.number).where(
        PendingApproval.user_id == user_id, PendingApproval.ask_turn_id == turn_id
    )
    return None if turn_id is None else (await session.execute(query)).scalar_one_or_none()


async def _asked_last(
    session: AsyncSession, chat: Chat, message: Message, unseen: Sequence[PendingApproval]
) -> int | None:
    """The number of the answer that Paddy asked about right before this message, as far as the owner had seen that."""
    turns = [pending.ask_turn_id for pending in unseen if pending.ask_turn_id is not None]
    before = (Message.chat_id == chat.id, Message.role == "assistant", Message.position < message.position)
    query = select(Message.turn_id).where(*before, Message.turn_id.not_in(turns)).order_by(Message.position.desc())
    return await _asked_in(session, chat.user_id, (await session.execute(query.limit(1))).scalar_one_or_none())
