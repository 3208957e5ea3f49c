"""Rules that list tasks: all of them, or those due at some time, open or done."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from exponential.assistant.offline import details, narrowing, past_days, ranges, subjects
from exponential.assistant.offline.meetings import given
from exponential.assistant.offline.steering import pointed_at
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.assistant.offline.words import VERBS
from exponential.workspace.text import dates

_NOUN = r"(?:tasks?|to[\s-]?dos?|to[\s-]?do\s+list|task\s+list|list|items?|things?\s+to\s+do|ones)"
_ASKS = re.compile(
    r"(?:(?:an?\s+|the\s+|my\s+)?(?:quick\s+|short\s+|brief\s+)?(?:rundown|overview|look|list)\s+(?:of|at|on)|what(?:['’]?s)?|which|see|tell\s+me|show|list|give|tell|display|see|view|any(?:thing)?|are\s+there|is\s+"
    r"there|do\s+i"
    r"|have\s+i|am\s+i"
    r"|(?:what\s+)?(?:should|shall|must)\s+(?:i|we)"
    r"|everything\s+(?:that['’]?s|(?:that|which)\s+(?:is|are|i)|due|overdue|open|left|urgent|still|i\s+(?:have|finished|did|need|completed|must)|on|for|in)"
    r"|did\s+i|how\s+many|count|let\s+me\s+see|tasks|to[\s-]?dos|today['’]?s|tomorrow['’]?s)\b"
    rf"|(?:all|open|overdue|completed|finished|pending|remaining|unfinished|my|the|get|read|check|done)\s+(?:\w+\s+"
    rf"){{0,3}}{_NOUN}\b",
    re.IGNORECASE,
)
_ABOUT_TASKS = re.compile(
    rf"\b(?:{_NOUN}|agenda|plate|rundown|line-?up|schedule|else|everything|due|overdue|urgent|important|miss(?:ed)?|late|behind|left|stuff|(?:next|coming)\s+\w+\s+days|pending|to\s+do"
    rf"|(?:should|shall|must)\s+(?:i|we)\s+(?:\w+\s+)?(?:do|tackle|start|begin|work\s+on|focus\s+on|finish|prioriti[sz]e)|priorities"
    r"|still\s+open|(?:is|['’]?s|are)\s+open|coming\s+up|waiting|un(?:done|finished)|done|finish(?:ed)?|complete[d]?|accomplish(?:ed)?"
    r"|(?:do\s+i\s+have|have\s+i\s+got|['’]?s|is|planned|up|on|anything)\s+(?:(?:for|on|by)\s+)?(?:today|tomorrow|tonight|this\s+week"
    r"|on\b|next"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day))\b",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:/?list|show|/tasks|(?:my\s+)?{_NOUN}|agenda|overdue|today|tomorrow|this\s+week|what\s+now|(?:my\s+|the\s+)?next\s+(?:task|to-?do|one|thing)|how(?:['’]?s|\s+is|\s+does)\s+(?:my|the)\s+(?:day|week|weekend|schedule)(?:\s+look(?:ing)?(?:\s+like)?)?|what['’]?s\s+"
    r"my\s+day(?:\s+look(?:ing)?\s+like)?|(?:what|how)(?:\s+does|\s+is|\s+will|['’]s)\s+(?:my\s+|the\s+)?(?:day|week|weekend|month|today|tomorrow|(?:this|next)\s+week(?:end)?"
    r"|(?:rest\s+of\s+(?:the|my|this)\s+)?(?:week|day)|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\s+look(?:ing)?(?:\s+like)?(?:\s+for\s+me)?"
    r"|(?:done|completed|finished|closed)\s+(?:so\s+far\s+)?(?:today|yesterday|(?:this|last)\s+(?:week|month|quarter)|in\s+\w+)(?:\s+so\s+far)?"
    rf"|(?:show|give)\s+me\s+(?:today|tomorrow|(?:this|next|the)\s+week(?:end)?|(?:next\s+)?(?:mon|tues|wednes|thurs|fri|satur|sun)day)|what['’]?s\s+"
    rf"(?:next|up))",
    re.IGNORECASE,
)
_URGENT = re.compile(r"\b(?:urgent|important)\b", re.IGNORECASE)
_OVERDUE = re.compile(r"\b(?:overdue|late|past\s+due|miss(?:ed)?|behind|slipped)\b", re.IGNORECASE)
_SHOULD_BE_DONE = re.compile(
    r"\b(?:(?:supposed|meant|due)\s+to|should|ought\s+to)\b.*?\b(?:have|be|been)\s+(?:already\s+)?(?:been\s+)?(?:done|finished|completed?)\b.*\b(?:by\s+now|already|haven['’]t"
    r"|not|isn['’]t|aren['’]t|still)\b|\b(?:fail(?:ed)?|forg[eo]t(?:ten)?)\s+to\s+(?:do|finish|complete)\b|\bnot\s+(?:done|finished|completed)\s+(?:on|in)\s+time\b",
    re.IGNORECASE,
)
_WEEK = re.compile(r"\b(?:this|the|my)\s+week(?:['’]?s)?\b|\b(?:next|coming)\s+(?:7|seven)\s+days\b", re.IGNORECASE)
_OF_PLACE = re.compile(
    r"\s+(?:of|in|for|from|under)\s+(?P<place>(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+(?:one|project))?|(?:number\s+|#)\d+)$",
    re.IGNORECASE,
)
_DONE_ONES = re.compile(
    r"\b(?:done|completed|finished|accomplished|closed|(?:ticked|crossed|checked|knocked)\s+(?:off|out)|did\s+\w+\s+(?:do|finish|complete|accomplish"
    r"|get\s+done))\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(
    r"\b(?:not|un)[\s-]*(?:yet\s+)?(?:done|completed|finished)\b|n['’]t\b|\bstill\b|\b(?:to|must|should|can)\s+(?:be|get)\s+(?:done|completed|finished)\b",
    re.IGNORECASE,
)
_EVERYTHING = re.compile(
    r"\b(?:including|and|with|also|even|or)\s+(?:the\s+)?(?:done|completed|finished)\b|\b(?:done|finished|completed)\s+(?:and|or|as\s+well\s+as)\s+"
    r"(?:open|not|undone|pending|unfinished)\b|\ball\s+(?:my\s+)?(?:tasks\s+)?ever\b"
    r"|\ball\b[^,;]*[,;–-]\s*(?:and\s+|also\s+|even\s+)?(?:the\s+)?(?:done|finished|completed)\b",
    re.IGNORECASE,
)
_IS_IT_DONE = re.compile(
    r"(?:is|are|was|were|has|have|did|do|does)\s+.+\b(?:done|finish(?:ed)?|complete[d]?|open|closed)(?:\s+(?:yet"
    r"|already))?",
    re.IGNORECASE,
)


_TOLD = VERBS | frozenset(
    "add create new move mark delete remove rename reopen remind postpone two three four five".split()
)
_PRIORITY_TASKS = re.compile(
    r"(?:show\s+)?(?:just\s+|only\s+)?(?:my\s+|the\s+)?(?:urgent|important|(?:high|low)[\s-]prio(?:rity)?)\s+(?:tasks?|to-?dos?|ones"
    r"|things|stuff|items)(?:\s+only)?",
    re.IGNORECASE,
)


_PHRASE = re.compile(  # "this week's urgent tasks", "the Hiring tasks for tomorrow"
    r"(?P<day>today|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:this|next)\s+week)['’]?s\s+(?:[\w-]+\s+){0,3}?(?:tasks|to-?dos|list|items)"
    r"|(?:show\s+)?(?P<first>[\w'’&-]+)\s+(?:[\w'’&-]+\s+){0,4}?(?:tasks|to-?dos)"
    r"(?:\s+(?:for|in|due|of|from|by|that|which|since|until|this|next|on|with|are|under|before|after|today|tomorrow|overdue)\b.*)?",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"^(?:only|just)\s+(?=(?:show|list|give|the|my|tasks)\b)|(?<=^show\s)(?:only|just)\s+", re.IGNORECASE
)


def list_(heard: Heard) -> list[Step] | None:
    text = _ONLY.sub("", subjects.SORTED.sub("", heard.text.rstrip(" ?!.")))
    if re.fullmatch(r"(?:and\s+)?(?:its|the\s+project['’]s)\s+(?:open\s+)?tasks", text, re.IGNORECASE):
        text = f"list {text.removeprefix('and ')}"
    if re.match(r"(?:the|my)\s+(?:task|to-?do)\s+(?!list\b)", text, re.IGNORECASE) and not heard.text.endswith("?"):
        return None
    asked = _ASKS.match(text) and _ABOUT_TASKS.search(text)
    if asked or any(whole.fullmatch(text) for whole in (_ALONE, _PRIORITY_TASKS)) or _is_phrase(text):
        return [_list(re.sub(r"\bmy\s+day\b", "today", text, flags=re.IGNORECASE), heard)]
    if _IS_IT_DONE.fullmatch(text):
        return [Call("list_tasks", {"status": "all"})]
    return None


def _is_phrase(text: str) -> bool:
    """Whether it only names tasks, and says nothing of what to do with them."""
    phrase = _PHRASE.fullmatch(text)
    if phrase is None or phrase["day"]:
        return phrase is not None
    return phrase["first"].lower() not in _TOLD and not re.search(r"['’]s\b", text)  # "Anna's tasks" are none of these


def _list(text: str, heard: Heard) -> Step:
    args: dict[str, Any] = {"status": "open"}
    if _SHOULD_BE_DONE.search(text):
        return Call("list_tasks", args | {"due": "overdue"})
    if _EVERYTHING.search(text):
        args["status"] = "all"
    elif _DONE_ONES.search(text) and not _NOT_DONE.search(text):
        args["status"] = "done"
    text, priority = details.take_priority(text)
    if priority is None and (word := _URGENT.search(text)) is not None:
        priority = "urgent" if word[0].lower() == "urgent" else "high"
    of = _OF_PLACE.search(text)
    place = pointed_at(of["place"], heard) if of is not None else None
    if of is not None and place is not None:
        text = f"{text[: of.start()]} there"
        heard = replace(heard, last={"id": place}, last_kind="project")
    text, project = narrowing.project_of(text, heard)
    args |= {"priority": priority} if priority else {}
    args |= {"project": project} if project else {}
    return Call("list_tasks", args | when(text, heard.now, done=args["status"] == "done"))


def when(text: str, now: datetime, *, done: bool) -> dict[str, Any]:
    """What limits the list to some days."""
    if _OVERDUE.search(text):
        return {"due": "overdue"}
    if re.search(r"\btoday\s+(?:and|or|&)\s+tomorrow\b", text, re.IGNORECASE) and not done:
        return given((None, now.date() + timedelta(days=1)))
    if (
        _WEEK.search(text)
        and not done
        and not re.search(r"\b(?:after|before|since|until|between)\b", text, re.IGNORECASE)
    ):
        return {"due": "week"}
    _, range_ = ranges.take(text, now, ahead=not done)
    if range_ is not None:
        return given(range_)
    if done:
        return given(past_days.take(text, now)[1])
    _, due = dates.extract(re.sub(r"['’]s\b", "", re.sub(r"\bfor\s+(?=the\s+\d)", "on ", text)), now)
    if due is None:
        return {"due": "week"} if re.search(r"\bcoming\s+up\b", text, re.IGNORECASE) else {}
    day = due.date() if isinstance(due, datetime) else due
    return {"due": {0: "today", 1: "tomorrow"}.get((day - now.date()).days, day.isoformat())}
