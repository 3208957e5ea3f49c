"""`POST /api/meetings`: what records meetings hands its transcripts in, with an access token."""

import asyncio
from datetime import date
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from exponential.app.core.authentication import Recorder
from exponential.app.core.state import TheState
from exponential.core import sandbox
from exponential.core.errors import BadInput
from exponential.core.http.routes import Router, read_form
from exponential.core.validation import parse_json
from exponential.workspace import history
from exponential.workspace.meetings import meetings, transcript_import, transcripts
from exponential.workspace.text.zones import today_of

router = Router(prefix="/api")
SOURCE = "webhook"
TOOL = "import_meeting"


class About(BaseModel):
    """What is known of the meeting besides its transcript. `external_id`: the same one is taken once."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    external_id: str | None = Field(None, min_length=1, max_length=meetings.MAX_EXTERNAL_ID_CHARS)
    title: str | None = Field(None, min_length=1, max_length=meetings.MAX_TITLE_CHARS)
    held_on: date | None = None


class Taken(BaseModel):
    """The meeting as it is now; `duplicate`: it was here before, and nothing changed."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    meeting_id: str
    title: str
    held_on: date
    decisions: int
    action_items: int
    duplicate: bool


@router.post("/meetings", status_code=201, max_body_size=transcripts.MAX_BYTES + 100_000)
async def take(request: Request, response: Response, state: TheState, recorder: Recorder) -> Taken:
    """Keep a meeting. 201, or 200 when one with this `externalId` (or `Idempotency-Key`) is there already."""
    about, source, name = await _read(request)
    user = recorder.user
    external_id = about.external_id or request.headers.get("idempotency-key")
    if external_id is not None and len(external_id) > meetings.MAX_EXTERNAL_ID_CHARS:
        raise BadInput("The Idempotency-Key is too long.", code="external_id_invalid")
    caller = sandbox.programs(user.id)
    found = await transcript_import.read(source, name, caller=caller, today=today_of(user), held_on=about.held_on)
    async with state.database.transaction() as session:
        known = await meetings.by_external_id(session, user.id, external_id) if external_id else None
        if known is None:
            args = about.model_dump(mode="json", exclude_none=True)
            await history.begin(session, user.id, TOOL, SOURCE, args, program=recorder.program)
        meeting = known or await meetings.import_meeting(session, user.id, found, about.title, external_id=external_id)
        counts = [len(await meetings.items(session, meeting, kind)) for kind in ("decision", "action")]
    response.status_code = 201 if known is None else 200
    return Taken(
        meeting_id=str(meeting.id),
        title=meeting.title,
        held_on=meeting.held_on,
        decisions=counts[0],
        action_items=counts[1],
        duplicate=known is not None,
    )


async def _read(request: Request) -> tuple[About, bytes | str, str]:
    """What is known of the meeting, its transcript, and the transcript's file name."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = await read_form(request, max_files=1, max_fields=10)
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise BadInput("The form has no file in its field “file”.", code="transcript_missing")
        fields = {key: value for key, value in form.items() if isinstance(value, str) and value}
        return _about(fields), await file.read(), file.filename or ""
    body = await request.body()
    if kind != "application/json":
        return _about(dict(request.query_params)), body, ""
    content = await asyncio.to_thread(parse_json, body)
    fields = content if isinstance(content, dict) else {}
    said = fields.get("transcript")
    # An export as it is: what recorders call title and day is found by whoever reads it.
    return _about(fields), said if isinstance(said, str) else body, ""


def _about(fields: dict[str, Any]) -> About:
    known = {key: fields[key] for key in ("externalId", "title", "heldOn") if fields.get(key) is not None}
    try:
        return About.model_validate(known)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from None
