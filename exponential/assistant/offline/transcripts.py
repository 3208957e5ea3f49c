"""Transcripts that are pasted, with or without words about them in front."""

import re
from datetime import datetime, timedelta
from typing import Any

from exponential.assistant.offline.language.vocabulary import ERRANDS, FAVOURS
from exponential.assistant.offline.utterance import Call, Say, Step
from exponential.core.errors import BadInput
from exponential.workspace.meetings import transcripts
from exponential.workspace.meetings.transcripts import Transcript
from exponential.workspace.text import dates, days, documents, periods

LONG_AHEAD = 90  # days; no minutes are of a meeting so far ahead
PASTE = "Paste the transcript into your next message, and I keep it and take the minutes."
_HEAD = re.compile(
    r"^(?:(?:please|pls|here\s+is|here['’]?s|this\s+is|import|save|keep|add|store|read|take)\b[\s,]*)*"
    r"(?:(?:the|a|this|my|new|following)\s+)*(?P<kind>meeting\s+)?(?P<noun>transcript|minutes|notes|meeting)\b"
    r"(?P<tail>(?:(?!\.\s)[^\n:]){0,80})(?P<colon>:|\.\s+(?=[A-ZÀ-Þ][\w .'’-]{0,40}:\s)|\n|$)",
    re.IGNORECASE,
)

_OF_MEETING = r"(?:transcript|minutes|meeting|call|sync|stand-?up|retro|workshop|recording)s?"
_NAME = re.compile(
    r"(?:(?:please|pls|here\s+(?:is|are)|here['’]?s|this\s+is|import|save|keep|store|file|from|of)\s+){0,3}"
    r"(?!(?:remind|show|list|tell|i|we|what|who|when|where|which|how|is|are|was|were|did|do|does|can|could)\b)"
    rf"(?P<before>(?:[\w'’-]{{1,30}}\s+){{0,4}}?){_OF_MEETING}(?:\s+notes)?(?:\s+(?:of|from|with|about|on|for|between)\s.*)?",
    re.IGNORECASE | re.DOTALL,
)
_SAYS = re.compile(
    r"\b(?:i|we|you|he|she|they|it|this|that|am|is|are|was|were|has|have|had|will|can|could|should|would|did|does"
    r"|don['’]?t|can['’]?t|won['’]?t|let['’]?s|thanks|yes|ok|okay)\b",
    re.IGNORECASE,
)
PERHAPS = "Is this the transcript of a meeting? Send it again with *Transcript:* in front, and I keep it."


def pasted(text: str, now: datetime) -> list[Step] | None:
    """A pasted transcript, with or without words about it in front; a question about what only looks like one."""
    text = text.strip()
    head = _HEAD.match(text)
    body = text[head.end() :].strip() if head is not None else ""
    found = _read(body)
    if head is not None and (head["noun"].lower() == "transcript" or (found is not None and found.has_speakers)):
        if body:
            return [Call("import_meeting", {"transcript": body} | _about(head["tail"], now))]
        return [Say(PASTE)] if re.match(r"(?:import|save|keep|add|store|here)", text, re.IGNORECASE) else None
    found = _read(text)
    if found is not None and found.is_talk:
        return [Call("import_meeting", {"transcript": text})]
    return [Say(PERHAPS)] if found is not None and found.has_speakers and _has_sentences(found) else None


def _has_sentences(found: Transcript) -> bool:
    """Whether people talk in it, most of the time: "Flour: 500g" is an entry of a list."""
    spoken = [line.text for line in found.lines if line.speaker is not None]
    return 2 * sum(map(_is_sentence, spoken)) > len(spoken)


def _is_sentence(said: str) -> bool:
    return len(said.split()) > 1 and (_SAYS.search(said) is not None or (said[-1] in ".!?…" and len(said.split()) > 2))


def named(words: str, now: datetime) -> dict[str, Any]:
    """What words about a transcript call its meeting, and when it was held: fields of `import_meeting`."""
    head = _HEAD.match(words)
    return _about(head["tail"], now) if head is not None else {}


def names_meeting(words: str) -> bool:
    """Whether words beside a file say no more than which meeting it is of."""
    name = _NAME.fullmatch(words.strip(" .!:"))
    return name is not None and name["before"].lower().split(" ")[0] not in ERRANDS | FAVOURS


def is_talk(text: str) -> bool:
    """Whether a text is a transcript, without any word about it."""
    found = _read(text)
    return found is not None and found.is_talk


def _read(text: str) -> Transcript | None:
    try:
        return transcripts.parse(documents.plain(text))
    except BadInput:
        return None


def _about(words: str, now: datetime) -> dict[str, Any]:
    words = re.sub(r"^\s*(?:of|from|for|about|on)\s+", "", words.strip(), flags=re.IGNORECASE)
    words, held_on = _held(re.sub(r"^the\s+", "", words, flags=re.IGNORECASE), now)
    words = re.sub(
        r"^(?:of|from|on|the)\s+|(?<!\s)\s+(?:from|of|on)$", "", words.strip(' .,:;!?"“”'), flags=re.IGNORECASE
    )
    return ({"title": words} if words else {}) | ({"held_on": held_on} if held_on else {})


def _held(words: str, now: datetime) -> tuple[str, str | None]:
    """The words without the day of a meeting, and that."""
    left, found = periods.take(re.sub(r"['’]s\b", "", words), now, past=True)
    if found is not None and found[0] is not None and found[0] == found[1]:
        return left, found[0].isoformat()
    left, due = dates.extract(words, now)
    if due is None:
        return words, None
    day = due.date() if isinstance(due, datetime) else due
    if (day - now.date()).days > LONG_AHEAD:  # "29 April", in May: the one that is over
        day = days.add_months(day, -12)
    return left, (day - timedelta(days=7) if 0 < (day - now.date()).days < 7 else day).isoformat()
