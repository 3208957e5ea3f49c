"""What the offline model has in mind of the conversation: the records that were shown and named, what it proposed, and
what it asked. All of it stands in the messages: tool results, and data that its own answers carry."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic_ai.messages import ModelMessage, ModelResponse, TextContent, TextPart, ToolReturnPart, UserPromptPart

from exponential.assistant import prompts
from exponential.assistant.offline import forwarded
from exponential.assistant.offline.utterance import Call, Context, Kind, Propose, Record, Say, Step, name_of

_LISTS: dict[str, Kind] = {
    "tasks": "task",
    "projects": "project",
    "meetings": "meeting",
    "action_items": "action_item",
    "reminders": "reminder",
}
_ONES: dict[str, Kind] = {"task": "task", "project": "project", "meeting": "meeting", "reminder": "reminder"}
_PROPOSED, _UNFINISHED = "proposed", "unfinished"  # keys of the data that an answer carries


def after(messages: Sequence[ModelMessage], context: Context) -> Context:
    """What is in mind after `messages`."""
    for result in results(messages):
        context = _with(context, result)
    last = next((message for message in reversed(messages) if isinstance(message, ModelResponse)), None)
    kept = (last.provider_details or {}) if last is not None else {}
    proposed = tuple(Call(tool, args) for tool, args in kept.get(_PROPOSED, ()))
    return replace(context, proposed=proposed, unfinished=kept.get(_UNFINISHED, ""), offered=_offered(messages))


def to_keep(steps: Sequence[Step]) -> dict[str, Any] | None:
    """The data that an answer with these steps carries, for `after`."""
    proposed = [[call.tool, call.args] for step in steps if isinstance(step, Propose) for call in step.calls]
    unfinished = next((step.unfinished for step in steps if isinstance(step, Say) and step.unfinished), "")
    kept: dict[str, Any] = ({_PROPOSED: proposed} if proposed else {}) | (
        {_UNFINISHED: unfinished} if unfinished else {}
    )
    return kept or None


def results(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """Tool results in the order of their calls, which is the order of the steps."""
    return [
        cast(dict[str, Any], part.content) if isinstance(part.content, dict) else {"error": str(part.content)}
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def of_quoted(context: Context, quoted: str) -> Context:
    """What is meant by a reply to a message of Paddy's: the records that it names."""
    said = _plain(quoted)
    found: dict[Any, tuple[Kind, Record]] = {}
    for kind, record in context.shown:
        if name_of(record) and _plain(name_of(record)) in said:
            found[record.get("id")] = (kind, record)
    if not found:
        return context
    kinds = {kind for kind, _ in found.values()}
    records = [record for _, record in found.values()]
    if len(records) == 1:
        kind, record = next(iter(found.values()))
        return replace(context, last=record, last_kind=kind, listed=(), listed_kind=kind)
    if len(kinds) > 1:
        return context
    records.sort(key=lambda record: said.find(_plain(name_of(record))))
    return replace(context, last=None, listed=records, listed_kind=kinds.pop())


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _with(context: Context, result: dict[str, Any]) -> Context:
    if "status" in result and isinstance(result["status"], dict):
        result = result["status"]
    for key, kind in _ONES.items():
        record = result.get(key)
        if isinstance(record, dict):
            context = replace(context, last=record, last_kind=kind, shown=(*context.shown, (kind, record)))
    lists = {key: result[key] for key in _LISTS if isinstance(result.get(key), list)}
    if result.get("about") in _LISTS and isinstance(result.get("records"), list):
        lists[result["about"]] = result["records"]
    for key, records in lists.items():
        kind = _LISTS[key]
        shown = (*context.shown, *((kind, record) for record in records))
        context = replace(context, listed=records, listed_kind=kind, shown=shown)
        if "meeting" not in result:  # minutes speak of their meeting, and list its action items
            context = replace(context, last=records[0] if len(records) == 1 else None, last_kind=kind)
    return context


def _offered(messages: Sequence[ModelMessage]) -> Sequence[str]:
    """What was forwarded last, if Paddy's last words were the question what to do with it."""
    found: Sequence[str] = ()
    said = ""
    for part in (part for message in messages for part in message.parts):
        if isinstance(part, UserPromptPart) and not isinstance(part.content, str):
            items = [item for item in part.content if isinstance(item, TextContent) and item.metadata]
            texts = [prompts.unmarked(item.content) for item in items if _is_forwarded(item.metadata or {})]
            found = texts or found
        elif isinstance(part, TextPart):
            said = part.content
    return found if said.endswith(forwarded.OFFER) else ()


def _is_forwarded(about: dict[str, Any]) -> bool:
    file = about.get(prompts.FILE)
    return about.get(prompts.OUTSIDE) == "forwarded" and (file is None or (file["kind"] == "voice" and file["text"]))
