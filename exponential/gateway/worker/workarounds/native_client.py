"""neonize's client with what its `connect` lacks: one thread, the outcome of linking, and its log as bytes.

Works around: `NewClient.connect` (neonize 0.5.2) needs a second thread per session, tells of a failed linking nowhere,
takes no log function, and drops what Python's protobuf can't read. And neonize keeps its clients in Go maps without a
lock: two threads that write one at once end the whole process ("concurrent map writes": seen when 50 sessions of a
worker stopped together). So whoever adds or removes a client holds `CLIENTS`.
Can go when: neonize takes these callbacks itself and locks its maps.
Relies on: the arguments of the library's `Neonize` function, and field 3 of a LogEntry being the logger's name
(test_native_client.py).
"""

import ctypes
import re
import threading
from collections.abc import Callable
from typing import Any

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
from google.protobuf.message import DecodeError
from neonize._binder import func_callback_bytes, func_callback_bytes2, func_string, gocode
from neonize.client import NewClient
from neonize.events import INT_TO_EVENT
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps

from exponential.gateway.worker.workarounds import client_log

CLIENTS = threading.Lock()  # the library's maps of clients
DEVICE_PROPS = DeviceProps(os="Exponential", platformType=DeviceProps.DESKTOP, requireFullSync=False)
_BY_CLIENT = re.compile(rb"\x1a.Client", re.DOTALL)
_LOG_LEVEL = b"DEBUG"  # the stanzas, for the gate alone: whatsmeow's log names people, and is written nowhere


class NativeClient(NewClient):  # type: ignore[misc]
    """One client in the library. `known`: the library has it in its maps; before that, it can't be stopped."""

    known = False

    def run(
        self,
        on_code: Callable[[str], None],
        on_pairing: Callable[[str], None],
        on_log: Callable[[bytes], None],
        on_undecoded: Callable[[type[Any], bytes], None],
    ) -> str:
        """Block until stopped; the client's error, or "". Must not be called twice."""
        registering = threading.Lock()

        def registered() -> None:
            if registering.acquire(blocking=False):
                self.known = True
                CLIENTS.release()

        def logged(data: int, size: int) -> None:
            entry = ctypes.string_at(data, size)
            if _BY_CLIENT.search(entry) is not None:  # its first line says that it dials
                registered()
            if client_log.matters(entry):
                on_log(entry)

        def happened(id: int, data: int, size: int, kind: int) -> None:
            try:
                self.event.execute(id, data, size, kind)
            except DecodeError:
                on_undecoded(INT_TO_EVENT[kind], ctypes.string_at(data, size))

        subscribed = bytearray(self.event.list_func)
        kinds = (ctypes.c_char * len(subscribed)).from_buffer(subscribed)
        props = DEVICE_PROPS.SerializeToString()
        self._callbacks = (  # Go keeps calling these: they must live as long as the client
            func_string(lambda _id, code: on_code(ctypes.string_at(code).decode())),
            func_string(lambda _id, outcome: on_pairing(ctypes.string_at(outcome).decode())),
            func_callback_bytes(happened),
            func_callback_bytes2(logged),
        )
        CLIENTS.acquire()
        error = gocode.Neonize(
            self.name.encode(),
            self.uuid,
            b"",
            0,
            0,
            _LOG_LEVEL,
            *self._callbacks,
            kinds,
            len(subscribed),
            props,
            len(props),
            b"",
            0,
            None,
        )
        registered()
        return error.decode() if error else ""
