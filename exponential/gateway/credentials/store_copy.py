"""The worker's end of the vault: one client's store in memory, whose changed pages go to the gateway.

The client doesn't wait at each commit: linking alone makes more than 800. Instead the gate holds what it says to
WhatsApp until the transactions that it rests on are safe, and we hold pages back until the messages that they rest on
are kept. So a copy that is given up, at any moment, was ahead of the vault by nothing that WhatsApp knows of.
"""

import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from exponential.core import log
from exponential.gateway.credentials import sealed_pages
from exponential.gateway.credentials.sealed_pages import PAGE_BYTES
from exponential.gateway.worker import protocol
from exponential.gateway.worker.workarounds import memory_database
from exponential.gateway.worker.workarounds.memory_database import MemoryDatabase
from exponential.gateway.worker.workarounds.stanza_gate import StanzaGate

_by_store: weakref.WeakValueDictionary[str, "StoreCopy"] = weakref.WeakValueDictionary()
RETRY_SECONDS = 2.0
POLL_SECONDS = 0.02
_CLOSED = 2**63  # a generation that is never durable
_log = log.get(__name__)


class StoreLost(Exception):
    """This copy of the store doesn't count any more: the session has another one, or was closed."""


class StoreCopy:
    """One copy of a store, for one client, in the SQLite of `library`.

    It is the gate's GatedStore: a generation is SQLite's file change counter. `on_lost` is called when the copy no
    longer counts.
    """

    def __init__(
        self, library: Any, opening: protocol.Open, emit: Callable[[protocol.Event], None], on_lost: Callable[[], None]
    ) -> None:
        self._database = MemoryDatabase(library, f"/store-{opening.store}", opening.content)
        self._session, self._store = opening.session, opening.store
        self._emit = emit
        self._on_lost = on_lost
        self._gate: StanzaGate | None = None
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._kept = opening.content  # what the vault has
        self._durable = memory_database.change_counter(opening.content)
        self._lock = threading.Lock()  # of the two below
        self._pushing = self._again = self._lost = False
        _by_store[opening.store] = self

    @property
    def path(self) -> str:
        """The name under which the client's SQLite opens it."""
        return self._database.name

    def attach(self, gate: StanzaGate) -> None:
        """Must be called before the client opens the store."""
        self._gate = gate

    def generation(self) -> int:
        try:
            return self._database.change_counter()
        except ValueError:
            return _CLOSED

    def is_durable(self, generation: int) -> bool:
        return self._durable >= generation

    def push(self) -> None:
        """See that what has changed so far becomes durable. Returns at once."""
        with self._lock:
            self._again = True
            if self._pushing:
                return
            self._pushing = True
        threading.Thread(target=self._push_all, daemon=True, name="store").start()

    def catch_up(self) -> None:
        """Called now and then: push also what nothing that is said to WhatsApp rests on."""
        if self._durable < self.generation() < _CLOSED:
            self.push()

    def answer(self, kept: bool) -> None:
        """The gateway's word on the change that it was told of last."""
        self._answers.put(kept)

    def content(self) -> bytes:
        """What is in it now. Raises ValueError after `close`."""
        return self._database.copy()

    def replace(self, content: bytes) -> None:
        """Give it another content, before a client opens it, and wait until the gateway has kept that.

        Raises StoreLost when this copy doesn't count any more.
        """
        try:
            self._database.replace(content)
        except ValueError:
            raise StoreLost from None
        generation = memory_database.change_counter(content)
        self.push()
        while not self.is_durable(generation):
            if self._lost or self.generation() == _CLOSED:
                raise StoreLost
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Wipe the copy. The client must have stopped; what it still tries has no store."""
        self._database.close()

    @property
    def leftover(self) -> int:
        """Bytes that a copy leaves behind when its client is over: the library never closes its connections."""
        return 2 * len(self._kept)  # memdb grows by doubling

    def _push_all(self) -> None:
        """Push until there is nothing new, or until it makes no sense any more."""
        while True:
            with self._lock:
                if not self._again:
                    self._pushing = False
                    return
                self._again = False
            try:
                if not self._push():
                    return
            except ValueError:  # closed
                return
            except Exception as error:
                _log.error("store_not_pushed", session=self._session, error=error)
                time.sleep(RETRY_SECONDS)
                self._again = True

    def _push(self) -> bool:
        """Send what has changed to the gateway. False when nobody wants it any more."""
        gate = self._gate
        content = self._database.copy()
        generation = memory_database.change_counter(content)
        if generation == self._durable:
            return True
        # The position is taken after the copy, which may rest on any message that came before.
        if gate is not None and not gate.passed(gate.position()):
            return False  # the client is stopped: what it did last, WhatsApp will tell again
        numbers = sealed_pages.changed(self._kept, content)
        data = b"".join(content[number * PAGE_BYTES : (number + 1) * PAGE_BYTES] for number in numbers)
        self._emit(protocol.StoreChanged(self._session, self._store, generation, len(content), numbers, data))
        if not self._answers.get():
            _log.warning("store_lost", session=self._session, meaning="it was checked out again since")
            self._lost = True
            self._on_lost()
            return False
        self._kept, self._durable = content, generation
        if self._gate is not None:  # also one that was attached meanwhile
            self._gate.durable()
        return True


def answer(told: protocol.StoreKept) -> None:
    copy = _by_store.get(told.store)
    if copy is not None:
        copy.answer(told.kept)
