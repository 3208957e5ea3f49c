"""The list of chats, its search, and opening, renaming and deleting one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.core.pagination import Number, Page
from exponential.app.core.rendering import page as shown
from exponential.app.core.rendering import wants_json
from exponential.app.core.state import IN_TURN, SignedIn, TheState
from exponential.assistant import chats
from exponential.assistant.channels.registry import Channels
from exponential.auth.users import User
from exponential.core.errors import BadInput
from exponential.core.http.routes import Router
from exponential.workspace.text import zones

router = Router()
PREVIEW_CHARS = 90  # of the latest message
LONG = "A long message"  # instead of its first words
CONTEXT_CHARS = 60  # before and after what was searched for


@dataclass(frozen=True)
class Row:
    """A chat in the list. `mark` is its icon; `at` on the user's clock."""

    id: str
    href: str
    name: str
    mark: str
    guest: bool
    preview: str
    at: datetime | None
    current: bool


@dataclass(frozen=True)
class Found:
    """A message that a search found; `snippet` has the words marked."""

    href: str
    name: str
    who: str
    snippet: Markup
    at: datetime


@router.get("/chats", dependencies=[IN_TURN])
async def list_page(
    request: Request,
    state: TheState,
    user: SignedIn,
    q: Annotated[str, Query(max_length=200)] = "",
    here: UUID | None = None,
    page: Number = 1,
) -> Response:
    """The list, or what a search for `q` found; as a page, or alone for a script, which says which chat is open."""
    async with state.database.transaction() as session:
        context = await listing(session, state.channels, user, current=here, wanted=q, number=page)
    return await shown(request, "chats.html", live="_chats.html", **context)


@router.get("/chats/events")
async def events(state: TheState, user: SignedIn) -> Response:
    """Server-sent events: `list` whenever the list has news."""
    return state.live_updates.streams({(chats.CHANNEL, str(user.id)): "list"})


@router.post("/chats")
async def open_chat(state: TheState, user: SignedIn) -> Response:
    async with state.database.transaction() as session:
        chat = await chats.open_topic(session, user.id)
    return RedirectResponse(f"/chat/{chat.id}", 303)


@router.post("/chat/{chat_id:uuid}/rename")
async def rename(
    request: Request, state: TheState, user: SignedIn, chat_id: UUID, title: Annotated[str, Form()] = ""
) -> Response:
    async with state.database.transaction() as session:
        chat = await chats.rename(session, user.id, chat_id, title)
    if wants_json(request):
        return JSONResponse({"title": chat.title})
    return RedirectResponse(f"/chat/{chat_id}", 303)


@router.post("/chat/{chat_id:uuid}/delete")
async def delete(state: TheState, user: SignedIn, chat_id: UUID, sure: Annotated[str, Form()] = "") -> Response:
    """For good, so the form says `sure=yes`."""
    if sure != "yes":
        raise BadInput("Deleting a chat can’t be undone. Confirm it in the chat’s menu.", code="not_confirmed")
    async with state.database.transaction() as session:
        await chats.remove(session, user.id, chat_id)
    return RedirectResponse("/chats", 303)


async def listing(
    session: AsyncSession, channels: Channels, user: User, *, current: UUID | None, wanted: str = "", number: int = 1
) -> dict[str, Any]:
    """{"rows", "pages", "hits": None without a search, "wanted", "here", "list_today"} for _chats.html."""
    zone = zones.zone_of(user)
    wanted = wanted.strip()
    rows = []
    pages = Page(number, await chats.count(session, user.id))
    for summary in await chats.overview(session, user.id, pages.after, pages.rows):
        chat, name, last = summary.chat, summary.name, summary.last
        guest, channel = chat.kind == "contact", channels.find(chat.channel)
        rows.append(
            Row(
                id=str(chat.id),
                href="/chat" if chat.kind == "main" else f"/chat/{chat.id}",
                name=name or "Paddy",
                mark="paddy" if chat.kind == "main" else channel.icon if channel else "chat",
                guest=guest,
                preview=_preview(last.text or LONG, last.role, guest) if last else "",
                at=last.at.astimezone(zone) if last else None,
                current=chat.id == current,
            )
        )
    hits = [_found(hit, zone) for hit in await chats.search(session, user.id, wanted)] if wanted else None
    return {
        "rows": rows,
        "pages": pages,
        "hits": hits,
        "wanted": wanted,
        "here": current,
        "list_today": zones.today_of(user),
    }


def _preview(text: str, role: str, guest: bool) -> str:
    line = " ".join(_unmarked(text).split())
    by = "" if role == "assistant" or guest else "You: "
    return by + (line[:PREVIEW_CHARS].rstrip() + "…" if len(line) > PREVIEW_CHARS else line)


def _unmarked(text: str) -> str:
    """Without the marks of Markdown that would only be in the way of a glance."""
    return text.replace("**", "").replace("`", "")


def _found(hit: chats.Hit, zone: Any) -> Found:
    text, start, end = hit.message.text, hit.start, hit.end
    before, after = text[max(0, start - CONTEXT_CHARS) : start], text[end : end + CONTEXT_CHARS]
    if start > CONTEXT_CHARS:
        before = "…" + before
    if end + CONTEXT_CHARS < len(text):
        after += "…"
    return Found(
        href=f"/chat/{hit.chat.id}?around={hit.message.id}#m-{hit.message.id}",
        name=hit.name or "Paddy",
        who="Paddy" if hit.message.role == "assistant" else chats.plain_name(hit.message.sender_name or "") or "You",
        snippet=Markup("{}<mark>{}</mark>{}").format(_unmarked(before), text[start:end], _unmarked(after)),
        at=hit.message.created_at.astimezone(zone),
    )
