"""What the offline model takes and gives: a message in its context, and the steps that answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

Args = dict[str, Any]
Record = Mapping[str, Any]
Kind = Literal["task", "project", "meeting", "action_item", "reminder", "fact"]


@dataclass(frozen=True)
class Call:
    """A tool to call."""

    tool: str
    args: Args


@dataclass(frozen=True)
class Say:
    """Something to say, in Markdown. `unfinished`: the request that it asks about; the next message may finish it."""

    text: str
    unfinished: str = ""


@dataclass(frozen=True)
class Propose:
    """Calls that are made when the next message says yes, and the question, in Markdown."""

    calls: tuple[Call, ...]
    question: str


Step = Call | Say | Propose


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
class Context:
    """What is known when a message is read. `now` is the user's local time.

    `listed` are the records (of `listed_kind`) that Paddy listed last, `last` the one (of `last_kind`) spoken of last,
    `shown` those of the whole conversation by kind, all as tool results have them. `proposed` are the calls that Paddy
    proposed with its last words, `unfinished` is the request that these asked about, `offered` are the forwarded
    messages that they offered to keep. `projects` are names of the user's projects, `tasks` titles of open tasks.
    """

    now: datetime
    listed: Sequence[Record] = ()
    last: Record | None = None
    listed_kind: Kind = "task"
    last_kind: Kind = "task"
    shown: Sequence[tuple[Kind, Record]] = ()
    proposed: tuple[Call, ...] = ()
    unfinished: str = ""
    offered: Sequence[str] = ()
    projects: Sequence[str] = ()
    tasks: Sequence[str] = ()

    def with_last(self, record: Record, kind: Kind) -> "Context":
        return replace(self, last=record, last_kind=kind)


@dataclass(frozen=True)
class Message:
    """One message as it came: its sender's words and files. Somebody else's are those of one that is `forwarded`, and
    the `quoted` ones that it replies to."""

    text: str
    files: Sequence[File] = ()
    forwarded: bool = False
    quoted: str = ""


def name_of(record: Record) -> str:
    """A record's title, name or text."""
    return str(record.get("title") or record.get("name") or record.get("text") or "")
