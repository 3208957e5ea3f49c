"""The WhatsApp client: the only module that imports neonize. One `Client` is one linked device, on a thread of its own.

What neonize 0.5.2 does and doesn't say: `Neonize()` blocks its thread for the client's life and calls back on that same
thread, one event at a time; QR codes and the outcome of linking come through callbacks of their own, before the events
begin; after linking failed the call never returns, so its thread is parked for good.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neonize._binder import func_callback_bytes, func_callback_bytes2, func_string, gocode
from neonize.client import NewClient
from neonize.exc import NeonizeError
from neonize.proto import Neonize_pb2 as proto
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from neonize.utils.enum import ChatPresence, ChatPresenceMedia
from neonize.utils.jid import Jid2String, JIDToNonAD

from exponential.gateway import wire
from exponential.gateway.wire import Account, Inbound

FIRST_CODE, NEXT_CODE, CODES = 60, 20, 6  # seconds that WhatsApp honours each of the codes of one connection
_DEVICE = DeviceProps(os="Exponential", platformType=DeviceProps.DESKTOP, requireFullSync=False)
_SILENT = b"ERROR"  # whatsmeow's log names people; only its errors are heard, and then only counted
_KINDS = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",
    "documentMessage": "document",
    "stickerMessage": "sticker",
    "locationMessage": "location",
    "liveLocationMessage": "location",
    "contactMessage": "contact",
    "contactsArrayMessage": "contact",
    "pollCreationMessage": "poll",
    "pollCreationMessageV3": "poll",
    "eventMessage": "event",
}
_RECEIPTS = {
    proto.Receipt.DELIVERED: "delivered",
    proto.Receipt.INACTIVE: "delivered",
    proto.Receipt.SENDER: "delivered",
    proto.Receipt.READ: "read",
    proto.Receipt.READ_SELF: "read",
    proto.Receipt.PLAYED: "read",
}
# What whatsmeow says when a message surely didn't leave, and when it can't tell.
_NOT_SENT = ("not connected", "doesn't contain a device jid", "client is nil")
_UNKNOWN = ("timed out", "disconnected", "context", "closed")


class NotSent(Exception):
    """The client isn't connected: nothing left this machine."""


class OutcomeUnknown(Exception):
    """The message may or may not have reached WhatsApp."""


class Refused(Exception):
    """WhatsApp or the client refused; `str(error)` names the kind of problem, never the contact or the text."""


class _Neonize(NewClient):  # type: ignore[misc]
    """`NewClient` without its second thread per session, and with the outcome of linking passed on."""

    def run(self, on_code: Callable[[str], None], on_pairing: Callable[[str], None]) -> str:
        """Block until stopped; the client's error, or "". Must not be called twice."""
        import ctypes

        subscribed = bytearray(self.event.list_func)
        kinds = (ctypes.c_char * len(subscribed)).from_buffer(subscribed)
        props = _DEVICE.SerializeToString()
        self._callbacks = (  # Go keeps calling these: they must live as long as the client
            func_string(lambda _id, code: on_code(ctypes.string_at(code).decode())),
            func_string(lambda _id, outcome: on_pairing(ctypes.string_at(outcome).decode())),
            func_callback_bytes(self.event.execute),
            func_callback_bytes2(lambda _data, _size: None),
        )
        error = gocode.Neonize(
            self.name.encode(),
            self.uuid,
            b"",
            0,
            0,
            _SILENT,
            *self._callbacks,
            kinds,
            len(subscribed),
            props,
            len(props),
            b"",
            0,
            None,
        )
        return error.decode() if error else ""


class Client:
    """One linked device with its store in `store`. Events go to `emit`, messages first to `keep`.

    `keep` is called in neonize's callback and must have put the message where a killed process can't lose it before it
    returns. `client_id` must be new for every Client of this process. `on_linking_failed` is called when the store will
    see no more use, though `run` goes on.
    """

    def __init__(
        self,
        session: str,
        client_id: str,
        store: Path,
        *,
        keep: Callable[[Account, Inbound], None],
        emit: Callable[[wire.Event], None],
        on_linking_failed: Callable[[], None],
    ) -> None:
        self._session = session
        self._keep = keep
        self._emit = emit
        self._on_linking_failed = on_linking_failed
        self._account: Account | None = None
        self._codes = 0
        self._stopping = threading.Event()
        self.linking = False  # showing QR codes, or parked after that failed
        self.over = False  # WhatsApp ended the session; connecting again is of no use
        self._neonize = _Neonize(str(store), uuid=client_id)
        for kind, handler in self._handlers().items():
            self._neonize.event(kind)(handler)

    # --- life

    def run(self) -> str:
        """Connect and serve until `stop`; what went wrong, or "". Never returns after linking failed."""
        return self._neonize.run(self._on_code, self._on_pairing)

    def stop(self) -> None:
        """Disconnect, so that `run` returns. Credentials stay."""
        self._stopping.set()
        self._neonize.stop()

    @property
    def logged_in(self) -> bool:
        return bool(self._neonize.is_logged_in) and bool(self._neonize.is_connected)

    # --- use

    def send(self, chat: str, text: str) -> str:
        """Send; the WhatsApp message id. Raises NotSent, OutcomeUnknown or Refused."""
        try:
            return str(self._neonize.send_message(chat, Message(conversation=text)).ID)
        except NeonizeError as error:
            raise _classified(str(error)) from None

    def typing(self, chat: str, on: bool) -> None:
        """Raises NotSent, OutcomeUnknown or Refused."""
        state = ChatPresence.CHAT_PRESENCE_COMPOSING if on else ChatPresence.CHAT_PRESENCE_PAUSED
        try:
            self._neonize.send_chat_presence(_jid(chat), state, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT)
        except NeonizeError as error:
            raise _classified(str(error)) from None

    def unlink(self) -> None:
        """Remove this device from the account. Raises NotSent, OutcomeUnknown or Refused."""
        self._stopping.set()
        try:
            self._neonize.logout()
        except NeonizeError as error:
            raise _classified(str(error)) from None

    # --- linking

    def _on_code(self, code: str) -> None:
        self._codes += 1
        self.linking = True
        self._emit(wire.Code(self._session, code, FIRST_CODE if self._codes == 1 else NEXT_CODE))

    def _on_pairing(self, outcome: str) -> None:
        if outcome == "success":
            self.linking = False
            return
        if not self._stopping.is_set():
            exhausted = outcome == "timeout" and self._codes >= CODES
            self._emit(wire.PairingEnded(self._session, "exhausted" if exhausted else outcome))
            self._neonize.disconnect()
        self._on_linking_failed()
        if outcome != "passkey-request":
            threading.Event().wait()  # neonize would now poll ten times a second, for ever, for a login that can't come

    # --- events

    def _handlers(self) -> dict[type[Any], Callable[[Any, Any], None]]:
        return {
            proto.Connected: self._on_connected,
            proto.Disconnected: lambda _client, _event: self._offline(
                "The connection to WhatsApp broke; reconnecting."
            ),
            proto.KeepAliveTimeout: self._on_silence,
            proto.KeepAliveRestored: self._on_connected,
            proto.LoggedOut: lambda _client, _event: self._end("logged_out"),
            proto.StreamReplaced: lambda _client, _event: self._end("replaced"),
            proto.TemporaryBan: lambda _client, _event: self._end("banned"),
            proto.ClientOutdated: lambda _client, _event: self._end("outdated"),
            proto.ConnectFailure: lambda _client, _event: self._end("refused"),
            proto.Message: self._on_message,
            proto.Receipt: self._on_receipt,
        }

    def _on_connected(self, client: Any, _event: Any) -> None:
        self._account = _account(client.get_me())
        self._emit(wire.Online(self._session, self._account))

    def _on_silence(self, _client: Any, event: Any) -> None:
        if event.ErrorCount > 1:
            self._offline("WhatsApp doesn't answer on this connection; waiting for it.")

    def _offline(self, reason: str) -> None:
        if not (self.over or self._stopping.is_set()):
            self._emit(wire.Offline(self._session, reason))

    def _end(self, cause: str) -> None:
        self.over = True
        if not self._stopping.is_set():  # an unlink of ours is no news
            self._emit(wire.Ended(self._session, cause))
        threading.Thread(target=self.stop, daemon=True).start()  # not here: neonize waits for this callback

    def _on_message(self, client: Any, event: Any) -> None:
        message = inbound(event)
        if message is None:
            return
        account = self._account or _account(client.me)  # offline messages may come before Connected
        self._keep(account, message)

    def _on_receipt(self, _client: Any, event: Any) -> None:
        status = _RECEIPTS.get(event.Type)
        if status is not None and event.MessageIDs:
            self._emit(wire.Receipt(self._session, list(event.MessageIDs), status))


def inbound(event: Any) -> Inbound | None:
    """A message of a person in our own shape; None for what is no message to read (protocol, reactions, edits)."""
    content = event.Message
    fields = {field.name for field, _ in content.ListFields()}
    if event.IsEdit or event.Info.Category == "peer":
        return None
    if "conversation" in fields or "extendedTextMessage" in fields:
        kind, text = "text", content.conversation or content.extendedTextMessage.text
    elif "audioMessage" in fields:
        kind, text = ("voice" if content.audioMessage.PTT else "audio"), ""
    else:
        found = next((name for name in _KINDS if name in fields), None)
        if found is None:
            return None
        kind, text = _KINDS[found], getattr(getattr(content, found), "caption", "")
    source = event.Info.MessageSource
    return Inbound(
        message_id=event.Info.ID,
        chat=Jid2String(JIDToNonAD(source.Chat)),
        sender=Jid2String(JIDToNonAD(source.Sender)),
        sender_name=event.Info.Pushname,
        from_me=source.IsFromMe and not source.IsGroup,
        kind=kind,
        text=text,
        sent_at=event.Info.Timestamp,
    )


def _account(device: Any) -> Account:
    lid = Jid2String(JIDToNonAD(device.LID)) if device.LID.User else ""
    return Account(Jid2String(JIDToNonAD(device.JID)), lid)


def _jid(chat: str) -> Any:
    user, _, server = chat.rpartition("@")
    return proto.JID(User=user, Server=server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)


def _classified(error: str) -> Exception:
    lowered = error.lower()
    if any(words in lowered for words in _NOT_SENT):
        return NotSent("The session isn't connected to WhatsApp.")
    if any(words in lowered for words in _UNKNOWN):
        return OutcomeUnknown("WhatsApp didn't answer.")
    if "no lid found" in lowered or "not on whatsapp" in lowered:
        return Refused("WhatsApp doesn't know this number.")
    return Refused("WhatsApp refused the message.")
