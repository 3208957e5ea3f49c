"""Requests between nodes: any node answers any API call, and asks the one that holds the session where it must.

A session held here takes the short way, a call. Otherwise the request is a row, announced by NOTIFY; the holder takes
it once, and its answer comes back the same way. What is asked and answered is encrypted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core import clock, log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database, GatewayBase, notify
from exponential.core.encryption import EncryptedJSON
from exponential.core.errors import BadInput, Conflict, ExponentialError, NotFound, Unavailable
from exponential.gateway.cluster import wakeups
from exponential.gateway.cluster.ownership import Ownership
from exponential.gateway.messages.sender import SendFailed, SendUnknown
from exponential.gateway.sessions.sessions import Session

TIMEOUT_SECONDS = 20.0  # a session whose node died has a new one before that
CLIENT_SECONDS = 25.0  # that a session's client gets for what it asks WhatsApp, wherever it runs
POLL_SECONDS = 1.0  # the net below the notices
_ERRORS = {kind.__name__: kind for kind in (BadInput, NotFound, Conflict, Unavailable)}
_OUTCOMES = {kind.__name__: kind for kind in (SendFailed, SendUnknown)}
_log = log.get(__name__)

Call = Callable[..., Awaitable[str | None]]
AtHolder = Callable[..., Awaitable[str]]


class NodeRequest(GatewayBase):
    """Something for the node that holds a session. `body` is {"verb", "arguments"}, `answer` as `_answer` makes it."""

    __tablename__ = "node_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    body: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    taken_by: Mapped[int | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class NodeRpc:
    """Calls that run on the node that holds a session, wherever they are made."""

    def __init__(self, database: Database, ownership: Ownership) -> None:
        self._database = database
        self._ownership = ownership
        self._here: dict[str, Call] = {}  # what this node does for the others, by name
        self._waiting: dict[UUID, asyncio.Event] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def at_holder(self, verb: str, here: Call, *, within: float = TIMEOUT_SECONDS) -> AtHolder:
        """`here(session_id, **arguments)` as a call that any node can make: the session's holder does it, which knows
        it as `verb`. Its arguments and what it returns are fit for JSON.

        It raises what `here` raises (ExponentialError, SendFailed, SendUnknown), and Unavailable when there is no
        answer `within` seconds.
        """
        self._here[verb] = here

        async def call(session_id: UUID, **arguments: Any) -> str:
            if self._ownership.holds(session_id):
                return await here(session_id, **arguments) or ""
            return await self._ask(session_id, verb, within, arguments)

        return call

    def at_client(self, verb: str, here: Call) -> AtHolder:
        """As `at_holder`, for what the session's client asks WhatsApp, whose silence is Unavailable, too."""
        at_holder = self.at_holder(verb, here, within=CLIENT_SECONDS)

        async def call(session_id: UUID, **arguments: Any) -> str:
            try:
                return await at_holder(session_id, **arguments)
            except SendUnknown:
                raise Unavailable("WhatsApp didn't answer. Try again in a moment.", code="whatsapp_silent") from None

        return call

    async def _ask(self, session_id: UUID, verb: str, within: float, arguments: dict[str, Any]) -> str:
        request = NodeRequest(
            id=clock.new_id(), session_id=session_id, body={"verb": verb, "arguments": arguments}, taken_by=None
        )
        news = self._waiting[request.id] = asyncio.Event()
        try:
            async with asyncio.timeout(within):
                async with self._database.transaction() as db:
                    request.expires_at = (await db.execute(select(func.now()))).scalar_one() + timedelta(seconds=within)
                    db.add(request)
                    await notify(db, wakeups.REQUESTS, str(request.id))
                return _result(await self._answer_to(request.id, news))
        except TimeoutError:
            raise Unavailable(
                "The gateway node that holds this session didn't answer in time; the session may be changing hands. "
                "Look whether it was done, and try again in a moment.",
                code="holder_silent",
            ) from None
        finally:
            del self._waiting[request.id]
            self._run(self._forget(request.id))

    def notice_request(self, payload: str) -> None:
        """A NOTIFY of wakeups.REQUESTS."""
        self._run(self._take(UUID(payload)))

    def notice_answer(self, payload: str) -> None:
        """A NOTIFY of wakeups.ANSWERS."""
        news = self._waiting.get(UUID(payload))
        if news is not None:
            news.set()

    async def sweep(self) -> None:
        """Take what was asked about sessions that are held here now; remove what nobody waits for any more."""
        mine = select(Session.id).where(Session.holder == self._ownership.number)
        async with self._database.transaction() as db:
            await db.execute(delete(NodeRequest).where(NodeRequest.expires_at < func.now() - timedelta(minutes=1)))
            open_ = select(NodeRequest.id).where(NodeRequest.taken_by.is_(None), NodeRequest.session_id.in_(mine))
            waiting = list(await db.scalars(open_))
        for request_id in waiting:
            self._run(self._take(request_id))

    async def close(self) -> None:
        await cancel_and_wait(*self._answering)

    async def _answer_to(self, request_id: UUID, news: asyncio.Event) -> dict[str, Any]:
        while True:
            try:
                await asyncio.wait_for(news.wait(), POLL_SECONDS)
            except TimeoutError:
                pass
            news.clear()
            async with self._database.transaction() as db:
                row = await db.get(NodeRequest, request_id)
            if row is not None and row.answer is not None:
                return row.answer

    async def _take(self, request_id: UUID) -> None:
        number = self._ownership.number
        mine = select(Session.id).where(Session.id == NodeRequest.session_id, Session.holder == number).exists()
        open_ = (NodeRequest.taken_by.is_(None), NodeRequest.expires_at > func.now())
        taking = update(NodeRequest).where(NodeRequest.id == request_id, *open_, mine).values(taken_by=number)
        async with self._database.transaction() as db:
            request = await db.scalar(taking.returning(NodeRequest))
        if request is None:
            return
        answer = await self._answer(request)
        async with self._database.transaction() as db:
            row = await db.get(NodeRequest, request_id)
            if row is not None:
                row.answer = answer
                await notify(db, wakeups.ANSWERS, str(request_id))

    async def _answer(self, request: NodeRequest) -> dict[str, Any]:
        try:
            result = await self._here[request.body["verb"]](request.session_id, **request.body["arguments"])
        except ExponentialError as error:
            kind = type(error).__name__
            return {"error": kind if kind in _ERRORS else Unavailable.__name__, "why": str(error), "code": error.code}
        except (SendFailed, SendUnknown) as error:
            return {"error": type(error).__name__, "why": str(error)}
        except Exception as error:
            _log.error("request_failed", verb=request.body["verb"], error=error)
            return {"error": SendUnknown.__name__, "why": "The gateway node that holds this session failed."}
        return {"result": result or ""}

    async def _forget(self, request_id: UUID) -> None:
        async with self._database.transaction() as db:
            await db.execute(delete(NodeRequest).where(NodeRequest.id == request_id))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            try:
                await work
            except SQLAlchemyError as error:  # the asker's time runs out, or the sweep finds it
                _log.warning("request_waits_for_database", error=error)

        task = asyncio.create_task(quietly())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)


def _result(answer: dict[str, Any]) -> str:
    kind = answer.get("error")
    if kind in _ERRORS:
        raise _ERRORS[kind](answer["why"], code=answer["code"])
    if kind is not None:
        raise _OUTCOMES[kind](answer["why"])
    return str(answer["result"])
