"""The WhatsApp client, over neonize: one `WhatsAppClient` is one linked device, on a thread of its own.

What neonize 0.5.2 does and doesn't say: `Neonize()` blocks its thread for the client's life and calls back on that same
thread, one event at a time; QR codes and the outcome of linking come through callbacks of their own, before the events
begin; after linking failed the call never returns, so its thread is parked for good.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
from google.protobuf.message import DecodeError
from neonize._binder import func_callback_bytes2, gocode
from neonize.exc import NeonizeError, SetProxyAddressError
from neonize.proto import Neonize_pb2 as proto
from neonize.proto.Neonize_pb2 import LogEntry
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, ClientName, ClientType, ReceiptType

from exponential.core import log
from exponential.gateway.credentials.store_copy import StoreCopy
from exponential.gateway.linking.device import Version, library_version
from exponential.gateway.sessions import reasons
from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import event_parser, protocol
from exponential.gateway.worker.errors import NotSent, OutcomeUnknown, RequestRefused
from exponential.gateway.worker.event_parser import account_of, decoded, inbound, written
from exponential.gateway.worker.protocol import Account, Inbound, Original
from exponential.gateway.worker.qr_codes import QrCodes
from exponential.gateway.worker.workarounds import client_log, memory_database, native_client
from exponential.gateway.worker.workarounds.client_log import Farewell
from exponential.gateway.worker.workarounds.native_client import NativeClient
from exponential.gateway.worker.workarounds.stanza_gate import StanzaGate

# whatsmeow connects again by itself: at once, then after 2, 4, 6 … seconds, without an end, and all sessions in step. A
# client that is online is given a proxy that leads nowhere, so that only the worker connects again.
NOWHERE = "http://127.0.0.1:0"
_unheard = func_callback_bytes2(lambda _data, _size: None)
_log = log.get(__name__)
_RECEIPTS = {
    proto.Receipt.DELIVERED: "delivered",
    proto.Receipt.INACTIVE: "delivered",
    proto.Receipt.SENDER: "delivered",
    proto.Receipt.READ: "read",
    proto.Receipt.READ_SELF: "read",
    proto.Receipt.PLAYED: "read",
}
# Each tells that WhatsApp ended the session; why is taken from what it said.
_ENDS = (proto.LoggedOut, proto.StreamReplaced, proto.TemporaryBan, proto.ClientOutdated, proto.ConnectFailure)
_UNUSABLE = "The session's credentials could not be used; reconnecting."
# What whatsmeow says when a message surely didn't leave, and when it can't tell.
_NOT_SENT = ("not connected", "doesn't contain a device jid", "client is nil")
_UNKNOWN = ("timed out", "disconnected", "context", "closed")


def keep_stores_in_memory() -> None:
    """From now on this process's client opens no file. Raises ConfigurationError if that can't be."""
    memory_database.install(gocode)


def client_version() -> Version:
    """The version of WhatsApp Web that the library names. Raises ConfigurationError."""
    return library_version(Path(gocode._name))


def prepare_store(store: StoreCopy) -> bool:
    """Have the library make its tables in this store. Whether a linked device is in it already. Raises OSError."""
    found = gocode.GetAllDevices(store.path.encode(), _unheard) or b""
    if found.startswith(b"error: "):
        raise OSError("The client library can't open its store.")
    return bool(found)


def new_store(opening: protocol.Open, emit: Callable[[protocol.Event], None], on_lost: Callable[[], None]) -> StoreCopy:
    """The store of a client that is to be started, in its library's memory."""
    return StoreCopy(gocode, opening, emit, on_lost)


class WhatsAppClient:
    """One linked device with its store in `store`. Events go to `emit`, messages first to `keep`.

    `keep` is called in neonize's callback and must have put the message where a killed process can't lose it before it
    returns. `client_id` must be new for every client of this process. `on_linking_failed` is called when the store will
    see no more use, though `run` goes on; `on_end`, with a key of reasons.ENDINGS, when WhatsApp has ended the session.
    """

    def __init__(
        self,
        session: str,
        client_id: str,
        store: StoreCopy,
        *,
        keep: Callable[[Account, Inbound], None],
        emit: Callable[[protocol.Event], None],
        on_linking_failed: Callable[[], None],
        on_end: Callable[[str], None],
        timing: LinkingTiming,
    ) -> None:
        self._session = session
        self._keep = keep
        self._emit = emit
        self._on_linking_failed = on_linking_failed
        self._on_end = on_end
        self._account: Account | None = None
        self.just_linked = False  # and not logged in for the first time yet
        self._refs: list[str] = []  # what the QR codes of this connection begin with
        self._codes = QrCodes(session, emit, self._is_typing, timing)
        self.lost = ""  # why the connection was given up
        self.at_once = False  # connect again without much of a pause
        self._pairing = threading.Lock()
        self._paired_by: tuple[str, str] | None = None  # a phone number and the pairing code for it
        self._stopping = threading.Event()
        self._unlinking = False  # that WhatsApp ends the session then is no news
        self._gone = False  # from the library; most of what it is asked then ends the process
        self.linking = False  # showing QR codes, or parked after that failed
        self.ending = ""  # why WhatsApp ended the session: connecting again is of no use
        self._farewell = Farewell()
        self._hung_up = False
        self._gate = StanzaGate(store, lambda: self._lose(_UNUSABLE))
        store.attach(self._gate)
        self._neonize = NativeClient(store.path, uuid=client_id)
        for kind, handler in self._handlers().items():
            self._neonize.event(kind)(self._watched(handler))

    # --- life

    def run(self) -> str:
        """Connect and serve until `stop`; what went wrong, or "". Never returns after linking failed."""
        problem = self._neonize.run(self._on_code, self._on_pairing, self._on_log, self._on_undecoded)
        self._conclude()
        return problem

    def stop(self) -> None:
        """Disconnect, so that `run` returns. Credentials stay."""
        self._stopping.set()
        self._codes.end()
        with native_client.CLIENTS, contextlib.suppress(SetProxyAddressError):  # when it was stopped before
            if self._neonize.known:
                self._neonize.set_proxy_address(NOWHERE, no_media=True)  # there it gets if it connects again by itself
        self._neonize.disconnect()  # without the lock: a deaf connection takes its time
        with native_client.CLIENTS:
            self._gone = True
            stopped = self._neonize.known
            if stopped:
                self._gate.close()
            self._neonize.stop()
        if stopped:  # else it may be about to log in, and then nothing may leave that is not kept
            self._gate.release()

    def receipts_recorded(self, message_ids: list[str]) -> None:
        """The gateway has recorded what these messages' receipts say."""
        self._gate.receipts_recorded(message_ids)

    @property
    def logged_in(self) -> bool:
        return bool(self._neonize.is_logged_in) and bool(self._neonize.is_connected)

    # --- use

    def send(
        self, chat: str, text: str, quote: Original | None = None, leaving: Callable[[str], bool] = lambda _: True
    ) -> str:
        """Send; the WhatsApp message id, which `leaving` hears before the message leaves, if it returns True.

        Raises NotSent, OutcomeUnknown or RequestRefused.
        """
        return self._send(chat, _quoting(text, quote) if quote else Message(conversation=text), leaving)

    def react(self, original: Original, emoji: str) -> None:
        """Raises NotSent, OutcomeUnknown or RequestRefused."""
        message = Message()
        reaction, key = message.reactionMessage, message.reactionMessage.key
        reaction.text, reaction.senderTimestampMS = emoji, int(time.time() * 1000)
        key.remoteJID, key.fromMe, key.ID = original.chat, original.from_me, original.id
        if original.chat.endswith("@g.us"):
            key.participant = original.sender
        self._send(original.chat, message, lambda _: True)

    def mark_read(self, chat: str, sender: str, message_ids: list[str]) -> None:
        """Raises NotSent, OutcomeUnknown or RequestRefused."""
        try:
            self._neonize.mark_read(*message_ids, chat=_jid(chat), sender=_jid(sender), receipt=ReceiptType.READ)
        except NeonizeError as error:
            raise _classified(str(error)) from None

    def _send(self, chat: str, message: Message, leaving: Callable[[str], bool]) -> str:
        kept_back = False

        def may_leave(message_id: str) -> bool:
            nonlocal kept_back
            kept_back = not leaving(message_id)
            if kept_back:
                self._lose("A message could not be recorded before it was sent; reconnecting.")
            return not kept_back

        try:
            with self._gate.sealing(may_leave):
                return str(self._neonize.send_message(chat, message).ID)
        except NeonizeError as error:
            if kept_back:
                raise NotSent("The message was kept back.") from None
            problem = _classified(str(error))
            if str(problem) == _UNUSABLE:
                self._lose(_UNUSABLE)
            raise problem from None

    def typing(self, chat: str, on: bool) -> None:
        """Raises NotSent, OutcomeUnknown or RequestRefused."""
        state = ChatPresence.CHAT_PRESENCE_COMPOSING if on else ChatPresence.CHAT_PRESENCE_PAUSED
        try:
            self._neonize.send_chat_presence(_jid(chat), state, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT)
        except NeonizeError as error:
            raise _classified(str(error)) from None

    def unlink(self) -> None:
        """Remove this device from the account. Raises NotSent, OutcomeUnknown or RequestRefused."""
        self._unlinking = True
        self._stopping.set()
        try:
            self._neonize.logout()
        except NeonizeError as error:
            if self._farewell.cause == "logged_out":
                return  # that is what was asked; the store may be wiped before the library has emptied it
            raise _classified(str(error)) from None

    def groups(self) -> list[tuple[str, str, int]]:
        """JID, subject and number of participants of each group. Raises NotSent, OutcomeUnknown or RequestRefused."""
        try:
            found = self._neonize.get_joined_groups()
        except NeonizeError as error:
            raise _classified(str(error)) from None
        return event_parser.groups(found)

    # --- linking

    def pairing_code(self, phone: str) -> tuple[str, int]:
        """The code to type on the phone with this number (digits), and the seconds it is good for.

        A code is good for as long as its connection, which ends with the last QR code; asked again for the same number,
        the same code. Raises NotSent (no QR code yet, or none any more), OutcomeUnknown or RequestRefused.
        """
        with self._pairing:
            if not self.linking:
                raise NotSent("The session isn't waiting to be linked.")
            if self._paired_by is None or self._paired_by[0] != phone:
                self._paired_by = phone, self._ask_for_code(phone)
            return self._paired_by[1], self._codes.seconds_left

    def _ask_for_code(self, phone: str) -> str:
        try:
            return str(self._neonize.PairPhone(phone, True, ClientName.LINUX, ClientType.CHROME))
        except NeonizeError as error:
            if "429" in str(error):
                raise RequestRefused("busy") from None
            raise _classified(str(error)) from None

    def _is_typing(self) -> bool:
        with self._pairing:
            return self._paired_by is not None

    def _on_code(self, code: str) -> None:
        self.linking = True
        self._codes.show(code, self._refs)

    def _on_pairing(self, outcome: str) -> None:
        self._codes.end()
        if outcome == "success":
            self.linking, self.just_linked = False, True
            self._offline(reasons.CONFIRMED)
            return self._log_in_anew()
        if outcome == "passkey-request":  # the library can't go on, but our linking client can
            if not self._stopping.is_set():
                self._emit(protocol.PasskeyWanted(self._session))
            return None
        if not self._stopping.is_set():
            if self._farewell.cause:  # the library may have heard no more than that WhatsApp hung up
                outcome = "err-client-outdated" if self._farewell.cause == "outdated" else "err-unexpected-state"
            exhausted = outcome == "timeout" and self._codes.are_exhausted
            self._emit(protocol.PairingEnded(self._session, "exhausted" if exhausted else outcome))
            self._neonize.disconnect()
        self._on_linking_failed()
        threading.Event().wait()  # neonize would now poll ten times a second, for ever, for a login that can't come

    # --- how it ends

    def _on_log(self, entry: bytes) -> None:
        """A line of the client's log, as protobuf. Whatever goes wrong here, what the client is about to send stays
        here: an exception would let it go."""
        try:
            read = LogEntry.FromString(entry)
            name, line = read.Name, decoded(read.Message)
            if name.endswith("/Recv"):
                self._hear(line)
            elif client_log.says_nothing_of_hanging_up(line):
                self._hung_up = True
                self._log_in_anew()
            self._gate.log(name, line)
        except Exception as error:
            _log.error("gate_failed", session=self._session, error=error)
            self._lose(reasons.HANGS)
            self._gate.hold()

    def _hear(self, line: str) -> None:
        """Note what WhatsApp says before it hangs up.

        The library reads each stanza, and logs it, before it notices the end of the connection. But whether it then
        tells of the stanza, of the end, or of both, and in which order, is chance: what was said decides.
        """
        self._refs = self._refs or client_log.qr_refs(line)
        said = client_log.farewell(line)
        if said is not None:
            self._farewell = said
            if said.restart and not (self.linking or self.just_linked):  # then the library logs in by itself
                self.at_once = True
                self._lose(reasons.RESTARTING)

    def _log_in_anew(self) -> None:
        """After a scan the library connects again itself, unless WhatsApp hangs up before it has read that it shall."""
        if self._hung_up and self.just_linked:
            self.at_once = True
            self._lose(reasons.CONFIRMED)

    def _conclude(self) -> None:
        """What WhatsApp said last counts, also when no event tells of it."""
        if self._farewell.cause:
            self._end(self._farewell.cause)

    # --- events

    def _handlers(self) -> dict[type[Any], Callable[[Any, Any], None]]:
        return {
            proto.Connected: self._on_connected,
            proto.Disconnected: lambda _client, _event: self._lose(self._broken),
            proto.KeepAliveTimeout: self._on_silence,
            proto.KeepAliveRestored: self._on_connected,
            **dict.fromkeys(_ENDS, lambda _client, _event: self._conclude()),
            proto.Message: self._on_message,
            proto.Receipt: self._on_receipt,
        }

    def _watched(self, handler: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def handle(client: Any, event: Any) -> None:
            with self._gate.working():
                handler(client, event)

        return handle

    @property
    def _broken(self) -> str:
        """Why there is no connection: after a scan WhatsApp hangs up, and expects the new device to log in."""
        return reasons.CONFIRMED if self.just_linked else "The connection to WhatsApp broke; reconnecting."

    def _on_connected(self, client: Any, _event: Any) -> None:
        with native_client.CLIENTS:
            if self._gone:
                return
            self._account = account_of(client.get_me())
            self._neonize.set_proxy_address(NOWHERE, no_media=True)
        self.just_linked = False
        self._emit(protocol.Online(self._session, self._account))

    def _on_silence(self, _client: Any, event: Any) -> None:
        if event.ErrorCount == 1:
            self._offline("WhatsApp doesn't answer on this connection; waiting for it.")
        else:
            self._lose("WhatsApp didn't answer on the old connection; reconnecting.")

    def _lose(self, reason: str) -> None:
        """This connection is over; `run` returns, and whoever called it connects again after a pause of its own."""
        if self._farewell.cause and not self.linking:
            return self._conclude()
        self._offline(reason)
        if not self.linking:
            self.lost = reason
            threading.Thread(target=self.stop, daemon=True).start()  # not here: neonize waits for this callback

    def _offline(self, reason: str) -> None:
        if not (self.ending or self._stopping.is_set()):
            self._emit(protocol.Offline(self._session, reason))

    def _end(self, cause: str) -> None:
        if self.ending:
            return
        self.ending = cause
        if not self._unlinking:
            self._on_end(cause)
        threading.Thread(target=self.stop, daemon=True).start()  # not here: neonize waits for this callback

    def _on_message(self, client: Any, event: Any) -> None:
        with self._gate.keeping(_key(event.Info)):
            self._keep_message(client, event)

    def _on_undecoded(self, kind: type[Any], data: bytes) -> None:
        """An event that the client's Go could read and Python can't: a message that is nested too deep, say.

        Such a message has been seen, and there is nothing of it to keep. Its first field says which one it is.
        """
        with self._gate.working(), contextlib.suppress(DecodeError):
            if kind is proto.Message:
                with self._gate.keeping(_key(proto.UndecryptableMessage.FromString(data).Info)):
                    pass

    def _keep_message(self, client: Any, event: Any) -> None:
        message = inbound(event)
        if message is None:
            return
        account = self._account or account_of(client.me)  # offline messages may come before Connected
        self._keep(account, message if message.alt else replace(message, alt=self._other_address(message)))

    def _other_address(self, message: Inbound) -> str:
        """The number of a LID, or the reverse, as far as this device has learned it."""
        address = message.chat if message.from_me else message.sender
        if not address.endswith(("@lid", "@s.whatsapp.net")):
            return ""
        known = self._neonize.get_pn_from_lid if address.endswith("@lid") else self._neonize.get_lid_from_pn
        with native_client.CLIENTS:
            if self._gone:
                return ""
            try:
                return written(known(_jid(address)))
            except NeonizeError:
                return ""

    def _on_receipt(self, _client: Any, event: Any) -> None:
        status = _RECEIPTS.get(event.Type)
        if status is not None and (ids := event_parser.receipt_ids(event)):
            self._emit(protocol.Receipt(self._session, ids, status))


def _key(info: Any) -> client_log.Key | None:
    return client_log.key(decoded(info.ID), decoded(info.MessageSource.Sender.User))


def _quoting(text: str, original: Original) -> Message:
    message = Message()
    message.extendedTextMessage.text = text
    context = message.extendedTextMessage.contextInfo
    context.stanzaID, context.participant = original.id, original.sender
    context.quotedMessage.conversation = original.text
    return message


def _jid(chat: str) -> Any:
    user, _, server = chat.rpartition("@")
    return proto.JID(User=user, Server=server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)


def _classified(error: str) -> Exception:
    lowered = error.lower()
    if any(words in lowered for words in _NOT_SENT):
        return NotSent("The session isn't connected to WhatsApp.")
    if any(words in lowered for words in _UNKNOWN):
        return OutcomeUnknown("WhatsApp didn't answer.")
    if client_log.is_store_failure(lowered):
        return NotSent(_UNUSABLE)  # it wasn't even sealed
    if "no lid found" in lowered or "not on whatsapp" in lowered:
        return RequestRefused("WhatsApp doesn't know this number.")
    return RequestRefused("WhatsApp refused the message.")
