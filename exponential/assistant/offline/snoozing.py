"""Rules that cancel reminders and put them off. Cancelling is only ever read from plain words."""

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from exponential.assistant.offline import pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.repeating import MORNING, bare_hours
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.workspace.text import dates

WHEN = "When shall I remind you? For example: *tomorrow at 9*."


NO_NAME = "I can't change what a reminder says. Cancel it, and set a new one."


WHICH = "Which reminder do you mean? Say *list my reminders* to see them."


_CANCEL = (
    whole(
        r"(?:cancel|delete|remove|stop|drop|get\s+rid\s+of|turn\s+off|kill|clear|disable)\s+(?P<all>(?:all\s+"
        r")?(?:of\s+)?(?:my"
        r"|the)?\s*reminders|everything|all)"
    ),
    whole(
        r"(?:cancel|delete|remove|stop|drop|get\s+rid\s+of|turn\s+off|kill|clear|disable)\s+(?:(?:the|my|that)\s+"
        r")?reminders?\s+"
        r"(?:(?:about|for|to|of|that\s+says|called)\s+)*(?P<name>.+)"
    ),
    whole(
        r"(?:cancel|delete|remove|stop|drop|get\s+rid\s+of|turn\s+off|kill|clear|disable)\s+(?:(?:the|my)\s+"
        r")?(?P<name>.+?)\s+"
        r"reminder"
    ),
    whole(
        r"(?:stop|don['’]?t|do\s+not|no\s+longer)\s+remind(?:ing)?\s+me\s+(?:(?:to|about|of)\s+)?(?P<name>.+?)(?:\s+"
        r"(?:any\s?more|for\s+good|for\s+ever|altogether))*"
    ),
)


_NAMELESS = whole(r"(?:(?:the|my|a|an|old|new|next|scheduled)\s+)*(?:reminders?|alarms?|ones?|things?|items?)")
_CANCEL_LAST = whole(
    r"(?:cancel|delete|remove|stop|drop|turn\s+off|kill|scrap|get\s+rid\s+of)\s+(?P<name>it|that|this|that\s+one|this\s+one|both(?:\s+(?:of\s+them|reminders))?|(?:the\s+)?(?:first|second"
    r"|third|fourth|fifth|last|\d{1,2}(?:st|nd|rd|th)?)(?:\s+(?:one|reminder))?|(?:number|no\.?|nr\.?|#)\s*(?:\d+|one|two|three|four)|(?:that"
    r"|the)\s+reminder|reminder\s+\d+)(?:\s+(?:for\s+good|for\s+ever|forever|completely|altogether|permanently|entirely))?"
)


_SNOOZE = (
    whole(
        r"snooze(?:\s+(?P<name>it|that|this|(?:the\s+|my\s+)?(?!for\b|until\b|till\b|by\b|\d).+?(?:\s+"
        r"reminder)?))??(?:\s+(?:(?P<joint>for|until|till|by|to)\s+)?(?P<when>(?:an?\b|half\b|\d|(?:until|tomorrow|tonight"
        r"|later|this|next|noon)\b|mon|tue|wed|thu|fri|sat|sun).*))?"
    ),
    whole(
        r"(?P<moves>postpone|push|move|delay|reschedule|change|shift|update|(?:put|set)(?=\s+(?:the|my)\s+.+\s+reminder))\s+(?:back\s+)?"
        r"(?P<name>(?:the\s+|my\s+)(?:.+?\s+)?reminder)\s+(?:off\s+|back\s+|from\s+.+?\s+(?=to\b))?"
        r"(?P<joint>to|until|till|by|for)\s+(?P<when>.+)"
    ),
    whole(
        r"(?:postpone|push|move|delay|snooze|put\s+off)\s+(?P<name>(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+(?:one|reminder))?|(?:number\s+|#)\d)\s+"
        r"(?:back\s+)?(?P<joint>to|until|till|by|for)\s+(?P<when>.+)"
    ),
    whole(
        r"(?:put|push)\s+(?P<name>it|that|(?:the\s+)?(?:first|second|third|fourth|last)(?:\s+(?:one|reminder))?|(?:number\s+|#)\d)\s+(?:off|back)\s+"
        r"(?P<joint>to|until|till|by|for)\s+(?P<when>.+)"
    ),
    whole(r"remind\s+me\s+(?:about\s+(?P<name>it|that)\s+)?again(?:\s+(?P<joint>in|at|on)?\s*(?P<when>.+))?"),
)


_INSTEAD = whole(
    r"remind\s+me\s+(?:about\s+)?(?P<name>it\s+|that\s+)?(?:(?P<joint>in|at|on)\s+)?(?P<when>.+?)\s+instead"
)


_LATER = whole(
    r"remind\s+me\s+(?P<name>(?!))?(?P<when>later\s+today.*|tomorrow|tonight|(?:this|tomorrow)\s+(?:morning|evening|afternoon)|(?:on\s+)?(?:mon|tues|wednes"
    r"|thurs|fri|satur|sun)day|next\s+week|(?:in\s+)?.+\s+(?:minutes?|hours?)(?:\s+from\s+now)?|at\s+[\d:]+\s*(?:[ap]m)?)"
)


_RENAME = whole(r"(?:rename|retitle|reword)\s+(?:the\s+|my\s+)?(?:.+?\s+)?reminder\b.*")


_DURATION = whole(
    r"(?:for\s+|another\s+)?(?P<number>an?|half\s+an|one|two|three|\d{1,3})\s*(?P<unit>minutes?|mins?|m|hours?|hrs?"
    r"|h|days?|weeks?)"
)


_MINUTES = re.compile(r"(?:for\s+)?(\d{1,3})")
_FOR_GOOD = re.compile(
    r"[\s,]+(?:for\s+(?:good|ever)|forever|permanently|completely|entirely|altogether|once\s+and\s+for\s+all|from\s+now\s+on"
    r"|ever\s+again|again|at\s+all|any\s?more|now|please|pls)$",
    re.IGNORECASE,
)


def cancelled(heard: Heard) -> list[Step] | None:
    heard = replace(heard, text=pointing.without_reason(heard.text))
    for pattern in _CANCEL:
        match = pattern.fullmatch(heard.text)
        if match is None:
            continue
        name = match.groupdict().get("name")
        if name is None or pointing.is_all(name):
            return [Say(f"I cancel reminders one by one, to be sure. {WHICH}")]
        if _NAMELESS.fullmatch(name):
            return [Say(WHICH)]
        while _FOR_GOOD.search(f" {name}") and name:
            name = _FOR_GOOD.sub("", f" {name}").strip()
        if not name:
            name = "it"
        return _each("cancel_reminder", {}, name, heard)
    match = _CANCEL_LAST.fullmatch(_FOR_GOOD.sub("", heard.text))
    if match is None:
        return None
    if match["name"].lower().startswith("both"):
        if heard.listed_kind == "reminder" and len(heard.listed) == 2:
            return [Call("cancel_reminder", {"reminder": record["id"]}) for record in heard.listed]
        return None
    about = heard.last_kind if pointing.is_pronoun(match["name"]) else heard.listed_kind
    if about != "reminder" and "reminder" not in heard.text.lower():
        return None
    return _each("cancel_reminder", {}, match["name"], heard)


def snoozed(heard: Heard) -> list[Step] | None:
    if _RENAME.fullmatch(heard.text):
        return [Say(NO_NAME)]
    patterns = list(_SNOOZE)
    if heard.last_kind == "reminder" and heard.last:
        patterns += [_INSTEAD, _LATER] if has_come(heard.last, heard.now) else [_INSTEAD]
    for pattern in patterns:
        match = pattern.fullmatch(heard.text)
        if match is None:
            continue
        place = re.match(
            r"(?:the\s+)?(?:first|second|third|fourth|last)\b|(?:number\s+|#)\d", match["name"] or "", re.I
        )
        if place is not None and heard.listed_kind != "reminder" and "reminder" not in heard.text.lower():
            continue
        moves = "moves" in match.groupdict()
        until = _until(match["when"], heard.now, moves=moves) if match["when"] else None
        if match["when"] and until is None:
            return [Say(WHEN)]
        name = re.sub(r"^(?:the|my)\s+|\s+reminder$", "", match["name"] or "it", flags=re.IGNORECASE)
        name = "it" if _NAMELESS.fullmatch(name) else name
        return _each("snooze_reminder", {"until": until.isoformat()} if until else {}, name, heard)
    return None


def has_come(reminder: dict[str, Any], now: datetime) -> bool:
    """Whether its moment has passed: "remind me in 5 minutes" puts it off, and is a new request otherwise."""
    return bool(reminder.get("at")) and datetime.fromisoformat(reminder["at"]) <= now


def _until(words: str, now: datetime, *, moves: bool = False) -> datetime | date | time | None:
    """When it comes; of what `moves`, a day or an hour alone, which leaves the other as it was."""
    local = now.replace(tzinfo=None, second=0, microsecond=0)
    bare = _MINUTES.fullmatch(words.strip())
    if bare is not None and not moves and (int(bare[1]) % 5 == 0 or int(bare[1]) > 12):  # "snooze 15": no hour is meant
        return local + timedelta(minutes=int(bare[1]))
    span = _DURATION.fullmatch(words.strip())
    if span is not None:
        number = span["number"].lower()
        amount = (
            0.5
            if number.startswith("half")
            else float({"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}.get(number) or number)
        )
        unit = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[span["unit"][0].lower()]
        return local + timedelta(**{unit: amount})
    words = re.sub(r"^(?:until|till|to|at)\s+", "", words.strip(), flags=re.IGNORECASE)
    left, due = dates.extract(bare_hours(f"at {words}" if words[:1].isdigit() else words), now)
    if due is None or left.strip(" .,at"):
        return None
    if isinstance(due, datetime):
        return due.time() if moves and not dates.names_day(words, now) else due
    return due if moves else datetime.combine(due, MORNING)


def _each(tool: str, args: dict[str, Any], name: str, heard: Heard) -> list[Step]:
    name = re.sub(r"^reminder\s+(?=\d)", "", name, flags=re.IGNORECASE)
    try:
        found = pointing.targets(name, heard, "reminder", WHICH, several=False)
    except pointing.Unclear as unclear:
        return [Say(str(unclear))]
    return [Call(tool, {"reminder": target, **args}) for target in found]
