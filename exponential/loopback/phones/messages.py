"""What a person does on a simulated phone beyond typing a text: reply, react, edit, take back, show typing, read."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from exponential.loopback.phones import content
from exponential.loopback.phones.content import Attachment, Change, Content, Kind, Timer
from exponential.loopback.server import groups, media_host, routing
from exponential.loopback.server.directory import Account, Device
from exponential.loopback.server.groups import Group, Place
from exponential.loopback.state.rows import Row
from exponential.protocol.binary import JID, Node
from exponential.protocol.protobufs import Message

if TYPE_CHECKING:
    from exponential.loopback.phones.phone import Phone
    from exponential.loopback.server.server import Loopback

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


class Writing(ABC):
    """The part of a phone that writes. Chats are named as in `Phone`."""

    number: str
    _server: "Loopback"
    _account: Account
    _device: Device

    def __init__(self) -> None:
        self.disappearing: dict[str, int] = {}  # chat → seconds
        self.addresses_by_number = False  # WhatsApp's apps have addressed contacts by number, and do by LID
        self.wraps_ephemeral = False  # WhatsApp's apps have sent what disappears with and without a wrapper

    @abstractmethod
    def _find(self, who: "Phone | str") -> Account: ...

    @abstractmethod
    def _place(self, chat: "Phone | Group | str") -> Place: ...

    @abstractmethod
    def _transmit(self, place: Place, message: Message) -> str: ...

    @abstractmethod
    def _show(self, id: str, chat: str, sender: Device, message: Message) -> None: ...

    @abstractmethod
    def messages(self, chat: "Phone | Group | str" = "me") -> list[ChatMessage]: ...

    def send(self, to: "Phone | Group | str", message: Message) -> ChatMessage:
        """Encrypt `message` (of a kind that chats show) for every device of all its accounts; it appears in the chat.

        Raises ValueError when the number has no account, or there is no such group.
        """
        place = self._place(to)
        chat = groups.chat_name(place)
        if place is not self._account and self.wraps_ephemeral and self.disappearing.get(chat):
            message = content.ephemeral(message)
        id = self._transmit(place, message)
        self._show(id, chat, self._device, message)
        return next(line for line in reversed(self.messages(chat)) if line.id == id)

    def send_text(self, to: "Phone | Group | str", text: str, *, forwarded: bool = False) -> ChatMessage:
        """Write to another phone, a number, a group or "me". Raises ValueError when there is none such."""
        return self._say(to, Content(text=text, forwarded=forwarded))

    def forward(self, line: ChatMessage, to: "Phone | Group | str") -> ChatMessage:
        """Pass a line of any chat on, with its file and caption."""
        return self._say(to, replace(_shown(line), forwarded=True))

    def reply(self, line: ChatMessage, text: str) -> ChatMessage:
        """Quote `line` and write beneath it."""
        return self._say(line.chat, Content(text=text), line)

    def send_location(
        self, to: "Phone | Group | str", latitude: float, longitude: float, name: str = ""
    ) -> ChatMessage:
        """Send a place, in degrees."""
        return self._say(to, Content("location", name, details={"latitude": latitude, "longitude": longitude}))

    def send_contact(self, to: "Phone | Group | str", name: str, number: str) -> ChatMessage:
        """Send somebody's contact card."""
        card = f"BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;waid={number.lstrip('+')}:{number}\nEND:VCARD"
        return self._say(to, Content("contact", name, details={"vcard": card}))

    def send_image(
        self, to: "Phone | Group | str", data: bytes, text: str = "", *, mime: str = "image/jpeg"
    ) -> ChatMessage:
        """Send a picture with a caption."""
        return self._send_file(to, "image", data, mime, text)

    def send_video(self, to: "Phone | Group | str", data: bytes, text: str = "", *, seconds: int = 0) -> ChatMessage:
        """Send an MP4 with a caption."""
        return self._send_file(to, "video", data, "video/mp4", text, seconds=seconds)

    def send_voice(self, to: "Phone | Group | str", data: bytes, *, seconds: int) -> ChatMessage:
        """Send a voice note, Opus in Ogg."""
        return self._send_file(to, "voice", data, "audio/ogg; codecs=opus", seconds=seconds)

    def send_document(
        self,
        to: "Phone | Group | str",
        data: bytes,
        name: str,
        text: str = "",
        *,
        mime: str = "application/octet-stream",
    ) -> ChatMessage:
        """Send a file under a name, with a caption."""
        return self._send_file(to, "document", data, mime, text, name=name)

    def send_sticker(self, to: "Phone | Group | str", data: bytes) -> ChatMessage:
        """Send a WebP sticker."""
        return self._send_file(to, "sticker", data, "image/webp")

    def open_file(self, line: ChatMessage) -> bytes:
        """Download and decrypt a line's file. Raises MediaError when it isn't there or isn't what the message says."""
        if line.media is None:
            raise media_host.MediaError("this line has no file")
        return media_host.unseal(line.kind, self._server.media.get(line.media.path), line.media)

    def react(self, line: ChatMessage, emoji: str) -> None:
        """Put an emoji beneath `line`; "" takes it back."""
        self._change(line, Change("reaction", line.id, emoji))

    def edit(self, line: ChatMessage, text: str) -> None:
        """Give one's own line other words. Raises ValueError for somebody else's."""
        self._change(_own(line), Change("edit", line.id, text))

    def revoke(self, line: ChatMessage) -> None:
        """Take one's own line back, "Delete for everyone". Raises ValueError for somebody else's."""
        self._change(_own(line), Change("revoke", line.id))

    def set_disappearing(self, chat: "Phone | str", seconds: int) -> None:
        """Let what is written in `chat` from now on disappear after `seconds`; 0 turns it off."""
        account, message = self._find(chat), content.build_timer(Timer(seconds), at=time.time())
        self._show(self._transmit(account, message), f"+{account.number}", self._device, message)

    def mark_read(self, chat: "Phone | Group | str") -> None:
        """Open the chat: the other side's ticks turn blue."""
        unread = [line for line in self.messages(chat) if not line.from_me and line.status not in ("read", "played")]
        for line in unread:
            self._confirm(line, "read")

    def mark_played(self, line: ChatMessage) -> None:
        """Listen to a voice note or watch a video: the microphone turns blue on the other side."""
        self._confirm(line, "played")

    def show_typing(self, chat: "Phone | str", on: bool = True, *, recording: bool = False) -> None:
        """Begin or stop typing, or recording a voice note (whatsmeow presence.go, SendChatPresence)."""
        state = Node("composing", {"media": "audio"} if recording else {}) if on else Node("paused")
        routing.presence(self._server, self._device, Node("chatstate", {"to": self._find(chat).lid}, [state]))

    def _say(self, to: "Phone | Group | str", said: Content, quoted: ChatMessage | None = None) -> ChatMessage:
        seconds = self.disappearing.get(groups.chat_name(self._place(to)), 0)
        context = content.quote(quoted.id, str(self._find(quoted.sender).lid), _shown(quoted)) if quoted else None
        return self.send(to, content.build(replace(said, expires_in=seconds), context))

    def _send_file(
        self,
        to: "Phone | Group | str",
        kind: Kind,
        data: bytes,
        mime: str,
        text: str = "",
        *,
        name: str = "",
        seconds: int = 0,
    ) -> ChatMessage:
        sealed = media_host.seal(kind, data)
        file = Attachment(
            path=self._server.media.put(sealed.data),
            key=sealed.key.hex(),
            sha256=sealed.sha256.hex(),
            encrypted_sha256=sealed.encrypted_sha256.hex(),
            size=len(data),
            mime=mime,
            name=name,
            seconds=seconds,
        )
        return self._say(to, Content(kind, text, media=file))

    def _change(self, line: ChatMessage, change: Change) -> None:
        place, author = self._place(line.chat), self._find(line.sender)
        message = content.build_change(
            change,
            str(groups.address(place)),
            from_me=line.from_me,
            at=time.time(),
            participant=str(author.lid) if isinstance(place, Group) and not line.from_me else "",
        )
        self._show(self._transmit(place, message), line.chat, self._device, message)

    def _confirm(self, line: ChatMessage, status: Literal["read", "played"]) -> None:
        line.advance(status)
        place = self._place(line.chat)
        to = place.jid if line.by_number else groups.address(place)
        attrs: dict[str, str | JID] = {"id": line.id, "to": to, "type": status}
        if isinstance(place, Group):
            attrs["participant"] = self._find(line.sender).lid
        routing.receipt(self._server, self._device, Node("receipt", attrs))


def _shown(line: ChatMessage) -> Content:
    return Content(line.kind, line.text, media=line.media, details=line.details)


def _own(line: ChatMessage) -> ChatMessage:
    if not line.from_me:
        raise ValueError("Only whoever wrote a message can edit it or take it back.")
    return line
