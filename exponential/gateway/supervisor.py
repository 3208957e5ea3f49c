"""The supervisor: spawns worker processes, gives them sessions, watches them, and starts them again when they die."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from exponential import log
from exponential.errors import Unavailable
from exponential.gateway import wire
from exponential.gateway.outbox import SendFailed, SendUnknown
from exponential.gateway.process import Launch, WorkerProcess

SESSIONS_PER_WORKER = 50
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0  # seconds before a dead worker is replaced; doubled each time
STEADY_AFTER = 60.0  # seconds of life after which a worker's death counts as the first again
TYPING_ANSWER = 5.0  # seconds
UNLINK_ANSWER = 8.0  # seconds; the phone's side is WhatsApp's server, which answers at once or not at all
SEND_ANSWER = 120.0  # seconds; whatsmeow itself gives up after 75
_log = log.get(__name__)

Apply = Callable[[wire.Event], Awaitable[None]]


class Crew:
    """One worker's place: the process that fills it now, and the sessions it holds."""

    def __init__(self) -> None:
        self.process: WorkerProcess | None = None
        self.sessions: set[str] = set()


class Supervisor:
    """Runs sessions in workers. What they report goes to `apply`, in order per worker.

    `launch` says how to start a worker; session folders lie below `folder`, spools are sealed with `spool_key`.
    """

    def __init__(self, launch: Launch, folder: Path, spool_key: bytes, apply: Apply) -> None:
        self._launch = launch
        self._folder = folder
        self._spool_key = spool_key
        self._apply = apply
        self._crews: list[Crew] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._online: set[str] = set()
        self._closing = False

    def folder_of(self, session_id: UUID) -> Path:
        return self._folder / str(session_id)

    def is_online(self, session_id: UUID) -> bool:
        return str(session_id) in self._online

    async def open(self, session_id: UUID) -> None:
        """Run this session's client: resume it when linked, else show QR codes. Starts anew when it runs already."""
        session = str(session_id)
        crew = self._crew_of(session) or self._crew_with_room()
        crew.sessions.add(session)
        if crew.process is not None:
            crew.process.tell(self._opening(session))

    async def close_session(self, session_id: UUID) -> None:
        """Stop the client; credentials stay on disk."""
        session = str(session_id)
        crew = self._crew_of(session)
        if crew is not None:
            crew.sessions.discard(session)
            if crew.process is not None:
                crew.process.tell(wire.Close(session))
        self._online.discard(session)

    async def unlink(self, session_id: UUID) -> bool:
        """Remove the device from the account on the phone. False when WhatsApp couldn't be told."""
        session = str(session_id)
        try:
            if self.is_online(session_id):
                await self._ask(session, lambda number: wire.Unlink(session, number), UNLINK_ANSWER)
                return True
        except (Unavailable, SendFailed, SendUnknown) as error:
            _log.warning("unlink_failed", session=session, why=str(error))
        return False

    async def send(self, session_id: UUID, chat: str, text: str) -> str:
        """Send; the WhatsApp message id. Raises Unavailable, SendFailed or SendUnknown (see outbox.Line)."""
        session = str(session_id)
        return await self._ask(session, lambda number: wire.Send(session, number, chat, text), SEND_ANSWER)

    async def typing(self, session_id: UUID, chat: str, on: bool) -> None:
        session = str(session_id)
        await self._ask(session, lambda number: wire.Typing(session, number, chat, on), TYPING_ANSWER)

    async def close(self) -> None:
        """Stop all workers, gently first. Sessions stay linked."""
        self._closing = True
        await asyncio.gather(*(crew.process.close() for crew in self._crews if crew.process is not None))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, session: str, command: Callable[[int], wire.Command], timeout: float) -> str:
        crew = self._crew_of(session)
        if crew is None or crew.process is None or session not in self._online:
            raise Unavailable("This session isn't connected to WhatsApp right now.", code="not_connected")
        try:
            answer = await crew.process.ask(command, timeout)
        except (TimeoutError, ConnectionError):
            raise SendUnknown("The worker didn't answer.") from None
        match answer.error:
            case None:
                return answer.result
            case "NotSent":
                raise Unavailable("This session isn't connected to WhatsApp right now.", code="not_connected")
            case "OutcomeUnknown":
                raise SendUnknown(answer.result)
            case _:
                raise SendFailed(answer.result)

    def _opening(self, session: str) -> wire.Open:
        return wire.Open(session, str(self._folder / session))

    def _crew_of(self, session: str) -> Crew | None:
        return next((crew for crew in self._crews if session in crew.sessions), None)

    def _crew_with_room(self) -> Crew:
        for crew in self._crews:
            if len(crew.sessions) < SESSIONS_PER_WORKER:
                return crew
        crew = Crew()
        self._crews.append(crew)
        task = asyncio.create_task(self._staff(crew), name="crew")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return crew

    async def _staff(self, crew: Crew) -> None:
        """Keep a process in this place for as long as the gateway runs."""
        pause = FIRST_PAUSE
        clock = asyncio.get_running_loop().time
        while not self._closing:
            started = clock()
            try:
                await self._serve(crew)
            except Exception as error:  # whatever it was: sessions without a worker would be deaf for good
                _log.error("worker_failed", error=type(error).__name__)
            if self._closing:
                return
            pause = FIRST_PAUSE if clock() - started > STEADY_AFTER else min(pause * 2, LONGEST_PAUSE)
            _log.error("worker_died", sessions=len(crew.sessions), again_in=pause)
            await asyncio.sleep(pause)

    async def _serve(self, crew: Crew) -> None:
        """One process from start to death."""
        process = await WorkerProcess.start(self._launch)
        process.tell(wire.Configure(self._spool_key.hex()))
        for session in sorted(crew.sessions):
            process.tell(self._opening(session))
        crew.process = process
        try:
            async for event in process.events():
                self._note(crew, event)
                await self._apply(event)
        finally:
            crew.process = None
            self._online -= crew.sessions
            with contextlib.suppress(asyncio.CancelledError):
                await process.close()
        if not self._closing:
            for session in sorted(crew.sessions):
                await self._apply(wire.Offline(session, "The gateway's worker stopped; it is being started again."))

    def _note(self, crew: Crew, event: wire.Event) -> None:
        match event:
            case wire.Online(session) if session in crew.sessions:
                self._online.add(session)
            case wire.Offline(session):
                self._online.discard(session)
            case wire.Ended(session) | wire.PairingEnded(session):  # there is nothing left to run
                self._online.discard(session)
                crew.sessions.discard(session)
                if crew.process is not None:
                    crew.process.tell(wire.Close(session))
