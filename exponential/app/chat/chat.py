"""The agent chat page: one of the user's chats with Paddy, whichever channel its messages came through."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.app.chat.chats import listing
from exponential.app.chat.entries import Entry, entries_of, steps_html
from exponential.app.core.rendering import TEXT, in_turn, page, wants_json
from exponential.app.core.state import IN_TURN, SignedIn, State, TheState
from exponential.assistant import chats, conversation
from exponential.assistant.conversation import MAX_TEXT_CHARS, Incoming
from exponential.assistant.files import attachments
from exponential.assistant.tables import Chat, Message
from exponential.assistant.turns import store
from exponential.assistant.turns.stream import ProgressFeed
from exponential.auth.users import User
from exponential.core.errors import BadInput
from exponential.core.http.routes import Router
from exponential.workspace.text import zones

router = Router()
RECENT_MESSAGES = 100  # messages shown at first
MAX_MESSAGES = 400
MAX_TEXT_BYTES = 600_000  # of text that are shown together, as stored; the longest message has half as much
CONTEXT_MESSAGES = 40  # messages shown before and after one that was searched for
MAX_FILES_BYTES = 64_000_000  # of one message's files; EXPONENTIAL_MEDIA_LIMIT is at most one of that size
MAX_UPLOAD_BYTES = MAX_FILES_BYTES + 1_000_000  # of the whole form
PREVIEW_EVERY_SECONDS = 0.06  # between two previews of a growing answer

Show = Annotated[int, Query(ge=1)]  # MAX_MESSAGES at most


def _which(request: Request) -> UUID | None:
    chat_id: UUID | None = request.path_params.get("chat_id")
    return chat_id


ChatId = Annotated[UUID | None, Depends(_which)]  # None: the main chat


@router.get("/chat", dependencies=[IN_TURN])
@router.get("/chat/{chat_id:uuid}", dependencies=[IN_TURN])
async def chat_page(
    request: Request,
    state: TheState,
    user: SignedIn,
    chat_id: ChatId,
    show: Show = RECENT_MESSAGES,
    around: UUID | None = None,
    draft: Annotated[str, Query(max_length=2_000)] = "",
) -> Response:
    """The page; its conversation alone for a script. `around` is a message to show with what was said about it then."""
    return await _chat_page(request, state, user, chat_id, show=show, around=around, draft=draft)


@router.post("/chat/messages", dependencies=[IN_TURN], max_body_size=MAX_UPLOAD_BYTES)
@router.post("/chat/{chat_id:uuid}/messages", dependencies=[IN_TURN], max_body_size=MAX_UPLOAD_BYTES)
async def send(
    request: Request,
    state: TheState,
    user: SignedIn,
    chat_id: ChatId,
    text: Annotated[str, Form()] = "",
    files: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Store what the user wrote and wake Paddy. 202 for a script; a browser without one goes back to the page."""
    try:
        uploads = [file for file in files or [] if file.filename or file.size]
        attached = tuple(
            [
                attachments.attachment(file.filename or "", file.content_type or "", await file.read())
                for file in uploads
            ]
        )
        async with state.database.transaction() as session:
            incoming = Incoming(user_id=user.id, channel="web", text=text, chat_id=chat_id, attachments=attached)
            received = await conversation.receive(session, incoming, media_limit=state.settings.media_limit)
    except BadInput as error:
        if wants_json(request):
            raise
        return await _chat_page(request, state, user, chat_id, status=error.status, error=str(error), draft=text)
    if wants_json(request):
        return JSONResponse({"messageId": str(received.message_id)}, 202)
    return RedirectResponse(_address(chat_id), 303)


@router.post("/chat/stop")
@router.post("/chat/{chat_id:uuid}/stop")
async def stop(request: Request, state: TheState, user: SignedIn, chat_id: ChatId) -> Response:
    """End the answer that is being made; what Paddy said and did so far stays. Fine when there is none."""
    async with state.database.transaction() as session:
        chat = await _chat(session, user, chat_id)
        await store.cancel(session, (await chats.writable(session, user.id, chat.id)).id)
    return _heeded(request, chat_id)


@router.post("/chat/retry")
@router.post("/chat/{chat_id:uuid}/retry")
async def retry(
    request: Request, state: TheState, user: SignedIn, chat_id: ChatId, message: Annotated[UUID, Form()]
) -> Response:
    """Answer anew what the answer `message` was given to. What Paddy did then isn't done twice."""
    async with state.database.transaction() as session:
        chat = await chats.writable(session, user.id, (await _chat(session, user, chat_id)).id)
        await conversation.message(session, user.id, chat.id, message)
        await store.again(session, message, user_id=user.id)
    return _heeded(request, chat_id)


@router.get("/chat/events")
@router.get("/chat/{chat_id:uuid}/events")
async def events(state: TheState, user: SignedIn, chat_id: ChatId) -> Response:
    """Server-sent events: `changed` whenever the chat has news, `list` when the list of chats has, and `progress`
    while Paddy answers: {"preview": HTML of the answer so far} or {"steps": HTML of what it does for it}."""
    async with state.database.transaction() as session:
        chat = await _chat(session, user, chat_id)
    topics = {(conversation.CHANNEL, str(chat.id)): "changed", (chats.CHANNEL, str(user.id)): "list"}
    return state.live_updates.streams(topics, previews(state.progress, chat.id))


@router.get("/chat/{chat_id:uuid}/{message_id:uuid}", dependencies=[IN_TURN])
async def message_page(request: Request, state: TheState, user: SignedIn, chat_id: UUID, message_id: UUID) -> Response:
    """All of one message; the conversation shows the beginning of a long one."""
    async with state.database.transaction() as session:
        message = await conversation.message(session, user.id, chat_id, message_id)
        chat = await chats.of_user(session, user.id, chat_id)
        [entry] = await entries_of(session, state.channels, chat, [message], zones.zone_of(user))
    return await page(request, "message.html", chat=chat, entry=entry, today=zones.today_of(user))


@router.get("/chat/{chat_id:uuid}/{message_id:uuid}/text", dependencies=[IN_TURN])
async def text_of(request: Request, state: TheState, user: SignedIn, chat_id: UUID, message_id: UUID) -> Response:
    """One message as it was written: for copying."""
    async with state.database.transaction() as session:
        message = await conversation.message(session, user.id, chat_id, message_id)
    return await in_turn(request, user.id, lambda: message.text, TEXT)


async def previews(feed: ProgressFeed, chat_id: UUID) -> AsyncGenerator[bytes]:
    """What happens in a chat while Paddy answers, as server-sent events, for ever."""
    steps: dict[str, str] = {}
    turn: UUID | None = None
    async with feed.follow(chat_id) as news:
        async for step in news:
            if step.turn_id != turn:
                turn, steps = step.turn_id, {}
            if step.kind == "text":
                yield _event({"preview": await asyncio.to_thread(Entry.html, step.text)})
                await asyncio.sleep(PREVIEW_EVERY_SECONDS)
            elif step.kind == "tool":
                steps[step.text] = step.state
                yield _event({"steps": steps_html(steps)})


def _event(data: dict[str, str]) -> bytes:
    return f"event: progress\ndata: {json.dumps(data)}\n\n".encode()


async def _chat(session: AsyncSession, user: User, chat_id: UUID | None) -> Chat:
    if chat_id is None:
        return await chats.main_chat(session, user.id)
    return await chats.of_user(session, user.id, chat_id)


def _heeded(request: Request, chat_id: UUID | None) -> Response:
    return Response(status_code=204) if wants_json(request) else RedirectResponse(_address(chat_id), 303)


def _address(chat_id: UUID | None) -> str:
    return f"/chat/{chat_id}" if chat_id else "/chat"


async def _chat_page(
    request: Request,
    state: State,
    user: User,
    chat_id: UUID | None,
    *,
    show: int = RECENT_MESSAGES,
    around: UUID | None = None,
    status: int = 200,
    error: str = "",
    draft: str = "",
) -> Response:
    zone = zones.zone_of(user)
    async with state.database.transaction() as session:
        chat = await _chat(session, user, chat_id)
        window = await _window(session, user, chat, show, around)
        found = window.pop("messages")
        context = {
            "chat": chat,
            "address": "/chat" if chat.kind == "main" else f"/chat/{chat.id}",
            "name": await chats.name_of(session, chat),
            "guest_of": state.channels.find(chat.channel),
            "entries": await entries_of(session, state.channels, chat, found, zone),
            "thinking": await conversation.is_answering(session, chat.id) and not window["later"],
            "today": zones.today_of(user),
            **window,
        }
        context |= await listing(session, state.channels, user, current=chat.id)
    return await page(
        request,
        "chat.html",
        status=status,
        live="_messages.html",
        error=error,
        draft=draft,
        max_text=MAX_TEXT_CHARS,
        max_title=chats.MAX_TITLE_CHARS,
        media_limit=state.settings.media_limit,
        max_files=MAX_FILES_BYTES,
        **context,
    )


async def _window(session: AsyncSession, user: User, chat: Chat, show: int, around: UUID | None) -> dict[str, Any]:
    """The messages to show; `earlier`: the query of the page with more of them; `later`: newer ones aren't shown."""
    show = min(show, MAX_MESSAGES)
    if around is not None:
        target = await conversation.message(session, user.id, chat.id, around)
        half = MAX_TEXT_BYTES // 2
        before = await conversation.history(session, chat.id, CONTEXT_MESSAGES, before=target.position + 1, most=half)
        after = await conversation.following(session, chat.id, target.position, CONTEXT_MESSAGES, most=half)
        shown = [*before, *after]
        if await conversation.following(session, chat.id, shown[-1].position, 1):
            return {"messages": shown, "earlier": await _earlier(session, shown), "later": True}
        show = max(show, CONTEXT_MESSAGES + len(after))
    found = await conversation.history(session, chat.id, limit=show + 1, most=MAX_TEXT_BYTES)
    if show < len(found) and show < MAX_MESSAGES:
        return {"messages": found[-show:], "earlier": f"show={min(show * 4, MAX_MESSAGES)}", "later": False}
    shown = found[-show:]
    return {"messages": shown, "earlier": await _earlier(session, shown), "later": False}


async def _earlier(session: AsyncSession, shown: Sequence[Message]) -> str | None:
    before = await conversation.history(session, shown[0].chat_id, 1, before=shown[0].position) if shown else []
    return f"around={before[0].id}" if before else None
