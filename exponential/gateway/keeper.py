"""The worker's end of the vault: what the client commits to its store goes to the gateway, in order, behind its back.

The client doesn't wait at each commit: linking alone makes more than 800. Instead the gate holds what it says to
WhatsApp until the commits that it rests on are safe, and we hold commits back until the messages that they rest on are
kept. So a copy that is given up, at any moment, was ahead of the vault by nothing that WhatsApp knows of.
"""

import queue
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from exponential import log
from exponential.gateway import vfs, wire
from exponential.gateway.gate import Gate
from exponential.gateway.pages import UNIT

_mounted: dict[str, "Keeper"] = {}  # by session: the newest; a client that stops may still have last things to write
_by_file: weakref.WeakValueDictionary[str, "Keeper"] = weakref.WeakValueDictionary()  # also those still open
RETRY = 2.0  # seconds between attempts while the disk is full
_log = log.get(__name__)


class Keeper:
    """One copy of a store, which one client may open from now until the session's next copy is made.

    It is the gate's Store: a generation is a commit. `on_lost` is called when the copy no longer counts.
    """

    def __init__(self, opening: wire.Open, emit: Callable[[wire.Event], None], on_lost: Callable[[], None]) -> None:
        self.path = Path(opening.folder) / opening.store
        self._session = opening.session
        self._emit = emit
        self._on_lost = on_lost
        self._gate: Gate | None = None
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of all below
        self._units: dict[int, bytes] = {}  # committed, not sent yet
        self._size = 0
        self._position = 0  # of the gate, when the newest of them was committed
        self._generation = self._durable = 0
        self._sending = False
        if before := _mounted.get(opening.session):
            vfs.unmount(before.path)
        _mounted[opening.session] = _by_file[opening.store] = self
        vfs.mount(self.path, bytes.fromhex(opening.key), self._commit)

    def attach(self, gate: Gate) -> None:
        """Must be called before the client opens the store."""
        self._gate = gate

    def generation(self) -> int:
        return self._generation

    def is_durable(self, generation: int) -> bool:
        return self._durable >= generation

    def answer(self, kept: bool) -> None:
        """The gateway's word on the change that it was told of last."""
        self._answers.put(kept)

    def _commit(self, units: dict[int, bytes], size: int) -> None:
        """Called within the client's commit."""
        assert self._gate is not None
        position = self._gate.position()  # not under our lock: the gate asks us under its own
        with self._lock:
            self._units = {number: data for number, data in (self._units | units).items() if number * UNIT < size}
            self._size, self._position = size, position
            self._generation += 1
            if not self._sending:
                self._sending = True
                threading.Thread(target=self._send, daemon=True, name="store").start()

    def _send(self) -> None:
        """Send commits, all that there are at a time, until there are no more."""
        gate = self._gate
        assert gate is not None
        while True:
            with self._lock:
                units, size, position, generation = self._units, self._size, self._position, self._generation
                if generation == self._durable:
                    self._sending = False
                    return
                self._units = {}
            numbers = sorted(units)
            written = False
            while not written:
                if not gate.passed(position):
                    return  # the client is stopped: what it did last, WhatsApp will tell again
                written = self._write(b"".join(units[number] for number in numbers))
            self._emit(wire.Changed(self._session, self.path.name, numbers, size))
            if not self._answers.get():
                _log.warning("store_lost", session=self._session, meaning="it was checked out again since")
                return self._on_lost()
            self._durable = generation
            gate.durable()

    def _write(self, data: bytes) -> bool:
        try:
            wire.changes_file(self.path).write_bytes(data)
        except OSError as error:
            _log.error("store_not_written", session=self._session, error=error)
            time.sleep(RETRY)
            return False
        return True


def answer(told: wire.Kept) -> None:
    keeper = _by_file.get(told.store)
    if keeper is not None:
        keeper.answer(told.kept)
