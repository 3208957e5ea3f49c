"""Each session's Policy in the database, encrypted: it is a list of people."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.core.database import GatewayBase, notify
from exponential.core.encryption import EncryptedJSON
from exponential.gateway.access.policy import Policy
from exponential.gateway.cluster import wakeups


class PolicyRow(GatewayBase):
    """A session without a row has the default policy."""

    __tablename__ = "policies"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    rules: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)


async def load(db: AsyncSession, session_id: UUID) -> Policy:
    row = await db.get(PolicyRow, session_id, populate_existing=True)
    return Policy.from_json(row.rules if row else None)


async def load_all(db: AsyncSession, session_ids: Collection[UUID]) -> dict[UUID, Policy]:
    """The policies of these sessions."""
    rows = await db.scalars(select(PolicyRow).where(PolicyRow.session_id.in_(session_ids)))
    stored = {row.session_id: row.rules for row in rows}
    return {session_id: Policy.from_json(stored.get(session_id)) for session_id in session_ids}


async def load_locked(db: AsyncSession, session_id: UUID) -> Policy:
    """The policy, for `save` in the same transaction: whoever else wants to change it waits."""
    fresh = insert(PolicyRow).values(session_id=session_id, rules=Policy().as_json())
    await db.execute(fresh.on_conflict_do_nothing())
    query = select(PolicyRow).where(PolicyRow.session_id == session_id).with_for_update()
    row = (await db.execute(query.execution_options(populate_existing=True))).scalar_one()
    return Policy.from_json(row.rules)


async def save(db: AsyncSession, session_id: UUID, policy: Policy) -> None:
    """Keep the policy and let whoever holds the session know."""
    row = await db.get_one(PolicyRow, session_id)
    row.rules = policy.as_json()
    await notify(db, wakeups.ACCESS, str(session_id))


async def change(db: AsyncSession, session_id: UUID, **fields: Any) -> Policy:
    """Give some fields of the policy other values; the new policy."""
    policy = replace(await load_locked(db, session_id), **fields)
    await save(db, session_id, policy)
    return policy
