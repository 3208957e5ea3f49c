"""What shows that somebody is there: typing, read receipts, reactions. None is ever worth failing a message for."""

from collections.abc import Awaitable
from itertools import groupby
from typing import Any

from exponential.core import log
from exponential.core.database import Database
from exponential.core.errors import BadInput, NotFound
from exponential.gateway.access import policies
from exponential.gateway.access.policy import Policy
from exponential.gateway.cluster.rpc import NodeRpc
from exponential.gateway.messages import originals
from exponential.gateway.messages.sender import SendFailed, SendUnknown
from exponential.gateway.sessions import contacts, sessions
from exponential.gateway.worker.protocol import Original
from exponential.gateway.worker.supervisor import Supervisor

TIMEOUT_SECONDS = 5.0
MAX_IDS = 100
MAX_EMOJI_CHARS = 32  # families and flags are long
_log = log.get(__name__)


class Presence:
    """Each answers whether it was shown: the owner may have switched it off, and WhatsApp may be away."""

    def __init__(self, database: Database, supervisor: Supervisor, rpc: NodeRpc) -> None:
        self._database = database
        self._mark_read = rpc.at_holder("read", supervisor.mark_read, within=TIMEOUT_SECONDS)
        self._put_emoji = rpc.at_holder("react", supervisor.react, within=TIMEOUT_SECONDS)

    async def read(self, owner: str, session_id: str, chat: str, message_ids: list[str]) -> bool:
        """Confirm messages as read. Raises NotFound, BadInput, Conflict, Unavailable."""
        if not 0 < len(message_ids) <= MAX_IDS:
            raise BadInput(f"messageIds must name 1 to {MAX_IDS} messages.", code="bad_input")
        policy, session, found = await self._look(owner, session_id, chat, message_ids)
        # One's own words need no receipt; and a space in a hostile id would make two of it (neonize joins them so).
        theirs = [one for one in found if not one.from_me and " " not in one.id]
        if not (policy.read_receipts and theirs):
            return False
        shown = True
        for (place, sender), group in groupby(theirs, lambda one: (one.chat, one.sender)):
            ids = [one.id for one in group]
            shown &= await self._shown(session, self._mark_read(session, chat=place, sender=sender, message_ids=ids))
        return shown

    async def react(self, owner: str, session_id: str, chat: str, message_id: str, emoji: str) -> bool:
        """Put an emoji to a message, or take it back (""). Raises NotFound, BadInput, Conflict, Unavailable."""
        if len(emoji) > MAX_EMOJI_CHARS or any(character.isalpha() for character in emoji):
            raise BadInput("emoji must be one emoji, or empty to take the reaction back.", code="bad_input")
        policy, session, found = await self._look(owner, session_id, chat, [message_id])
        if not policy.reactions:
            return False
        return await self._shown(session, self._put_emoji(session, original=found[0].as_json(), emoji=emoji))

    async def _look(
        self, owner: str, session_id: str, chat: str, message_ids: list[str]
    ) -> tuple[Policy, Any, list[Original]]:
        async with self._database.transaction() as db:
            session = await sessions.owned(db, owner, session_id)
            to = await contacts.reachable(db, session, chat)
            found = await originals.find(db, session.id, to, message_ids)
            policy = await policies.load(db, session.id)
        if not found:
            raise NotFound(
                "There is no such message in this chat, or it came more than a day ago.", code="message_not_found"
            )
        return policy, session.id, found

    async def _shown(self, session_id: Any, showing: Awaitable[str]) -> bool:
        try:
            await showing
        except (SendFailed, SendUnknown) as error:
            _log.info("not_shown", session=str(session_id), why=str(error))
            return False
        return True
