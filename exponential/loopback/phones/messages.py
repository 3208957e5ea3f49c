"""A phone's messenger: what a person sends, and does to what was sent: reply, react, edit, take back, read."""

import time
from dataclasses import replace
from typing import Literal, TypeAlias

from exponential.loopback.phones import content
from exponential.loopback.phones.chats import ChatHistory, ChatMessage
from exponential.loopback.phones.content import Attachment, Change, Content, Kind, Timer
from exponential.loopback.phones.direct_messages import DirectMessages
from exponential.loopback.phones.encryption import Encryption
from exponential.loopback.phones.group_messages import GroupMessages
from exponential.loopback.phones.settings import Settings
from exponential.loopback.phones.signal import Keys, SessionBook
from exponential.loopback.server import media_host, routing
from exponential.loopback.server.directory import Account, Device, Group, Place, address, chat_name
from exponential.loopback.server.registers import Registers
from exponential.loopback.state.rows import Rows
from exponential.protocol.binary import GROUP_SERVER, JID, Node
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import Message

ONE_TIME_KEYS = 100
Person: TypeAlias = "Messenger | str"  # a phone, a number in international form, or "me"
Chat: TypeAlias = "Messenger | Group | str"  # with whom, or a group or its id


class Messenger(Settings):
    """A phone with a new account, as far as it writes. `number` is in international form.

    Chats are named by the other side's number, one's own "Message yourself"; a group's by its JID.
    """

    def __init__(self, server: Registers, number: str, name: str) -> None:
        super().__init__(name, {number: f"{name} (You)"})
        self.number = number
        self._server = server
        self._account = server.directory.add(number.lstrip("+"), name)
        keys = Keys(one_time=Rows({index: KeyPair() for index in range(1, ONE_TIME_KEYS + 1)}))
        self._device = self._account.devices[0] = Device(
            self._account,
            0,
            identity=keys.identity.public,
            registration_id=keys.registration_id,
            signed_id=keys.signed.id,
            signed=keys.signed.pair.public,
            signature=keys.signature(),
            one_time=Rows({index: pair.public for index, pair in keys.one_time.items()}),
        )
        self.history = ChatHistory(self._account, self)
        self._book = SessionBook(keys)
        self.encryption = Encryption(self._book)
        self.direct = DirectMessages(server, self._device, self.encryption, self.history, self)
        self.in_groups = GroupMessages(server, self._device, self.encryption, self.history)

    @property
    def account(self) -> Account:
        return self._account

    @property
    def chats(self) -> dict[str, list[ChatMessage]]:
        """The lines of each chat, oldest first."""
        return self.history.chats

    def messages(self, chat: Chat = "me") -> list[ChatMessage]:
        """The lines of a chat, oldest first."""
        return self.chats.get(chat_name(self._place(chat)), [])

    def send(self, to: Chat, message: Message) -> ChatMessage:
        """Encrypt `message` (of a kind that chats show) for every device of all its accounts; it appears in the chat.

        Raises ValueError when the number has no account, or there is no such group.
        """
        place = self._place(to)
        chat = chat_name(place)
        if place is not self._account and self.wraps_ephemeral and self.disappearing.get(chat):
            message = content.ephemeral(message)
        id = self._transmit(place, message)
        self.history.show(id, chat, self._device, message)
        return next(line for line in reversed(self.messages(chat)) if line.id == id)

    def send_text(self, to: Chat, text: str, *, forwarded: bool = False) -> ChatMessage:
        """Write to another phone, a number, a group or "me". Raises ValueError when there is none such."""
        return self._say(to, Content(text=text, forwarded=forwarded))

    def forward(self, line: ChatMessage, to: Chat) -> ChatMessage:
        """Pass a line of any chat on, with its file and caption."""
        return self._say(to, replace(_shown(line), forwarded=True))

    def reply(self, line: ChatMessage, text: str) -> ChatMessage:
        """Quote `line` and write beneath it."""
        return self._say(line.chat, Content(text=text), line)

    def send_location(self, to: Chat, latitude: float, longitude: float, name: str = "") -> ChatMessage:
        """Send a place, in degrees."""
        return self._say(to, Content("location", name, details={"latitude": latitude, "longitude": longitude}))

    def send_contact(self, to: Chat, name: str, number: str) -> ChatMessage:
        """Send somebody's contact card."""
        card = f"BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;waid={number.lstrip('+')}:{number}\nEND:VCARD"
        return self._say(to, Content("contact", name, details={"vcard": card}))

    def send_image(self, to: Chat, data: bytes, text: str = "", *, mime: str = "image/jpeg") -> ChatMessage:
        """Send a picture with a caption."""
        return self._send_file(to, "image", data, mime, text)

    def send_video(self, to: Chat, data: bytes, text: str = "", *, seconds: int = 0) -> ChatMessage:
        """Send an MP4 with a caption."""
        return self._send_file(to, "video", data, "video/mp4", text, seconds=seconds)

    def send_voice(self, to: Chat, data: bytes, *, seconds: int) -> ChatMessage:
        """Send a voice note, Opus in Ogg."""
        return self._send_file(to, "voice", data, "audio/ogg; codecs=opus", seconds=seconds)

    def send_document(
        self,
        to: Chat,
        data: bytes,
        name: str,
        text: str = "",
        *,
        mime: str = "application/octet-stream",
    ) -> ChatMessage:
        """Send a file under a name, with a caption."""
        return self._send_file(to, "document", data, mime, text, name=name)

    def send_sticker(self, to: Chat, data: bytes) -> ChatMessage:
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

    def set_disappearing(self, chat: Person, seconds: int) -> None:
        """Let what is written in `chat` from now on disappear after `seconds`; 0 turns it off."""
        account, message = self._find(chat), content.build_timer(Timer(seconds), at=time.time())
        self.history.show(self._transmit(account, message), f"+{account.number}", self._device, message)

    def mark_read(self, chat: Chat) -> None:
        """Open the chat: the other side's ticks turn blue."""
        unread = [line for line in self.messages(chat) if not line.from_me and line.status not in ("read", "played")]
        for line in unread:
            self._confirm(line, "read")

    def mark_played(self, line: ChatMessage) -> None:
        """Listen to a voice note or watch a video: the microphone turns blue on the other side."""
        self._confirm(line, "played")

    def show_typing(self, chat: Person, on: bool = True, *, recording: bool = False) -> None:
        """Begin or stop typing, or recording a voice note (whatsmeow presence.go, SendChatPresence)."""
        state = Node("composing", {"media": "audio"} if recording else {}) if on else Node("paused")
        routing.presence(self._server, self._device, Node("chatstate", {"to": self._find(chat).lid}, [state]))

    def _say(self, to: Chat, said: Content, quoted: ChatMessage | None = None) -> ChatMessage:
        seconds = self.disappearing.get(chat_name(self._place(to)), 0)
        context = content.quote(quoted.id, str(self._find(quoted.sender).lid), _shown(quoted)) if quoted else None
        return self.send(to, content.build(replace(said, expires_in=seconds), context))

    def _send_file(
        self,
        to: Chat,
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
            str(address(place)),
            from_me=line.from_me,
            at=time.time(),
            participant=str(author.lid) if isinstance(place, Group) and not line.from_me else "",
        )
        self.history.show(self._transmit(place, message), line.chat, self._device, message)

    def _confirm(self, line: ChatMessage, status: Literal["read", "played"]) -> None:
        line.advance(status)
        place = self._place(line.chat)
        to = place.jid if line.by_number else address(place)
        attrs: dict[str, str | JID] = {"id": line.id, "to": to, "type": status}
        if isinstance(place, Group):
            attrs["participant"] = self._find(line.sender).lid
        routing.receipt(self._server, self._device, Node("receipt", attrs))

    def _find(self, who: Person) -> Account:
        if isinstance(who, Messenger):
            return who._account
        if who == "me":
            return self._account
        account = self._server.directory.account(JID(who.lstrip("+")))
        if account is None:
            raise ValueError(f"{who} is not on WhatsApp")
        return account

    def _place(self, chat: Chat) -> Place:
        if isinstance(chat, Group):
            return chat
        if not isinstance(chat, str) or not chat.endswith(f"@{GROUP_SERVER}"):
            return self._find(chat)
        group = self._server.groups.get(JID.parse(chat))
        if group is None:
            raise ValueError(f"There is no group {chat}")
        return group

    def _transmit(self, place: Place, message: Message) -> str:
        return self.in_groups.send(place, message) if isinstance(place, Group) else self.direct.send(place, message)


def _shown(line: ChatMessage) -> Content:
    return Content(line.kind, line.text, media=line.media, details=line.details)


def _own(line: ChatMessage) -> ChatMessage:
    if not line.from_me:
        raise ValueError("Only whoever wrote a message can edit it or take it back.")
    return line
