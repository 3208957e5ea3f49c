"""Deleting what is older than people want it kept: messages, and what their turns did."""

import asyncio
from datetime import timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import SQLAlchemyError

from exponential.assistant.tables import Message, Turn
from exponential.auth import invites, sign_in, sign_in_attempts
from exponential.core import clock, log
from exponential.core.database import Database

EVERY_SECONDS = 3600.0
_log = log.get(__name__)


async def keep_tidy(database: Database, days: int) -> None:
    """For ever: delete messages older than `days` (0: none), and sign-ins and invites that have expired."""
    while True:
        try:
            await delete_expired(database)
            if days:
                await delete_older(database, timedelta(days=days))
        except SQLAlchemyError as error:
            _log.warning("tidying_failed", error=error)
        await asyncio.sleep(EVERY_SECONDS)


async def delete_expired(database: Database) -> None:
    """Delete what is of no use any more: spent time of links, sessions, invites and attempts."""
    async with database.transaction() as session:
        for owner in (sign_in, invites, sign_in_attempts):
            await owner.delete_expired(session)


async def delete_older(database: Database, age: timedelta) -> int:
    """Delete messages older than `age`, and turns of which none is left; how many messages. What runs is let be."""
    before = clock.now() - age
    running = select(Turn.id).where(Turn.state == "running")
    async with database.transaction() as session:
        old = delete(Message).where(
            Message.created_at < before, (Message.turn_id.is_(None)) | (Message.turn_id.not_in(running))
        )
        gone = (await session.scalars(old.returning(Message.id))).all()
        left = exists().where(Message.turn_id == Turn.id)
        await session.execute(delete(Turn).where(Turn.finished_at < before, ~left))
    if gone:
        _log.info("messages_forgotten", count=len(gone))
    return len(gone)
