"""Messages as the chat page shows them: on the user's clock, with their files and with what Paddy did for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from uuid import UUID

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core import action_names
from exponential.app.core.action_names import Activity
from exponential.app.core.rendering import part
from exponential.assistant import chats, tools
from exponential.assistant.channels import web
from exponential.assistant.channels.base import Channel
from exponential.assistant.channels.registry import Channels
from exponential.assistant.files import attachments
from exponential.assistant.files.attachments import StoredAttachment
from exponential.assistant.tables import Chat, Message, ToolCall, Turn
from exponential.workspace import history
from exponential.workspace.history import Act

SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")  # pictures that a page shows; others are links
SHOWN_CHARS = 4_000  # of a message in a conversation; the rest has a page of its own


@dataclass(frozen=True)
class Deed:
    """Something Paddy did. `undo`: the id of the act, while it can be taken back; `undone`: it was."""

    activity: Activity
    undo: str | None
    undone: bool


@dataclass(frozen=True)
class Entry:
    """A message. `day` is set on the first one of each day; `via` names a channel other than the web, `who` a guest.
    `failed`: Paddy could not answer; `retry`: it is Paddy's latest answer, and can be asked for anew."""

    id: str
    role: str
    text: str
    who: str
    via: Channel | None
    at: datetime
    day: date | None
    failed: bool
    retry: bool
    forwarded: bool = False
    files: list[StoredAttachment] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        return len(self.text) > SHOWN_CHARS

    @property
    def beginning(self) -> str:
        """What the conversation shows of it."""
        return f"{self.text[:SHOWN_CHARS].rstrip()} …" if self.is_long else self.text

    @staticmethod
    def html(text: str) -> Markup:
        """Paddy's Markdown. It takes a processor's time, so templates ask for it: they are rendered in a thread."""
        return Markup(*web.Web().render(text))


async def entries_of(
    session: AsyncSession, channels: Channels, chat: Chat, found: Sequence[Message], zone: tzinfo
) -> list[Entry]:
    """`found` is in order."""
    files = await attachments.of_messages(session, [message.id for message in found if message.role == "user"])
    replies = {message.turn_id for message in found if message.role == "assistant" and message.turn_id}
    deeds = await _deeds(session, replies)
    query = select(Turn.id, Turn.state, Turn.again_of).where(Turn.id.in_(replies))
    states = {turn_id: (state, again_of) for turn_id, state, again_of in await session.execute(query)}
    answered = {message.turn_id for message in found if message.role == "user"}
    last = next((message.id for message in reversed(found) if message.role == "assistant"), None)
    entries = []
    before: date | None = None
    for message in found:
        at = message.created_at.astimezone(zone)
        is_reply = message.role == "assistant"
        state, again_of = states.get(message.turn_id, ("", None)) if message.turn_id else ("", None)
        entries.append(
            Entry(
                id=str(message.id),
                role=message.role,
                text=message.text,
                who=chats.plain_name(message.sender_name or "") if chat.kind == "contact" and not is_reply else "",
                via=None if message.channel == web.Web.name else channels.find(message.channel),
                at=at,
                day=at.date() if at.date() != before else None,
                failed=state == "failed" and is_reply,
                retry=message.id == last and chat.kind != "contact" and bool(again_of or message.turn_id in answered),
                forwarded=message.forwarded,
                files=files.get(message.id, []),
                deeds=deeds.get(message.turn_id, []) if is_reply and message.turn_id else [],
            )
        )
        before = at.date()
    return entries


def steps_html(steps: Mapping[str, str]) -> str:
    """The tools that a running turn uses, with their states (started, done, failed), as list items."""
    return part("_steps.html", steps=[(action_names.running(tool), state) for tool, state in steps.items()])


async def _deeds(session: AsyncSession, turn_ids: set[UUID]) -> dict[UUID, list[Deed]]:
    changing = [name for name, spec in tools.specs().items() if spec.changes]
    query = select(ToolCall).where(ToolCall.turn_id.in_(turn_ids), ToolCall.name.in_(changing))
    calls = (await session.execute(query.order_by(ToolCall.position))).scalars().all()
    acts = [call.act_id for call in calls if call.act_id]
    can = await history.undoable(session, acts) if acts else set()
    undone = set(
        (await session.execute(select(Act.id).where(Act.id.in_(acts), Act.undone_at.is_not(None)))).scalars()
        if acts
        else ()
    )
    found: dict[UUID, list[Deed]] = {}
    for call in calls:
        activity = action_names.done(call.name, call.result)
        if activity is not None:
            undo = str(call.act_id) if call.act_id in can else None
            found.setdefault(call.turn_id, []).append(Deed(activity, undo, call.act_id in undone))
    return found
