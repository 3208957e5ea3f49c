import asyncio
from datetime import date
from time import process_time
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from support.workspace.transcripts import import_transcript

from exponential.core.errors import BadInput, Conflict, NotFound
from exponential.workspace import history, tasks
from exponential.workspace.meetings import meetings, transcripts
from exponential.workspace.meetings.meetings import action_items, list_meetings, search
from exponential.workspace.meetings.minutes import Minutes
from exponential.workspace.meetings.transcript_import import MeetingImport

PRICING = """\
Anna: Welcome everyone, today we talk about pricing for the new plans.
Bob: Most customers told us that the starter plan is too expensive for small teams.
Anna: Okay, we decided to lower the starter price to nine euros.
Bob: I'll update the pricing page by Friday.
Anna: Alice will tell the customers next Monday.
Bob: What about the logo?
"""
KICKOFF = "Carla: We agreed to launch in June.\nDan: Carla, can you book the venue?\nCarla: Refunds are still open."


async def both(session: AsyncSession, user: UUID) -> tuple[meetings.Meeting, meetings.Meeting]:
    return (
        await import_transcript(session, user, PRICING, "Pricing sync", date(2026, 5, 5)),
        await import_transcript(session, user, KICKOFF, "Kickoff"),
    )


async def test_importing(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    pricing, kickoff = await both(session, alice)
    assert kickoff.held_on == date(2026, 5, 7)
    assert await list_meetings(session, alice) == [kickoff, pricing]
    assert await list_meetings(session, alice, until=date(2026, 5, 6)) == [pricing]
    assert await list_meetings(session, bob) == []
    assert any("starter plan is too expensive" in sentence for sentence in pricing.summary)
    (decision,) = await meetings.items(session, pricing, "decision")
    assert "lower the starter price" in decision.text and decision.line == 3
    found = [(item.text, item.owner, item.due_on) for item in await meetings.items(session, pricing, "action")]
    assert found == [
        ("update the pricing page", "Bob", date(2026, 5, 8)),
        ("tell the customers", "Alice", date(2026, 5, 11)),
    ]
    with pytest.raises(BadInput, match="nothing that was said"):
        await import_transcript(session, alice, "WEBVTT\n\n")


async def test_action_items(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    await import_transcript(session, alice, PRICING, "Pricing", date(2026, 5, 5))
    await import_transcript(session, alice, KICKOFF, "Kickoff")

    async def texts(*which: str | None) -> list[str]:
        return [item.text for _, item in await action_items(session, alice, *which)]

    assert await texts() == ["book the venue"]
    assert await texts("pricing") == ["update the pricing page", "tell the customers"]
    assert await texts(None, "me") == ["tell the customers"]
    assert await texts(None, "carla") == ["book the venue"]
    assert await texts("kickof", "Bob") == []
    ((_, item),) = await action_items(session, alice)
    assert await meetings.without_task(session, alice, item.id) is item
    item.task_id = (await tasks.create_task(session, alice, item.text)).id
    with pytest.raises(Conflict, match="task already"):
        await meetings.without_task(session, alice, item.id)
    with pytest.raises(NotFound):
        await meetings.without_task(session, bob, item.id)
    with pytest.raises(NotFound):
        await action_items(session, bob)


async def test_searching(session: AsyncSession, alice: UUID, bob: UUID) -> None:
    pricing, _ = await both(session, alice)

    async def lines(wanted: str, **where: str) -> list[tuple[str, int]]:
        return [(hit.meeting.title, hit.line.number) for hit in await search(session, alice, wanted, **where)]

    hits = await search(session, alice, "starter prices")
    assert (hits[0].line.number, hits[0].decided, hits[0].meeting) == (3, True, pricing)
    assert hits[0].as_json()["text"] == "Okay, we decided to lower the starter price to nine euros."
    assert await lines("refund") == [("Kickoff", 3)]
    assert await lines("customer", meeting="kickoff") == []
    assert await lines("Bob logo") == [("Pricing sync", 6)]
    assert await lines("unicorn logo") == [("Pricing sync", 6)]  # not all words, but one
    assert await lines("unicorn") == []
    assert await search(session, bob, "refund") == []
    assert await lines("refund " + " ".join(f"word{number}" for number in range(20_000))) == [("Kickoff", 3)]
    with pytest.raises(BadInput, match="What shall I look for"):
        await search(session, alice, "what about the")


async def test_others_have_their_turn_while_a_long_transcript_is_stored(session: AsyncSession, alice: UUID) -> None:
    said = " ".join(f"word{number}" for number in range(60))
    lines = [transcripts.TranscriptLine(f"{said} {number}") for number in range(4_000)]
    found = MeetingImport(transcripts.Transcript(lines, "text"), date(2026, 5, 5), Minutes([], [], []))
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            began = process_time()
            await asyncio.sleep(0)
            longest = max(longest, process_time() - began)

    beating = asyncio.create_task(beat())
    meeting = await meetings.import_meeting(session, alice, found)
    beating.cancel()
    assert [line.number for line in await meetings.lines(session, meeting)] == list(range(1, 4_001))
    assert longest < 0.25  # seconds of a processor


async def test_nothing_that_was_said_can_be_read_in_the_tables(session: AsyncSession, alice: UUID) -> None:
    await both(session, alice)
    for table in ("meeting_lines", "meeting_items", "meetings"):
        rows = (await session.execute(text(f"select row_to_json(t)::text from {table} t"))).scalars().all()
        assert rows and not any(word in row for row in rows for word in ("starter", "Anna", "venue", "price", "refund"))


async def test_which_meeting(session: AsyncSession, alice: UUID) -> None:
    pricing, kickoff = await both(session, alice)
    assert await meetings.find(session, alice) is kickoff
    assert await meetings.find(session, alice, None, date(2026, 5, 5)) is pricing
    assert await meetings.find(session, alice, str(pricing.id)) is pricing
    again = await import_transcript(session, alice, KICKOFF, "Kickoff", date(2026, 5, 1))
    with pytest.raises(Conflict, match=r"“Kickoff” \(2026-05-07\), “Kickoff” \(2026-05-01\)"):
        await meetings.find(session, alice, "kickoff")
    assert await meetings.find(session, alice, "kickoff", date(2026, 5, 1)) is again


async def test_undoing_an_import(session: AsyncSession, alice: UUID) -> None:
    await history.begin(session, alice, "import_meeting", "web", {})
    await import_transcript(session, alice, KICKOFF, "Kickoff")
    await history.undo(session, alice)
    assert await list_meetings(session, alice) == []
    assert (await session.execute(text("select count(*) from meeting_lines"))).scalar_one() == 0
    assert await tasks.list_tasks(session, alice, "all") == []
