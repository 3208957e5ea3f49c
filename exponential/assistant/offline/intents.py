"""From words to steps: each rule reads one message and either recognises it or leaves it to the next rule.

A step is a tool call or something to say. Rules are pure; RULES gives their order, the more specific first.
"""

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from exponential.assistant.offline import dates
from exponential.assistant.offline.words import past_to_imperative, split_requests

HELP = """I keep your tasks. Try:

- *Add a task: buy milk tomorrow*
- *What are my tasks?* or *What's due today?*
- *Done: buy milk*

I run without a language model here, so I understand everyday requests in English and no more."""
GUEST = "Hi! I'm Paddy, an assistant. I can't see or do anything for guests here; please write to the owner directly."
UNKNOWN = "Sorry, I didn't understand that. I run without a language model here; say *help* to see what I can do."
NO_REMINDERS = "I can't send reminders yet, so I won't write to you at that time: it is on your list as a task."
ONLY_TEXT = "I can only read text so far, not what you sent."
WHICH = "Which task is done? Name it, or part of its title."


@dataclass(frozen=True)
class Call:
    tool: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Say:
    text: str


Step = Call | Say


@dataclass(frozen=True)
class Heard:
    """One message. `now` is the user's local time; `listed` the tasks Paddy showed last, `last` the one spoken of last
    (as tool results have them)."""

    text: str
    now: datetime
    listed: Sequence[dict[str, Any]] = ()
    last: dict[str, Any] | None = None


Rule = Callable[[Heard], list[Step] | None]


def read(heard: Sequence[Heard], tools: AbstractSet[str]) -> list[Step]:
    """The steps that answer these messages, in order. Without tools the writer is a guest."""
    if not tools:
        return [Say(GUEST)]
    steps: list[Step] = []
    for message in heard:
        found = _first(message)
        steps += [step for step in found if step not in steps or isinstance(step, Call)]
    return steps


def _first(heard: Heard) -> list[Step]:
    polished = _polish(heard)
    for rule in RULES:
        steps = rule(polished)
        if steps is not None:
            return steps
    return [Say(UNKNOWN)]
