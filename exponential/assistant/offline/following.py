"""Rules for what is said after a record was made or changed: "no, Tuesday", "make that 4pm", "a day later please"."""

import re
from datetime import datetime, time, timedelta
from typing import Any

from exponential.assistant.offline import details
from exponential.assistant.offline.combining import combined
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.retitling import retitled
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.workspace.text import dates, days

_Args = dict[str, Any]


_IT = (
    r"(?:it|that|this|them|that\s+one|this\s+one|the\s+(?:task|reminder|date|time|deadline|due\s+date"
    r"|review(?:\s+date)?))"
)
_LEADS = re.compile(
    r"^(?:(?:no+|nope|nah|actually|sorry|wait|hm+|oh|oops|ah|ok(?:ay)?|again|rather|better|instead|and|but|also|well|pls|please"
    r"|on\s+second\s+thoughts?|same(?:\s+(?:thing|day|date|time|hour))?,?\s+but|earlier|later|my\s+mistake|correction|(?:i\s+)?meant|i\s+mean|(?:not|instead\s+of)\s+(?!urgent|important|that\b|so\b)[\w\s:]{1,20}(?=,)|let['’]?s\s+(?:say|do|make)"
    r"|[\w:]+(?:\s[\w:]+){0,3}\s(?:doesn['’]?t|does\s+not|won['’]?t|isn['’]?t)\s+(?:work|suit|do|possible)(?:\s+me|\s+for\s+me)?(?=[,.;])"
    r"|(?:can|could)\s+(?:we|you)\s+(?:say|do|make)|(?:can|could|may)\s+(?:it|this|that)\s+be(?:\s+done)?(?:\s+(?:for|on|at))?|say|i(?:['’]d|\s+would)\s+(?:prefer|rather)|do)\b[\s,:.!…–-]*)+",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    rf"^(?:(?:it|that|this)\s+(?:should|must|needs\s+to|has\s+to)\s+be\s+(?:on\s+|at\s+|for\s+|due\s+)?|give\s+me\s+(?:another\s+)?|(?:(?:can|could|would|will)\s+(?:you|we)\s+)?(?:just\s+)?(?:make|leave|keep|change|move|push|set|put|shift|reschedule|do|have"
    rf"|schedule|postpone|delay|bump|bring|pull|defer|update|switch|snooze|give|extend)\s+(?P<it>{_IT})?\s*(?:back|forward|out|up|off)?\s*"
    r"(?:to|until|till|for|at|by|on|due)?\s+)",
    re.IGNORECASE,
)
_TAILS = re.compile(
    r"(?:[\s,]+(?:instead|please|pls|rather|then|thanks|better|not\s+[\w\s:]{1,20}"
    r"|(?:is|would\s+be|['’]s|will\s+be)\s+(?:much\s+|even\s+|also\s+)?(?:better|fine|best|ok(?:ay)?|good|easier|great|perfect|enough)"
    r"|(?:works?|suits?|fits?)(?:\s+(?:me|for\s+me))?(?:\s+(?:better|best|fine))?|will\s+do"
    r"|if\s+possible|actually))+[\s.!?]*$",
    re.IGNORECASE,
)
_SHIFT = whole(
    r"(?:by\s+)?(?P<number>\d{1,3}|an?|one|two|three|four|five|six|seven|ten|half\s+an|a\s+couple\s+of|a\s+few)\s*"
    r"(?:more\s+)?(?P<unit>minute|min|hour|hr|day|week)s?\s*(?P<way>later|earlier|sooner|more)?"
)
_NO_DATE = whole(
    r"(?:(?:with(?:out)?|has|needs|set|put|give\s+it|make\s+it|it\s+(?:has|needs))\s+)?(?:no|any|without(?:\s+a)?)\s+(?:due\s+)?(?:date|deadline)(?:\s+(?:needed"
    r"|for\s+(?:it|that)))?|(?:remove|drop|clear|take|get\s+rid\s+of)\s+(?:the|its|that)\s+"
    r"(?:due\s+)?(?:date|deadline)(?:\s+(?:off|away|out))?(?:\s+(?:it|again))*|(?:it\s+)?(?:doesn['’]?t|does\s+not)\s+need\s+a\s+"
    r"(?:due\s+)?(?:date|deadline)"
)
_LEVEL = whole(
    r"(?:(?:as|to|a|an|with|very|really|priority|prio|is|it['’]?s|it\s+is|that['’]?s)\s+)*"
    r"(?P<level>low|normal|medium|high|top|urgent|important|critical)(?:[\s-]*prio(?:rity)?)?"
)
_TIME_LEFT = re.compile(r"\b(?:same\s+time|same\s+hour)\b", re.IGNORECASE)
CIRCUMSTANCE = re.compile(  # "tomorrow after work is fine, say 5.30pm"
    r"(?:\s*\b(?:(?:right\s+)?(?:after|before)\s+(?:work|school|class|lunch|dinner|breakfast|practice|training)"
    r"|(?:is|would\s+be)\s+(?:fine|good|ok(?:ay)?|better|best)|works(?:\s+for\s+me)?)\b[\s,]*)+(?:(?:so|let['’]?s)\s+)?(?:say|around|about|maybe|at)?"
    r"(?=\s*(?:at\s+)?\d)",
    re.IGNORECASE,
)
_LATER = re.compile(r"\b(?:give|push|delay|postpone|bump|extend|defer)\b", re.IGNORECASE)
_PARTS = {"morning": time(9), "noon": time(12), "midday": time(12), "lunchtime": time(12), "afternoon": time(15),
          "evening": time(19), "night": time(20)}  # fmt: skip
_PART = whole(rf"(?:in\s+the\s+|the\s+|at\s+)?(?P<part>{'|'.join(_PARTS)})")
_ASKING = re.compile(
    r"^(?:(?:what|which|who|how|when|where|why|is|are|do|does|did|show|list|any)\b|(?:today|tomorrow|this\s+week"
    r"|next\s+week|week|month)\W*$)", re.IGNORECASE
)  # fmt: skip


def following(heard: Heard) -> list[Step] | None:
    """A new day, time or priority for what was spoken of last, said without naming it."""
    if heard.last is None or heard.last_kind not in ("task", "reminder", "project") or not heard.last.get("id"):
        return None
    text = _TAILS.sub("", CIRCUMSTANCE.sub(" ", heard.text.strip(" .!?")))
    if heard.last_kind == "task" and _NO_DATE.fullmatch(text):
        return [Call("update_task", {"task": heard.last["id"], "due": "none"})]
    lead = _LEADS.match(text)
    rest = text[lead.end() :] if lead is not None else text
    change = _CHANGE.match(f"{rest} ")
    if change is not None and (change["it"] or lead is None or heard.last_kind == "reminder"):
        rest = rest[change.end() :]
    else:
        change = None
    rest = rest.strip(" .,!?")
    sure = lead is not None or change is not None or rest != heard.text.strip(" .!?")
    if not rest or (_ASKING.match(rest) and not sure):
        return None
    if heard.last_kind == "reminder":
        until = _moment(rest, heard, heard.last.get("at"))
        return [Call("snooze_reminder", {"reminder": heard.last["id"], "until": until})] if until else None
    if heard.last_kind == "project":
        until = _moment(rest, heard, None) if sure else None
        return [Call("update_project", {"project": heard.last["id"], "review_on": until[:10]})] if until else None
    later = change is not None and _LATER.search(change[0]) is not None
    args = _of_task(f"{rest} later" if later and _SHIFT.fullmatch(rest) else rest, heard) or retitled(heard.text, heard)
    return [Call("update_task", {"task": heard.last["id"], **args})] if args else None


_SAME_DAY = re.compile(r"\b(?:on\s+|for\s+)?(?:the\s+)?same\s+day\b(?:\s+(?:too|as\s+well))?", re.IGNORECASE)


def on_same_day(text: str, heard: Heard) -> str:
    """ "… same day" with the day of the task spoken of last; `text` itself where that has none."""
    due = (heard.last or {}).get("due") if heard.last_kind == "task" else None
    return _SAME_DAY.sub(f"on {due[:10]}", text) if due and re.match(r"\d{4}-", due) else text


def put_off(words: str, heard: Heard) -> str | None:
    """The moment until which the reminder spoken of last is put off."""
    return _moment(words, heard, (heard.last or {}).get("at"))


def _of_task(rest: str, heard: Heard) -> _Args | None:
    last = heard.last or {}
    level = _LEVEL.fullmatch(rest)
    if level is not None:
        word = level["level"].lower()
        return {"priority": details.LEVELS.get(word, word)}
    if _NO_DATE.fullmatch(rest):
        return {"due": "none"}
    shift = _SHIFT.fullmatch(rest)
    if (
        shift is not None
        and shift["way"]
        and shift["unit"].lower() in ("day", "week")
        and not shift["way"].lower().startswith(("earl", "soon"))
    ):
        return {"delay_days": _amount(shift) * (7 if shift["unit"].lower() == "week" else 1)}
    due = _moment(rest, heard, last.get("due"), day_stays=True)
    return {"due": due} if due else combined(rest, heard.now, moving=True)


def _amount(shift: re.Match[str]) -> int:
    word = " ".join(shift["number"].lower().split())
    return days.NUMBERS.get(word) or int(word)


def _moment(words: str, heard: Heard, base: str | None, *, day_stays: bool = False) -> str | None:
    """The ISO day or time the words mean. `base` is what holds now: "make it 4pm" keeps its day.

    `day_stays`: a day alone is given as a day (its hour is kept by the tool); else with the hour of `base`, or 9:00.
    """
    local = heard.now.replace(tzinfo=None, second=0, microsecond=0)
    held = datetime.fromisoformat(base).replace(tzinfo=None) if base and "T" in base else None
    shift = _SHIFT.fullmatch(words)
    if shift is not None:
        way = (shift["way"] or "").lower()
        if shift["number"].lower().startswith("half"):
            span = timedelta(minutes=30)
        else:
            unit = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[shift["unit"][0].lower()]
            span = timedelta(**{unit: _amount(shift)})
        if way.startswith(("earl", "soon")):
            return (held - span).isoformat() if held else None
        if day_stays:
            return (held + span).isoformat() if held else None
        return (local + span).isoformat()
    part = _PART.fullmatch(words)
    if part is not None and base:
        day = datetime.fromisoformat(base).date()
        return datetime.combine(day, _PARTS[part["part"].lower()]).isoformat() if day >= local.date() else None
    words = re.sub(r"^(?:(?:back|forward|out|until|till|to|due|for)\s+)+", "", words, flags=re.IGNORECASE)
    words = re.sub(r"^later\s+(?=today|tonight)|^(?:later\s+today\s*,?\s+)(?=\S)", "", words, flags=re.IGNORECASE)
    return moment(_TIME_LEFT.sub("", words).strip(" ,"), heard, held, day_stays=day_stays)


def moment(words: str, heard: Heard, held: datetime | None, *, day_stays: bool) -> str | None:
    """As `_moment`, of words that name a day or an hour and nothing else."""
    bare = re.fullmatch(r"(?:at\s+)?(\d{1,2})(?:\s*o['’]?clock)?", words)
    if bare is not None:
        words = f"at {words.removeprefix('at ')}"
    is_number = re.match(r"the\s+\d{1,2}(?:st|nd|rd|th)\b", words, re.IGNORECASE)
    with_on = words if dates.extract(words, heard.now)[1] and not is_number else f"on {words}"
    left, due = dates.extract(with_on, heard.now)
    if due is None or left.strip(" .,!?").lower() not in ("", "on", "it", "at", "this", "that"):
        return None
    local = heard.now.replace(tzinfo=None)
    if isinstance(due, datetime):
        if held is not None and not dates.names_day(with_on, heard.now) and held.date() >= local.date():
            kept = datetime.combine(held.date(), due.time())
            return (kept if kept > local or day_stays else due).isoformat()
        return due.isoformat()
    if day_stays:
        return due.isoformat()
    hour = held.time() if held is not None and held > local else dates.MORNING
    return datetime.combine(due, hour).isoformat()
