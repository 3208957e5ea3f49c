"""Rules for reminders: set, list, cancel, snooze."""

import re
from dataclasses import replace
from typing import Any

from exponential.assistant.offline import choosing, pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.repeating import bare_hours, first_moment, repetition
from exponential.assistant.offline.snoozing import WHEN as WHEN
from exponential.assistant.offline.snoozing import cancelled, snoozed
from exponential.assistant.offline.steps import Call, Heard, Say, Step, distinct
from exponential.workspace import dates

WHAT = "What shall I remind you of, and when? For example: *Remind me tomorrow at 9 to call mom*."


TOO_OFTEN = (
    "I can repeat daily, on weekdays, weekly, monthly or yearly, but not several times a day or on the nth weekday "
    "of a month."
)


_REMIND = whole(
    r"(?P<before>.*?)\b(?:(?:please\s+)?(?:remind|ping|nudge|alert|wake|notify|buzz|poke|remember)\s+me(?:\s+up\b)?|remind(?=\s+to\b)|(?:(?:give|send|drop|get)\s+me|(?:like|love|want|need|appreciate))\s+an?\s+"
    r"(?:little\s+|quick\s+|friendly\s+)?(?:nudge|ping|shout|buzz|poke|heads[\s-]?up|reminder|alert)|(?:(?:set|add|create|make|need|want|schedule|put\s+in|get)\s+"
    r"(?:me\s+)?(?:up\s+)?)?(?:an?\s+|the\s+)?(?:new\s+|recurring\s+|repeating\s+|regular\s+|little\s+|quick\s+)?(?P<often>(?:daily|weekly|monthly|yearly)\s+"
    r")?reminder"
    r"|(?:set|add|create)\s+(?:an?\s+)?(?P<alarm>alarm))\b(?P<rest>.*)"
)


_LEAD = whole(
    r"^[\s:,–-]*(?:for\s+(?:me|myself)\b\s*)?(?:so\s+(?:that\s+)?i\s+(?:don['’]?t|won['’]?t)\s+forget\s+)?(?:(?:to|2|that|about|of|for|when)\b\s*(?:i\s+(?:need|have|must|should)\s+(?:to\s+)?)?)?"
)


_TWO_DAYS = re.compile(
    r"(?:every|each)\s+((?:mon|tues|wednes|thurs|fri|satur|sun)day)s?\s*(?:,|and|&)\s*((?:mon|tues|wednes|thurs|fri"
    r"|satur|sun)day)s?"
    r"|\b(?:on\s+)?((?:mon|tues|wednes|thurs|fri|satur|sun)days)\s*(?:,|and|&)\s*((?:mon|tues|wednes|thurs|fri|satur|sun)days)\b",
    re.IGNORECASE,
)


_AND_AT = whole(
    r"(?P<first>.*\bremind\s+me\b.+?\bto\s+.+?)\s*(?:,|;|\band)\s+(?P<second>(?:at|tomorrow|on|in|next|tonight)\b.+?\s+to\s+.+)"
)


_NOT_REMIND = re.compile(  # "remember me" alone asks for something else
    r"\bremember\s+me\b(?!\s+(?:to|of|about|on|at|in|tomorrow|today|every|next)\b)", re.IGNORECASE
)
_ASKS_WHAT = re.compile(r"\s*(?:what|who|where|why|how|which)\b", re.IGNORECASE)  # "remind me what we decided"
_ONLY_POLITE = re.compile(
    r"(?:so|and|please|also|then|pls|at|on|this|in|the|morning|afternoon|evening|i|we|need|want|you|to|a|an|would|['’]d"
    r"|like|,|\s)*",
    re.IGNORECASE,
)
_EITHER_DAY = re.compile(
    r"(?<!every\s)(?<!each\s)\b(?:on\s+)?((?:mon|tues|wednes|thurs|fri|satur|sun)day)\s*(?:and|&)\s*(?:on\s+)?((?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)


_TWO_HOURS = re.compile(
    r"\bat\s+(?P<one>\d{1,2}(?::\d\d)?\s*(?:[ap]m)?)\s*(?:,|and|&)\s*(?:at\s+)?(?P<two>\d{1,2}(?::\d\d)?\s*(?:[ap]m)?)(?![\w:])",
    re.IGNORECASE,
)


_FIRST_OF = re.compile(r"\bfirst\s+(?:day\s+)?of\s+(?:every|each|the)\s+month\b", re.IGNORECASE)


_LIST = whole(
    r"(?:.*\b)?(?:reminders?\s+list|list\s+of\s+(?:my\s+)?reminders|things\s+to\s+remember)\b.*|(?:(?:list|show|see|view|give\s+me|what|what['’]?s|which|do\s+i\s+have|are\s+there|any|all|my|get|display|check|read"
    r"|upcoming)\b.*)?\breminders\b.*|(?:when|what)(?:['’]?s|\s+is|\s+are)\s+(?:my\s+|the\s+)?(?:next|upcoming)\s+reminders?\b.*"
    r"|(?:do\s+i\s+have|have\s+i\s+got|is\s+there|did\s+i\s+set)\s+(?:a|any|the|my)\s+.*\breminders?\b.*"
    r"|what\s+(?:have\s+you\s+got|do\s+you\s+have|will\s+you|are\s+you\s+going)\s+(?:to\s+)?remind\s+me\b.*"
    r"|what\s+(?:did\s+i\s+(?:ask|tell)\s+you|(?:were|are|things\s+are)\s+you\s+supposed)\s+to\s+remind\s+me\b.*"
)


_HAVE_AND_REMIND = whole(
    r"(?:i(?:['’]ve|\s+have)(?:\s+got)?|there(?:['’]s|\s+is))\s+(?:a\s+|an\s+|my\s+|the\s+)?(?P<what>.+?)[\s,;.–-]+(?:so\s+|and\s+)?(?:can\s+you\s+|could\s+you\s+|please\s+|pls\s+)*"
    r"remind\s+me(?:\s+(?:about\s+it|of\s+it|of\s+that|about\s+that|then|please))*"
)


_LEADS_TO_WHAT = re.compile(r"(?:to|of|about|that)\s", re.IGNORECASE)


_ALARM = re.compile(r"\balarm(?P<s>s?)(?:\s+clocks?)?\b(?!\s+me\b)", re.IGNORECASE)


SPLITS = 3  # "and"s between days or hours of one request, which make two requests of it each
_SET_ALARM = whole(
    r"(?:set|add|create|make(?:\s+me)?)\s+(?:up\s+)?(?:an?|my|the)?\s*(?:new\s+|wake[\s-]?up\s+)?alarm(?:\s+clock)?\b(?P<rest>.*)|alarm\s+(?P<rest2>(?:for\s+|at\s+)?\d.*)"
)


def reminder(heard: Heard) -> list[Step] | None:
    alarm = _SET_ALARM.fullmatch(heard.text)
    if alarm is not None:
        rest = re.sub(r"^\s*to\s+(?=\d)", " for ", alarm["rest"] or alarm["rest2"] or "")
        heard = replace(heard, text=f"set an alarm {rest.strip()}")
    elif _ALARM.search(heard.text):
        named = cancelled(replace(heard, text=_as_reminder(heard.text)))
        if named is not None or re.match(
            r"(?:what|which|when|list|show|tell|do|is|are|any|check|see|display|my)\b", heard.text, re.I
        ):
            return named or [Call("list_reminders", {})]
    had = _HAVE_AND_REMIND.fullmatch(heard.text)
    if had is not None:
        heard = replace(heard, text=f"remind me about {had['what']}")
    for read in (cancelled, snoozed, _listed, _set):
        steps = read(heard)
        if steps is not None:
            return steps
    return None


def _as_reminder(text: str) -> str:
    """ "delete my morning alarm" → "delete my morning reminder"."""
    alarm = list(_ALARM.finditer(text))[-1]
    return f"{text[: alarm.start()]}reminder{alarm['s']}{text[alarm.end() :]}"


def answered(heard: Heard) -> list[Step] | None:
    """ "tomorrow at 9", said after WHEN or WHAT; "to call mom tomorrow", said after WHAT."""
    if heard.asked is None:
        return None
    left, due = dates.extract(heard.text, heard.now)
    is_time = due is not None and not left.strip(" .!,")
    is_what = _LEADS_TO_WHAT.match(heard.text) and _set(Heard(heard.asked, heard.now)) == [Say(WHAT)]
    if not is_time and not is_what:
        return None
    return _set(Heard(f"{heard.asked} {heard.text}", heard.now))


def begins(text: str) -> bool:
    """Whether a text is the beginning of a request, and no answer to a question about one."""
    return _REMIND.fullmatch(text) is not None


def _set(heard: Heard, splits: int = SPLITS) -> list[Step] | None:
    match = _REMIND.fullmatch(heard.text)
    if match is None or _NOT_REMIND.search(heard.text) or _ASKS_WHAT.match(match["rest"]):
        return None
    ways = _ways(heard.text) if splits else []
    found = [_set(replace(heard, text=way), splits - 1) for way in ways]
    if ways and all(found):
        return distinct([step for steps in found for step in steps or ()])
    rest = _FIRST_OF.sub("1st of every month", match["rest"])
    words, repeat, every, at = repetition(f"{match['before']} | {rest}", heard.now)
    if repeat is None and match["often"]:  # "a weekly reminder", where no day says more
        words, repeat, every, at = repetition(f"{match['before']} | {match['often']}{rest}", heard.now)
    before, _, rest = words.partition("|")
    before, first = dates.extract(bare_hours(before.strip(" ,")), heard.now) if before.strip(" ,") else ("", None)
    if before.strip(" ,") and not _ONLY_POLITE.fullmatch(before):
        return None
    if repeat == "hourly":
        return [Say(TOO_OFTEN)]
    rest, due = dates.extract(bare_hours(rest.strip()), heard.now)
    text = _what(rest) or ("alarm" if match["alarm"] else "wake up" if "wake" in match[0].lower() else "")
    if pointing.is_pronoun(text) and heard.last is not None:
        text = choosing.words_of(heard.last) or text
    if pointing.is_place(text) and heard.listed:
        ids = choosing.each_of(text, heard, heard.listed_kind)
        text = next((choosing.words_of(one) for one in heard.listed if ids and one["id"] == ids[0]), text)
    if not text:
        return [Say(WHAT)]
    moment = first_moment(due or first, repeat, at, heard.now)
    if moment is None:
        return [Say(WHEN)]
    args: dict[str, Any] = {"text": text, "at": moment.isoformat()}
    return [Call("remind", args | ({"repeat": repeat} if repeat else {}) | ({"every": every} if every > 1 else {}))]


def _what(rest: str) -> str:
    """What is to be reminded of, without the words that lead to it."""
    text = _LEAD.sub("", rest).strip(" .,;:–-")
    text = re.sub(r"\s+(?:at|on|by)$", "", re.sub(r"^(?:the|my)\s+(?=\w+$)", "", text, flags=re.IGNORECASE))
    about = re.match(r"(?:on|for|at)\s+.+?,?\s+to\s+(?=\w+\s)", text, re.IGNORECASE)
    return text[about.end() :] if about is not None else text


def _ways(text: str) -> list[str]:
    """One request for each of two days or hours in one: "every Monday and Thursday", "at 8am and 8pm"."""
    again = _AND_AT.fullmatch(text)
    if again is not None:
        return [again["first"], f"remind me {again['second']}"]
    either = _EITHER_DAY.search(text)
    if either is not None:
        return [f"{text[: either.start()]}on {day}{text[either.end() :]}" for day in either.groups()]
    both = _TWO_DAYS.search(text)
    if both is not None:
        days = [day.removesuffix("s") for day in both.groups() if day]
        return [f"{text[: both.start()]}every {day}{text[both.end() :]}" for day in days]
    twice = _TWO_HOURS.search(text)
    if twice is not None:
        return [f"{text[: twice.start()]}at {twice[key]}{text[twice.end() :]}" for key in ("one", "two")]
    return []


def _listed(heard: Heard) -> list[Step] | None:
    return [Call("list_reminders", {})] if _LIST.fullmatch(heard.text) else None
