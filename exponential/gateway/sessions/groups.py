"""The WhatsApp groups of a linked account."""

import json
from uuid import UUID

from exponential.core.database import Database
from exponential.core.errors import Unavailable
from exponential.gateway.cluster.rpc import NodeRpc
from exponential.gateway.messages.sender import SendFailed
from exponential.gateway.sessions import sessions
from exponential.gateway.worker.supervisor import Supervisor


class Groups:
    """Asks the session's own client, on whichever node it runs."""

    def __init__(self, database: Database, supervisor: Supervisor, rpc: NodeRpc) -> None:
        self._database = database
        self._supervisor = supervisor
        self._groups = rpc.at_client("groups", self._groups_here)

    async def of(self, owner: str, session_id: str) -> list[tuple[str, str, int]]:
        """JID, subject and number of participants of each group. Raises NotFound or Unavailable."""
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
        if session.status not in (sessions.CONNECTED, sessions.RECONNECTING):
            raise Unavailable(f"This session isn't connected. {session.reason}", code="not_connected", retry_after=5)
        try:
            groups = await self._groups(session.id)
        except SendFailed:
            raise Unavailable("WhatsApp didn't tell. Try again in a moment.", code="whatsapp_silent") from None
        return [(jid, subject, count) for jid, subject, count in json.loads(groups)]

    async def _groups_here(self, session_id: UUID) -> str:
        return json.dumps(await self._supervisor.groups(session_id))
