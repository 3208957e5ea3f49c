"""Names of the background jobs, and deferring one inside the transaction that stores what it is about."""

from procrastinate import App, PsycopgConnector
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.database import raw_connection

TURN = "assistant.turn"  # answer what is unanswered in a chat: (chat_id)
DELIVER = "assistant.deliver"  # post a turn's reply to the gateway: (turn_id)

_app = App(connector=PsycopgConnector())  # never opened: it only writes to connections it is handed


async def defer(session: AsyncSession, job: str, *, lock: str, **args: str) -> None:
    """Queue `job` when this transaction commits. Jobs with the same `lock` run one at a time, in order."""
    deferrer = _app.configure_task(job, lock=lock, connection=await raw_connection(session))
    await deferrer.defer_async(**args)
