"""Guests: they can leave a note to the owner, and nothing else."""

import re
from collections.abc import Set as AbstractSet

from exponential.assistant.offline.utterance import Call, Say, Step

TOOL = "leave_note"
GREETING = (
    "Hi! I'm Paddy, an assistant. I can't see or do anything for guests, but I can pass on a message: "
    "write *leave a note:* and what it says."
)
_NOTE = re.compile(
    r"^(?:hi|hello|hey|please|pls|paddy|can\s+you|could\s+you|[\s,!])*"
    r"(?:(?:leave|take|write|pass\s+on)\s+(?:(?:him|her|them|the\s+owner)\s+)?(?:a|this|the)\s+(?:note|message)\b"
    r"(?:\s+(?:for|to)\s+(?:him|her|them|the\s+owner))?|note\s*:|(?:tell|let)\s+(?:him|her|them|the\s+owner)\s+"
    r"(?:know\s+)?)"
    r"(?:\s*[:,–-]\s*|\s*\bthat\b|\s*\bsaying\b(?:\s+that\b)?)*\s*(?P<text>.*)",
    re.IGNORECASE | re.DOTALL,
)


def answer(text: str, has: AbstractSet[str]) -> list[Step]:
    """A note is left when one is asked for; all else gets a friendly refusal."""
    note = _NOTE.fullmatch(text.strip())
    if note is None or not note["text"].strip() or TOOL not in has:
        return [Say(GREETING)]
    return [Call(TOOL, {"text": note["text"].strip()})]
