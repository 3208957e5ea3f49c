"""From words to steps: each rule reads one message and recognises it or leaves it to the next one.

Rules are pure; RULES is their order, the more specific first.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from exponential.assistant.offline import completing, creating, listing, talking
from exponential.assistant.offline.steps import Heard, Rule, Say, Step

RULES: tuple[Rule, ...] = (
    talking.not_text,
    talking.small_talk,
    creating.remind,
    creating.create,
    listing.list_,
    completing.complete,
    creating.need,
    creating.errand,
    talking.not_yet,
)

GUEST = (
    "Hi! I'm Paddy, an assistant. I can't see or do anything for guests; please ask the owner of this number directly."
)
UNKNOWN = "Sorry, I didn't understand that. I run without a language model here; say *help* to see what I can do."

_POLITE_START = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|so|and|also|please|pls|paddy|then|thanks|thank\s+you|great|perfect|nice)\b[\s,!.:]*"
    r"|(?:can|could|would|will)\s+(?:you|u)\s+(?:please\s+)?(?=\w)|i(?:['’]d| would)\s+like\s+(?:you\s+)?to\s+"
    r"|i\s+want\s+(?:you\s+)?to\s+|let['’]?s\s+)+",
    re.IGNORECASE,
)
_POLITE_END = re.compile(
    r"(?:[\s,.!?]+(?:please|pls|thanks|thank you|thx|paddy|for me|too|as well))*[\s.!?]*$", re.IGNORECASE
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
    whole = heard.text.strip().rstrip(" .!")
    core = _POLITE_END.sub("", _POLITE_START.sub("", whole))
    # "Hey there" is a greeting as a whole; "hey, add milk" is a request with one before it.
    steps = talking.small_talk(replace(heard, text=whole))
    for rule in RULES:
        steps = steps or rule(replace(heard, text=core or whole))
    return steps or [Say(UNKNOWN)]
