"""One row of the table: a way to ask for a tool, with its examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Of several rows that fit, the one of the highest priority is meant; rows of the same priority ask.
WHOLE = 3  # words that mean one thing and leave nothing open
NAMED = 2  # names what it is about: "the reminder", "project Alpha"
USUAL = 1
OPEN = 0  # begins with a usual verb, and what follows may be anything
BARE = -1  # no verb tells what is to be done


@dataclass(frozen=True)
class Row:
    """A way of saying: a template (see templates.py) over the slots of slots.py, and the tool that it calls.

    `yes` are messages that it understands, as "message => argument=value …", in the words of Wednesday, 6 May 2026,
    10:30 (tests/support/assistant/phrasing_sets.py has the records); `no` are messages that it must leave alone. They
    are its tests. `args` are arguments that its words imply; where no slot names the record that a tool
    needs, the one spoken of last is meant.
    `known`: only for records that are there, by name or shown before. A row whose `tool` is empty says `reply`.
    """

    tool: str
    say: str
    yes: Sequence[str] = ()
    no: Sequence[str] = ()
    args: Mapping[str, Any] = field(default_factory=dict)
    priority: int = USUAL
    known: bool = False
    reply: str = ""
