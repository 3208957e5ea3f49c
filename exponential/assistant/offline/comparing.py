"""Questions that set things against each other: two ranges, two projects, what is done against all."""

import re
from typing import Any

from exponential.assistant.offline import narrowing, past_days, ranges, subjects
from exponential.assistant.offline.meetings import given
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.assistant.offline.subjects import DONE

_MORE = re.compile(
    rf"did\s+(?:i|we)\s+(?:do|get|(?:tick|check|cross)\s+off|{DONE})\s+(?:more|fewer|less)\b|compare\b|(?:what['’]?s|what\s+is|show(?:\s+me)?|and)?\s*(?:the\s+)?difference\b|how\s+(?:does|do|did)\b.*\bcompare\b|(?:am|was|were)\s+(?:i|we)\s+(?:more|less)\s+productive\b|(?:more|fewer|less)\b.*\bthan\b",
    re.IGNORECASE,
)
_MORE_THAN = re.compile(
    r"(?:(?:did|have|had|do|were|was|am|are|is|when|which|what|how\s+many)\b.*\b)?(?:more|fewer|less|better|busier)\b.*\b(?:than|or)\b",
    re.IGNORECASE,
)
_EITHER_PROJECT = re.compile(
    r"\b(?:more|fewer|less|most)\b.*\btasks?\b.*\b(?:or|than)\b|\bdoes\b.*\bor\b.*\bhave\s+(?:more|fewer|less)\b.*\btasks?\b"
    r"|\bcompare\b.*\bprojects\b",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    r"\blast\s+(?P<unit>week|month|year)\b.*?\b(?P<before>the\s+(?:week|month|year|one)\s+before(?:\s+(?:that|it))?|the\s+(?:previous|preceding)\s+(?:one|week|month|year))",
    re.IGNORECASE,
)
_SHARE = re.compile(
    rf"\bwhat\s+(?:share|percent(?:age)?|proportion|fraction|part|portion|%)\s+of\s+(?:my|our|the|all)\b.*\b{DONE}\b",
    re.IGNORECASE,
)


def contrasted(text: str, heard: Heard) -> list[Step] | None:
    """Two ranges, or two projects, against each other."""
    against = re.search(r"\b(?:vs\.?|versus|compared\s+(?:to|with))\b", text, re.IGNORECASE)
    more = _MORE.match(text) or _MORE_THAN.match(text)
    found = compared(text, heard) if more or against else None
    if found is None and _EITHER_PROJECT.search(text):
        status = "done" if subjects.IS_DONE.search(text) else "open"
        return [Call("query", {"about": "tasks", "status": status, "group_by": "project"})]
    return [found] if found is not None else None


def shared(text: str, heard: Heard) -> list[Step] | None:
    """ "What share of my tasks is done?"; of a project's, the project says it."""
    if not _SHARE.search(text) or narrowing.project_in(text, heard.now)[1] is not None:
        return None
    return [Call("query", {"about": "tasks", "status": "all", "group_by": "status"})]


def compared(text: str, heard: Heard) -> Call | None:
    """The two ranges that are named, whatever the question."""
    text = re.sub(
        r"\bthis\s+(?P<unit>week|month|quarter|year)\s+(?P<than>than|or|vs\.?|versus|compared\s+(?:to|with)|and|to|with)\s+last(?:\s+one)?$",
        r"this \g<unit> \g<than> last \g<unit>",
        text,
        flags=re.IGNORECASE,
    )
    earlier = _EARLIER.search(text)
    if earlier is not None:
        text = f"{text[: earlier.start('before')]}the {earlier['unit']} before last{text[earlier.end('before') :]}"
    left, first = _range(text, heard)
    _, second = _range(left, heard)
    if second is None and (same := _same_now(text, heard)) is not None:
        first, second = same, first
    if first is None or second is None:
        return None
    if (first[0] or heard.now.date()) < (second[0] or heard.now.date()) and not text.lower().startswith("compare"):
        first, second = second, first
    args: dict[str, Any] = {"about": subjects.kind(text), **given(first), **given(second, "compare_")}
    if args["about"] == "tasks":
        done = subjects.IS_DONE.search(text) is not None
        if subjects.CREATED.search(text) and not done:
            args["created"] = True
        else:
            args["status"] = "open" if re.search(r"\b(?:due|open)\b", text, re.IGNORECASE) and not done else "done"
    return Call("query", args)


def _same_now(text: str, heard: Heard) -> ranges.Range | None:
    """What "more than last week" is measured with: this week, the only one not said."""
    than = re.search(
        r"\bthan\s+(?:the\s+)?(?:in\s+)?(?:(?:last|previous)\s+(?P<unit>week|month|quarter|year)|yesterday)$",
        text,
        re.I,
    )
    if than is None:
        return None
    return _range(f"this {than['unit']}" if than["unit"] else "today", heard)[1]


def _range(text: str, heard: Heard) -> tuple[str, ranges.Range | None]:
    """The first range; today is one where two are compared."""
    left, range_ = ranges.take(text, heard.now)
    if range_ is None and (today := re.search(r"\b(?:so\s+far\s+)?today\b", text, re.IGNORECASE)) is not None:
        return text[: today.start()] + text[today.end() :], (heard.now.date(), heard.now.date())
    return (left, range_) if range_ is not None else past_days.take(text, heard.now)
