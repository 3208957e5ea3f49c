"""What every route of the gateway asks for: the caller's identity and the use-cases."""

from typing import Annotated

from fastapi import Depends, Request

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.core.http.bodies import known
from exponential.core.http.event_streams import admit
from exponential.core.http.routes import before_body
from exponential.core.settings import GatewaySettings
from exponential.gateway.operations import Operations


def _operations(request: Request) -> Operations:
    operations: Operations = request.app.state.operations
    return operations


@before_body
async def _caller(request: Request) -> Identity:
    settings: GatewaySettings = request.app.state.settings
    token = service_tokens.from_header(request.headers.get("authorization"))

    async def who() -> Identity:
        return service_tokens.verify(
            token, secret=settings.auth_secret, audience=service_tokens.GATEWAY, issuers=settings.jwt_issuers
        )

    caller = await admit(request, token, who, lambda identity: identity.user_id)
    known(request, caller.user_id)
    return caller


Use = Annotated[Operations, Depends(_operations)]
Caller = Annotated[Identity, Depends(_caller)]
