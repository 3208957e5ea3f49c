"""Tools for meetings: transcripts, minutes, and what was said."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic_ai import RunContext

from exponential.assistant.files import attachments
from exponential.assistant.tools.base import Args, Deps, Result, Toolset, ToolSpec
from exponential.core import sandbox
from exponential.workspace.meetings import meetings, transcript_import
from exponential.workspace.meetings.transcript_import import MeetingImport
from exponential.workspace.text.markdown import count, numbered, plain, when
from exponential.workspace.text.zones import today_of

tools = Toolset()


async def _read(
    ctx: RunContext[Deps],
    transcript: str | None = None,
    title: str | None = None,
    held_on: date | None = None,
    attachment: UUID | None = None,
) -> MeetingImport:
    source: bytes | str = transcript or ""
    filename = ""
    if attachment is not None:
        async with ctx.deps.database.transaction() as session:
            source, filename = await attachments.content_of(session, ctx.deps.user.id, attachment)
    user = ctx.deps.user
    caller = sandbox.programs(user.id) if ctx.deps.source == "mcp" else str(user.id)
    return await transcript_import.read(source, filename, caller=caller, today=today_of(user), held_on=held_on)


def _kept(args: Args, result: Result, now: datetime) -> str:
    return f"Kept the transcript. {_tell_minutes(args, result, now)}"


def _tell_minutes(_args: Args, result: Result, now: datetime) -> str:
    meeting = result["meeting"]
    parts = [f"**{plain(meeting['title'])}**, {when(meeting['held_on'], now)}"]
    if result["summary"]:
        parts.append("\n".join(f"- {plain(sentence)}" for sentence in result["summary"]))
    if result["decisions"]:
        parts.append("Decided:\n\n" + "\n".join(f"- {plain(item['text'])}" for item in result["decisions"]))
    if result["action_items"]:
        items = [_item(item, now) for item in result["action_items"]]
        parts.append("Action items:\n\n" + numbered(items) + "\n\nSay *make the first one a task*, or *all*.")
    return "\n\n".join(parts)


def _item(item: Result, now: datetime) -> str:
    owner = f"{plain(item['owner'])}: " if item["owner"] else ""
    due = f", due {when(item['due'], now)}" if item["due"] else ""
    return f"{owner}{plain(item['text'])}{due}{' ✅' if item['task'] else ''}"


@tools.declare(ToolSpec("Reading the transcript", done="Kept meeting", tell=_kept, prepare=_read, for_files=True))
async def import_meeting(
    ctx: RunContext[Deps],
    transcript: str | None = None,
    title: str | None = None,
    held_on: date | None = None,
    attachment: UUID | None = None,
) -> dict[str, Any]:
    """Keep the transcript of a meeting and take its minutes.

    Args:
        transcript: The whole text as the user pasted it: plain, WebVTT, SRT or JSON. Not for a file: see attachment.
        title: What the meeting was called or about, if that is known.
        held_on: The day on which it was held; today, if none was named.
        attachment: Instead of the transcript: id of the file that the user sent it as.
    """
    found: MeetingImport = ctx.deps.prepared
    meeting = await meetings.import_meeting(ctx.deps.session, ctx.deps.user.id, found, title)
    return await _minutes(ctx, meeting)


def _listed(_args: Args, result: Result, now: datetime) -> str:
    if not result["meetings"]:
        return "I know of no meetings there. Paste a transcript and I keep it."
    lines = [f"**{plain(one['title'])}**, {when(one['held_on'], now)}" for one in result["meetings"]]
    return f"{count(result['count'], 'meeting')}:\n\n" + numbered(lines)


@tools.declare(ToolSpec("Looking at your meetings", tell=_listed))
async def list_meetings(ctx: RunContext[Deps], since: date | None = None, until: date | None = None) -> dict[str, Any]:
    """List the user's meetings, the latest first.

    Args:
        since: First day of a range.
        until: Last day of it.
    """
    found = await meetings.list_meetings(ctx.deps.session, ctx.deps.user.id, since, until)
    return {"count": len(found), "meetings": [meeting.as_json() for meeting in found[:50]]}


@tools.declare(ToolSpec("Reading the minutes", tell=_tell_minutes))
async def meeting_summary(
    ctx: RunContext[Deps], meeting: str | None = None, held_on: date | None = None
) -> dict[str, Any]:
    """The minutes of one meeting: its summary, decisions and action items, with the lines they rest on.

    Args:
        meeting: Its id, or its title or part of it; the latest one without.
        held_on: The day on which it was held, if one was named.
    """
    found = await meetings.find(ctx.deps.session, ctx.deps.user.id, meeting, held_on)
    return await _minutes(ctx, found)


def _items(_args: Args, result: Result, now: datetime) -> str:
    if not result["action_items"]:
        return "I found no action items there."
    lines = [f"{_item(item, now)} ({plain(item['meeting'])}, line {item['line']})" for item in result["action_items"]]
    return f"{count(result['count'], 'action item')}:\n\n" + numbered(lines)


@tools.declare(ToolSpec("Looking for action items", tell=_items))
async def action_items(
    ctx: RunContext[Deps], meeting: str | None = None, owner: str | None = None, held_on: date | None = None
) -> dict[str, Any]:
    """Who is to do what by when after a meeting. create_task with an item's id makes a task of it.

    Args:
        meeting: Id, or title or part of it. Without it: the latest meeting, or, with an owner, all of them.
        owner: Only the items of this person; "me" is the user.
        held_on: The day on which the meeting was held, if one was named.
    """
    found = await meetings.action_items(ctx.deps.session, ctx.deps.user.id, meeting, owner, held_on)
    items = [{**item.as_json(), "meeting": held.title} for held, item in found]
    return {"count": len(items), "action_items": items}


def _found(args: Args, result: Result, now: datetime) -> str:
    if not result["hits"]:
        return f"I found nothing about “{plain(args['query'])}” in your meetings."
    said = []
    for hit in result["hits"][:5]:
        meeting = f"{plain(hit['meeting']['title'])}, {when(hit['meeting']['held_on'], now)}, line {hit['line']}"
        speaker = f"{plain(hit['speaker'])}: " if hit["speaker"] else ""
        said.append(f"- {'**Decided:** ' if hit['decided'] else ''}{speaker}“{plain(hit['text'])}” ({meeting})")
    return "This was said:\n\n" + "\n".join(said)


@tools.declare(ToolSpec("Searching your meetings", tell=_found))
async def search_meetings(ctx: RunContext[Deps], query: str, meeting: str | None = None) -> dict[str, Any]:
    """Find what was said in meetings about something: the lines, who said them, and whether they are a decision.

    Args:
        query: One or a few words to look for.
        meeting: Look in this one alone: its id, or its title or part of it.
    """
    hits = await meetings.search(ctx.deps.session, ctx.deps.user.id, query, meeting)
    return {"count": len(hits), "hits": [hit.as_json() for hit in hits]}


async def _minutes(ctx: RunContext[Deps], meeting: meetings.Meeting) -> dict[str, Any]:
    found = {kind: await meetings.items(ctx.deps.session, meeting, kind) for kind in ("decision", "action")}
    return {
        "meeting": meeting.as_json(),
        "summary": meeting.summary,
        "decisions": [item.as_json() for item in found["decision"]],
        "action_items": [item.as_json() for item in found["action"]],
    }
