"""A client that is stopped before the library knows it may still log in: nothing may leave then that isn't kept."""

import queue
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from neonize.exc import NeonizeError
from neonize.proto.Neonize_pb2 import LogEntry

from exponential.core.backoff import Backoff
from exponential.gateway.access.policy import Policy
from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import protocol, session_thread
from exponential.gateway.worker.errors import NotSent
from exponential.gateway.worker.neonize_client import WhatsAppClient
from exponential.gateway.worker.workarounds.client_log import Farewell
from exponential.gateway.worker.workarounds.stanza_gate import StanzaGate


class Store:
    """One that is always durable; `gate` is the client's."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.gate: StanzaGate

    def attach(self, gate: StanzaGate) -> None:
        self.gate = gate

    def generation(self) -> int:
        return 0

    def is_durable(self, _generation: int) -> bool:
        return True

    def push(self) -> None: ...


def passes(work: Callable[[], Any]) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(0.3)
    return not thread.is_alive()


@pytest.mark.parametrize("known", [False, True])
def test_what_a_client_hears_that_was_stopped_too_early_is_not_acknowledged(tmp_path: Path, known: bool) -> None:
    events: list[protocol.Event] = []
    store: Any = Store(str(tmp_path / "store"))
    client = new_client(f"s/{known}", store, events)
    client._neonize.known = known
    client.stop()
    logged_in = passes(lambda: store.gate.log("Client/Recv", '<success lid="1@lid"/>'))
    assert logged_in != known  # stopped in time, it may have begun to connect again, and gets no further
    store.gate.log("Client/Recv", '<message from="1@lid" id="M1" t="1"><enc type="msg" v="2"/></message>')
    acknowledged = passes(lambda: store.gate.log("Client/Send", '<receipt id="M1" to="1@lid"/>'))
    assert acknowledged == known  # its connection is gone, and what is written there goes nowhere
    store.gate.release()


def new_client(client_id: str, store: Any, events: list[protocol.Event]) -> WhatsAppClient:
    return WhatsAppClient(
        "s",
        client_id,
        store,
        keep=lambda *_: None,
        emit=events.append,
        on_linking_failed=lambda: None,
        on_end=lambda _: None,
        timing=LinkingTiming(),
    )


class StuckClient:
    """One whose library waits for a lock of its own when it is stopped."""

    linking = at_once = False
    ending = ""
    lost = "The connection to WhatsApp broke; reconnecting."

    def __init__(self, *_: object, **__: object) -> None: ...

    def run(self) -> str:
        return ""

    def stop(self) -> None:
        threading.Event().wait()


class GoneStore:
    """The library after WhatsApp has taken the device off, and we have wiped the store that it is about to empty."""

    def logout(self) -> None:
        raise NeonizeError("error deleting data from store: no such table: whatsmeow_device")


def test_a_device_that_whatsapp_has_taken_off_is_unlinked_whatever_became_of_its_store() -> None:
    client = WhatsAppClient.__new__(WhatsAppClient)
    client._neonize, client._stopping = GoneStore(), threading.Event()
    client._farewell = Farewell("logged_out")
    client.unlink()
    client._farewell = Farewell()
    with pytest.raises(NotSent):
        client.unlink()


def test_a_client_that_cannot_be_stopped_does_not_hold_its_session_up_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_thread, "WhatsAppClient", StuckClient)
    events: queue.SimpleQueue[protocol.Event] = queue.SimpleQueue()
    opening = protocol.Open("s", str(tmp_path), Policy().as_json())
    key = secrets.token_bytes(32)
    thread = session_thread.SessionThread(
        opening, key, events.put, Backoff(0.01), root=bytes(32), linking_timing=LinkingTiming(), stop_within=0.1
    )
    assert [type(events.get(timeout=10)) for _ in range(2)] == [protocol.Offline, protocol.ClientStopped]
    thread.join(10)


def test_what_the_gate_fails_at_does_not_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[protocol.Event] = []
    store: Any = Store(str(tmp_path / "store"))
    client = new_client("s/failing", store, events)
    entry = LogEntry(Name="Client/Send", Level="DEBUG", Message='<receipt id="M1" to="1@lid"/>').SerializeToString()
    assert passes(lambda: client._on_log(entry))
    for failing in (entry[:-3], entry):
        with monkeypatch.context() as patch:
            patch.setattr(Store, "generation", lambda _: 1 / 0)
            leaving = threading.Thread(target=lambda entry=failing: client._on_log(entry), daemon=True)
            leaving.start()
            leaving.join(0.3)
            assert leaving.is_alive()
    assert {type(event) for event in events} == {protocol.Offline}
    store.gate.release()
    leaving.join(10)
    assert not leaving.is_alive()
