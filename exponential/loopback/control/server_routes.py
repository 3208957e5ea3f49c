"""What the control URL does with the server as a whole: a restart."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from exponential.loopback.server.server import Loopback

MAX_ABSENCE_SECONDS = 300.0

router = APIRouter(prefix="/api")


class Absence(BaseModel):
    """How long the port stays closed, in seconds."""

    seconds: Annotated[float, Field(ge=0, le=MAX_ABSENCE_SECONDS)] = 0


@router.post("/restart", status_code=204)
async def restart(request: Request, absence: Absence) -> None:
    """Answered when the server is back."""
    server: Loopback = request.app.state.server
    await server.restart(absence.seconds)
