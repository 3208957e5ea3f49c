"""Rules for transcripts that are pasted, with or without words about them in front."""

import re
from datetime import datetime
from typing import Any

from exponential.assistant.offline import pointing
from exponential.assistant.offline.meetings import PASTE, held
from exponential.assistant.offline.steps import Call, Heard, Say, Step

_HEAD = re.compile(
    r"^(?:(?:please|pls|here\s+is|here['’]?s|this\s+is|import|save|keep|add|store|read|take)\b[\s,]*)*"
    r"(?:(?:the|a|this|my|new|following)\s+)*(?P<kind>meeting\s+)?(?P<noun>transcript|minutes|notes|meeting)\b"
    r"(?P<tail>(?:(?!\.\s)[^\n:]){0,80})(?P<colon>:|\.\s+(?=[A-ZÀ-Þ][\w .'’-]{0,40}:\s)|\n|$)",
    re.IGNORECASE,
)


_SPEAKER = re.compile(r"^(?:[\[(]?[\d:.]+[\])]?\s*[-–]?\s*)?[A-ZÀ-Þ][\w .'’-]{0,40}:\s+\S", re.MULTILINE)


_CUES = re.compile(r"^\s*(?:WEBVTT|(?:\d+\s*\n)?\d{1,2}:\d\d(?::\d\d)?[.,]\d+\s+-->)")


_NOT_SPEAKERS = re.compile(r"^(?:todo|to do|tasks?|note|add|done|remind me|reminder)\b", re.IGNORECASE)


def transcript(heard: Heard) -> list[Step] | None:
    """A pasted transcript, with or without words about it in front."""
    text = heard.text.strip()
    if _CUES.match(text):
        return [Call("import_meeting", {"transcript": text})]
    head = _HEAD.match(text)
    if head is not None and (head["noun"].lower() == "transcript" or _is_talk(text[head.end() :])):
        body = text[head.end() :].strip()
        if body:
            return [Call("import_meeting", {"transcript": body} | _about(head["tail"], heard.now))]
        return [Say(PASTE)] if re.match(r"(?:import|save|keep|add|store|here)", text, re.IGNORECASE) else None
    return [Call("import_meeting", {"transcript": text})] if _is_talk(text) else None


def named(words: str, heard: Heard) -> dict[str, Any]:
    """What words about a transcript call its meeting, and when it was held: fields of `import_meeting`."""
    head = _HEAD.match(words)
    return _about(head["tail"], heard.now) if head is not None else {}


def is_talk(text: str) -> bool:
    """Whether a text is a transcript, without any word about it."""
    return _CUES.match(text.strip()) is not None or _is_talk(text)


def _is_talk(text: str) -> bool:
    spoken = [line for line in _SPEAKER.findall(text) if not _NOT_SPEAKERS.match(line)]
    lines = [line for line in text.splitlines() if line.strip()]
    return len(spoken) >= 3 and len(spoken) * 2 >= len(lines)


def _about(words: str, now: datetime) -> dict[str, Any]:
    words = re.sub(r"^\s*(?:of|from|for|about|on)\s+", "", words.strip(), flags=re.IGNORECASE)
    words, held_on = held(re.sub(r"^the\s+", "", words, flags=re.IGNORECASE), now)
    words = re.sub(
        r"^(?:of|from|on|the)\s+|(?<!\s)\s+(?:from|of|on)$", "", words.strip(pointing.EDGES), flags=re.IGNORECASE
    )
    return ({"title": words} if words else {}) | ({"held_on": held_on} if held_on else {})
