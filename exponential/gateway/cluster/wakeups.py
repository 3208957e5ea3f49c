"""Wake-ups between transactions and loops: Postgres NOTIFY, with a sweep whenever a notice may have been missed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from exponential.core import log
from exponential.core.cancellation import cancel_and_wait
from exponential.core.database import Database

INBOX = "gateway_inbox"  # payload: session id and chat key
OUTBOX = "gateway_outbox"  # payload: session id and chat key
UNLINK = "gateway_unlink"  # payload: session id
EVENTS = "gateway_events"  # payload: session id and MD5 of its owner, or session id, message id and its new state
ACCESS = "gateway_access"  # payload: session id
REQUESTS, ANSWERS = "gateway_requests", "gateway_answers"  # payload: request id
SWEEP_SECONDS = 30.0  # the net below the notices
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
                    await cancel_and_wait(sweeper)
        except psycopg.Error as error:
            _log.warning("database_away", error=error)
        await asyncio.sleep(1.0)


async def _keep_sweeping(sweep: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await sweep()
        except SQLAlchemyError as error:
            _log.warning("sweep_failed", error=error)
        await asyncio.sleep(SWEEP_SECONDS)
