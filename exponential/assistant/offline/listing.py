"""Rules that list tasks: all of them, or those due at some time, open or done."""

import re
from datetime import datetime
from typing import Any

from exponential.assistant.offline import dates
from exponential.assistant.offline.steps import Call, Heard, Say, Step

RANGES = "I can list what is due today, tomorrow, in the next seven days, on one date, or overdue; not that."

_NOUN = r"(?:tasks?|to[\s-]?dos?|to[\s-]?do\s+list|task\s+list|list|items?|things?\s+to\s+do|ones)"
_ASKS = re.compile(
    r"(?:what(?:['’]?s)?|which|show|list|give|tell|display|see|view|any(?:thing)?|are\s+there|is\s+there|do\s+i|have\s+i"
    r"|did\s+i|how\s+many|count|let\s+me\s+see|tasks|to[\s-]?dos|today['’]?s|tomorrow['’]?s)\b"
    rf"|(?:all|open|overdue|completed|finished|pending|remaining|unfinished|my|the|get|read|check|done)\s+(?:\w+\s+){{0,3}}{_NOUN}\b",
    re.IGNORECASE,
)
_ABOUT_TASKS = re.compile(
    rf"\b(?:{_NOUN}|agenda|plate|everything|due|overdue|late|left|pending|to\s+do|should\s+(?:i|we)\s+do|must\s+i\s+do"
    r"|still\s+open|coming\s+up|done|finish(?:ed)?|complete[d]?|accomplish(?:ed)?"
    r"|(?:do\s+i\s+have|have\s+i\s+got|['’]?s|is|planned|up|on)\s+(?:for\s+)?(?:today|tomorrow|tonight|this\s+week|on\b|next"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day))\b",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:/?list|show|/tasks|(?:my\s+)?{_NOUN}|agenda|overdue|today|tomorrow|this\s+week|what\s+now|what['’]?s\s+(?:next|up))",
    re.IGNORECASE,
)
_OVERDUE = re.compile(r"\b(?:overdue|late|past\s+due)\b", re.IGNORECASE)
_WEEK = re.compile(r"\b(?:this|the)\s+week\b|\b(?:next|coming)\s+(?:7|seven)\s+days\b|\bcoming\s+up\b", re.IGNORECASE)
_OTHER_RANGE = re.compile(
    r"\b(?:(?:next|last|this)\s+(?:month|year|quarter)|(?:next|last)\s+week|yesterday|before|by|until|till|after|since)\b",
    re.IGNORECASE,
)
_DONE_ONES = re.compile(
    r"\b(?:done|completed|finished|accomplished|closed|ticked\s+off|did\s+i\s+(?:do|finish|complete|accomplish|get\s+done))\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(r"\b(?:not|un)[\s-]*(?:yet\s+)?(?:done|completed|finished)\b|n['’]t\b|\bstill\b", re.IGNORECASE)
_EVERYTHING = re.compile(r"\b(?:including|and|with)\s+(?:the\s+)?(?:done|completed|finished)\b", re.IGNORECASE)
_IS_IT_DONE = re.compile(
    r"(?:is|are|was|were|has|have|did|do|does)\s+.+\b(?:done|finish(?:ed)?|complete[d]?|open|closed)(?:\s+(?:yet|already))?",
    re.IGNORECASE,
)


def list_(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _ALONE.fullmatch(text) or (_ASKS.match(text) and _ABOUT_TASKS.search(text)):
        return [_list(text, heard.now)]
    if _IS_IT_DONE.fullmatch(text):
        return [Call("list_tasks", {"status": "all"})]
    return None


def _list(text: str, now: datetime) -> Step:
    args: dict[str, Any] = {"status": "open"}
    if _EVERYTHING.search(text):
        args["status"] = "all"
    elif _DONE_ONES.search(text) and not _NOT_DONE.search(text):
        args["status"] = "done"
    due = _due(text, now)
    if due is not None:
        if args["status"] == "done" or due == "":
            return Say(RANGES)
        args["due"] = due
    return Call("list_tasks", args)


def _due(text: str, now: datetime) -> str | None:
    """What list_tasks takes as `due`, None for no limit, "" for one that it can't express."""
    if _OVERDUE.search(text):
        return "overdue"
    if _OTHER_RANGE.search(text):
        return ""
    if _WEEK.search(text):
        return "week"
    _, due = dates.extract(re.sub(r"['’]s\b", "", text), now)
    if due is None:
        return None
    day = due.date() if isinstance(due, datetime) else due
    return {0: "today", 1: "tomorrow"}.get((day - now.date()).days, day.isoformat())
