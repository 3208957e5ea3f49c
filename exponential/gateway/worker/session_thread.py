"""One session in a worker: its thread, which runs the client until it is closed, and keeps what the client hears."""

import fcntl
import itertools
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from exponential.core import log
from exponential.core.backoff import Backoff
from exponential.gateway.access import rules
from exponential.gateway.access.own_numbers import ProofGuard
from exponential.gateway.access.policy import Policy
from exponential.gateway.linking.attempt import Attempt
from exponential.gateway.linking.client import LinkingFailed
from exponential.gateway.linking.connection import NotWhatsApp, Unreachable
from exponential.gateway.messages.rate_limits import RateLimiter
from exponential.gateway.sessions import reasons
from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import neonize_client, protocol, spool
from exponential.gateway.worker.errors import NotSent
from exponential.gateway.worker.neonize_client import WhatsAppClient
from exponential.gateway.worker.protocol import Account, Inbound

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 3.0, 60.0  # before connecting again, at most; doubled each time
# How much of them: anything, so that sessions which were all dropped at once come back one after the other.
JITTER = 0.05, 1.0
RECONNECT_SECONDS = 1.0  # at most, where WhatsApp asked for a new connection
STUCK_SECONDS = 60.0  # without a login after which a linked client is started anew
FIRST_LOGIN_SECONDS = (
    5.0  # seconds, the same for a device that was just linked: the library tries once, and may fail unheard
)
STOP_SECONDS = 15.0  # a deaf connection is closed after ten
STOP_ATTEMPTS = 60  # one a second
UNREACHABLE = "WhatsApp can't be reached from this gateway; trying again. Check its network and WHATSAPP_PROXY_URL."
NOT_WHATSAPP = (
    "What answers here in WhatsApp's place isn't WhatsApp; trying again. Check the gateway's network, its clock and "
    "WHATSAPP_PROXY_URL."
)
KEEP_RETRY_SECONDS = 2.0  # between two tries to keep a message when the disk or the spool is full
_log = log.get(__name__)
_client_ids = itertools.count()


class SessionThread:
    """Runs one session's client until it is closed or ended. When it gives up, asks to be opened again, later."""

    def __init__(
        self,
        opening: protocol.Open,
        spool_key: bytes,
        emit: Callable[[protocol.Event], None],
        pauses: Backoff,
        *,
        root: bytes,
        linking_timing: LinkingTiming,
        stop_within: float = STOP_SECONDS,
    ) -> None:
        self.session = opening.session
        self._linking_timing, self._stop_within = linking_timing, stop_within
        self.policy = Policy.from_json(opening.policy)
        self._proofs = ProofGuard()
        self._rates = RateLimiter()
        self.folder = Path(opening.folder)
        self._store = neonize_client.new_store(opening, emit, self._lose)
        self._spool_key = spool_key
        self._emit = emit
        self.pauses = pauses
        self._closed = threading.Event()
        self._client: WhatsAppClient | None = None
        self._attempt: Attempt | None = None
        if opening.own_linking:
            self._attempt = Attempt(opening.session, self._store, emit, root=root, timing=linking_timing)
        self._alone_since = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"session {self.session}")
        self._thread.start()

    @property
    def client(self) -> WhatsAppClient:
        """Raises NotSent while none is running."""
        if self._client is None:
            raise NotSent("The session is not running.")
        return self._client

    @property
    def attempt(self) -> Attempt:
        """Raises NotSent while our own client isn't linking."""
        if self._attempt is None:
            raise NotSent("The session isn't waiting to be linked.")
        return self._attempt

    @property
    def linking(self) -> bool:
        return self._attempt is not None or self.leaves_a_thread

    @property
    def leaves_a_thread(self) -> bool:
        """Whether the client's thread stays behind when this session is closed."""
        return self._client is not None and self._client.linking

    def pairing_code(self, phone: str) -> tuple[str, int]:
        """As WhatsAppClient.pairing_code."""
        return self._attempt.pairing_code(phone) if self._attempt is not None else self.client.pairing_code(phone)

    @property
    def leftover(self) -> int:
        """Bytes of memory that stay taken when this session is over here."""
        return self._store.leftover

    def receipts_recorded(self, message_ids: list[str]) -> None:
        client = self._client
        if client is not None:
            client.receipts_recorded(message_ids)

    def close(self) -> None:
        """Stop, soon; `join` to wait for it. A thread that is stuck in linking stays behind, harmless."""
        self._closed.set()
        attempt = self._attempt
        if attempt is not None:
            attempt.stop()
        threading.Thread(target=self._stop_client, daemon=True, name="stop").start()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def check(self) -> None:
        """Called now and then: a linked client that hasn't been logged in for a while is started anew."""
        client = self._client
        self._store.catch_up()
        if client is None or client.linking or client.logged_in:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > (FIRST_LOGIN_SECONDS if client.just_linked else STUCK_SECONDS):
            self._alone_since = time.monotonic()
            client.lost = reasons.CONFIRMED if client.just_linked else reasons.HANGS
            client.at_once = client.just_linked
            self._emit(protocol.Offline(self.session, client.lost))
            threading.Thread(target=client.stop, daemon=True, name="stop").start()

    def _lose(self) -> None:
        """What the client does from now on doesn't count: another one has its store."""
        self.close()

    def _stop_client(self) -> None:
        # More than once: a stop that comes before the client library knows the client is lost.
        for _ in range(STOP_ATTEMPTS):
            client = self._client
            if client is None or not self._thread.is_alive():
                return
            client.stop()
            if client.linking:
                self._give_up()
                return
            self._thread.join(1)

    def _run(self) -> None:
        """Until the session is closed, or WhatsApp has ended it; nothing else ends this thread without a word."""
        started = time.monotonic()
        client: WhatsAppClient | None = None
        try:
            with ExitStack() as held:
                held.callback(self._store.close)
                self._folder_lock = FolderLock(self.folder)
                held.callback(self._folder_lock.release)
                self._writer = held.enter_context(closing(spool.SpoolWriter(self.folder, self._spool_key)))
                just_linked = self._link()
                client = self._client = self._new_client()
                client.just_linked = just_linked
                problem = self._serve(client)
                reason = client.lost or _reason(problem)
        except LinkingFailed as failed:
            return self._emit(protocol.PairingEnded(self.session, failed.outcome))
        except Unreachable:
            problem, reason = "unreachable", UNREACHABLE
        except NotWhatsApp as error:
            problem, reason = str(error), NOT_WHATSAPP
        except Exception as error:
            problem, reason = "failed", "The gateway failed at this session; starting it again."
            _log.error("session_failed", session=self.session, error=error)
        if self._closed.is_set() or (client is not None and client.ending):
            return
        if time.monotonic() - started > STUCK_SECONDS:
            self.pauses.reset()
        at_once = client is not None and client.at_once and self.pauses.is_fresh
        pause = self.pauses.next() * (RECONNECT_SECONDS / FIRST_PAUSE_SECONDS if at_once else 1)
        _log.warning("client_stopped", session=self.session, problem=_kind(problem), again_in=round(pause))
        self._emit(protocol.Offline(self.session, reason))
        if not self._closed.wait(pause):
            self._emit(protocol.ClientStopped(self.session))

    def _link(self) -> bool:
        """Have our own client link a device, if it shall. Whether it just has."""
        attempt = self._attempt
        try:
            return attempt is not None and not self._closed.is_set() and attempt.run()
        finally:
            self._attempt = None

    def _serve(self, client: WhatsAppClient) -> str:
        """Run the client until it stops; what went wrong with it, or ""."""
        self._alone_since = time.monotonic()
        try:
            return client.run() if not self._closed.is_set() else ""
        finally:
            self._client = None
            # When its event loop failed it is still connected, acknowledging what nobody hears. But it must not hold
            # the session up for good: stopping may wait for a lock of the library's.
            stopping = threading.Thread(target=client.stop, daemon=True, name="stop")
            stopping.start()
            stopping.join(self._stop_within)

    def _new_client(self) -> WhatsAppClient:
        return WhatsAppClient(
            self.session,
            f"{self.session}/{next(_client_ids)}",
            self._store,
            keep=self._keep,
            emit=self._emit,
            on_linking_failed=self._give_up,
            on_end=self._on_end,
            timing=self._linking_timing,
        )

    def _give_up(self) -> None:
        """Linking has failed: the client's thread stays behind, parked in the library, and needs nothing any more."""
        self._folder_lock.release()
        self._store.close()

    def _on_end(self, cause: str) -> None:
        if not self._closed.is_set():
            self._emit(protocol.Ended(self.session, cause))

    def _keep(self, account: Account, message: Inbound) -> None:
        """In the client's callback: what the assistant may hear goes to the spool, all else nowhere."""
        policy = self.policy
        kept = self._proofs.to_keep(policy, account, message) or rules.to_keep(policy, account, message)
        kept = kept and self._rates.to_keep(policy, account, kept)
        if kept is None:
            return
        waited = False
        while not self._append(kept):  # holding the callback up holds up the acknowledgements of what follows
            waited = True
            if self._closed.wait(KEEP_RETRY_SECONDS):
                raise OSError("The session was closed before this message could be kept.")
        if waited:
            self._emit(protocol.Online(self.session, account))
        self._emit(protocol.Spooled(self.session))

    def _append(self, message: Inbound) -> bool:
        try:
            self._writer.append(message.to_bytes())
        except OSError as error:
            _log.error("spool_failed", session=self.session, error=error)
            self._emit(protocol.SpoolFailed(self.session, spool.explain(error)))
            self._emit(protocol.Offline(self.session, spool.explain(error)))
            return False
        return True


class FolderLock:
    """Holds a session's folder: two writers of one spool, even for a moment while a worker dies, would damage it."""

    def __init__(self, folder: Path) -> None:
        self._file: int | None = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _kind(problem: str) -> str:
    """A client's error without what may name people or places."""
    return problem.split(":")[0][:60] if problem else "stopped"


def _reason(problem: str) -> str:
    return UNREACHABLE if problem else "The WhatsApp client stopped; starting it again."
