"""A phone's chats: their lines, and what changes them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exponential.loopback.phones import content
from exponential.loopback.phones.content import Attachment, Change, Content, Kind
from exponential.loopback.phones.settings import Settings
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.state.rows import Row, Rows
from exponential.protocol.protobufs import Message

Status = Literal["sent", "delivered", "read", "played"]
STATUSES: tuple[Status, ...] = ("sent", "delivered", "read", "played")


@dataclass
class ChatMessage(Row):
    """A line in a chat. `device` tells which of the sender's devices wrote it; 0 is the phone itself.

    `reactions` maps a number to its emoji; `expires_in` is the disappearing timer in seconds that the line came with;
    a revoked line has no words and no file any more.
    """

    id: str
    chat: str
    sender: str
    text: str
    from_me: bool
    device: int
    at: float = field(default_factory=time.time)
    status: Status = "sent"
    kind: Kind = "text"
    quoted_id: str = ""
    expires_in: int = 0
    media: Attachment | None = None
    details: Mapping[str, str | float] = field(default_factory=dict)
    reactions: Mapping[str, str] = field(default_factory=dict)
    edited: bool = False
    revoked: bool = False
    forwarded: bool = False
    by_number: bool = False  # it was addressed by number, not by LID: so are its receipts

    def show(self, said: Content) -> None:
        """Take over what a message says."""
        self.kind, self.text, self.quoted_id = said.kind, said.text, said.quoted_id
        self.expires_in, self.media, self.details = said.expires_in, said.media, said.details
        self.forwarded = said.forwarded

    def apply(self, change: Change, who: str) -> None:
        """Change this line as `who` (a number) asked. Only its writer may edit it or take it back."""
        if change.kind == "reaction":
            others = {other: emoji for other, emoji in self.reactions.items() if other != who}
            self.reactions = others | ({who: change.text} if change.text else {})
        elif who == self.sender and not self.revoked:
            self.text = change.text
            self.edited = change.kind == "edit"
            self.revoked = change.kind == "revoke"
            if self.revoked:
                self.media, self.details = None, {}

    def advance(self, status: Status) -> None:
        """Ticks never go back."""
        self.status = max(self.status, status, key=STATUSES.index)


class ChatHistory:
    """All chats of the phone of `account`. `lines` are found by chat and id, `chats` has them in order.

    `typing` and `recording` are the numbers of those who do. `news` is set at the next change; each has its own.
    """

    def __init__(self, account: Account, settings: Settings) -> None:
        self.lines: Rows[tuple[str, str], ChatMessage] = Rows()
        self.chats: dict[str, list[ChatMessage]] = {}
        self.typing: set[str] = set()
        self.recording: set[str] = set()
        self.news = asyncio.Event()
        self._account = account
        self._settings = settings

    def refresh(self) -> None:
        """Tell whoever waits that something on the phone has changed."""
        self.news.set()
        self.news = asyncio.Event()

    def file(self, line: ChatMessage) -> None:
        """Append a line to its chat, once."""
        if (line.chat, line.id) not in self.lines:
            self.lines[line.chat, line.id] = line
            self.chats.setdefault(line.chat, []).append(line)
        self.refresh()

    def show(self, id: str, chat: str, sender: Device, message: Message, *, by_number: bool = False) -> None:
        """Let the chat show what a message says: a new line, a change of an earlier one, another timer."""
        who, said = f"+{sender.account.number}", content.read(message)
        if isinstance(said, Content):
            line = ChatMessage(id, chat, who, said.text, sender.account is self._account, sender.id)
            line.by_number = by_number
            line.show(said)
            self.file(line)
        elif isinstance(said, content.Timer):
            self._settings.disappearing[chat] = said.seconds
        elif said and (chat, said.target) in self.lines:
            self.lines[chat, said.target].apply(said, who)
        self.refresh()

    def advance(self, chat: str, id: str, status: Status) -> None:
        """Move the ticks of a line, if there is such a one."""
        line = self.lines.get((chat, id))
        if line:
            line.advance(status)
