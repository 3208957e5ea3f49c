"""What the running app holds, and how routes get at it: services, and the signed-in user."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from authlib.integrations.starlette_client import StarletteOAuth2App
from fastapi import Depends, Request

from exponential.app.core.downloads import DownloadLimit
from exponential.app.core.export import Exports
from exponential.app.core.live_updates import LiveUpdates
from exponential.assistant.channels.registry import Channels
from exponential.assistant.turns.stream import ProgressFeed
from exponential.auth import sign_in
from exponential.auth.users import User
from exponential.core.database import Database
from exponential.core.errors import NotFound
from exponential.core.http.bodies import Budget, caller_of, known
from exponential.core.http.event_streams import admit
from exponential.core.http.routes import before_body
from exponential.core.limits.fair_semaphore import FairSemaphore
from exponential.core.settings import AppSettings

COOKIE = "exponential_session"
HAS_TURN = "has_turn"  # in the request's state
MAX_CONCURRENT_PAGES = 2  # pages that are made at once, of different users


@dataclass(frozen=True)
class State:
    """Made once in the lifespan; the same for all requests."""

    settings: AppSettings
    database: Database
    live_updates: LiveUpdates
    progress: ProgressFeed
    channels: Channels
    budget: Budget
    provider: StarletteOAuth2App | None = None
    exports: Exports = field(default_factory=Exports)
    downloads: DownloadLimit = field(default_factory=DownloadLimit)
    pages: DownloadLimit = field(default_factory=DownloadLimit)
    renderers: FairSemaphore = field(default_factory=lambda: FairSemaphore(MAX_CONCURRENT_PAGES))


def state_of(request: Request) -> State:
    state: State = request.app.state.exponential
    return state


def is_https(request: Request) -> bool:
    """Whether people reach the app by HTTPS, so that its cookies are for HTTPS only."""
    return request.url.scheme == "https" or state_of(request).settings.app_url.startswith("https://")


@before_body
async def signed_in(request: Request) -> User:
    """The user of the browser's web session. Raises Unauthorized."""

    cookie = request.cookies.get(COOKIE)

    async def who() -> User:
        async with state_of(request).database.transaction() as session:
            return await sign_in.user_of(session, cookie)

    request.state.user = user = await admit(request, cookie or "", who, lambda user: user.id)
    known(request, user.id)
    return user


@before_body
async def _admin(request: Request) -> User:
    user = await signed_in(request)
    if not user.is_admin:
        raise NotFound("This page is for admins of this installation.", code="admins_only")
    return user


async def _turn(request: Request) -> AsyncIterator[None]:
    async with state_of(request).pages.of(caller_of(request), request):
        setattr(request.state, HAS_TURN, True)
        yield


IN_TURN = Depends(_turn)  # of a route that reads much, for a page or JSON: its user has few, until each answer was sent
TheState = Annotated[State, Depends(state_of)]
SignedIn = Annotated[User, Depends(signed_in)]
Admin = Annotated[User, Depends(_admin)]
