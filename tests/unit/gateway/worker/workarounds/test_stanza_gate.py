"""The gate: an acknowledgement waits for its message to be kept, and everything for the store to be durable."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from exponential.gateway.worker.workarounds import stanza_gate
from exponential.gateway.worker.workarounds.client_log import Key
from exponential.gateway.worker.workarounds.stanza_gate import StanzaGate

SOON = 5.0  # seconds; the longest wait for what must happen
BOB = "1:7@lid in 1@lid"
PART = '<enc type="msg" v="2">33</enc>'


def message(number: int | str, user: str = "1", name: str = "Bob") -> str:
    id = number if isinstance(number, str) else f"M{number}"
    return f'<message from="{user}:7@lid" id="{id}" notify="{name}" t="1" type="text">{PART}</message>'


def group_message(number: int, *parts: str) -> str:
    encs = "".join(f'<enc type="{part}" v="2">33</enc>' for part in parts)
    return f'<message from="9-1@g.us" id="M{number}" participant="1:7@lid" t="1" type="text">{encs}</message>'


def receipt(number: int, kind: str = "", to: str = "1:7@lid") -> str:
    return f'<receipt id="M{number}" to="{to}"{f" type={chr(34)}{kind}{chr(34)}" if kind else ""}/>'


def ack(number: int, error: int = 0) -> str:
    return f'<ack class="message"{f" error={chr(34)}{error}{chr(34)}" if error else ""} id="M{number}" to="1:7@lid"/>'


class Store:
    """A store whose durable generation the test decides."""

    def __init__(self) -> None:
        self.now = self.safe = 0

    def generation(self) -> int:
        return self.now

    def is_durable(self, generation: int) -> bool:
        return generation <= self.safe

    def push(self) -> None: ...


NEVER = 3600.0  # seconds: no test waits for quiet unless it says so


class Stage:
    def __init__(self, store: Any = None, *, quiet_step: float = NEVER) -> None:
        self.gate = StanzaGate(store or Store(), quiet_step=quiet_step)
        self._threads = ThreadPoolExecutor(8)

    def receive(self, number: int) -> None:
        self.gate.log("Client/Recv", message(number))

    def open(self, origin: str, *words: str) -> None:
        """The client opens the next message from there, and says so of it."""
        for line in (f"Decrypting message from {origin}", *words):
            self.gate.log("Client", line)

    def submit(self, work: Callable[..., None], *arguments: Any) -> "Future[None]":
        return self._threads.submit(work, *arguments)

    def send(self, line: str) -> "Future[None]":
        return self.submit(self.gate.log, "Client/Send", line)

    def keep(self, number: int, user: str = "1") -> None:
        with self.gate.working(), self.gate.keeping(Key(f"M{number}", user)):
            pass


def waits(sending: "Future[None]") -> bool:
    with pytest.raises(TimeoutError):
        sending.result(0.1)
    return True


def test_an_acknowledgement_waits_until_its_message_is_kept() -> None:
    stage = Stage()
    stage.receive(1)
    sending = stage.send(receipt(1))
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)


def test_what_was_kept_before_is_acknowledged_at_once() -> None:
    stage = Stage()
    stage.receive(1)
    stage.keep(1)
    stage.send(receipt(1, "inactive")).result(SOON)


def test_a_later_message_kept_settles_the_earlier_one_that_brought_nothing() -> None:
    stage = Stage()
    stage.receive(1)
    stage.receive(2)
    sending = stage.send(receipt(1))
    assert waits(sending)
    stage.keep(2)
    sending.result(SOON)


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("Ignoring message M2 from 1:7@lid in 1@lid: received message with old counter", receipt(2)),
        ("Error decrypting message M2 from 1:7@lid in 1@lid: no session", ack(2)),
        ("Error decrypting message M2 from 1:7@lid in 1@lid: message secret for X not found", ack(2, 495)),
        ("Error unmarshaling decrypted message from 1:7@lid in 1@lid: proto: cannot parse", ack(2, 491)),
        ("Failed to parse message: didn't find required attribute 'participant'", ack(2, 487)),
        ("Message decryption for M2 panicked: index out of range\ngoroutine 7", ack(2)),
    ],
)
def test_what_the_client_says_brings_nothing_is_acknowledged_and_what_came_before_it_is_not(
    words: str, sent: str
) -> None:
    stage = Stage()
    stage.receive(1)
    stage.receive(2)
    stage.open(BOB)
    first = stage.send(receipt(1))
    stage.open(BOB, words)
    stage.send(sent).result(SOON)
    assert waits(first)
    stage.keep(1)
    first.result(SOON)


@pytest.mark.parametrize(
    "parts",
    [
        '<enc type="msg" v="3">33</enc>',  # Messenger's: another event
        '<enc type="msg" v="1">33</enc>',
        '<enc v="2">33</enc>',
        '<enc type="skmsg" v="2">33</enc>',  # a group's, and this is none
        '<enc type="msmsg" v="2">33</enc>',  # a bot's
        '<enc type="frskmsg" v="2">33</enc>',
        '<unavailable type="view_once"/>',
        "",
    ],
)
def test_what_is_of_no_kind_that_comes_to_us_is_not_waited_for(parts: str) -> None:
    stage = Stage()
    stage.gate.log("Client/Recv", f'<message from="1:7@lid" id="M1" notify="Bob" t="1" type="text">{parts}</message>')
    stage.send(receipt(1)).result(SOON)


@pytest.mark.parametrize(
    "name",
    [
        "<enc <enc <enc ",
        'Bob "the <enc type="msg" v="2"> Builder"',
        'Bob "x"',
        "a > b",
        "x\ny",
        '" id="M2',
        '" to="2@lid',
    ],
)
def test_a_push_name_is_a_push_name(name: str) -> None:
    stage = Stage()
    stage.gate.log("Client/Recv", message(2, user="2"))
    stage.gate.log("Client/Recv", message(1, name=name))
    sending, others = stage.send(receipt(1)), stage.send(receipt(2, to="2:7@lid"))
    assert waits(others)
    stage.keep(2, user="2")
    others.result(SOON)
    stage.keep(1)
    sending.result(SOON)  # by its one part


def test_names_with_quotes_are_waited_for_too() -> None:
    stage = Stage()
    stage.gate.log("Client/Recv", message(1, name='Bob "the Builder"'))
    sending = stage.send(receipt(1))
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)


@pytest.mark.parametrize(
    "id",
    [
        "A from database",
        "A from 1:7@lid in 1@lid: database",
        "M1 from 1:7@lid in 1@lid: database is locked",
        'M1" from="1@lid',
        'M1" to="2@lid',
        "M1\nfrom 2@lid: sql",
        "",
    ],
)
def test_an_id_is_no_reason_and_nobody_elses_message(id: str) -> None:
    broken = threading.Event()
    stage = Stage()
    stage.gate = StanzaGate(Store(), broken.set, quiet_step=NEVER)
    stage.gate.log("Client/Recv", message(1, user="2"))
    stage.gate.log("Client/Recv", message(id))
    stage.open(
        BOB,
        f"Error decrypting message {id} from 1:7@lid in 1@lid: no session",
        f"Ignoring message {id} from 1:7@lid in 1@lid: received message with old counter",
    )
    stage.send(f'<ack class="message" error="491" id="{id}" to="1:7@lid"/>').result(SOON)
    assert not broken.is_set()
    others = stage.send(receipt(1, to="2:7@lid"))
    assert waits(others)
    stage.keep(1, user="2")
    others.result(SOON)


def test_an_id_that_another_sender_has_as_well_is_another_message() -> None:
    stage = Stage()
    stage.gate.log("Client/Recv", message(1, user="2"))
    stage.receive(1)
    stage.open(BOB, "Ignoring message M1 from 1:7@lid in 1@lid: received message with old counter")
    stage.send(receipt(1)).result(SOON)
    stage.gate.log("Client/Recv", message(1))
    stage.send(ack(1, 491)).result(SOON)
    others = stage.send(receipt(1, to="2:7@lid"))
    assert waits(others)
    stage.keep(1, user="2")
    others.result(SOON)


def test_each_part_of_a_message_is_waited_for() -> None:
    stage = Stage()
    stage.gate.log("Client/Recv", group_message(1, "pkmsg", "skmsg"))
    sending = stage.send('<receipt id="M1" participant="1:7@lid" to="9-1@g.us"/>')
    stage.keep(1)  # the sender key
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)


def test_of_a_groups_message_that_came_before_each_part_is_ignored() -> None:
    stage = Stage()
    stage.gate.log("Client/Recv", group_message(1, "msg", "skmsg"))
    ignored = "Ignoring message M1 from 1:7@lid in 9-1@g.us: received message with old counter"
    stage.open("1:7@lid in 9-1@g.us", ignored, ignored)
    stage.send('<receipt id="M1" participant="1:7@lid" to="9-1@g.us"/>').result(SOON)


def test_a_repetition_that_is_ignored_says_nothing_of_the_first() -> None:
    stage = Stage()
    stage.receive(1)
    stage.receive(1)
    stage.open(BOB)
    stage.open(BOB, "Ignoring message M1 from 1:7@lid in 1@lid: received message with old counter")
    sendings = stage.send(receipt(1)), stage.send(receipt(1))
    assert all(map(waits, sendings))
    stage.keep(1)
    for sending in sendings:
        sending.result(SOON)


def test_what_ends_a_message_says_nothing_of_its_repetition() -> None:
    """A group's message whose words couldn't be read is sent again; its own end may be told late."""
    stage = Stage()
    here, there = "1:7@lid in 9-1@g.us", 'id="M1" participant="1:7@lid" to="9-1@g.us"'
    stage.gate.log("Client/Recv", group_message(1, "pkmsg", "skmsg"))
    stage.open(here, "Error decrypting message M1 from 1:7@lid in 9-1@g.us: no sender key")
    stage.keep(1)
    stage.gate.log("Client/Recv", group_message(1, "pkmsg", "skmsg"))
    stage.send(f'<ack class="message" {there}/>').result(SOON)
    stage.open(here)
    repetition = stage.send(f"<receipt {there}/>")
    stage.keep(1)
    assert waits(repetition)
    stage.keep(1)
    repetition.result(SOON)


@pytest.mark.parametrize("parts", [(1, 0), (0, 1), (2, 0), (1, 2)])
def test_an_id_used_twice_at_once_holds_up_nothing(parts: tuple[int, int]) -> None:
    stage = Stage()
    for number in parts:
        stage.gate.log("Client/Recv", f'<message from="1:7@lid" id="M1" t="1" type="text">{PART * number}</message>')
    for number in parts:
        stage.open(BOB, *["Error decrypting message M1 from 1:7@lid in 1@lid: no session"][:number])
    crossing = [stage.send(ack(1) if number else receipt(1)) for number in reversed(parts)]
    for each in crossing:
        each.result(SOON)
    assert stage.submit(stage.gate.passed, stage.gate.position()).result(SOON)  # type: ignore[func-returns-value]


WORDS = '<enc type="skmsg" v="2">33</enc>'


@pytest.mark.parametrize(
    "lines",
    [
        [
            ("Recv", f'<message from="1:7@lid" id="M1" t="1" type="text">{PART}{PART}</message>'),
            ("", "Decrypting message from 1:7@lid in 1@lid"),
            ("", "Ignoring message M1 from 1:7@lid in 1@lid: received message with old counter"),
        ],
        [
            ("Recv", f'<message from="9-1@g.us" id="M1" participant="1:7@lid" t="1">{WORDS}</message>'),
            ("Recv", f'<message from="9-1@g.us" id="M1" participant="1:7@lid" t="1">{PART}{WORDS}</message>'),
            ("", "Ignoring message M1 from 1:7@lid in 9-1@g.us: received message with old counter"),
            ("", "Error decrypting message M1 from 1:7@lid in 9-1@g.us: no sender key"),
            ("Send", '<ack class="message" id="M1" participant="1:7@lid" to="9-1@g.us"/>'),
        ],
    ],
)
def test_an_id_that_is_used_again_says_nothing_of_what_came_in_between(lines: list[tuple[str, str]]) -> None:
    stage = Stage()
    for name, line in lines:  # they settle the parts that are counted, while a callback is still on its way
        stage.gate.log(f"Client/{name}", line)
    stage.gate.log("Client/Recv", message(2, user="2"))
    honest = stage.send(receipt(2, to="2:7@lid"))
    stage.receive(1)
    stage.keep(1)  # what the first one brought
    assert waits(honest)
    stage.keep(2, user="2")
    honest.result(SOON)


def test_a_part_that_is_no_message_holds_up_nothing() -> None:
    """Nor does it when the client takes the message for read, because of what came behind that part."""
    stage = Stage()
    stage.gate.log("Client/Recv", message("no id", user="1"))
    stage.receive(1)
    here = stage.gate.position()
    stage.gate.log("Client/Recv", message(2, user="2"))
    stage.open(BOB)
    stage.open(BOB, "Error unmarshaling decrypted message from 1:7@lid in 1@lid: proto: cannot parse")
    stage.send(receipt(1)).result(SOON)
    assert stage.submit(stage.gate.passed, here).result(SOON)  # type: ignore[func-returns-value]
    others = stage.send(receipt(2, to="2:7@lid"))
    assert waits(others)
    stage.keep(2, user="2")
    others.result(SOON)


def test_what_could_not_be_opened_is_waited_for_when_it_is_sent_again() -> None:
    stage = Stage()
    stage.receive(1)
    stage.gate.log("Client", "Error decrypting message M1 from 1:7@lid in 1@lid: no session")
    stage.send(ack(1)).result(SOON)
    stage.receive(1)
    sending = stage.send(receipt(1))
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)


def test_a_message_that_brings_nothing_is_acknowledged_after_quiet() -> None:
    stage = Stage(quiet_step=0.01)
    stage.receive(1)
    stage.send(receipt(1)).result(SOON)


def test_whatever_else_comes_a_message_that_brings_nothing_holds_up_no_longer() -> None:
    stage = Stage(quiet_step=0.02)
    stage.receive(0)
    here, over = stage.gate.position(), threading.Event()

    def flood() -> None:
        for number in itertools.count(1):
            if over.wait(0.01):
                return
            stage.receive(number)
            with stage.gate.working():  # a receipt's, say
                pass

    flooding = stage.submit(flood)
    try:
        stage.send(receipt(0)).result(SOON)
        assert stage.submit(stage.gate.passed, here).result(SOON)  # type: ignore[func-returns-value]
    finally:
        over.set()
        flooding.result(SOON)


def test_what_fits_into_the_clients_queue_may_still_come() -> None:
    stage = Stage()
    stage.receive(1)
    sending = stage.send(receipt(1))
    assert waits(sending)
    for _ in range(stanza_gate.MAX_QUEUED_CALLBACKS - 1):
        with stage.gate.working():
            pass
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)


def test_while_a_callback_works_nothing_counts_as_quiet() -> None:
    stage = Stage(quiet_step=0.001)
    stage.receive(1)
    with stage.gate.working():  # that of a login, say: the message's own comes after it
        sending = stage.send(receipt(1))
        assert waits(sending)
        stage.keep(1)
    sending.result(SOON)


def test_a_message_whose_keeping_failed_is_not_acknowledged_on_this_connection() -> None:
    stage = Stage()
    stage.receive(1)
    with pytest.raises(OSError), stage.gate.keeping(Key("M1", "1")):
        raise OSError
    stage.receive(2)
    stage.keep(2)
    sending = stage.send(receipt(1))
    assert waits(sending)
    stage.gate.log("Client/Recv", '<success lid="1@lid"/>')  # the next login; WhatsApp delivers it again
    sending.result(SOON)  # into a connection that is gone


@pytest.mark.parametrize(
    "line",
    [
        receipt(1, "read"),
        receipt(1, "retry"),
        '<message id="OURS" to="1@lid"><enc/></message>',
        '<iq id="3" type="set" xmlns="encrypt"/>',
    ],
)
def test_what_whatsapp_will_remember_waits_for_a_durable_store(line: str) -> None:
    store = Store()
    stage = Stage(store)
    store.now = 7
    sending = stage.send(line)
    assert waits(sending)
    store.safe = 7
    stage.gate.durable()
    sending.result(SOON)


@pytest.mark.parametrize("line", ['<iq type="get" xmlns="w:p"/>', "<presence/>", "not a stanza", ""])
def test_what_rests_on_nothing_goes_at_once(line: str) -> None:
    store = Store()
    store.now = 1
    Stage(store).send(line).result(SOON)


def test_an_acknowledgement_needs_both() -> None:
    store = Store()
    stage = Stage(store)
    stage.receive(1)
    store.now = 1
    sending = stage.send(receipt(1))
    store.safe = 1
    stage.gate.durable()
    assert waits(sending)
    store.now = store.safe = 2
    stage.keep(1)
    sending.result(SOON)


def test_the_store_hears_when_all_before_a_point_is_kept() -> None:
    stage = Stage()
    stage.receive(1)
    here = stage.gate.position()
    stage.receive(2)
    passing = ThreadPoolExecutor(1).submit(stage.gate.passed, here)
    with pytest.raises(TimeoutError):
        passing.result(0.1)
    stage.keep(1)
    assert passing.result(SOON)  # the second message came later and doesn't matter


def test_a_released_gate_holds_nobody() -> None:
    store = Store()
    stage = Stage(store)
    stage.receive(1)
    store.now = 1
    passing = ThreadPoolExecutor(1).submit(stage.gate.passed, stage.gate.position())
    sending = [stage.send(receipt(1)), stage.send(receipt(1, "read"))]
    stage.gate.release()
    assert not passing.result(SOON)
    for each in sending:
        each.result(SOON)


SUCCESS = '<success lid="1@lid"/>'


def stays(gate: StanzaGate, name: str, line: str) -> bool:
    """Whether the client's thread that logs this is held. Not of a pool, which would wait for it at the end."""
    thread = threading.Thread(target=gate.log, args=(name, line), daemon=True)
    thread.start()
    thread.join(0.1)
    return thread.is_alive()


def test_a_stopped_client_that_connects_again_by_itself_gets_nowhere() -> None:
    closing, released = StanzaGate(Store(), quiet_step=NEVER), StanzaGate(Store(), quiet_step=NEVER)
    closing.close()
    assert stays(closing, "Client/Recv", SUCCESS)
    assert not stays(closing, "Client/Recv", "<ib/>")
    released.release()
    assert stays(released, "Client/Recv", SUCCESS)
    # The thread that dials holds the lock which stopping and sending need.
    assert not stays(released, "Client/Socket", "Dialing wss://web.example.org/ws")
    assert not stays(released, "Client", "Automatically reconnecting after 0s")


@pytest.mark.parametrize(
    "why",
    [
        "failed to decrypt prekey message: failed to load prekey 7: database is locked",
        "failed to decrypt normal message: failed to load session: disk I/O error",
        "failed to decrypt normal message: sql: database is closed",
        "failed to decrypt normal message: driver: bad connection",
    ],
)
def test_a_message_that_the_store_failed_at_must_come_again(why: str) -> None:
    broken = threading.Event()
    stage = Stage()
    stage.gate = StanzaGate(Store(), broken.set, quiet_step=NEVER)
    stage.receive(1)
    stage.gate.log("Client", f"Error decrypting message M1 from 1:7@lid in 1@lid: {why}")
    assert broken.is_set()
    acknowledging = stage.send(ack(1))
    assert waits(acknowledging)
    assert stage.gate.passed(stage.gate.position())  # nothing comes of it here: it holds up no other
    stage.gate.log("Client/Recv", SUCCESS)
    acknowledging.result(SOON)  # into a connection that is gone


def test_a_message_that_can_not_be_opened_by_its_own_fault_is_acknowledged() -> None:
    broken = threading.Event()
    stage = Stage()
    stage.gate = StanzaGate(Store(), broken.set, quiet_step=NEVER)
    stage.receive(1)
    why = "failed to decrypt normal message: mismatching MAC in signal message"
    stage.gate.log("Client", f"Error decrypting message M1 from 1:7@lid in 1@lid: {why}")
    stage.send(ack(1)).result(SOON)
    assert not broken.is_set()


def test_with_too_much_unacknowledged_no_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stanza_gate, "MAX_UNACKNOWLEDGED", 2)
    stage = Stage()
    stage.receive(1)
    stage.receive(2)
    third = threading.Thread(target=stage.receive, args=(3,))
    third.start()
    third.join(0.1)
    assert third.is_alive()
    stage.keep(1)
    stage.send(receipt(1)).result(SOON)
    third.join(SOON)
    assert not third.is_alive()


def test_attributes_are_read_from_the_stanza_and_not_from_its_content() -> None:
    stage = Stage()
    stage.gate.log(
        "Client/Recv",
        '<message from="1:7@lid" id="M1" notify="x id=M9" t="1"><body id="M2" type="read"/></message>',
    )
    sending: Callable[[], Any] = stage.send(
        '<receipt id="M1" to="1:7@lid"><item id="M2" type="read"/></receipt>'
    ).result
    stage.keep(1)
    sending()


OPENING = "Decrypting message from 1@lid"


def opening(stage: Stage) -> "Future[None]":
    return stage.submit(stage.gate.log, "Client", OPENING)


def test_no_message_is_opened_while_another_is_sealed() -> None:
    stage = Stage()
    with stage.gate.sealing(lambda _: True):
        stage.receive(1)
        held = opening(stage)
        assert waits(held)
        stage.gate.log("Client/Send", '<message id="OURS" to="1@lid"><enc/></message>')  # sealed
        held.result(SOON)
    opening(stage).result(SOON)


def test_a_message_that_waits_for_another_to_be_sent_keeps_none_from_being_opened() -> None:
    stage = Stage()
    sent = threading.Event()

    def first() -> None:
        with stage.gate.sealing(lambda _: True):
            stage.gate.log("Client/Send", '<message id="OURS" to="1@lid"><enc/></message>')
            sent.wait(60)  # for WhatsApp's answer, say

    def second() -> None:
        with stage.gate.sealing(lambda _: True):
            sent.wait(60)  # in the client's own lock

    sending = [stage.submit(first)]
    assert waits(sending[0])
    sending.append(stage.submit(second))
    assert waits(sending[1])
    stage.receive(1)
    opening(stage).result(SOON)
    stage.keep(1)
    sent.set()
    for each in sending:
        each.result(SOON)


REQUEST = '<message category="peer" id="REQUEST" to="1@s.whatsapp.net" type="text"><enc/></message>'


def test_what_the_client_asks_its_own_phone_for_holds_up_nothing() -> None:
    """Its request rests on messages that are still to be opened, and our answer waits for its being sent."""
    stage = Stage(store := Store())
    store.now = 1
    over = threading.Event()

    def answer() -> None:
        with stage.gate.sealing(lambda _: True):
            over.wait(60)  # in the client's own lock

    stage.gate.log("Client", 'Unavailable message M0 from 1@lid (type: "view_once")')
    request = stage.send(REQUEST)
    answering = stage.submit(answer)
    assert waits(request) and waits(answering)
    for number in (1, 2):
        stage.receive(number)
        opening(stage).result(SOON)
        stage.keep(number)
    store.safe = 1
    stage.gate.durable()
    request.result(SOON)
    over.set()
    answering.result(SOON)


def test_no_message_is_opened_while_the_client_may_seal_a_request() -> None:
    stage = Stage()
    stage.gate.log("Client", 'Unavailable message M0 from 1@lid (type: "view_once")')
    stage.gate.log("Client", 'Unavailable message M1 from 1@lid (type: "view_once")')
    stage.receive(2)
    held = opening(stage)
    assert waits(held)
    stage.gate.log("Client/Send", REQUEST)
    held.result(SOON)  # the next one is sealed when this one is acknowledged
    acknowledged = stage.submit(stage.gate.log, "Client/Recv", '<ack class="message" from="1@lid" id="REQUEST"/>')
    assert waits(acknowledged)
    stage.keep(2)
    acknowledged.result(SOON)
    stage.receive(3)
    held = opening(stage)
    assert waits(held)
    stage.gate.log("Client", "Requested message M0 from phone")
    stage.gate.log("Client", "Failed to send request for unavailable message M1 to phone: context canceled")
    held.result(SOON)


def test_nothing_is_sealed_while_a_message_is_opened() -> None:
    stage = Stage()
    stage.receive(1)
    opening(stage).result(SOON)

    def send() -> None:
        with stage.gate.sealing(lambda _: True):
            pass

    sending = stage.submit(send)
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)


def test_sealing_goes_on_when_the_next_message_waits_to_be_opened() -> None:
    stage = Stage()
    stage.receive(1)
    stage.receive(2)

    def send() -> None:
        with stage.gate.sealing(lambda _: True):
            pass

    sending = stage.submit(send)
    assert waits(sending)  # number 1 may be open right now
    held = opening(stage)
    sending.result(SOON)
    held.result(SOON)


def test_a_message_that_waits_is_opened_before_the_next_one_is_sealed() -> None:
    """Else answers that follow each other closely could keep it waiting for long."""
    stage = Stage()
    sealed, over = threading.Event(), threading.Event()

    def send() -> None:
        with stage.gate.sealing(lambda _: True):
            sealed.set()
            over.wait(60)

    with stage.gate.sealing(lambda _: True):
        stage.receive(1)
        held = opening(stage)
        sending = stage.submit(send)
        assert waits(held) and not sealed.is_set()
    held.result(SOON)
    assert not sealed.wait(0.1)  # it may be being opened
    stage.keep(1)
    assert sealed.wait(SOON)
    over.set()
    sending.result(SOON)


def test_the_id_is_heard_before_the_message_leaves() -> None:
    stage = Stage()
    heard: list[str] = []

    def leaving(message_id: str) -> bool:
        heard.append(message_id)
        return True

    with stage.gate.sealing(leaving):
        stage.gate.log("Client/Send", '<iq id="7" type="get" xmlns="usync"/>')
        assert heard == []
        stage.gate.log("Client/Send", '<message id="OURS" to="1@lid"><enc/></message>')
        assert heard == ["OURS"]


def test_a_message_that_may_not_leave_waits_for_the_end_of_its_connection() -> None:
    stage = Stage()

    def send() -> None:
        with stage.gate.sealing(lambda _: False):
            stage.gate.log("Client/Send", '<message id="OURS" to="1@lid"><enc/></message>')

    sending = stage.submit(send)
    assert waits(sending)
    stage.gate.release()
    sending.result(SOON)


def test_the_first_receipt_of_a_message_is_acknowledged_when_it_is_recorded() -> None:
    stage = Stage()
    with stage.gate.sealing(lambda _: True):
        stage.gate.log("Client/Send", '<message id="OURS" to="1@lid"><enc/></message>')
    first = stage.send('<ack class="receipt" id="OURS" to="1@lid" type="sender"/>')
    assert waits(first)
    stage.gate.receipts_recorded(["OURS"])
    first.result(SOON)
    stage.send('<ack class="receipt" id="OURS" to="1@lid" type="read"/>').result(SOON)
    stage.send('<ack class="receipt" id="THEIRS" to="1@lid" type="read"/>').result(SOON)


def test_what_could_not_be_kept_never_becomes_durable() -> None:
    """Else the message, which comes again, couldn't be opened again."""
    stage = Stage()
    stage.receive(1)
    with pytest.raises(OSError), stage.gate.working(), stage.gate.keeping(Key("M1", "1")):
        raise OSError
    stage.receive(2)
    stage.keep(2)
    passing = ThreadPoolExecutor(1).submit(stage.gate.passed, stage.gate.position())
    with pytest.raises(TimeoutError):
        passing.result(0.1)
    stage.gate.release()
    assert not passing.result(SOON)


def test_a_message_that_is_not_kept_yet_is_not_forgotten_however_much_comes_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stanza_gate, "MAX_HANDLED_MESSAGES", 2)
    stage = Stage()
    stage.receive(1)
    for _ in range(5):
        stage.gate.log("Client/Recv", message("an id that nobody honest gives"))
    sending = stage.send(receipt(1))
    assert waits(sending)
    stage.keep(1)
    sending.result(SOON)
