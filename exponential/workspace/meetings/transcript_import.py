"""Import of a meeting's transcript: its lines and its minutes, found in the sandbox, whichever way it came."""

import json
import sys
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from exponential.core import sandbox
from exponential.core.errors import BadInput
from exponential.workspace.meetings import minutes, transcripts
from exponential.workspace.meetings.minutes import Found, Minutes
from exponential.workspace.meetings.transcripts import Transcript, TranscriptLine
from exponential.workspace.text.day_range import FIRST_DAY, LAST_DAY, within

CPU_SECONDS = 60  # for one transcript; the largest takes about half of it
TOO_MUCH = "This transcript takes too much time or memory to read. Split it, and import its parts."


@dataclass(frozen=True)
class MeetingImport:
    """A transcript that was read, with the minutes that were taken of it. `held_on` is the day that was asked for, the
    one that the file names, or today."""

    transcript: Transcript
    held_on: date
    minutes: Minutes


async def read(
    source: bytes | str, filename: str = "", *, caller: str, today: date, held_on: date | None = None
) -> MeetingImport:
    """Read a file, or text as it was pasted, in the `caller`'s turn. Raises BadInput: it isn't a transcript, or
    it is too large."""
    if held_on is not None:
        within(held_on)
    data = source.encode(errors="replace") if isinstance(source, str) else source
    transcripts.check_size(data)  # before a copy of it goes anywhere
    async with sandbox.slot(caller):
        try:
            about = {"filename": filename, "today": today.isoformat()}
            about |= {"held_on": held_on.isoformat()} if held_on else {}
            found = await sandbox.run(__name__, data, about, within=3 * CPU_SECONDS)
        except TimeoutError:
            found = None
    if found is None:
        raise BadInput(TOO_MUCH, code="transcript_too_large")
    if "error" in found:
        raise BadInput(found["error"], code=found["code"])
    return _from_json(found)


def _from_json(found: dict[str, Any]) -> MeetingImport:
    said, taken = found["transcript"], found["minutes"]
    return MeetingImport(
        Transcript([TranscriptLine(*line) for line in said["lines"]], said["form"], said["title"], said["held"]),
        date.fromisoformat(found["held_on"]),
        Minutes(taken["summary"], *([_found(item) for item in taken[kind]] for kind in ("decisions", "actions"))),
    )


def _found(item: dict[str, Any]) -> Found:
    return Found(**item | {"due": date.fromisoformat(item["due"]) if item["due"] else None})


def _day(held: str | None) -> date | None:
    try:
        day = date.fromisoformat(held) if held else None
    except ValueError:
        return None
    return day if day is not None and FIRST_DAY <= day <= LAST_DAY else None


def _import(data: bytes, filename: str, today: str, held_on: str = "") -> dict[str, Any]:
    transcript = transcripts.read(data, filename)
    day = _day(held_on) or _day(transcript.held) or date.fromisoformat(today)
    lines = [[line.text, line.speaker, line.seconds] for line in transcript.lines]
    return {
        "transcript": asdict(replace(transcript, lines=[])) | {"lines": lines},
        "held_on": day,
        "minutes": asdict(minutes.take(transcript.lines, day)),
    }


def main() -> None:
    about, data = sandbox.given()
    sandbox.confine(CPU_SECONDS)
    try:
        found = _import(data, **about)
    except BadInput as problem:
        found = problem.as_json()
    sys.stdout.write(json.dumps(found, default=date.isoformat))


if __name__ == "__main__":
    main()
