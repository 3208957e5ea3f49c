"""What Paddy has in mind of a conversation: its last turns within a budget, a summary of earlier ones, facts, and the
names of projects and tasks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from exponential.assistant.tables import Chat, Turn
from exponential.workspace import facts, projects, tasks

MAX_TURNS = 20  # turns of the chat that are told word for word, at most
MAX_TURNS_CHARS = 24_000  # of them, the last one not counted
MAX_TEXT_CHARS = 2_000  # of one text in a turn before the last one; what is longer is shortened
MAX_PROJECTS_CHARS = 1_000  # of their names
MAX_TASKS = 300
MAX_TASKS_CHARS = 8_000  # of their titles
MAX_FACTS_CHARS = 2_000  # of facts that are told without being asked for
SHORTENED = " … [shortened]"
_OLD_FILE = "[something long that was sent earlier]"


@dataclass(frozen=True)
class Knowledge:
    """What Paddy has in mind of what came before: a summary of the conversation, what the owner asked to remember,
    names of projects that aren't done, and titles of open tasks. In a guest's chat, the summary alone."""

    summary: str | None = None
    facts: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


NOTHING = Knowledge()


def since(chat: Chat) -> ColumnElement[bool]:
    """The finished turns of a chat that are told word for word: since it began anew, and not in its summary."""
    begun = [moment for moment in (chat.begins_at, chat.summarised_until) if moment is not None]
    told = and_(Turn.chat_id == chat.id, Turn.state.not_in(("running", "silent")))
    return and_(told, Turn.started_at > max(begun)) if begun else told


async def recent(session: AsyncSession, chat: Chat) -> list[ModelMessage]:
    """The last turns of a chat, oldest first. Only the last one is whole; together they keep to the budget."""
    query = select(Turn.history).where(since(chat)).order_by(Turn.started_at.desc(), Turn.id.desc())
    told: list[list[Any]] = []
    left = MAX_TURNS_CHARS
    for number, history in enumerate((await session.execute(query.limit(MAX_TURNS))).scalars()):
        own = [{**message, "instructions": None} if message.get("instructions") else message for message in history]
        if number:
            own = [shortened(message) for message in own]
            left -= len(json.dumps(own))
            if left < 0:
                break
        told.append(own)
    return [message for own in reversed(told) for message in ModelMessagesTypeAdapter.validate_python(own)]


async def known(session: AsyncSession, chat: Chat) -> Knowledge:
    """The latest of each, within its budget."""
    if chat.role != "owner":
        return Knowledge(chat.summary)
    said = [fact.text for fact in await facts.recall(session, chat.user_id)]
    names = [project.name for project in await projects.choices(session, chat.user_id)]
    titles = await tasks.latest_titles(session, chat.user_id, MAX_TASKS)
    return Knowledge(
        chat.summary,
        _latest(said, MAX_FACTS_CHARS),
        _latest(names, MAX_PROJECTS_CHARS),
        _latest(titles, MAX_TASKS_CHARS),
    )


def _latest(texts: Sequence[str], budget: int) -> tuple[str, ...]:
    """The last of them, as many as fit into so many characters."""
    told: list[str] = []
    for text in reversed(texts):
        budget -= len(text)
        if budget < 0:
            break
        told.append(text)
    return tuple(reversed(told))


def shortened(message: dict[str, Any]) -> dict[str, Any]:
    """A message, as stored, with long texts cut; what providers sign (a model's thoughts) stays whole."""
    return {**message, "parts": [_PARTS.get(part["part_kind"], dict)(part) for part in message["parts"]]}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_CHARS else value[: MAX_TEXT_CHARS - len(SHORTENED)] + SHORTENED
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    return [_cut(inner) for inner in value] if isinstance(value, list) else value


def _prompt(part: dict[str, Any]) -> dict[str, Any]:
    content = part["content"]
    if isinstance(content, list):
        content = [
            item if isinstance(item, str) or len(json.dumps(item)) < MAX_TEXT_CHARS else _OLD_FILE for item in content
        ]
    return {**part, "content": _cut(content)}


def _content(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "content": _cut(part["content"])}


def _call(part: dict[str, Any]) -> dict[str, Any]:
    args = part["args"]
    if isinstance(args, str):
        try:
            return {**part, "args": json.dumps(_cut(json.loads(args)))}
        except ValueError:
            return {**part, "args": "{}"}
    return {**part, "args": _cut(args)}


_PARTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "user-prompt": _prompt,
    "text": _content,
    "tool-return": _content,
    "tool-call": _call,
}
