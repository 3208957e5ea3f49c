"""Who calls an API route: a program with an access token, or the signed-in user's own browser."""

from typing import Annotated

from fastapi import Depends, Request

from exponential.app.state import signed_in, state_of
from exponential.auth import access_tokens, tokens
from exponential.auth.users import User
from exponential.http.streams import admit


async def by_token(request: Request) -> User:
    """The user of the request's access token. Raises Unauthorized."""
    secret = tokens.from_header(request.headers.get("authorization"))

    async def who() -> User:
        async with state_of(request).database.transaction() as session:
            return await access_tokens.who(session, secret)

    return await admit(request, who)


async def by_either(request: Request) -> User:
    """The same, or without a token whoever is signed in. Raises Unauthorized."""
    return await (by_token if "authorization" in request.headers else signed_in)(request)


Program = Annotated[User, Depends(by_token)]
Caller = Annotated[User, Depends(by_either)]
