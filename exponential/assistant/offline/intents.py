"""From words to steps: each rule reads one message and recognises it or leaves it to the next one.

Rules are pure; RULES is their order, the more specific first.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from exponential.assistant.offline import talk_rules, task_rules
from exponential.assistant.offline.steps import Heard, Rule, Say, Step

RULES: tuple[Rule, ...] = (
    talk_rules.not_text,
    talk_rules.small_talk,
    task_rules.remind,
    task_rules.create,
    task_rules.list_,
    task_rules.complete,
    talk_rules.not_yet,
    task_rules.need,
)

GUEST = (
    "Hi! I'm Paddy, an assistant. I can't see or do anything for guests; please ask the owner of this number directly."
)
UNKNOWN = "Sorry, I didn't understand that. I run without a language model here; say *help* to see what I can do."

_POLITE_START = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|so|and|also|please|pls|paddy|then|just)\b[\s,!.:]*"
    r"|(?:can|could|would|will)\s+(?:you|u)\s+(?:please\s+)?(?=\w)|i(?:['’]d| would)\s+like\s+(?:you\s+)?to\s+"
    r"|i\s+want\s+(?:you\s+)?to\s+|let['’]?s\s+)+",
    re.IGNORECASE,
)
_POLITE_END = re.compile(
    r"(?:[\s,.!]+(?:please|pls|thanks|thank you|thx|paddy|for me))+[\s.!]*$|[\s.!]+$", re.IGNORECASE
)


def read(heard: Sequence[Heard], tools: AbstractSet[str]) -> list[Step]:
    """The steps that answer these messages, in order; what would be said twice is said once.

    Without tools the writer is a guest.
    """
    if not tools:
        return [Say(GUEST)]
    steps: list[Step] = []
    for message in heard:
        steps += [step for step in _understand(message) if not (isinstance(step, Say) and step in steps)]
    return steps


def _understand(heard: Heard) -> list[Step]:
    polite = replace(heard, text=_polish(heard.text))
    for rule in RULES:
        steps = rule(polite)
        if steps is not None:
            return steps
    return [Say(UNKNOWN)]


def _polish(text: str) -> str:
    """Without politeness around the request, unless there is nothing else."""
    text = text.strip()
    core = _POLITE_END.sub("", _POLITE_START.sub("", text))
    return core or _POLITE_END.sub("", text) or text
