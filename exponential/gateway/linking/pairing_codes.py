"""Use-cases of linking by pairing code: eight characters to type on the phone."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from exponential.core import clock, phone_numbers
from exponential.core.database import Database
from exponential.core.errors import BadInput, Conflict, Unavailable
from exponential.gateway.cluster.rpc import NodeRpc
from exponential.gateway.messages.sender import SendFailed
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session
from exponential.gateway.worker.supervisor import Supervisor

MIN_TYPING_SECONDS = 60  # to type a code in; with fewer left the connection is made anew first
CODE_TIMEOUT_SECONDS = 10.0  # for that


@dataclass(frozen=True)
class PairingCode:
    """Eight characters, "ABCD-EFGH", and until when they can be typed."""

    code: str
    expires_at: datetime


class PairingCodes:
    """`renew` asks for new QR codes of a session, for its owner: (owner, session id)."""

    def __init__(
        self, database: Database, supervisor: Supervisor, rpc: NodeRpc, renew: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._database = database
        self._supervisor = supervisor
        self._ask_code = rpc.at_client("pairing_code", self._code_here)
        self._renew = renew
        self._renewing = asyncio.Lock()

    async def pairing_code(self, owner: str, session_id: str, phone: str) -> PairingCode:
        """A code that links this session when it is typed on the phone with that number.

        The same number gets the same code for as long as that is good. Raises BadInput (number), NotFound, Conflict
        (not waiting to be linked), Unavailable (no connection to WhatsApp yet).
        """
        number = phone_numbers.to_e164(phone).removeprefix("+")
        session = await self._pending(owner, session_id)
        code, seconds = await self._code(session, number)
        if seconds < MIN_TYPING_SECONDS:
            async with self._renewing:
                code, seconds = await self._fresh_code(owner, session, number)
        return PairingCode(code, clock.now() + timedelta(seconds=seconds))

    async def _pending(self, owner: str, session_id: str) -> Session:
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
        if session.status in (sessions.CONNECTED, sessions.RECONNECTING):
            raise Conflict("This session is linked already; it needs no code.", code="already_connected")
        if session.status != sessions.PENDING:
            raise Conflict(f"This session isn't waiting to be linked. {session.reason}", code="not_pending")
        return session

    async def _fresh_code(self, owner: str, session: Session, number: str) -> tuple[str, int]:
        code, seconds = await self._code(session, number)
        if seconds >= MIN_TYPING_SECONDS:
            return code, seconds  # somebody else's request has renewed it
        await self._renew(owner, str(session.id))
        deadline = asyncio.get_running_loop().time() + CODE_TIMEOUT_SECONDS
        session = await self._pending(owner, str(session.id))
        while not session.qr_live and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
            session = await self._pending(owner, str(session.id))
        return await self._code(session, number)

    async def _code(self, session: Session, number: str) -> tuple[str, int]:
        if not session.qr_live:
            raise Unavailable(
                "The connection to WhatsApp isn't there yet; try again in a moment.", code="qr_not_ready", retry_after=1
            )
        try:
            code, seconds = json.loads(await self._ask_code(session.id, phone=number))
        except SendFailed as error:
            if str(error) == "busy":
                raise Unavailable(
                    "WhatsApp makes no more codes for this number for now. Scan the QR code, or try again in some "
                    "minutes.",
                    code="too_many_codes",
                    retry_after=300,
                ) from None
            raise BadInput(
                "WhatsApp doesn't accept this. Is it the number of a phone with WhatsApp on it?",
                code="whatsapp_refused",
            ) from None
        return code, seconds

    async def _code_here(self, session_id: UUID, phone: str) -> str:
        return json.dumps(await self._supervisor.pairing_code(session_id, phone))
