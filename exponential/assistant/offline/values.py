"""What words set when a task changes: a day, a delay, a priority or a project; and which task is meant."""

import re
from datetime import datetime
from typing import Any

from exponential.assistant.offline import choosing, details, pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.workspace.text import dates

WHICH = "Which task do you mean? Name it, or part of its title."


Args = dict[str, Any]


_DELAY = whole(r"(?:by\s+)?(?P<number>an?|one|two|three|four|five|\d{1,3})\s+(?P<unit>day|week)s?(?:\s+later)?")


ASIDE_IT = re.compile(r"^.*[,.;!?]\s+(?P<it>it|that|this)$", re.IGNORECASE | re.DOTALL)  # "I spoke too soon, it"
_DAY_FIRST = re.compile(r"(?:the\s+)?(?:\d|mon|tue|wed|thu|fri|sat|sun)", re.IGNORECASE)  # may need an "on"
_DAY_OF_MONTH = re.compile(r"the\s+\d{1,2}(?:st|nd|rd|th)\b", re.IGNORECASE)
MAX_VALUE = 120  # characters of words that set something; longer ones say more than that
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def meant(words: str, now: datetime, *, moving: bool = False, named: bool = False) -> Args | None:
    """What the words set: a due date, a priority or a project; None when they are none of these."""
    if len(words) > MAX_VALUE:
        return None
    words = re.sub(
        r"^(?:(?:back|forward|out)\s+)?(?:(?:to|until|due)\s+)?", "", words.strip(" .,!?;:"), flags=re.IGNORECASE
    )
    delay = _DELAY.fullmatch(words)
    if moving and delay is not None:
        number = _NUMBERS.get(delay["number"].lower()) or int(delay["number"])
        return {"delay_days": number * (7 if delay["unit"].lower() == "week" else 1)}
    left, priority = details.take_priority(words)
    if named and words.lower() in ("low", "normal", "high", "urgent"):
        return {"priority": words.lower()}
    if priority is not None and left.lower() in ("", "it", "as", "be", "very"):
        return {"priority": priority}
    if priority is not None:
        left, due = dates.extract(left.strip(" ,"), now)
        if due is not None and left.strip(" .,").lower() in ("", "due", "and", "and due"):
            return {"priority": priority, "due": due.isoformat()}
    left, project = details.take_project(f"to {words}")
    if project is not None and not left and not re.search(r"\s(?:to|in|into|under)\s", project):
        return {"project": project}
    bare = _DAY_OF_MONTH.match(words) or (_DAY_FIRST.match(words) and not dates.extract(words, now)[1])
    left, due = dates.extract(f"on {words}" if bare else words, now)
    return (
        {"due": due.isoformat()}
        if due is not None and left.strip(" .,").lower() in ("", "due", "it", "back", "a", "a new", "as", "be")
        else None
    )


def each(tool: str, args: Args, name: str, heard: Heard, *, several: bool = True) -> list[Step]:
    if tool != "delete_task":
        name = re.sub(r"(?<=\w)\s+(?:deadline|due\s+date)$", "", ASIDE_IT.sub(r"\g<it>", name), flags=re.IGNORECASE)
        name = pointing.without_reason(name)
        chosen = choosing.counted(name, heard, "task")
        if chosen is not None:
            return [Call(tool, {"task": target, **args}) for target in chosen]
    try:
        found = pointing.targets(name, heard, "task", WHICH, several=several)
    except pointing.Unclear as unclear:
        return [Say(str(unclear))]
    return [Call(tool, {"task": target, **args}) for target in found]
