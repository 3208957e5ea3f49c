"""Importing a transcript the way the pages do: read in the sandbox, then kept."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.auth import users
from exponential.workspace.meetings import meetings, transcript_import
from exponential.workspace.meetings.meetings import Meeting
from exponential.workspace.text.zones import today_of


async def import_transcript(
    session: AsyncSession, user_id: UUID, said: str, title: str | None = None, held_on: date | None = None
) -> Meeting:
    today = today_of(await users.get(session, user_id))
    found = await transcript_import.read(said, caller=str(user_id), today=today, held_on=held_on)
    return await meetings.import_meeting(session, user_id, found, title)
