"""The worker: a child process that holds many WhatsApp sessions, each on its own thread, and talks to the supervisor.

It gets its end of a socket pair as a file descriptor, and ends when the other end closes. It knows no database.
"""

import functools
import json
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from exponential.core import log, memory_protection
from exponential.core.backoff import Backoff
from exponential.core.errors import ConfigurationError
from exponential.gateway.access.policy import Policy
from exponential.gateway.cluster.lease import Lease
from exponential.gateway.credentials import store_copy
from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import media, neonize_client, protocol
from exponential.gateway.worker.channel import Channel
from exponential.gateway.worker.errors import NotSent, OutcomeUnknown, RequestRefused
from exponential.gateway.worker.neonize_client import WhatsAppClient
from exponential.gateway.worker.process import REPLACE_EXIT_CODE
from exponential.gateway.worker.session_thread import FIRST_PAUSE_SECONDS, JITTER, MAX_PAUSE_SECONDS, SessionThread
from exponential.protocol.noise import WHATSAPP_ROOT

FAREWELL_SECONDS = 1.5  # that clients get to disconnect in when the worker ends
LEAVE_SECONDS = 20.0  # that a message waits for its id to be recorded; whatsmeow itself gives up after 75
MAX_CONCURRENT_FETCHES = 4  # files at once: each is in memory for a moment
MAX_LEFT_THREADS = 64  # threads left behind by failed linkings after which this process ends, to be replaced
MAX_LEFT_THREADS_EVER = 4 * MAX_LEFT_THREADS  # and this also when somebody is just linking or sending
MAX_LEFTOVER_BYTES = 128 * 2**20  # that the stores of earlier clients take up, after which it ends, too
_log = log.get(__name__)


class Worker:
    """Carries out commands until the supervisor goes away, or loses its sessions to another node."""

    def __init__(
        self,
        channel: Channel,
        lease: Lease,
        root: bytes = WHATSAPP_ROOT,
        linking_timing: LinkingTiming | None = None,
    ) -> None:
        self._channel = channel
        self._root, self._linking_timing = root, linking_timing or LinkingTiming()
        self._sessions: dict[str, SessionThread] = {}
        self._spool_key = b""
        self._calls = ThreadPoolExecutor(max_workers=64, thread_name_prefix="call")
        self._fetches = ThreadPoolExecutor(max_workers=MAX_CONCURRENT_FETCHES, thread_name_prefix="fetch")
        self._leaving: dict[str, queue.SimpleQueue[bool]] = {}  # messages whose id is being recorded
        self._left_behind = self._leftovers = 0
        self._calls_running: set[int] = set()  # their request numbers
        self._lease = lease

    def run(self) -> None:
        self._channel.emit(protocol.Ready())
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        threading.Thread(target=self._watch_lease, daemon=True, name="lease").start()
        while (command := self._channel.receive()) is not None:
            self._carry_out(command)
        for session in self._sessions.values():
            session.close()
        deadline = time.monotonic() + FAREWELL_SECONDS
        for session in self._sessions.values():
            session.join(max(0.0, deadline - time.monotonic()))

    def _carry_out(self, command: protocol.Command) -> None:
        match command:
            case protocol.Configure(spool_key):
                self._spool_key = bytes.fromhex(spool_key)
            case protocol.Open(session):
                before = self._sessions.get(session)
                self._close(session)
                pauses = before.pauses if before else Backoff(FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, jitter=JITTER)
                self._sessions[session] = SessionThread(
                    command,
                    self._spool_key,
                    self._channel.emit,
                    pauses,
                    root=self._root,
                    linking_timing=self._linking_timing,
                )
            case protocol.StoreKept():
                store_copy.answer(command)
            case protocol.Recorded(session, message_ids) if session in self._sessions:
                self._sessions[session].receipts_recorded(message_ids)
            case protocol.Leave(_, message, kept_back) if message in self._leaving:
                self._leaving[message].put(not kept_back)
            case protocol.SetPolicy(session, request, policy):
                if session in self._sessions:
                    self._sessions[session].policy = Policy.from_json(policy)
                self._channel.emit(protocol.Answer(request))
            case protocol.Close(session):
                self._close(session)
            case _:
                self._do_asked(command)

    def _do_asked(self, command: protocol.Command) -> None:
        """What takes its time, on a thread of its own."""
        match command:
            case protocol.Unlink(session, request):
                self._call(request, lambda: self._unlink(session))
            case protocol.Send(session, request, message, chat, text, quote):
                quoted = protocol.Original(**quote) if quote else None
                leaving = functools.partial(self._may_leave, session, message)
                self._call(request, lambda: self._client(session).send(chat, text, quoted, leaving))
            case protocol.MarkRead(session, request, chat, sender, ids):
                self._call(request, lambda: self._client(session).mark_read(chat, sender, ids))
            case protocol.React(session, request, original, emoji):
                self._call(request, lambda: self._client(session).react(protocol.Original(**original), emoji))
            case protocol.Typing(session, request, chat, on):
                self._call(request, lambda: self._client(session).typing(chat, on))
            case protocol.Fetch(_, request):
                self._call(request, lambda: self._fetch(command), self._fetches)
            case protocol.PairingCode(session, request, phone):
                self._call(request, lambda: json.dumps(self._thread(session).pairing_code(phone)))
            case protocol.PasskeyAnswer(session, request, credential):
                self._call(request, lambda: self._thread(session).attempt.answer(credential))
            case protocol.CodesMatch(session, request):
                self._call(request, lambda: self._thread(session).attempt.confirm())
            case protocol.Groups(session, request):
                self._call(request, lambda: json.dumps(self._client(session).groups(), ensure_ascii=False))

    def _may_leave(self, session: str, message: str, whatsapp_id: str) -> bool:
        """Have the id recorded. False when the gateway doesn't answer, or says no."""
        answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._leaving[message] = answer
        self._channel.emit(protocol.Leaving(session, message, whatsapp_id))
        try:
            return answer.get(timeout=LEAVE_SECONDS)
        except queue.Empty:
            return False
        finally:
            self._leaving.pop(message, None)

    def _fetch(self, command: protocol.Fetch) -> None:
        folder = self._thread(command.session).folder
        try:
            data = media.fetch(command.kind, media.MediaReference(**command.media), command.limit)
        except media.MediaGone as error:
            raise RequestRefused(str(error)) from None
        except media.MediaUnreachable as error:
            raise OutcomeUnknown(str(error)) from None
        media.seal(folder, command.message, self._spool_key, data)

    def _client(self, session: str) -> WhatsAppClient:
        return self._thread(session).client

    def _thread(self, session: str) -> SessionThread:
        thread = self._sessions.get(session)
        if thread is None:
            raise NotSent("The session is not running.")
        return thread

    def _close(self, session: str) -> None:
        thread = self._sessions.pop(session, None)
        if thread is not None:
            self._left_behind += thread.leaves_a_thread
            self._leftovers += thread.leftover
            thread.close()

    def _unlink(self, session: str) -> None:
        try:
            self._client(session).unlink()
        finally:
            self._close(session)

    def _call(self, request: int, work: Callable[[], str | None], on: ThreadPoolExecutor | None = None) -> None:
        def run() -> None:
            try:
                answer = protocol.Answer(request, work() or "")
            except (NotSent, OutcomeUnknown, RequestRefused) as error:
                answer = protocol.Answer(request, str(error), type(error).__name__)
            except Exception as error:
                _log.error("call_failed", error=error)
                answer = protocol.Answer(request, "The WhatsApp client failed.", OutcomeUnknown.__name__)
            self._channel.emit(answer)
            self._calls_running.discard(request)

        self._calls_running.add(request)
        (on or self._calls).submit(run)

    def _watch_lease(self) -> None:
        while (left := self._lease.until - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
        _log.error("lease_ran_out", meaning="the gateway lost its database or hangs; another node may take over")
        os._exit(1)

    def _watch(self) -> None:
        while True:
            time.sleep(1)
            sessions = list(self._sessions.values())
            for session in sessions:
                session.check()
            if self._worn_out():
                _log.info("worker_worn_out", threads=self._left_behind, bytes=self._leftovers)
                os._exit(REPLACE_EXIT_CODE)

    def _worn_out(self) -> bool:
        """Whether this process should be replaced; while it sends or links, that may wait."""
        busy = self._calls_running or any(session.linking for session in list(self._sessions.values()))
        patience = MAX_LEFT_THREADS_EVER // MAX_LEFT_THREADS if busy else 1
        return self._left_behind > MAX_LEFT_THREADS * patience or self._leftovers > MAX_LEFTOVER_BYTES * patience


def main(root: bytes = WHATSAPP_ROOT, linking_timing: LinkingTiming | None = None) -> None:
    """`python -m exponential.gateway.worker.main WIRE LEASE LOG_LEVEL`; the first two are file descriptors.

    `root` is the Noise key that WhatsApp is known by when our own client links a device.
    """
    os.umask(0o077)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)  # neonize prints there
    sys.setswitchinterval(0.0005)  # the client's callback should get its turn before WhatsApp gets its acknowledgement
    log.configure(sys.argv[3], service="worker")
    memory_protection.protect_memory()
    try:
        neonize_client.keep_stores_in_memory()
    except ConfigurationError as error:
        _log.error("worker_refuses_to_start", why=str(error))
        os._exit(1)
    connection = socket.socket(fileno=int(sys.argv[1]))
    Worker(Channel(connection), Lease(int(sys.argv[2])), root, linking_timing).run()
    os._exit(0)  # threads of failed linkings never end by themselves


if __name__ == "__main__":
    main()
