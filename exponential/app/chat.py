"""The agent chat page: the user's own conversation with Paddy, whichever channel a message came through."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from markupsafe import Markup

from exponential.app.pages import fragment, page, wants_json
from exponential.app.state import SignedIn, State, TheState
from exponential.assistant import conversation, formatting
from exponential.assistant.conversation import MAX_TEXT, Incoming
from exponential.assistant.records import Message
from exponential.auth.users import User
from exponential.errors import BadInput
from exponential.workspace import tasks

router = APIRouter()
RECENT = 100  # messages shown at first
MOST = 2_000

Show = Annotated[int, Query(ge=1, le=MOST)]


@dataclass(frozen=True)
class Entry:
    """A message as the page shows it. `day` is set on the first one of each day; `at` is on the user's clock."""

    id: str
    role: str
    text: str
    html: Markup
    whatsapp: bool
    at: datetime
    day: date | None


@router.get("/chat")
async def chat_page(request: Request, state: TheState, user: SignedIn, show: Show = RECENT) -> Response:
    return await _chat_page(request, state, user, show=show)


@router.get("/chat/messages")
async def messages(request: Request, state: TheState, user: SignedIn, show: Show = RECENT) -> Response:
    """The conversation alone, as HTML."""
    return fragment(request, "_messages.html", **await _conversation(state, user, show))


@router.post("/chat/messages")
async def send(request: Request, state: TheState, user: SignedIn, text: Annotated[str, Form()] = "") -> Response:
    """Store what the user wrote and wake Paddy. 202 for a script; a browser without one goes back to the page."""
    try:
        async with state.database.transaction() as session:
            received = await conversation.receive(session, Incoming(user_id=user.id, channel="web", text=text))
    except BadInput as error:
        if wants_json(request):
            raise
        return await _chat_page(request, state, user, status=error.status, error=str(error), draft=text)
    if wants_json(request):
        return JSONResponse({"messageId": str(received.message_id)}, 202)
    return RedirectResponse("/chat", 303)


@router.get("/chat/events")
async def events(state: TheState, user: SignedIn) -> Response:
    """Server-sent events: `changed` whenever the conversation has news."""
    async with state.database.transaction() as session:
        chat = await conversation.main_chat(session, user.id)
    return state.board.stream(conversation.CHANNEL, str(chat.id))


async def _chat_page(
    request: Request,
    state: State,
    user: User,
    *,
    show: int = RECENT,
    status: int = 200,
    error: str = "",
    draft: str = "",
) -> Response:
    return await page(
        request,
        "chat.html",
        status=status,
        error=error,
        draft=draft,
        max_text=MAX_TEXT,
        **await _conversation(state, user, show),
    )


async def _conversation(state: State, user: User, show: int) -> dict[str, Any]:
    async with state.database.transaction() as session:
        chat = await conversation.main_chat(session, user.id)
        found = await conversation.history(session, chat.id, limit=show + 1)
        thinking = await conversation.is_answering(session, chat.id)
    return {
        "entries": _entries(found[-show:], tasks.zone_of(user)),
        "earlier": min(show * 4, MOST) if len(found) > show and show < MOST else None,
        "thinking": thinking,
        "today": tasks.today_of(user),
    }


def _entries(found: list[Message], zone: tzinfo) -> list[Entry]:
    entries = []
    before: date | None = None
    for message in found:
        at = message.created_at.astimezone(zone)
        entries.append(
            Entry(
                id=str(message.id),
                role=message.role,
                text=message.text,
                html=Markup(formatting.to_html(message.text) if message.role == "assistant" else ""),
                whatsapp=message.channel == "whatsapp",
                at=at,
                day=at.date() if at.date() != before else None,
            )
        )
        before = at.date()
    return entries
