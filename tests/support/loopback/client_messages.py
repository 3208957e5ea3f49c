"""The real client's side of messages of every kind: what it hears is printed as base64, what it shall do are lines.

said ID EPHEMERAL EDIT MESSAGE     a message it heard (MESSAGE: its waE2E protobuf)
typing STATE MEDIA
NAME ARGUMENT...                   a command, answered by "did NAME well : RESULT" or "did NAME badly : ERROR"
"""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neonize.client import NewClient
from neonize.events import ChatPresenceEv, MessageEv
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, MediaType, ReceiptType

from support.loopback.client_accounts import Accounts, jid


def encoded(message: Any) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


class Commands(Accounts):
    """Each public method is a command; its arguments are words."""

    def __init__(self, client: NewClient) -> None:
        super().__init__(client)

        @client.event(ChatPresenceEv)
        def typing(_: object, event: ChatPresenceEv) -> None:
            print("typing", event.State, event.Media, flush=True)

    def heard(self, event: MessageEv) -> None:
        kept = MessageEv()
        kept.CopyFrom(event)
        self._heard[event.Info.ID] = kept
        print("said", event.Info.ID, event.IsEphemeral, event.IsEdit, encoded(event.Message), flush=True)

    def run(self, line: str) -> None:
        name, *arguments = line.split()
        command: Callable[..., str] = getattr(self, name)
        try:
            print("did", name, "well :", command(*arguments), flush=True)
        except Exception as error:
            print("did", name, "badly :", repr(error), flush=True)

    def send(self, chat: str, message: str) -> str:
        return str(self._client.send_message(jid(chat), Message.FromString(base64.b64decode(message))).ID)

    def reply(self, id: str, text: str) -> str:
        return str(self._client.reply_message(text, self._heard[id]).ID)

    def react(self, chat: str, sender: str, id: str, emoji: str) -> str:
        reaction = self._client.build_reaction(jid(chat), jid(sender), id, emoji)
        return str(self._client.send_message(jid(chat), reaction).ID)

    def edit(self, chat: str, id: str, text: str) -> str:
        return str(self._client.edit_message(jid(chat), id, Message(conversation=text)).ID)

    def revoke(self, chat: str, sender: str, id: str) -> str:
        return str(self._client.revoke_message(jid(chat), jid(sender), id).ID)

    def disappear(self, chat: str, seconds: str) -> str:
        self._client.set_disappearing_timer(jid(chat), int(seconds) * 10**9)
        return ""

    def mark(self, chat: str, kind: str, *ids: str) -> str:
        self._client.mark_read(*ids, chat=jid(chat), sender=jid(chat), receipt=ReceiptType[kind])
        return ""

    def type(self, chat: str, state: str, media: str = "TEXT") -> str:
        kind = ChatPresenceMedia[f"CHAT_PRESENCE_MEDIA_{media}"]
        return self._client.send_chat_presence(jid(chat), ChatPresence[f"CHAT_PRESENCE_{state}"], kind)

    def groups(self) -> str:
        joined = self._client.get_joined_groups()
        return " ".join(f"{g.JID.User}@{g.JID.Server}/{g.GroupName.Name}/{len(g.Participants)}" for g in joined)

    def upload(self, kind: str, path: str) -> str:
        return encoded(self._client.upload(Path(path).read_bytes(), MediaType[f"Media{kind}"]))

    def download(self, message: str, path: str) -> str:
        Path(path).write_bytes(self._client.download_any(Message.FromString(base64.b64decode(message))))
        return path
