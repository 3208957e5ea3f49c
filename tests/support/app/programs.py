"""What a user's own programs come with: an access token, and the transcript of a meeting."""

from exponential.auth import access_tokens
from exponential.auth.users import User
from exponential.workspace.meetings import meetings
from support.app.running_app import House

TALK = """Anna: Welcome, we talk about pricing.
Anna: We decided to lower the starter price to nine euros.
Bob: I'll update the pricing page by Friday."""


async def bearer(house: House, user: User, *scopes: str, days: int | None = 90) -> dict[str, str]:
    async with house.database.transaction() as session:
        _, secret = await access_tokens.make(session, user.id, "recorder", scopes=scopes or ("all",), days=days)
    return {"Authorization": f"Bearer {secret}"}


async def kept(house: House, user: User) -> list[meetings.Meeting]:
    async with house.database.transaction() as session:
        return await meetings.list_meetings(session, user.id)
