"""Who calls an API route: a program with an access token of the right scope, or the signed-in user's own browser."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from exponential.app.core.state import signed_in, state_of
from exponential.auth import access_tokens, service_tokens
from exponential.auth.access_tokens import ALL, AUDIT, MCP, MEETINGS, Scope
from exponential.auth.users import User
from exponential.core.http.bodies import known
from exponential.core.http.event_streams import admit
from exponential.core.http.routes import before_body

_Ask = Callable[[Request], Awaitable["Caller"]]


@dataclass(frozen=True)
class Caller:
    """`program` is the name of the access token that was used; None: the user's own browser asks."""

    user: User
    program: str | None = None

    @property
    def source(self) -> str:
        """Where the audit says that an act came from."""
        return "api" if self.program else "web"


def program_with(scope: Scope) -> _Ask:
    """Asks for the owner of an access token with `scope`. Raises Unauthorized, Forbidden."""

    @before_body
    async def ask(request: Request) -> Caller:
        secret = service_tokens.from_header(request.headers.get("authorization"))

        async def who() -> Caller:
            async with state_of(request).database.transaction() as session:
                token, user = await access_tokens.use(session, secret, scope)
            return Caller(user, token.name)

        caller = await admit(request, secret, who, lambda caller: caller.user.id)
        known(request, (caller.user.id, "programs"))
        return caller

    return ask


def anyone_with(scope: Scope) -> _Ask:
    """The same, or without a token for whoever is signed in."""
    by_token = program_with(scope)

    @before_body
    async def ask(request: Request) -> Caller:
        if "authorization" in request.headers:
            return await by_token(request)
        return Caller(await signed_in(request))

    return ask


mcp_client = program_with(MCP)
Recorder = Annotated[Caller, Depends(program_with(MEETINGS))]
Auditor = Annotated[Caller, Depends(anyone_with(AUDIT))]
Anyone = Annotated[Caller, Depends(anyone_with(ALL))]
