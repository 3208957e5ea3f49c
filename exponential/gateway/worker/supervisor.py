"""The supervisor: spawns worker processes, gives them sessions, watches them, and starts them again when they die."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from exponential.core import log
from exponential.core.backoff import Backoff
from exponential.core.cancellation import cancel_and_wait
from exponential.core.errors import Unavailable
from exponential.gateway.access.policy import Policy
from exponential.gateway.cluster.lease import Lease
from exponential.gateway.credentials.checkouts import Checkouts
from exponential.gateway.credentials.credential_store import Checkout, CheckoutLost, StoreDamaged, StoreLocked
from exponential.gateway.messages.sender import SendFailed, SendUnknown
from exponential.gateway.timing import Timing
from exponential.gateway.worker import protocol
from exponential.gateway.worker.process import Launch, WorkerProcess
from exponential.gateway.worker.protocol import Original

STEADY_SECONDS = 60.0  # of life after which a worker's death counts as the first again
TYPING_ANSWER_SECONDS = POLICY_ANSWER_SECONDS = 5.0
CODE_ANSWER_SECONDS = GROUPS_ANSWER_SECONDS = 20.0
UNLINK_ANSWER_SECONDS = 8.0  # the phone's side is WhatsApp's server, which answers at once or not at all
FETCH_ANSWER_SECONDS = 90.0  # the worker gives up after 60, and fetches a few files at a time
SEND_ANSWER_SECONDS = 120.0  # whatsmeow itself gives up after 75
_log = log.get(__name__)


@dataclass(frozen=True)
class SessionOptions:
    """What a session is opened with: who may be heard, and whether our own client links it."""

    policy: Policy
    own_linking: bool = False


class WorkerSlot:
    """One worker's place: the process that fills it now, and the sessions it holds."""

    def __init__(self) -> None:
        self.process: WorkerProcess | None = None
        self.sessions: set[str] = set()


class Supervisor:
    """Runs sessions in workers.

    `launch` says how to start a worker; session folders lie below `folder`, spools are sealed with `spool_key`;
    a worker holds up to `per_worker` sessions. `options_of` says what a session is opened with. What workers report
    goes to `apply`, in order per worker; `record_id` records the id under which a message is about to leave (False: it
    must not).
    """

    def __init__(
        self,
        launch: Launch,
        folder: Path,
        spool_key: bytes,
        checkouts: Checkouts,
        *,
        options_of: Callable[[UUID], Awaitable[SessionOptions]],
        apply: Callable[[protocol.Event], Awaitable[None]],
        record_id: Callable[[protocol.Leaving], Awaitable[bool]],
        per_worker: int,
        timing: Timing | None = None,
    ) -> None:
        self._launch = launch
        self._options_of, self._apply, self._record_id = options_of, apply, record_id
        self.folder = folder
        self._spool_key = spool_key
        self.checkouts = checkouts
        self._per_worker = per_worker
        self._timing = timing or Timing()
        self._slots: list[WorkerSlot] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._online: set[str] = set()
        self._policies: dict[str, dict[str, Any]] = {}
        self._own_linking: set[str] = set()  # sessions whose device our own client links
        self._lease = Lease()
        self._closing = False
        self.sent = self.reconnects = 0  # since this process began

    def folder_of(self, session_id: UUID) -> Path:
        return self.folder / str(session_id)

    def may_act_until(self, moment: float) -> None:
        """After `moment` (time.monotonic()) others may run these sessions: nothing is sent then, and workers end."""
        self._lease.until = moment

    @property
    def workers(self) -> list[int | None]:
        """Process ids; None where one is just being started again."""
        return [slot.process.pid if slot.process else None for slot in self._slots]

    def is_online(self, session_id: UUID) -> bool:
        return str(session_id) in self._online

    def runs(self, session_id: UUID) -> bool:
        """Whether this session has a client here, online or not."""
        return self._slot_of(str(session_id)) is not None

    async def open(self, session_id: UUID) -> None:
        """Run this session's client: resume it when linked, else show QR codes. Starts anew when it runs already."""
        session = str(session_id)
        options = await self._options_of(session_id)
        self._policies[session] = options.policy.as_json()
        (self._own_linking.add if options.own_linking else self._own_linking.discard)(session)
        slot = self._slot_of(session) or self._slot_with_room()
        slot.sessions.add(session)
        self.checkouts.take_over(session_id)
        if slot.process is not None:
            self._run_task(self._start_client(slot, slot.process, session))

    @property
    def held(self) -> list[UUID]:
        """The sessions that have a client here, online or not."""
        return [UUID(session) for slot in self._slots for session in slot.sessions]

    async def heed(self, session_id: UUID, policy: Policy) -> None:
        """From now on this policy holds, if the session runs here. Returns once the worker goes by it."""
        session = str(session_id)
        slot, rules = self._slot_of(session), policy.as_json()
        if slot is None or self._policies.get(session) == rules:
            return
        self._policies[session] = rules
        if slot.process is not None:
            with contextlib.suppress(TimeoutError, ConnectionError):  # a worker that starts anew is told with Open
                await slot.process.ask(lambda number: protocol.SetPolicy(session, number, rules), POLICY_ANSWER_SECONDS)

    async def close_session(self, session_id: UUID) -> None:
        """Stop the client; credentials stay."""
        session = str(session_id)
        slot = self._slot_of(session)
        if slot is not None:
            slot.sessions.discard(session)
            if slot.process is not None:
                slot.process.tell(protocol.Close(session))
        self._online.discard(session)
        self._own_linking.discard(session)
        self._policies.pop(session, None)

    async def unlink(self, session_id: UUID) -> bool:
        """Remove the device from the account on the phone. False when WhatsApp couldn't be told."""
        session = str(session_id)
        try:
            if self.is_online(session_id):
                await self._ask(session, lambda number: protocol.Unlink(session, number), UNLINK_ANSWER_SECONDS)
                return True
        except (Unavailable, SendFailed, SendUnknown) as error:
            _log.warning("unlink_failed", session=session, why=str(error))
            await self.close_session(session_id)  # as the worker has; the next try needs a new client
        return False

    async def send(
        self, session_id: UUID, message_id: UUID, chat: str, text: str, quote: Original | None = None
    ) -> str:
        """Send; the WhatsApp message id. Raises Unavailable, SendFailed or SendUnknown (see sender.MessageSender)."""
        session = str(session_id)
        quoted = quote.as_json() if quote else None
        whatsapp_id = await self._ask(
            session,
            lambda number: protocol.Send(session, number, str(message_id), chat, text, quoted),
            SEND_ANSWER_SECONDS,
        )
        self.sent += 1
        return whatsapp_id

    async def mark_read(self, session_id: UUID, chat: str, sender: str, message_ids: list[str]) -> None:
        """Confirm messages of one sender as read. Raises as `send`, and so does `react`."""
        session = str(session_id)
        await self._ask(
            session, lambda number: protocol.MarkRead(session, number, chat, sender, message_ids), TYPING_ANSWER_SECONDS
        )

    async def react(self, session_id: UUID, original: dict[str, Any], emoji: str) -> None:
        session = str(session_id)
        await self._ask(session, lambda number: protocol.React(session, number, original, emoji), SEND_ANSWER_SECONDS)

    async def typing(self, session_id: UUID, chat: str, on: bool) -> None:
        session = str(session_id)
        await self._ask(session, lambda number: protocol.Typing(session, number, chat, on), TYPING_ANSWER_SECONDS)

    async def fetch(self, session_id: UUID, message_id: str, kind: str, file: dict[str, Any], limit: int) -> None:
        """Fetch a message's file into the session's folder (media.seal), also while the session is offline.

        Raises SendFailed when it can't be had, Unavailable or SendUnknown when it may be later.
        """
        session = str(session_id)
        await self._ask(
            session,
            lambda number: protocol.Fetch(session, number, message_id, kind, file, limit),
            FETCH_ANSWER_SECONDS,
            offline_too=True,
        )

    async def pairing_code(self, session_id: UUID, phone: str) -> tuple[str, int]:
        """A code to type on the phone with this number (digits), and for how many seconds it is good.

        Raises Unavailable while the session shows no QR code, SendFailed when WhatsApp refuses, SendUnknown.
        """
        session = str(session_id)
        ask = self._ask(
            session, lambda number: protocol.PairingCode(session, number, phone), CODE_ANSWER_SECONDS, offline_too=True
        )
        code, seconds = json.loads(await ask)
        return code, seconds

    async def answer_passkey(self, session_id: UUID, credential: dict[str, Any]) -> None:
        """Tell WhatsApp what the account's passkey answered. Raises as `pairing_code`."""
        session = str(session_id)
        answer = lambda number: protocol.PasskeyAnswer(session, number, credential)  # noqa: E731
        await self._ask(session, answer, CODE_ANSWER_SECONDS, offline_too=True)

    async def confirm_codes(self, session_id: UUID) -> None:
        """The person says that the codes are the same. Raises as `pairing_code`."""
        session = str(session_id)
        await self._ask(
            session, lambda number: protocol.CodesMatch(session, number), CODE_ANSWER_SECONDS, offline_too=True
        )

    async def groups(self, session_id: UUID) -> list[tuple[str, str, int]]:
        """JID, subject and number of participants of each group. Raises Unavailable, SendFailed or SendUnknown."""
        session = str(session_id)
        answer = await self._ask(session, lambda number: protocol.Groups(session, number), GROUPS_ANSWER_SECONDS)
        return [(jid, subject, count) for jid, subject, count in json.loads(answer)]

    async def abandon(self) -> None:
        """Kill every worker at once and forget its sessions. What they still had to say is not applied."""
        slots, self._slots = self._slots, []
        for slot in slots:
            slot.sessions.clear()
            if slot.process is not None:
                slot.process.kill()
        self._online.clear()
        tasks, self._tasks = self._tasks, set()
        await cancel_and_wait(*tasks)

    async def close(self) -> None:
        """Stop all workers, gently first. Sessions stay linked."""
        self._closing = True
        await asyncio.gather(*(slot.process.close() for slot in self._slots if slot.process is not None))
        await cancel_and_wait(*self._tasks)
        self._lease.close()

    async def _ask(
        self, session: str, command: Callable[[int], protocol.Command], timeout: float, *, offline_too: bool = False
    ) -> str:
        slot = self._slot_of(session)
        reached = offline_too or session in self._online
        if slot is None or slot.process is None or not reached or time.monotonic() > self._lease.until:
            raise Unavailable("This session isn't connected to WhatsApp right now.", code="not_connected")
        try:
            answer = await slot.process.ask(command, timeout)
        except (TimeoutError, ConnectionError):
            raise SendUnknown("The worker didn't answer.") from None
        except protocol.TooLong:
            raise SendFailed("This is too long for WhatsApp.") from None
        match answer.error:
            case None:
                return answer.result
            case "NotSent":
                raise Unavailable("This session isn't connected to WhatsApp right now.", code="not_connected")
            case "OutcomeUnknown":
                raise SendUnknown(answer.result)
            case _:
                raise SendFailed(answer.result)

    def _options(self, session: str, copy: Checkout, content: bytes) -> protocol.Open:
        folder = str(self.folder_of(copy.session_id))
        return protocol.Open(
            session,
            folder,
            self._policies[session],
            store=str(copy.name),
            own_linking=session in self._own_linking,
            content=content,
        )

    async def _start_client(self, slot: WorkerSlot, process: WorkerProcess, session: str) -> None:
        """Hand a session and its credentials to a worker."""
        cause = None
        try:
            wanted = lambda: session in slot.sessions and slot.process is process  # noqa: E731
            async with self.checkouts.checked_out(UUID(session), wanted) as checked_out:
                if checked_out is not None:
                    process.tell(self._options(session, *checked_out))
        except CheckoutLost:
            slot.sessions.discard(session)
        except StoreDamaged:
            cause = protocol.Ended(session, "damaged")
        except StoreLocked:
            cause = protocol.Ended(session, "locked")
        if cause is not None:
            self._note(slot, cause)
            await self._apply(cause)

    def _changed(self, process: WorkerProcess, changed: protocol.StoreChanged) -> None:
        self._run_task(self._keep(process, changed))

    async def _keep(self, process: WorkerProcess, changed: protocol.StoreChanged) -> None:
        """Keep what a client changed in its store; without an answer it would say nothing to WhatsApp any more."""
        slot = self._slot_of(changed.session)
        try:
            kept = await self.checkouts.keep(changed, lambda: not process.gone)
        except Exception as error:
            _log.error("store_not_kept", session=changed.session, error=error)
            process.tell(protocol.StoreKept(changed.session, changed.store, False))
            if slot is not None:
                await self._start_client(slot, process, changed.session)
            return
        process.tell(protocol.StoreKept(changed.session, changed.store, kept))
        if not kept and not process.gone and await self.checkouts.lost(changed):
            _log.warning("session_lost", session=changed.session, meaning="another node holds it now")
            await self.close_session(UUID(changed.session))

    async def _let_leave(self, process: WorkerProcess, leaving: protocol.Leaving) -> None:
        recorded = await self._record_id(leaving)
        process.tell(protocol.Leave(leaving.session, leaving.message, kept_back=not recorded))

    def _run_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _slot_of(self, session: str) -> WorkerSlot | None:
        return next((slot for slot in self._slots if session in slot.sessions), None)

    def _slot_with_room(self) -> WorkerSlot:
        for slot in self._slots:
            if len(slot.sessions) < self._per_worker:
                return slot
        slot = WorkerSlot()
        self._slots.append(slot)
        self._run_task(self._staff(slot))
        return slot

    async def _staff(self, slot: WorkerSlot) -> None:
        """Keep a process in this place for as long as the place is wanted."""
        pauses = Backoff(self._timing.worker_pause, self._timing.max_worker_pause)
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            replace = False
            try:
                replace = await self._serve(slot)
            except Exception as error:  # whatever it was: sessions without a worker would be deaf for good
                _log.error("worker_failed", error=error)
            if self._closing or slot not in self._slots:
                return
            if replace:
                continue
            if clock() - started > STEADY_SECONDS:
                pauses.reset()
            pause = pauses.next()
            _log.error("worker_died", sessions=len(slot.sessions), again_in=round(pause, 1))
            await asyncio.sleep(pause)

    async def _serve(self, slot: WorkerSlot) -> bool:
        """One process from start to death. Whether it wants to be replaced at once."""
        process = await WorkerProcess.start(self._launch, self._lease, self._changed)
        process.tell(protocol.Configure(self._spool_key.hex()))
        slot.process = process
        for session in sorted(slot.sessions):
            self._run_task(self._start_client(slot, process, session))
        try:
            async for event in process.events():
                if isinstance(event, protocol.Leaving):
                    self._run_task(self._let_leave(process, event))
                    continue
                self._note(slot, event)
                await self._apply(event)
                if isinstance(event, protocol.Receipt):
                    process.tell(protocol.Recorded(event.session, event.message_ids))
        finally:
            slot.process = None
            self._online -= slot.sessions
            await process.close()
        if not self._closing:
            for session in sorted(slot.sessions):
                await self._apply(protocol.Offline(session, "The gateway's worker stopped; it is being started again."))
        return process.wants_to_be_replaced

    def _note(self, slot: WorkerSlot, event: protocol.Event) -> None:
        match event:
            case protocol.Online(session) if session in slot.sessions:
                self._online.add(session)
                self._own_linking.discard(session)
            case protocol.Offline(session):
                self.reconnects += session in self._online
                self._online.discard(session)
            case protocol.PasskeyWanted(session) if session in slot.sessions and slot.process is not None:
                self._own_linking.add(session)
                self._run_task(self._start_client(slot, slot.process, session))
            case protocol.ClientStopped(session) if session in slot.sessions and slot.process is not None:
                self._run_task(self._start_client(slot, slot.process, session))
            case protocol.Ended(session) | protocol.PairingEnded(session):  # there is nothing left to run
                self._online.discard(session)
                slot.sessions.discard(session)
                if slot.process is not None:
                    slot.process.tell(protocol.Close(session))
