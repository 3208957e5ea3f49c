"""Wake-ups between transactions and loops: Postgres NOTIFY, with a sweep whenever a notice may have been missed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from exponential import log
from exponential.database import Database

INBOX = "gateway_inbox"  # payload: session id and chat key
OUTBOX = "gateway_outbox"  # payload: session id
SWEEP_EVERY = 30.0  # seconds; the net below the notices
_log = log.get(__name__)


async def follow(
    database: Database, handlers: Mapping[str, Callable[[str], None]], sweep: Callable[[], Awaitable[None]]
) -> None:
    """For ever: `handlers[channel](payload)` for each notice, and `sweep()` at start, after a gap and now and then."""
    while True:
        try:
            async with database.listen(*handlers) as notices:
                sweeper = asyncio.create_task(_keep_sweeping(sweep))
                try:
                    async for channel, payload in notices:
                        handlers[channel](payload)
                finally:
                    sweeper.cancel()
                    await asyncio.gather(sweeper, return_exceptions=True)
        except psycopg.Error as error:
            _log.warning("database_away", error=type(error).__name__)
        await asyncio.sleep(1.0)


async def _keep_sweeping(sweep: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await sweep()
        except SQLAlchemyError as error:
            _log.warning("sweep_failed", error=type(error).__name__)
        await asyncio.sleep(SWEEP_EVERY)
