"""A slip in the title of the task spoken of last, put right: "oat milk i mean", "sorry, i meant two litres of milk"."""

import re

from exponential.assistant.offline import pointing
from exponential.assistant.offline.steps import Heard
from exponential.assistant.offline.words import VERBS
from exponential.workspace.text import dates

_MEANT = re.compile(
    r"(?:(?:no|nope|sorry|sry|oops|wait|actually|ah|oh)[\s,.!]+)*(?:(?:i\s+mean(?:t)?|make\s+(?:that|it)|should\s+be|it['’]?s)[\s,:]+(?P<new>.+?)"
    r"|(?P<new2>.+?)[\s,]+i\s+mean(?:t)?)(?:[\s,]+(?:not|instead\s+of)\s+.+|[\s,]+(?:of\s+course|sorry|instead))*",
    re.IGNORECASE,
)
_LONGEST = 6  # words
_NO_TITLE = re.compile(r"\b(?:one|it|that|this|task|delete|cancel|remove|done|project|reminder)\b", re.IGNORECASE)


def retitled(text: str, heard: Heard) -> dict[str, str] | None:
    """The new title, where the words share one with the old."""
    match = _MEANT.fullmatch(text.strip(" .!"))
    old = str((heard.last or {}).get("title") or "")
    if match is None or not old:
        return None
    new = (match["new"] or match["new2"]).strip(pointing.EDGES)
    if len(new.split()) > _LONGEST or _NO_TITLE.search(new) or dates.extract(f"on {new}", heard.now)[1] is not None:
        return None
    words, said = old.split(), new.lower().split()
    shared = [place for place, word in enumerate(words) if word.lower() in said]
    if not shared or new.lower() == old.lower():
        return None
    if said[0] == words[0].lower() or words[0].lower() not in VERBS:
        return {"title": new}
    return {"title": " ".join([*words[: shared[0]], new, *words[shared[-1] + 1 :]])}
