"""Rules for somebody else's words: what was forwarded is offered as a task or a note, and becomes one when the user's
own words say so. Nothing that stands in it is ever read as a request."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from exponential.assistant.offline import pasting, pointing, reminding, talking
from exponential.assistant.offline.combining import combined
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.workspace.text.markdown import plain

OFFER = "Reply *task* or *note*."
ONE = "You forwarded this: “{}”. Shall I add it as a task or keep it as a note? " + OFFER
SEVERAL = "You forwarded these:\n\n{}\n\nShall I add them as tasks or keep them as notes? " + OFFER
WHICH = "As which of the two? " + OFFER
LEFT = "All right, I leave it."
_SHOWN = 200  # characters of a message in the offer
_TITLE = 200  # characters of a task's title; the whole of what is longer is kept as a note, too
_POLITE = r"(?:(?:please|pls|paddy|yes|ok(?:ay)?|sure|just|can\s+you|could\s+you|and)[\s,]+)*"
_IT = r"(?:it|this|that|these|those|them|both|all|the\s+(?:above|message|text))"
_A = r"(?:(?:a|an|my|the|new)\s+)*"
_TASK_WORD = r"(?:tasks?|to-?dos?)(?:\s+list)?"
_TASK = whole(
    rf"{_POLITE}(?:(?:(?:make|create|add)\s+(?:me\s+)?)?(?:as\s+)?{_A}{_TASK_WORD}(?:\s+(?:of|from|out\s+of|with|for)\s+{_IT})?"
    rf"|(?:make|turn|change|convert|add|put|save|keep)\s+{_IT}\s+(?:(?:in)?to|on|as)?\s*{_A}(?:{_TASK_WORD}|list)"
    rf"|add\s+{_IT})(?P<tail>(?:[\s,]+.*)?)"
)
_NOTE = whole(
    rf"{_POLITE}(?:(?:(?:make|create|add|take|keep|save)\s+)?(?:as\s+)?{_A}notes?(?:\s+(?:of|from)\s+{_IT})?"
    rf"|(?:keep|save|store|remember|note|write|put|add|make|turn)\s+{_IT}(?:\s+down)?(?:\s+(?:in)?(?:to|as)\s+{_A}notes?)?(?:\s+for\s+(?:me|later))?)"
)
_REMIND = whole(rf"{_POLITE}remind\s+me\s+(?:(?:of|about)\s+)?{_IT}\b.*")
_THANKS = re.compile(r"[\s,]+(?:please|pls|thanks|thank\s+you)$", re.IGNORECASE)
_YES = whole(r"yes|yep|yeah|ok(?:ay)?|sure|please(?:\s+do)?|👍")
_NEITHER = whole(
    r"(?:no|nope|neither|none|nothing|skip|leave\s+it|forget\s+it|never\s?mind|ignore\s+it)(?:[\s,]+thanks?)?"
)


def offer(forwarded: Sequence[Heard]) -> list[Step]:
    """The steps for messages that were forwarded without a word: a transcript is kept, all else is a question back."""
    steps: list[Step] = []
    shown: list[str] = []
    for heard in forwarded:
        unread = talking.not_text(heard)
        if unread is not None:
            steps += unread
        elif pasting.is_talk(heard.text):
            steps.append(Call("import_meeting", {"transcript": heard.text}))
        else:
            shown.append(f"{plain(_cut(heard.text, _SHOWN))}")
    if len(shown) == 1:
        steps.append(Say(ONE.format(shown[0])))
    elif shown:
        steps.append(Say(SEVERAL.format("\n".join(f"- “{text}”" for text in shown))))
    return steps


def chosen(heard: Heard, texts: Sequence[str], *, offered: bool) -> list[Step] | None:
    """What the user's own words want of somebody else's. `offered`: Paddy has just asked; else the words must point."""
    words = _THANKS.sub("", heard.text.strip().rstrip(" .!?"))
    if offered and _NEITHER.fullmatch(words):
        return [Say(LEFT)]
    if offered and _YES.fullmatch(words):
        return [Say(WHICH)]
    task = _TASK.fullmatch(words)
    values = _values(task["tail"], heard) if task is not None else None
    if values is not None:
        return [step for text in texts for step in _as_task(text, values)]
    if _NOTE.fullmatch(words):
        return [Call("keep_note", {"text": text}) for text in texts]
    return _reminded(heard, texts) if _REMIND.fullmatch(words) else None


def _values(tail: str, heard: Heard) -> dict[str, Any] | None:
    tail = tail.strip(pointing.EDGES)
    values = combined(tail, heard.now) if tail else {}
    return None if values is None or "delay_days" in values else values


def _as_task(text: str, values: dict[str, Any]) -> list[Step]:
    title = _cut(text, _TITLE)
    steps: list[Step] = [Call("create_task", {"title": title, **values})]
    return [*steps, Call("keep_note", {"text": text})] if title.endswith("…") else steps


def _reminded(heard: Heard, texts: Sequence[str]) -> list[Step] | None:
    steps: list[Step] = []
    for text in texts:
        title = _cut(text, _TITLE)
        about = replace(heard, last={"id": title, "title": title}, last_kind="task")
        steps += reminding.reminder(about) or ()
    return steps or None


def _cut(text: str, longest: int) -> str:
    """On one line, ending at a word where it is too long."""
    flat = " ".join(text.split())
    if len(flat) <= longest:
        return flat
    end = flat.rfind(" ", longest // 2, longest)
    return f"{flat[: end if end > 0 else longest]}…"
