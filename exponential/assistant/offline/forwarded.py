"""Somebody else's words: what was forwarded is offered as a task or a note, and becomes one when the user's own words
say so. Nothing that stands in it is ever read as a request."""

import re
from collections.abc import Sequence

from exponential.assistant.offline import slots, transcripts
from exponential.assistant.offline.language.normalization import MAX_CHARS, normalise
from exponential.assistant.offline.references import Unclear
from exponential.assistant.offline.table import templates
from exponential.assistant.offline.utterance import Args, Call, Context, Say, Step
from exponential.workspace.text.markdown import plain

OFFER = "Reply *task* or *note*."
ONE = "You forwarded this: “{}”. Shall I add it as a task or keep it as a note? " + OFFER
SEVERAL = "You forwarded these:\n\n{}\n\nShall I add them as tasks or keep them as notes? " + OFFER
WHICH = "As which of the two? " + OFFER
LEFT = "All right, I leave it."
_SHOWN = 200  # characters of a message in the offer
_TITLE = 200  # characters of a task's title; the whole of what is longer is kept as a note, too
_IT = "(it|this|that|these|those|them|both|all|the above|the message|the text)"
_DO = "(make|turn|change|convert|add|put|save|keep|create|store|remember|note|write|take)"
_TASKS = (
    f"[yes|sure] [{_DO}] [me] [{_IT}] [as|into|to|in|on] [<the>] [new] (task|tasks|to-do|to-dos|todo|todos"
    f"|list|to-do list) [of|from|out of|with|for] [{_IT}] [{{change}}]",
    f"add {_IT} [{{change}}]",
)
_NOTES = (
    f"[yes|sure] [{_DO}] [{_IT}] [as|into|in|to] [<the>] (note|notes) [of|from] [{_IT}] [for later]",
    f"(keep|save|store|remember|note|write) {_IT} [down] [for later]",
)
_REMINDERS = (
    f"remind me [of|about] {_IT} {{when}}",
    f"remind me {{when}} [of|about] {_IT}",
    f"remind me [of|about] {_IT}",
)
_YES = "(yes|yep|yeah|ok|okay|sure|please|please do)"
_NEITHER = "(no|nope|neither|none|nothing|skip|skip it|leave it|forget it|never mind|ignore it) [thanks|thank you]"


def offer(forwarded: Sequence[str]) -> list[Step]:
    """The steps for messages that were forwarded without a word: a transcript is kept, all else is a question back."""
    steps: list[Step] = []
    shown: list[str] = []
    for text in forwarded:
        if transcripts.is_talk(text):
            steps.append(Call("import_meeting", {"transcript": text}))
        else:
            shown.append(plain(_cut(text, _SHOWN)))
    if len(shown) == 1:
        steps.append(Say(ONE.format(shown[0])))
    elif shown:
        steps.append(Say(SEVERAL.format("\n".join(f"- “{text}”" for text in shown))))
    return steps


def chosen(message: str, texts: Sequence[str], context: Context, *, offered: bool) -> list[Step] | None:
    """What the user's own words want of somebody else's. `offered`: Paddy has just asked; else the words must point."""
    if len(message) > MAX_CHARS:
        return None
    words = templates.words_of(normalise(message).request)
    if offered and _fits(_NEITHER, words):
        return [Say(LEFT)]
    if offered and _fits(_YES, words):
        return [Say(WHICH)]
    if (values := _read(_TASKS, words, "create_task", context)) is not None:
        return [step for text in texts for step in _as_task(text, values)]
    if any(_fits(template, words) for template in _NOTES):
        return [Call("keep_note", {"text": text}) for text in texts]
    if (values := _read(_REMINDERS, words, "remind", context)) is not None:
        if "at" not in values:
            return [Say(slots.AT_WHAT_TIME)]
        return [Call("remind", {"text": _cut(text, _TITLE), **values}) for text in texts]
    return None


def _fits(template: str, words: templates.Words) -> bool:
    return next(templates.matches(template, words), None) is not None


def _read(ways: Sequence[str], words: templates.Words, tool: str, context: Context) -> Args | None:
    """What is said besides: of a task its day, priority and project, of a reminder when it comes."""
    for template in ways:
        for found in templates.matches(template, words):
            try:
                read = [slots.read(name, words.between(*span), tool, context) for name, span in found.items()]
            except Unclear:
                continue
            if all(one is not None for one in read):
                values = {key: value for one in read if one is not None for key, value in one.args[0].items()}
                if "delay_days" not in values:
                    return values
    return None


def _as_task(text: str, values: Args) -> list[Step]:
    title = _cut(text, _TITLE)
    steps: list[Step] = [Call("create_task", {"title": title, **values})]
    return [*steps, Call("keep_note", {"text": text})] if title.endswith("…") else steps


def _cut(text: str, longest: int) -> str:
    """On one line, ending at a word where it is too long."""
    flat = re.sub(r"\s+", " ", text).strip()
    if len(flat) <= longest:
        return flat
    end = flat.rfind(" ", longest // 2, longest)
    return f"{flat[: end if end > 0 else longest]}…"
