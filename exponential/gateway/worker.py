"""The worker: a child process that holds many WhatsApp sessions, each on its own thread, and talks to the supervisor.

It gets its end of a socket pair as a file descriptor, and ends when the other end closes. It knows no database.
"""

import fcntl
import itertools
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from exponential import log
from exponential.gateway import access, spool, wire
from exponential.gateway.channel import Channel
from exponential.gateway.whatsapp import Client, NotSent, OutcomeUnknown, Refused
from exponential.gateway.wire import Account, Inbound

STORE = "store.db"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before connecting again when the client gave up; doubled each time
STUCK_AFTER = 60.0  # seconds without a login after which a linked client is started anew
STOP_ATTEMPTS = 60  # one a second
FAREWELL = 1.5  # seconds that clients get to disconnect in when the worker ends
WORN_OUT = 64  # threads left behind by failed linkings after which this process ends, to be replaced
_log = log.get(__name__)
_client_ids = itertools.count()


class SessionThread:
    """Keeps one session's client running: connects, reconnects with growing pauses, until closed or ended."""

    def __init__(self, session: str, folder: Path, spool_key: bytes, emit: Callable[[wire.Event], None]) -> None:
        self.session = session
        self._folder = folder
        self._spool_key = spool_key
        self._emit = emit
        self._closed = threading.Event()
        self._client: Client | None = None
        self._alone_since = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"session {session}")
        self._thread.start()

    @property
    def client(self) -> Client:
        """Raises NotSent while none is running."""
        if self._client is None:
            raise NotSent("The session is not running.")
        return self._client

    @property
    def linking(self) -> bool:
        return self._client is not None and self._client.linking

    def close(self) -> None:
        """Stop, soon; `join` to wait for it. A thread that is stuck in linking stays behind, harmless."""
        self._closed.set()
        threading.Thread(target=self._stop_client, daemon=True, name="stop").start()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def check(self) -> None:
        """Called now and then: a linked client that hasn't been logged in for a while is started anew."""
        client = self._client
        if client is None or client.linking or client.logged_in:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > STUCK_AFTER:
            self._alone_since = time.monotonic()
            self._emit(wire.Offline(self.session, "The connection to WhatsApp hangs; connecting anew."))
            threading.Thread(target=client.stop, daemon=True, name="stop").start()

    def _stop_client(self) -> None:
        # More than once: a stop that comes before the client library knows the client is lost.
        for _ in range(STOP_ATTEMPTS):
            client = self._client
            if client is None or not self._thread.is_alive():
                return
            client.stop()
            if client.linking:
                self._folder_lock.release()
                return
            self._thread.join(1)

    def _run(self) -> None:
        self._folder_lock = FolderLock(self._folder)
        self._writer = spool.Writer(self._folder, self._spool_key)
        try:
            self._serve()
        finally:
            self._client = None
            self._writer.close()
            self._folder_lock.release()

    def _serve(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            started = self._alone_since = time.monotonic()
            client = self._client = self._new_client()
            problem = client.run() if not self._closed.is_set() else ""
            self._client = None
            client.stop()  # when its event loop failed it is still connected, acknowledging what nobody hears
            if client.over or self._closed.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - started > STUCK_AFTER else min(pause * 2, LONGEST_PAUSE)
            _log.warning("client_stopped", session=self.session, problem=_kind(problem), again_in=round(pause))
            self._emit(wire.Offline(self.session, _reason(problem)))
            self._closed.wait(pause * random.uniform(0.7, 1.3))

    def _new_client(self) -> Client:
        return Client(
            self.session,
            f"{self.session}/{next(_client_ids)}",
            self._folder / STORE,
            keep=self._keep,
            emit=self._emit,
            on_linking_failed=lambda: self._folder_lock.release(),
        )

    def _keep(self, account: Account, message: Inbound) -> None:
        """In the client's callback: what the assistant may hear goes to the spool, all else nowhere."""
        if not access.accepts(account, message):
            return
        waited = False
        while not self._append(message):  # holding the callback up holds up the acknowledgements of what follows
            waited = True
            self._emit(wire.Offline(self.session, "The gateway's disk is full; its owner must make room."))
            time.sleep(2)
        if waited:
            self._emit(wire.Online(self.session, account))
        self._emit(wire.Spooled(self.session))

    def _append(self, message: Inbound) -> bool:
        try:
            self._writer.append(message.to_bytes())
        except OSError as error:
            _log.error("spool_failed", session=self.session, error=error.strerror or type(error).__name__)
            return False
        return True


class FolderLock:
    """Holds a session's folder: two clients on one store, even for a moment while a worker dies, would damage it."""

    def __init__(self, folder: Path) -> None:
        self._file: int | None = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class Worker:
    """Carries out commands until the supervisor goes away."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._sessions: dict[str, SessionThread] = {}
        self._spool_key = b""
        self._calls = ThreadPoolExecutor(max_workers=64, thread_name_prefix="call")
        self._left_behind = 0

    def run(self) -> None:
        self._channel.emit(wire.Ready())
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        while (command := self._channel.receive()) is not None:
            self._carry_out(command)
        for session in self._sessions.values():
            session.close()
        deadline = time.monotonic() + FAREWELL
        for session in self._sessions.values():
            session.join(max(0.0, deadline - time.monotonic()))

    def _carry_out(self, command: wire.Command) -> None:
        match command:
            case wire.Configure(spool_key):
                self._spool_key = bytes.fromhex(spool_key)
            case wire.Open(session, folder):
                self._close(session)
                path = Path(folder)
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._sessions[session] = SessionThread(session, path, self._spool_key, self._channel.emit)
            case wire.Close(session):
                self._close(session)
            case wire.Unlink(session, request):
                self._call(request, lambda: self._unlink(session))
            case wire.Send(session, request, chat, text):
                self._call(request, lambda: self._client(session).send(chat, text))
            case wire.Typing(session, request, chat, on):
                self._call(request, lambda: self._client(session).typing(chat, on))

    def _client(self, session: str) -> Client:
        thread = self._sessions.get(session)
        if thread is None:
            raise NotSent("The session is not running.")
        return thread.client

    def _close(self, session: str) -> None:
        thread = self._sessions.pop(session, None)
        if thread is not None:
            self._left_behind += thread.linking
            thread.close()

    def _unlink(self, session: str) -> None:
        try:
            self._client(session).unlink()
        finally:
            self._close(session)

    def _call(self, request: int, work: Callable[[], str | None]) -> None:
        def run() -> None:
            try:
                answer = wire.Answer(request, work() or "")
            except (NotSent, OutcomeUnknown, Refused) as error:
                answer = wire.Answer(request, str(error), type(error).__name__)
            except Exception as error:
                _log.error("call_failed", error=type(error).__name__)
                answer = wire.Answer(request, "The WhatsApp client failed.", OutcomeUnknown.__name__)
            self._channel.emit(answer)

        self._calls.submit(run)

    def _watch(self) -> None:
        while True:
            time.sleep(5)
            sessions = list(self._sessions.values())
            for session in sessions:
                session.check()
            if self._left_behind > WORN_OUT and not any(session.linking for session in sessions):
                _log.info("worker_worn_out", threads=self._left_behind)
                os._exit(0)  # the supervisor starts a fresh one and resumes the sessions


def _kind(problem: str) -> str:
    """A client's error without what may name people or places."""
    return problem.split(":")[0][:60] if problem else "stopped"


def _reason(problem: str) -> str:
    if not problem:
        return "The WhatsApp client stopped; starting it again."
    return "WhatsApp can't be reached from this gateway; trying again. Check its network and WHATSAPP_PROXY_URL."


def main() -> None:
    """`python -m exponential.gateway.worker FD LOG_LEVEL`."""
    os.umask(0o077)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)  # neonize prints there
    sys.setswitchinterval(0.0005)  # the client's callback should get its turn before WhatsApp gets its acknowledgement
    log.configure(sys.argv[2], service="worker")
    connection = socket.socket(fileno=int(sys.argv[1]))
    Worker(Channel(connection)).run()
    os._exit(0)  # threads of failed linkings never end by themselves


if __name__ == "__main__":
    main()
