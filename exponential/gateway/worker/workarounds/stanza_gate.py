"""Stanza gate: nothing that a WhatsApp client sends leaves this machine before what it rests on is safe.

Works around: neonize has no switch that lets us acknowledge messages ourselves, nor a place to save a store first.
Can go when: neonize acknowledges a message only after our callback, or hands acknowledgements to us (whatsmeow's
SynchronousAck and ManualAck), and waits for its store where WhatsApp is to remember what rests on it.
Relies on: whatsmeow logs each stanza on the thread that then writes it, and reads no further until its log returns
(test_native_client.py).

whatsmeow acknowledges a message as soon as it has put it into a queue for us, not when we have kept it, and neonize
has no switch for that. But whatsmeow logs every stanza right before it writes it, on the same thread, and neonize
passes the log to a function of ours: as long as that function doesn't return, the stanza stays here. So an
acknowledgement waits until its message is kept, and it and everything else that WhatsApp remembers waits until the
credential store that it rests on is durable. A process that dies therefore falls back to a state that WhatsApp knows,
and gets what came after it again.

Which messages bring something to keep is counted, not timed: each encrypted part of a message either comes to our
callback, or the client's log says that it came before or is no message, or what the client sends says that the rest
couldn't be read. Only for what is none of these, which a sender can only cause by writing what looks like a part into
the client's log, the gate takes a long quiet for an answer; on a machine that has no time, a short one proves nothing.
The quiet is each message's own and its pauses add up, so nothing else that comes makes it longer; and the client's
queue is short, so quiet or not, what has not come after as many callbacks as fit in there doesn't come.

The same place keeps sending and opening apart. whatsmeow lets a message be opened while another is being sealed for the
same contact, and then writes the session back as it was before: the next message reuses a key, and the phone refuses it
without a word (whatsmeow's pull request 1168). So while a message is being sealed, the next one waits to be opened. The
client also sends by itself, to ask its own phone for what only that has, such as what can be viewed once; and while one
message waits here or for WhatsApp's acknowledgement, no other is sealed, but what it rests on may have to be opened.

A client that is stopped may be just about to connect again by itself, unseen (whatsmeow's autoReconnect against its
Disconnect). It would hear messages that nobody keeps, and take the place of the client that comes after it. So from the
moment a client is stopped, no login of it goes on, and whoever stops it (neonize_client.py) sees to it that it reaches
nobody. Its dialling must not be held here: it holds the lock that Disconnect and all sending need.

Sources: whatsmeow client.go (sendNodeAndGetData takes the socket, logs, then writes; handleFrame logs, then queues),
message.go (decryptMessages: ratchet stored, event dispatched, receipt or ack sent; what it logs where there is no
event), neonize main.go (events pass a channel of 100).
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from exponential.gateway.worker.workarounds import client_log
from exponential.gateway.worker.workarounds.client_log import Key, NotOpened
from exponential.gateway.worker.workarounds.keyed_condition import KeyedCondition

MAX_UNACKNOWLEDGED = 256  # messages that may be here unacknowledged before no more is read from WhatsApp
MAX_STOP_SECONDS = 20.0  # without reading, after which a stanza that isn't a message may be what we wait for
MAX_SEAL_SECONDS = (
    15.0  # seconds that opening waits for sealing, or sealing for opening: sealing may ask WhatsApp for keys
)
QUIET_STEP_SECONDS, QUIET_STEPS = 0.1, 50  # seconds, times that no callback worked before a message counts as silent
MAX_HANDLED_MESSAGES = (
    2_048  # messages: as many as whatsmeow's own queue holds until it opens them (client.go, handlerQueueSize)
)
MAX_QUEUED_CALLBACKS = 102  # callbacks: as many as the client's queue holds, one on its way there and one at work


class GatedStore(Protocol):
    """The credential store, as far as the gate asks it."""

    def generation(self) -> int:
        """Number of the last transaction."""

    def is_durable(self, generation: int) -> bool:
        """Whether this transaction, and so all before it, would survive this machine."""

    def push(self) -> None:
        """See that the transactions so far become durable, and call the gate's `durable` then."""


@dataclass
class _Message:
    """A message that was received, of which so many `parts` may still bring something. Ids may come again."""

    position: int
    key: Key | None
    parts: int
    quiet: int = 0  # steps since it was received, or read to its end
    read_at: int | None = None  # callbacks there were when the client had read it: what it brings is queued since then


class _Messages:
    """The newest messages that were received, oldest first, by position and by key. One that may still bring something,
    and those after it, are always among them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_position: dict[int, _Message] = {}
        self._by_key: dict[Key | None, list[_Message]] = {}

    def add(self, message: _Message) -> None:
        self._by_position[message.position] = message
        self._by_key.setdefault(message.key, []).append(message)
        while len(self._by_position) > self._most and (first := self.first()) is not None and first.parts == 0:
            self.drop_first()

    def first(self) -> _Message | None:
        return next(iter(self._by_position.values()), None)

    def drop_first(self) -> None:
        message = self._by_position.pop(next(iter(self._by_position)))
        same = self._by_key[message.key]
        same.remove(message)
        if not same:
            del self._by_key[message.key]

    def of(self, key: Key) -> list[_Message]:
        return self._by_key.get(key, [])

    def after(self, position: int, newest: int) -> Iterator[_Message]:
        positions = range(position + 1, newest + 1)
        return filter(None, map(self._by_position.get, positions))

    def clear(self) -> None:
        self._by_position.clear()
        self._by_key.clear()


class StanzaGate:
    """One client's gate. `log` is called with each line of the client's log, `keeping` wraps its message callback.

    `on_broken` is called when the client couldn't use its store: what it got then must come again, on a new connection.
    """

    def __init__(
        self,
        store: GatedStore,
        on_broken: Callable[[], None] = lambda: None,
        *,
        quiet_step: float = QUIET_STEP_SECONDS,
    ) -> None:
        self._store = store
        self._quiet_step = quiet_step
        self._on_broken = on_broken
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        # Apart, for up to MAX_UNACKNOWLEDGED threads wait for each of these: for their own message, and for the store.
        self._settled = KeyedCondition(lock)
        self._safe = threading.Condition(lock)
        self._connection = 0  # counts logins: what waited for an earlier connection has nowhere to go
        self._position = 0  # of the newest message received
        self._received = _Messages(MAX_HANDLED_MESSAGES)  # unread, or callbacks for them may come
        self._unkept: dict[int, _Message] = {}  # those that may bring something, by position; oldest first
        self._opened = _Message(0, None, 0)  # the one that the client is opening, or opened last
        self._called = 0  # position of the message of the last callback, at least
        self._unacknowledged: set[Key] = set()
        self._failed: set[Key] = set()  # that must come again: their callback raised, or the store failed at them
        self._opened_in_vain = False  # a message was, whose callback raised: when it comes again, it must be again
        self._busy = 0
        self._calls = 0
        self._step_at, self._step_calls = 0.0, 0  # when the next step of quiet is over, callbacks there were before it
        self._closed = False  # no login is let in any more
        self._released = False
        self._sealing: dict[int, Callable[[str], bool]] = {}  # thread that sends → whom it tells the message's id
        self._parked = 0  # messages that wait to be opened
        self._requests = 0  # of the client, for messages that only its own phone has: it sends them by itself
        # The message that was sent last, and its thread, until WhatsApp acknowledges it: none is sealed meanwhile.
        self._in_flight: tuple[str, int] | None = None
        self._left: set[str] = set()  # ids of messages that left, until a receipt for them is recorded

    # --- what the client's callbacks tell

    def log(self, name: str, line: str) -> None:
        """A line of the client's log, by whatsmeow's logger name. Returns when the client may go on."""
        if name.endswith("/Send"):
            self._sending(line)
        elif name.endswith("/Recv"):
            self._receiving(line)
        elif (user := client_log.opens(line)) is not None:
            self._opening(user)
        elif (change := client_log.requests(line)) != 0:
            self._requesting(change)
        elif (user := client_log.unreadable(line)) is not None:
            self._unreadable(user)
        elif (what := client_log.not_opened(line)) is not None:
            self._not_opened(what)

    @contextmanager
    def keeping(self, key: Key | None) -> Iterator[None]:
        """Around the callback of a message: when the block ends without an exception, the message is safe."""
        try:
            yield
            if key is not None:
                with self._changed:
                    self._came(key)
        except BaseException:
            self._opened_in_vain = True
            if key is not None:
                self._failed.add(key)
            raise

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around every callback: while one works, or waits, those behind it can't come, and quiet proves nothing."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._calls += 1
                self._changed.notify_all()

    @contextmanager
    def sealing(self, leaving: Callable[[str], bool]) -> Iterator[None]:
        """Around sending one message, on one thread. No message is opened while it may be being sealed; one that waits
        for that is opened first, else answers that follow each other closely could keep the owner from being heard.

        Right before it leaves `leaving` hears its id; it leaves when that returns True, and never when it doesn't.
        """
        thread = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: self._released or self._parked == 0, MAX_SEAL_SECONDS)
            self._sealing[thread] = leaving
            self._wait_for_opening()
        try:
            yield
        finally:
            self._sealed(thread)
            with self._changed:
                if self._in_flight is not None and self._in_flight[1] == thread:
                    self._in_flight = None  # not acknowledged, then

    def receipts_recorded(self, message_ids: list[str]) -> None:
        """What a receipt for these messages says is safe."""
        with self._changed:
            self._left.difference_update(message_ids)
            self._changed.notify_all()

    # --- what the store asks

    def position(self) -> int:
        """Where we are in what came in; see `passed`."""
        with self._changed:
            return self._position

    def passed(self, position: int) -> bool:
        """Wait until every message received up to `position` is kept. False when the gate was released before.

        Nothing passes any more once a message was opened and could not be kept: when it comes again, it must be opened
        again.
        """
        with self._changed:
            self._wait(lambda: self._brings_nothing(position))
            self._changed.wait_for(lambda: not self._opened_in_vain or self._released)
            return not self._released

    def durable(self) -> None:
        """The store has a new durable generation."""
        with self._safe:
            self._safe.notify_all()

    def hold(self) -> None:
        """Return only once the connection is closed for good: whatever the client is about to send stays here."""
        with self._changed:
            self._changed.wait_for(lambda: self._released)

    def close(self) -> None:
        """The client is about to be stopped: a login that succeeds from now on is that of one that connected again."""
        with self._changed:
            self._closed = True

    def release(self) -> None:
        """The connection is closed for good: nothing can leave, and nobody shall wait but who would connect again."""
        with self._changed:
            self._closed = self._released = True
            self._notify_all()

    # --- one stanza

    def _opening(self, user: str) -> None:
        """The client is about to open this user's next message; this is its only thread that does."""
        with self._changed:
            for message in self._received.after(self._opened.position, self._position):
                if message.key is None or message.key.user == user:
                    self._opened = message
                    break
            self._parked += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._released or not self._may_be_sealed(), MAX_SEAL_SECONDS)
            self._parked -= 1
            self._changed.notify_all()

    def _requesting(self, change: int) -> None:
        """The client is about to send a request, as soon as no message is in flight, or is done with one."""
        with self._changed:
            self._requests = max(0, self._requests + change)
            self._changed.notify_all()

    def _may_be_sealed(self) -> bool:
        """Whether a message may be being sealed: whatsmeow sends one at a time (send.go, messageSendLock)."""
        return self._in_flight is None and (self._requests > 0 or len(self._sealing) > 0)

    def _wait_for_opening(self) -> None:
        """Until no message is being opened."""
        self._wait(lambda: self._parked > 0 or all(map(self._is_silent, self._unkept.values())), MAX_SEAL_SECONDS)

    def _sealed(self, thread: int) -> Callable[[str], bool] | None:
        with self._changed:
            self._changed.notify_all()
            return self._sealing.pop(thread, None)

    def _receiving(self, line: str) -> None:
        stanza = client_log.stanza(line)
        with self._changed:
            if stanza.tag == "success":
                self._changed.wait_for(lambda: not self._closed)  # after its client's end: for good
                self._connection += 1
                self._unkept.clear()
                self._received.clear()
                self._requests, self._in_flight = 0, None
                self._failed.clear()
                self._unacknowledged.clear()
                self._notify_all()
            elif stanza.tag == "ack" and self._in_flight is not None and stanza.id == self._in_flight[0]:
                self._in_flight = None
                if self._may_be_sealed():
                    self._wait_for_opening()
            elif stanza.is_message:
                self._changed.wait_for(
                    lambda: self._released or len(self._unacknowledged) < MAX_UNACKNOWLEDGED, MAX_STOP_SECONDS
                )
                self._position += 1
                message = _Message(self._position, stanza.key, stanza.parts)
                self._received.add(message)
                if stanza.key is not None:
                    self._unacknowledged.add(stanza.key)
                    if message.parts > 0:
                        self._unkept[message.position] = message

    def _sending(self, line: str) -> None:
        stanza = client_log.stanza(line)
        if stanza.acknowledges_receipt:
            return self._acknowledge_receipt(stanza.id)
        if not stanza.is_remembered:
            return
        connection = self._connection
        thread = threading.get_ident()
        leaving = self._sealed(thread) if stanza.tag == "message" else None
        with self._changed:
            if leaving is not None or stanza.is_request:
                self._in_flight = stanza.id, thread
                self._changed.notify_all()
            key = stanza.key if stanza.acknowledges else None
            if key is not None:
                self._read(key, stanza.ends, connection)
            generation = self._store.generation()
            if not self._store.is_durable(generation):
                self._store.push()
            self._safe.wait_for(lambda: self._store.is_durable(generation) or self._over(connection))
            if key is not None:
                self._unacknowledged.discard(key)
                self._changed.notify_all()
        if leaving is not None and not self._over(connection):
            with self._changed:
                self._left.add(stanza.id)
            if not leaving(stanza.id):
                with self._changed:
                    self._changed.wait_for(lambda: self._over(connection))

    def _read(self, key: Key, ends: bool, connection: int) -> None:
        """The client has read a message and would acknowledge it. Returns when that is kept, or brings nothing."""
        position = self._position
        message = self._unread(key)
        if message is not None:
            position, message.quiet, message.read_at = message.position, 0, self._calls
            if position > self._opened.position:
                self._opened = message
        if ends:
            self._end(key)

        def unkept() -> Iterator[_Message]:  # earlier ones with this id included
            return (its for its in self._received.of(key) if its.parts > 0 and its.position <= position)

        self._wait(lambda: all(map(self._is_silent, unkept())) or self._over(connection), key=key)
        if not self._over(connection):
            self._over_with(max((its.position for its in unkept()), default=0))
        self._changed.wait_for(lambda: key not in self._failed or self._over(connection))

    def _end(self, key: Key) -> None:
        """Nothing more comes of the message of this key that was opened last: what WhatsApp is told of several in
        between may cross."""
        opened = (its for its in reversed(self._received.of(key)) if its.position <= self._opened.position)
        ended = next((its for its in opened if its.parts > 0), None)
        if ended is not None:
            self._settle(ended, ended.parts)

    def _unread(self, key: Key) -> _Message | None:
        return next((its for its in self._received.of(key) if its.read_at is None), None)

    def _acknowledge_receipt(self, message_id: str) -> None:
        """The first receipt for a message of ours is the proof that it left: WhatsApp keeps it until it is recorded."""
        with self._changed:
            connection = self._connection
            self._changed.wait_for(lambda: message_id not in self._left or self._over(connection), MAX_STOP_SECONDS)

    def _over(self, connection: int) -> bool:
        """Whether the stanza's connection is gone: what it writes then goes nowhere."""
        return self._released or connection != self._connection

    def _came(self, key: Key) -> None:
        """A part of this message is kept, and all that came before it: callbacks come in the order of messages.

        An id may come again while a callback for it is on its way, which then belongs to the first one at least.
        """
        found = [its for its in self._received.of(key) if its.position >= self._called]
        if not found:
            return
        self._settle(next((its for its in found if its.parts > 0), found[0]))
        self._called = found[0].position
        self._over_with(self._called - 1)
        while (first := self._received.first()) is not None and first.position < self._called:
            if first.read_at is None and first.key is not None:
                break
            self._received.drop_first()

    def _not_opened(self, what: NotOpened) -> None:
        """A part of a message will not come to our callback; what came before it may still."""
        if what.key is not None:
            with self._changed:
                if what.store_failed:
                    self._failed.add(what.key)
                message = self._opened if self._opened.key == what.key else self._unread(what.key)
                if what.came_before and message is not None:
                    self._settle(message)
        if what.store_failed:
            self._on_broken()

    def _unreadable(self, user: str) -> None:
        """A part of this user's message that is being opened is none."""
        with self._changed:
            if self._opened.key is not None and self._opened.key.user == user:
                self._settle(self._opened)

    def _settle(self, message: _Message, parts: int = 1) -> None:
        """Nothing more comes of so many parts of this message."""
        message.parts = max(0, message.parts - parts)
        if message.parts == 0:
            self._unkept.pop(message.position, None)
            self._settled.notify(message.key)
        self._changed.notify_all()

    def _over_with(self, position: int) -> None:
        """Nothing more comes of the messages up to this position."""
        while (first := next(iter(self._unkept.values()), None)) is not None and first.position <= position:
            self._settle(first, first.parts)

    def _brings_nothing(self, position: int) -> bool:
        """Whether nothing more comes of the messages up to this position."""
        for message in self._unkept.values():
            if message.position > position:
                break
            if not self._is_silent(message):
                return False
        return True

    def _is_silent(self, message: _Message) -> bool:
        """Whether neither this message nor one before it brings anything any more."""
        return message.quiet >= QUIET_STEPS or (
            message.read_at is not None and self._calls - message.read_at >= MAX_QUEUED_CALLBACKS
        )

    def _wait(self, condition: Callable[[], bool], longest: float = math.inf, key: Key | None = None) -> None:
        """Wait for `condition`, which comes true at the latest when what it waits for is silent. With `key` it can only
        come true before that when a message with this key is settled."""
        end = time.monotonic() + longest
        while not (self._released or condition()) and (now := time.monotonic()) < end:
            if now >= self._step_at:
                self._step(now)
            if key is None:
                self._changed.wait(self._quiet_step)
            else:
                self._settled.wait(key, self._quiet_step)

    def _notify_all(self) -> None:
        """What is waited for has nowhere to go any more."""
        self._changed.notify_all()
        self._settled.notify_all()
        self._safe.notify_all()

    def _step(self, now: float) -> None:
        """One step of quiet for all, whoever waits: by the clock a process that was stopped would take its absence for
        quiet, and callbacks in between only mean that this step doesn't count."""
        if not self._busy and self._calls == self._step_calls:
            for message in self._unkept.values():
                message.quiet += 1
        self._step_at, self._step_calls = now + self._quiet_step, self._calls
