"""What rules take and give: a message as heard, and the steps that answer it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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


@dataclass(frozen=True)
class Heard:
    """One message. `now` is the user's local time; `listed` are the tasks that Paddy listed last, `last` the one task
    spoken of last, both as tool results have them."""

    text: str
    now: datetime
    listed: Sequence[dict[str, Any]] = ()
    last: dict[str, Any] | None = None


Rule = Callable[[Heard], list[Step] | None]
