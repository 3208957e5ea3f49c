"""Rules for reminders: set, list, cancel, snooze."""

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from exponential.assistant.offline import choosing, lead_times, pointing, schedules, unread_times
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.repeating import bare_hours, first_moment, repetition
from exponential.assistant.offline.snoozing import WHEN as WHEN
from exponential.assistant.offline.snoozing import cancelled, snoozed
from exponential.assistant.offline.steps import Call, Heard, Say, Step, distinct
from exponential.workspace.text import dates

WHAT = "What shall I remind you of, and when? For example: *Remind me tomorrow at 9 to call mom*."


WHICH_TIMES = (
    "I can't tell which days and hours you mean. Name them like this: *Remind me on Monday and Friday at 8:00 and "
    "20:00 to stretch*."
)
NO_END = (
    "I can repeat a reminder, but not end it on a set day. Name each day (*Remind me on Monday and Tuesday at 9 to "
    "stretch*), or leave the end out and cancel the reminder when it is over."
)
ONCE_OR_DAILY = (
    "Shall I remind you once, or each day until then? For once, say *by Friday*; else name each day: *Remind me on "
    "Monday and Tuesday at 9 to stretch*."
)
TOO_MANY = f"I can set {schedules.MAX_TIMES} reminders at a time. Name fewer days or hours."
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


_AND_AT = whole(
    r"(?P<first>.*\bremind\s+me\b.+?\bto\s+.+?)\s*(?:,|;|\band)\s+(?P<second>(?:(?:at|tomorrow|on|in|next|tonight|every|each)\b|(?:mon|tues|wednes|thurs|fri|satur|sun)day(?:s\b|(?=\s+(?:at|to)\b))).+?\s+to\s+.+)"
)


_NOT_REMIND = re.compile(  # "remember me" alone asks for something else
    r"\bremember\s+me\b(?!\s+(?:to|of|about|on|at|in|tomorrow|today|every|next)\b)", re.IGNORECASE
)
_ASKS_WHAT = re.compile(r"\s*(?:what|who|where|why|how|which)\b", re.IGNORECASE)  # "remind me what we decided"
_POLITE_WORDS = r"(?:(?:so|and|please|also|then|pls|i|we|need|want|would|like|to|you)\b|['’]d\b|[\s,])*"
_POLITE = re.compile(rf"^{_POLITE_WORDS}|\b{_POLITE_WORDS}$", re.IGNORECASE)
_ONLY_POLITE = re.compile(
    r"(?:so|and|please|also|then|pls|at|on|this|in|the|morning|afternoon|evening|i|we|need|want|you|to|a|an|would|['’]d"
    r"|like|,|\s)*",
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


_SET_ALARM = whole(
    r"(?:set|add|create|make(?:\s+me)?)\s+(?:up\s+)?(?:an?|my|the|some|two|three|four|\d)?\s*(?:new\s+|wake[\s-]?up\s+)?(?P<what>alarm|reminder(?=s))(?:s|\s+clock)?\b(?P<rest>.*)|alarm\s+(?P<rest2>(?:for\s+|at\s+)?\d.*)"
)
_FOR_HOUR = re.compile(
    r"(?:(?<=\balarm\s)|(?<=\breminder\s))for\s+(?=\d{1,2}(?::\d\d)?(?:\s*$|\s*[,&]|\s+(?:and|to|on|in|today|tonight|tomorrow|every|each)\b))",
    re.IGNORECASE,
)
_TITLE = re.compile(r"\s(?:to|that|about)\s", re.IGNORECASE)
_CLOCK = re.compile(r"\d:\d\d|\d\s*[ap]\.?m\b|\bat\s", re.IGNORECASE)
_WAKES = re.compile(r"\balarm\b|\bwake\s+me\b", re.IGNORECASE)


def reminder(heard: Heard) -> list[Step] | None:
    alarm = _SET_ALARM.fullmatch(heard.text)
    if alarm is not None:
        rest = re.sub(r"^\s*to\s+(?=\d)", " for ", alarm["rest"] or alarm["rest2"] or "")
        heard = replace(heard, text=f"set a {alarm['what'] or 'alarm'} {rest.strip()}")
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
    is_time = (due is not None and not left.strip(" .!,")) or schedules.is_list(heard.text)
    is_what = _LEADS_TO_WHAT.match(heard.text) and _set(Heard(heard.asked, heard.now)) == [Say(WHAT)]
    if not is_time and not is_what:
        return None
    return _set(Heard(f"{heard.asked} {heard.text}", heard.now))


def begins(text: str) -> bool:
    """Whether a text is the beginning of a request, and no answer to a question about one."""
    return _REMIND.fullmatch(text) is not None


def _set(heard: Heard) -> list[Step] | None:
    steps = _set_each(heard)
    return steps if steps is None or len(steps) <= schedules.MAX_TIMES else [Say(TOO_MANY)]


def _set_each(heard: Heard) -> list[Step] | None:
    """For each of the days and hours; when not all of them are understood, none is set, and it asks."""
    match = _REMIND.fullmatch(heard.text)
    if match is None:
        return None
    wakes = _WAKES.search(heard.text) is not None
    if schedules.is_unclear(heard.text):
        return [Say(WHICH_TIMES)]
    moved = lead_times.moved(match["rest"], heard.now, wakes=wakes)
    if moved is not None:
        return _set_once(replace(heard, text=f"{heard.text[: match.start('rest')]} {moved}"))
    again = _AND_AT.fullmatch(heard.text)
    if again is not None:
        both = [_set_each(replace(heard, text=text)) for text in (again["first"], f"remind me {again['second']}")]
        if all(both):
            return distinct([step for steps in both for step in steps or ()])
    if _front(match["rest"], heard.now) is not None:
        return _set_once(heard)
    texts = schedules.expanded(_FOR_HOUR.sub("at ", heard.text), wakes=wakes)
    found = [_set_once(replace(heard, text=text)) for text in texts]
    if not all(found):
        return None
    steps = distinct([step for one in found for step in one or ()])
    if asked := next((step for step in steps if isinstance(step, Say)), None):
        return [asked]
    return steps if len(steps) == len(texts) else [Say(WHICH_TIMES)]


def _set_once(heard: Heard) -> list[Step] | None:
    match = _REMIND.fullmatch(heard.text)
    if match is None or _NOT_REMIND.search(heard.text) or _ASKS_WHAT.match(match["rest"]):
        return None
    rest = _FIRST_OF.sub("1st of every month", match["rest"])
    words, repeat, every, at = repetition(f"{match['before']} | {rest}", heard.now)
    if repeat is None and match["often"]:  # "a weekly reminder", where no day says more
        words, repeat, every, at = repetition(f"{match['before']} | {match['often']}{rest}", heard.now)
    before, _, rest = words.partition("|")
    left, first = dates.extract(bare_hours(before.strip(" ,")), heard.now)
    if left.strip(" ,") and not _ONLY_POLITE.fullmatch(left):
        return [Say(WHICH_TIMES)] if unread_times.is_left_in(left) else None
    if repeat == "hourly":
        return [Say(TOO_OFTEN)]
    lead = f"{_POLITE.sub('', before).strip(' ,')} " if first is not None else ""  # "on Friday remind me at 9"
    said = bare_hours(f"{lead}{rest.strip()}", wakes=_WAKES.search(heard.text) is not None)
    rest, due = _taken(said, heard.now, repeats=repeat is not None, has_day=isinstance(at, datetime))
    text = _meant(_what(rest), heard) or (
        "alarm" if match["alarm"] else "wake up" if "wake" in match[0].lower() else ""
    )
    if not text:
        return [Say(WHAT)]
    if (
        isinstance(at, datetime) and due is not None and _is_read(said, rest, heard.now)
    ):  # "on Fridays from 11 December"
        if due.weekday() != at.weekday():
            return [Say(WHICH_TIMES)]
        at = datetime.combine(due, at.time())
    moment = first_moment(due, repeat, at, heard.now)
    if moment is None:
        return [Say(WHEN)]
    if unread_times.ends(heard.text, repeats=repeat is not None) or unread_times.took_end(said, rest):
        return [Say(NO_END if repeat else ONCE_OR_DAILY)]
    if unread_times.is_left_in(rest):
        return [Say(WHICH_TIMES)]
    args: dict[str, Any] = {"text": text, "at": moment.isoformat()}
    return [Call("remind", args | ({"repeat": repeat} if repeat else {}) | ({"every": every} if every > 1 else {}))]


def _meant(text: str, heard: Heard) -> str:
    """The words of the record that "it" or "the second one" stands for; others as they are."""
    if pointing.is_pronoun(text) and heard.last is not None:
        text = choosing.words_of(heard.last) or text
    if pointing.is_place(text) and heard.listed:
        ids = choosing.each_of(text, heard, heard.listed_kind)
        text = next((choosing.words_of(one) for one in heard.listed if ids and one["id"] == ids[0]), text)
    return text


def _is_read(said: str, left: str, now: datetime) -> bool:
    """Whether a day that was said is not left."""
    return dates.names_day(said, now) and not dates.names_day(left, now)


def _taken(words: str, now: datetime, *, repeats: bool, has_day: bool) -> tuple[str, date | datetime | None]:
    """As dates.extract, but for days and hours in the title that are none of the reminder's."""
    if has_day and not _CLOCK.search(words) and _LEADS_TO_WHAT.match(words):
        return words, None  # "every Sunday to plan the next week"
    front = _front(words, now, repeats=repeats)
    return (words[front[0] :].strip(), front[1]) if front is not None else dates.extract(words, now)


def _front(words: str, now: datetime, *, repeats: bool = False) -> tuple[int, date | datetime] | None:
    """Where the title begins, and when it is due, if that stands in front of it: "tomorrow at 9 to book a table for
    Friday"."""
    found = _TITLE.search(words)
    if found is None or unread_times.is_left_in(words[found.end() :]):  # "from Monday to Friday"
        return None
    front, title = words[: found.start()], words[found.start() :]
    left, due = dates.extract(front, now)
    titles = schedules.expanded(title)
    has_day = repeats or dates.names_day(front, now) or not any(dates.names_day(one, now) for one in titles)
    has_hour = _CLOCK.search(front) or not any(isinstance(dates.extract(one, now)[1], datetime) for one in titles)
    return (found.start(), due) if due is not None and not left.strip(" ,") and has_day and has_hour else None


def _what(rest: str) -> str:
    """What is to be reminded of, without the words that lead to it."""
    text = _LEAD.sub("", rest).strip(" .,;:–-")
    text = re.sub(r"\s+(?:at|on|by|and)$", "", re.sub(r"^(?:the|my)\s+(?=\w+$)", "", text, flags=re.IGNORECASE))
    about = re.match(r"(?:on|for|at)\s+.+?,?\s+to\s+(?=\w+\s)", text, re.IGNORECASE)
    return text[about.end() :] if about is not None else text


def _listed(heard: Heard) -> list[Step] | None:
    return [Call("list_reminders", {})] if _LIST.fullmatch(heard.text) else None
