"""Passive sentences told as what is to be done: "could the report be moved to Friday", "the plumber has to be paid"."""

import re

from exponential.assistant.offline.asides import turned
from exponential.assistant.offline.words import VERBS, past_to_imperative

_MUST_BE = re.compile(
    r"(?P<what>(?!(?:i|we|you|he|she|they|it|that|this|what|which|who|there|if|when)\b)[^,;:.?!]{2,80}?)\s+(?:still\s+|also\s+|really\s+)*"
    r"(?:(?:has|have|needs?|ought)\s+to\s+be|must\s+be|(?:has|have|needs?)\s+to\s+get)\s+(?P<verb>[a-z]+)\b(?P<rest>[^:?]*)",
    re.IGNORECASE | re.DOTALL,
)
# What is said of a task that is there already: "the report has to be done by Friday".
_OF_TASKS = frozenset(
    """do finish complete close move postpone delay reschedule rename mark delete remove reopen change update set
    put""".split()
)
_ASKED = {
    "moved": "move", "postponed": "postpone", "pushed": "push", "delayed": "delay", "rescheduled": "reschedule",
    "shifted": "shift", "marked": "mark", "renamed": "rename", "set": "set", "added": "add", "put": "put",
    "assigned": "assign", "changed": "change", "made": "make", "given": "give", "reopened": "reopen",
    "raised": "raise", "lowered": "lower", "extended": "extend", "updated": "update", "bumped": "bump",
    "paused": "pause", "resumed": "resume",
}  # fmt: skip
_COULD_BE = re.compile(
    r"(?:can|could|would)\s+(?P<what>(?:the|my|our|that|this|\"|“|[A-Z]).{0,80}?)\s+"
    rf"(?:please\s+|maybe\s+|perhaps\s+|also\s+)*be\s+(?P<verb>{'|'.join(_ASKED)})\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)


def asked(text: str) -> str | None:
    """ "could the report be moved to Friday?" → "move the report to Friday"; None when nothing is asked so."""
    match = _COULD_BE.fullmatch(text.strip(" ?.!"))
    if match is None:
        return None
    return f"{_ASKED[match['verb'].lower()]} {match['what']}{match['rest']}"


def needed(text: str) -> str | None:
    """ "the plumber has to be paid by Friday" → "pay the plumber by Friday"; None when no such deed is named."""
    match = _MUST_BE.fullmatch(text.strip(" .!"))
    verb = past_to_imperative(match["verb"]) if match is not None else None
    if match is None or verb is None or verb not in VERBS or verb in _OF_TASKS or turned(match["what"]):
        return None
    return f"{verb} {match['what']}{match['rest']}"
