"""A linking client at work in a worker: it runs on its session's thread, and is asked from other threads."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from exponential.core import log
from exponential.core.errors import ConfigurationError
from exponential.gateway.credentials.store_copy import StoreCopy
from exponential.gateway.linking import store as stores
from exponential.gateway.linking.client import (
    AlreadyAnswered,
    Linked,
    LinkingClient,
    LinkingFailed,
    NotSaved,
    NotWaiting,
    PasskeyRefused,
)
from exponential.gateway.linking.connection import NotWhatsApp, QueryFailed, Unreachable
from exponential.gateway.linking.device import NewDevice, Version
from exponential.gateway.linking.store import UnknownStore
from exponential.gateway.sessions import reasons
from exponential.gateway.timing import LinkingTiming
from exponential.gateway.worker import neonize_client, protocol
from exponential.gateway.worker.errors import NotSent, OutcomeUnknown, RequestRefused
from exponential.gateway.worker.workarounds.native_client import DEVICE_PROPS

ANSWER_SECONDS = 18.0  # that WhatsApp gets for an answer; the gateway waits a little longer for ours
T = TypeVar("T")
_log = log.get(__name__)


class Attempt:
    """One attempt to link a session's device, into `store`. `root` is the Noise key that WhatsApp is known by."""

    def __init__(
        self,
        session: str,
        store: StoreCopy,
        emit: Callable[[protocol.Event], None],
        *,
        root: bytes,
        timing: LinkingTiming,
    ) -> None:
        self._session, self._store, self._emit, self._root = session, store, emit, root
        self._timing = timing
        self._lock = threading.Lock()  # of the three below
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: LinkingClient | None = None
        self._stopped = False

    def run(self) -> bool:
        """Link. True when the store has a linked device now, False after `stop`.

        Raises LinkingFailed, and where another try may help Unreachable or NotWhatsApp.
        """
        if neonize_client.prepare_store(self._store):
            return True  # it was linked before, and only the first login is missing
        empty = self._store.content()
        try:
            version = neonize_client.client_version()
            stores.check(empty)
        except (ConfigurationError, UnknownStore) as error:
            _log.error("client_unknown", session=self._session, why=str(error))
            raise LinkingFailed("unknown-store") from None
        try:
            asyncio.run(self._link(empty, version))
        except asyncio.CancelledError:
            return False
        self._emit(protocol.Offline(self._session, reasons.CONFIRMED))
        return True

    def stop(self) -> None:
        """End `run`, from any thread."""
        with self._lock:
            self._stopped = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    def pairing_code(self, phone: str) -> tuple[str, int]:
        """As WhatsAppClient.pairing_code."""
        code, seconds = self._ask(lambda client: client.pairing_code(phone))
        return code, int(seconds)

    def answer(self, assertion: dict[str, Any]) -> None:
        """What the passkey answered. Raises NotSent, OutcomeUnknown, RequestRefused ("late", "answered", "refused")."""
        self._ask(lambda client: client.answer(assertion))

    def confirm(self) -> None:
        """The codes are the same. Raises as `answer`."""
        self._ask(lambda client: client.confirm())

    # --- the linking client's reports

    def code(self, code: str, seconds: float) -> None:
        self._emit(protocol.QrCode(self._session, code, max(1, round(seconds))))

    def passkey(self, options: dict[str, Any], seconds: float) -> None:
        self._emit(protocol.PasskeyAsked(self._session, options, int(seconds)))

    def compare(self, code: str) -> None:
        self._emit(protocol.PasskeyCode(self._session, code))

    # --- inside

    async def _link(self, empty: bytes, version: Version) -> None:
        async def save(linked: Linked) -> None:
            try:
                await asyncio.to_thread(self._store.replace, stores.filled(empty, linked))
            except Exception as error:  # whatever it is: WhatsApp must not take this device for linked
                _log.error("linked_device_not_saved", session=self._session, error=error)
                raise NotSaved from None

        client = LinkingClient(NewDevice(), version, DEVICE_PROPS, self, save, root=self._root, timing=self._timing)
        with self._lock:
            if self._stopped:
                raise asyncio.CancelledError
            self._task = asyncio.ensure_future(client.run())
            self._loop, self._client = asyncio.get_running_loop(), client
        try:
            await self._task
        finally:
            with self._lock:
                self._loop = self._client = None

    def _ask(self, what: Callable[[LinkingClient], Coroutine[Any, Any, T]]) -> T:
        with self._lock:
            if self._loop is None or self._client is None:
                raise NotSent("The session isn't waiting to be linked.")
            answer = asyncio.run_coroutine_threadsafe(what(self._client), self._loop)
        try:
            return answer.result(ANSWER_SECONDS)
        except (NotWaiting, Unreachable, NotWhatsApp, CancelledError):
            raise NotSent("The session isn't waiting to be linked.") from None
        except AlreadyAnswered:
            raise RequestRefused("answered") from None
        except TimeoutError:
            raise OutcomeUnknown("WhatsApp didn't answer.") from None
        except PasskeyRefused as refused:
            raise RequestRefused("late" if refused.expired else "refused") from None
        except QueryFailed as failed:
            raise RequestRefused("busy" if failed.code == 429 else "refused") from None
