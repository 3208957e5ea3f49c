"""What `exponential retry` does, beside a running gateway or without one."""

from uuid import UUID

from exponential.core import key_check
from exponential.core.errors import NotFound
from exponential.core.settings import GatewaySettings
from exponential.gateway.messages import inbox
from exponential.gateway.sessions.sessions import Session


async def retry(settings: GatewaySettings, session_id: UUID | None) -> int:
    """Let parked messages, of one session or of all, wait for the app again; their number.

    Raises NotFound for a session that isn't there, ConfigurationError when the database can't be reached.
    """
    async with (
        key_check.opened("gateway", settings.database_url, settings.encryption_keys) as db,
        db.transaction() as transaction,
    ):
        if session_id is not None and await transaction.get(Session, session_id) is None:
            raise NotFound("There is no such session; leave --session out to retry all.", code="session_not_found")
        return await inbox.retry(transaction, session_id)
