"""Rendering: templates, what every page shows, days in plain words, and errors as a page or as JSON."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from exponential.app.core.downloads import CHUNK_BYTES, Download, in_pieces
from exponential.app.core.state import HAS_TURN, MAX_CONCURRENT_PAGES, state_of
from exponential.core.errors import ExponentialError
from exponential.core.http.errors import tell_json

_HERE = Path(__file__).parent.parent
STATIC = _HERE / "static"
PART = "x-part"
HTML, TEXT, JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"
THEME_COOKIE = "exponential_theme"
_THEMES = ("system", "light", "dark")
_threads = ThreadPoolExecutor(
    MAX_CONCURRENT_PAGES, "page"
)  # of their own: files and passwords keep the other threads busy


async def page(request: Request, template: str, *, status: int = 200, live: str = "", **context: Any) -> Response:
    """A whole page, or only its part `live` (a template) for a script that asks with the header `X-Part`.

    Every template is also given `user` (or None), `path`, `simulated` (labels of channels), `theme` and `toast`.
    """
    if live and PART in request.headers:
        return await fragment(request, live, **context)
    return await _answer(request, template, status, {**await _shared(request), **context})


async def fragment(request: Request, template: str, **context: Any) -> Response:
    """A part of a page, for a script that puts it in place."""
    return await _answer(request, template, 200, context)


def part(template: str, **context: Any) -> str:
    """A part of a page as text, for an event stream."""
    return _templates.get_template(template).render(context)


async def _shared(request: Request) -> dict[str, Any]:
    return {
        "user": getattr(request.state, "user", None),
        "path": request.url.path,
        "simulated": await state_of(request).channels.simulated(),
        "toast": None,
        "theme": theme if (theme := request.cookies.get(THEME_COOKIE)) in _THEMES else "system",
    }


async def _answer(request: Request, template: str, status: int, context: dict[str, Any]) -> Response:
    user = getattr(request.state, "user", None)
    if user is None:
        return HTMLResponse(part(template, **context), status)
    return await in_turn(request, user.id, lambda: part(template, **context), HTML, status)


async def in_turn(
    request: Request, user_id: UUID, render: Callable[[], str], media_type: str, status: int = 200
) -> Response:
    """What `render` makes, in a thread, while others have theirs. It is one of few of its user's, until a large one has
    been sent; where the route is IN_TURN, it is that already. Raises Unavailable."""
    state = state_of(request)
    async with AsyncExitStack() as holds:
        if not hasattr(request.state, HAS_TURN):
            await holds.enter_async_context(state.pages.of(user_id, request))
        async with state.renderers.slot(str(user_id)):
            body = await asyncio.get_running_loop().run_in_executor(_threads, lambda: render().encode())
        if len(body) <= CHUNK_BYTES:
            return Response(body, status, media_type=media_type)
        return Download(in_pieces(body), len(body), holds.pop_all(), {"Content-Type": media_type}, status)


def wants_json(request: Request) -> bool:
    """Whether the caller is a program: an API path, or one that asks for JSON."""
    return request.url.path.startswith(("/api/", "/mcp")) or "application/json" in request.headers.get("accept", "")


async def failure(request: Request, error: ExponentialError, *, title: str, advice: str = "") -> Response:
    """The answer to a request that failed, in the form that the caller reads. `advice` may hold `code`."""
    if wants_json(request):
        return await tell_json(request, error)
    told = {"title": title, "sentence": str(error), "advice": advice}
    return HTMLResponse(part("error.html", **await _shared(request), **told), error.status, error.headers)


def day_name(day: date, today: date) -> str:
    """Today, Tomorrow, Yesterday, a weekday of the coming week, else "3 November", with the year if not this one."""
    days = (day - today).days
    near = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}.get(days)
    if near is not None:
        return near
    if 0 < days < 7:
        return f"{day:%A}"
    return f"{day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")


def code_spans(text: str) -> Markup:
    """Escape `text` and show what is between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def moment(at: datetime, today: date) -> str:
    """Short: a time today, a weekday within the last week, else a date."""
    days = (today - at.date()).days
    if days <= 0:
        return f"{at:%H:%M}"
    if days == 1:
        return "Yesterday"
    if days < 7:
        return f"{at:%A}"
    return f"{at.day} {at:%b}" + (f" {at.year}" if at.year != today.year else "")


def file_size(size: int) -> str:
    """Bytes as people say them: "820 B", "14 kB", "2.3 MB"."""
    if size < 1_000:
        return f"{size} B"
    return f"{size / 1_000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _make_templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["day_name"] = day_name
    environment.filters["code_spans"] = code_spans
    environment.globals["moment"] = moment
    environment.filters["file_size"] = file_size
    return environment


_templates = _make_templates()
