"""Messages that the gateway hands over: stored with their turn before the 202; one that was seen changes nothing."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from exponential.app.state import TheState
from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.auth import tokens
from exponential.errors import NotFound

router = APIRouter(prefix="/api/whatsapp-gateway")


class Inbound(BaseModel):
    """One WhatsApp message. `chat` and `sender` are JIDs; `message_id` is WhatsApp's."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    session_id: str = Field(min_length=1, max_length=100)
    message_id: str = Field(min_length=1, max_length=200)
    chat: str = Field(min_length=1, max_length=200)
    sender: str = Field(min_length=1, max_length=200)
    sender_phone: str | None = Field(None, max_length=32)
    sender_name: str | None = Field(None, max_length=500)
    role: Literal["owner", "guest"]
    type: str = Field(min_length=1, max_length=50)
    text: str
    timestamp: AwareDatetime


class Accepted(BaseModel):
    accepted: bool = True
    duplicate: bool


@router.post("/messages", status_code=202)
async def messages(state: TheState, body: Inbound, authorization: Annotated[str | None, Header()] = None) -> Accepted:
    """Take over one message for the token's user. The gateway repeats it until this answers 2xx."""
    owner = tokens.verify(tokens.from_header(authorization), secret=state.settings.auth_secret, audience=tokens.APP)
    incoming = Incoming(
        user_id=_account(owner.user_id),
        channel="whatsapp",
        text=body.text,
        role=body.role,
        session_id=body.session_id,
        chat_jid=body.chat,
        external_id=body.message_id,
        sender_name=body.sender_name,
        type=body.type,
    )
    async with state.database.transaction() as session:
        received = await conversation.receive(session, incoming)
    return Accepted(duplicate=received.duplicate)


def _account(user_id: str) -> UUID:
    try:
        return UUID(user_id)
    except ValueError:
        raise NotFound("There is no such account here.", code="unknown_user") from None
