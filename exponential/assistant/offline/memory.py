"""What the offline model has in mind of the conversation: the records that were listed last, the one spoken of last,
and a request that it answered with a question."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from pydantic_ai.messages import ModelMessage, TextContent, TextPart, ToolReturnPart, UserPromptPart

from exponential.assistant import prompts
from exponential.assistant.offline import files, forwarded, intents, manners, reminding, snoozing
from exponential.assistant.offline.steps import Heard, Kind

MOST_ANSWERS = 4  # messages that make one request, with the first
_LISTS: dict[str, Kind] = {
    "tasks": "task",
    "projects": "project",
    "meetings": "meeting",
    "action_items": "action_item",
    "reminders": "reminder",
}
_ONES: dict[str, Kind] = {"task": "task", "project": "project", "meeting": "meeting", "reminder": "reminder"}


def after(messages: Sequence[ModelMessage], now: datetime) -> Heard:
    """What is in mind after `messages`; its text is empty."""
    heard = Heard("", now, asked=_asked(messages), offered=_offered(messages))
    for result in results(messages):
        heard = _with(heard, result)
    return heard


def results(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """Tool results in the order of their calls, which is the order of the steps."""
    return [
        cast(dict[str, Any], part.content) if isinstance(part.content, dict) else {"error": str(part.content)}
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def _with(heard: Heard, result: dict[str, Any]) -> Heard:
    if "status" in result:
        result = result["status"]
    kind: Kind | None
    for key, kind in _ONES.items():
        if key in result and isinstance(result[key], dict):
            heard = replace(heard, last=result[key], last_kind=kind)
    kind = cast(Kind | None, (result.get("about") or "").removesuffix("s") or None)
    lists = {key: result[key] for key in _LISTS if isinstance(result.get(key), list)}
    if kind in _LISTS.values() and isinstance(result.get("records"), list):
        lists[f"{kind}s"] = result["records"]
    for key, records in lists.items():
        heard = replace(heard, listed=records, listed_kind=_LISTS[key])
        if "meeting" not in result:  # minutes speak of their meeting, and list its action items
            heard = replace(heard, last=records[0] if len(records) == 1 else None, last_kind=_LISTS[key])
    return heard


def _asked(messages: Sequence[ModelMessage]) -> str | None:
    """The last request, if all that was said to it is when to remind, or of what: "remind me", "tomorrow at 9"."""
    parts = [part for message in messages for part in message.parts]
    words: list[str] = []
    while len(words) < MOST_ANSWERS and not (words and reminding.begins(words[0])):
        said = _questioned(parts, (reminding.WHAT,) if words else (snoozing.WHEN, reminding.WHAT))
        if said is None:
            break
        words.insert(0, said)
        parts = parts[:-2]
    return " ".join(words) or None


def _questioned(parts: Sequence[Any], questions: Sequence[str]) -> str | None:
    """The user's last words, spoken ones too, if all that was said to them is one of these questions."""
    if len(parts) < 2 or not isinstance(parts[-1], TextPart) or not isinstance(parts[-2], UserPromptPart):
        return None
    content = parts[-2].content
    own: list[str] = []
    notes: set[str] = set()
    for item in [content] if isinstance(content, str) else content:
        about = (item.metadata or {}) if isinstance(item, TextContent) else {}
        told = item.content if isinstance(item, TextContent) else item
        if isinstance(told, str) and _is_words(about):
            own.append(prompts.unmarked(told) if prompts.FILE in about else told)
        elif prompts.FILE in about:
            notes.add(about[prompts.FILE]["note"] or files.BLIND)
    asked = {*parts[-1].content.split("\n\n")} - notes
    return manners.core(intents.tidied(own[-1])) if own and asked in ({question} for question in questions) else None


def _offered(messages: Sequence[ModelMessage]) -> Sequence[str]:
    """What was forwarded last, if Paddy's last words were the question what to do with it."""
    found: Sequence[str] = ()
    said = ""
    for part in (part for message in messages for part in message.parts):
        if isinstance(part, UserPromptPart) and not isinstance(part.content, str):
            items = [item for item in part.content if isinstance(item, TextContent) and item.metadata]
            texts = [prompts.unmarked(item.content) for item in items if _is_words(item.metadata, "forwarded")]
            found = texts or found
        elif isinstance(part, TextPart):
            said = part.content
    return found if said.endswith(forwarded.OFFER) else ()


def _is_words(about: dict[str, Any], outside: str | None = None) -> bool:
    """Whether an item of a prompt is what somebody said: the user, or who is meant by `outside`."""
    file = about.get(prompts.FILE)
    return about.get(prompts.OUTSIDE) == outside and (file is None or (file["kind"] == "voice" and file["text"]))
