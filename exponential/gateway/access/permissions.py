"""Use-cases of who may talk to the assistant: looked at and changed by the owner, and known to the client at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database
from exponential.core.errors import Conflict, NotFound
from exponential.gateway.access import own_numbers, policies
from exponential.gateway.access.policy import Policy
from exponential.gateway.messages import originals, outbox
from exponential.gateway.sessions import contacts, sessions
from exponential.gateway.worker.supervisor import Supervisor


class Permissions:
    """The client hears of a change through a wake-up, on whichever node it runs."""

    def __init__(self, database: Database, supervisor: Supervisor, per_contact: int, per_session: int) -> None:
        self._database = database
        self._supervisor = supervisor
        self._per_contact, self._per_session = per_contact, per_session
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self, owner: str, session_id: str) -> Policy:
        """Raises NotFound."""
        async with self._database.transaction() as db:
            return await policies.load(db, (await sessions.owned(db, owner, session_id)).id)

    async def change(self, owner: str, session_id: str, fields: dict[str, Any]) -> Policy:
        """Give some fields of the policy other values. Raises NotFound."""
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            policy = await policies.change(db, session.id, **fields)
        await self._heed(session.id, policy)
        return policy

    async def prove(self, owner: str, session_id: str) -> tuple[str, datetime]:
        """A one-time code to be texted from the owner's phone, and when it ends. An earlier one is void.

        Raises NotFound, or Conflict when the session is not linked.
        """
        code, proof = own_numbers.begin()
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            if session.account is None or session.status not in (sessions.CONNECTED, sessions.RECONNECTING):
                raise Conflict(f"This session is not linked. {session.reason}", code="not_linked")
            policy = await policies.change(db, session.id, proof=proof)
        await self._heed(session.id, policy)
        return code, datetime.fromtimestamp(proof.until, UTC)

    async def disown(self, owner: str, session_id: str, proof_id: str) -> None:
        """A proved number is a contact like any other again, and what waits for it is the owner's. Raises NotFound."""
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            policy = await policies.load_locked(db, session.id)
            number = next((each for each in policy.own_numbers if each.id == proof_id), None)
            if number is None:
                raise NotFound("There is no such proved number in this session.", code="proof_not_found")
            policy = replace(policy, own_numbers=tuple(each for each in policy.own_numbers if each is not number))
            await policies.save(db, session.id, policy)
            addresses = {address for address in (number.jid, number.lid) if address}
            contact = await contacts.find(db, session.id, addresses)
            chats = addresses.union(contact.addresses if contact else ())
            await outbox.give_up(db, session.id, "This number isn't the owner's any more.", chats=chats)
        await self._heed(session.id, policy)

    def notice(self, payload: str) -> None:
        """A NOTIFY of wakeups.ACCESS."""
        task = asyncio.create_task(self._refresh([UUID(payload)]), name="policy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def sweep(self) -> None:
        """Let every client here know its policy, in case a notice was missed; forget what was kept to be quoted."""
        async with self._database.transaction() as db:
            await originals.forget_old(db)
        await self._refresh(self._supervisor.held)

    async def close(self) -> None:
        await cancel_and_wait(*self._tasks)

    async def _refresh(self, session_ids: list[UUID]) -> None:
        async with self._database.transaction() as db:
            found = await policies.load_all(db, session_ids)
        for session_id, policy in found.items():
            await self._heed(session_id, policy)

    async def _heed(self, session_id: UUID, policy: Policy) -> None:
        await self._supervisor.heed(session_id, self.rated(policy))

    def rated(self, policy: Policy) -> Policy:
        """With the gateway's limits."""
        return replace(policy, per_contact=self._per_contact, per_session=self._per_session)
