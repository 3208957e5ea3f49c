"""What rules take and give: a message as heard, and the steps that answer it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True)
class Call:
    """A tool to call."""

    tool: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Say:
    """Something to say, in Markdown."""

    text: str


Step = Call | Say
Kind = Literal["task", "project", "meeting", "action_item", "reminder"]


@dataclass(frozen=True)
class File:
    """A file of a message: its text, if it has any that can be read, else the `note` that says why not (in a sentence;
    empty for a picture). `is_talk`: it reads like the transcript of a meeting; `summary` are its main sentences."""

    id: str
    kind: str
    name: str
    text: str
    note: str
    is_talk: bool
    summary: Sequence[str] = ()


@dataclass(frozen=True)
class Heard:
    """One message. `now` is the user's local time; `listed` are the records (of `listed_kind`) that Paddy listed last,
    `last` the one (of `last_kind`) spoken of last, as tool results have them; `asked` is the request that Paddy
    answered with a question; `projects` are the names of the user's projects, `tasks` the titles of the open tasks. Of
    somebody else's words: the message is `forwarded`; it replies to the `quoted` ones; `offered` are those of which
    Paddy asked what to do with them."""

    text: str
    now: datetime
    listed: Sequence[dict[str, Any]] = ()
    last: dict[str, Any] | None = None
    listed_kind: Kind = "task"
    last_kind: Kind = "task"
    asked: str | None = None
    files: Sequence[File] = ()
    projects: Sequence[str] = ()
    tasks: Sequence[str] = ()
    forwarded: bool = False
    quoted: str = ""
    offered: Sequence[str] = ()


def distinct(steps: Sequence[Step]) -> list[Step]:
    """Each step once, where it comes first."""
    return [step for place, step in enumerate(steps) if step not in steps[:place]]


def has_call(steps: Sequence[Step] | None) -> bool:
    """Whether something is to be done, and not only said."""
    return any(isinstance(step, Call) for step in steps or ())


Rule = Callable[[Heard], list[Step] | None]
