"""Rules for tasks: create, list and complete them."""

import re
from datetime import date, datetime
from typing import Any

from exponential.assistant.offline import dates
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.words import past_to_imperative, split_requests, without_article

NO_REMINDERS = "I can't send reminders yet, so I won't write to you at that time: it is on your list as a task."
WHAT = "What shall I add? For example: *Add a task: buy milk tomorrow*."
WHICH = "Which task is done? Name it, or part of its title."
RANGES = "I can list what is due today, tomorrow, in the next seven days, on one date, or overdue; not that."

_TASK = r"(?:to[\s-]?do(?:\s+item|\s+list)?|tasks?(?:\s+list)?|items?|things?\s+to\s+do|list|list\s+of\s+tasks)"
_ADD = r"(?:add|create|make|put|note(?:\s+down)?|write(?:\s+down)?|jot\s+down|record|save|enter|log|new|set\s+up)"
_LEAD = (
    r"(?:\s*[:–—-]\s*|\s+(?:called|named|titled|saying|that\s+says|which\s+says|to|for|about)\s+"
    r"|\s*\n\s*|\s+(?=[“\"'‘]))"
)
_ADD_TASK = re.compile(
    rf"(?P<verb>{_ADD}\s+)?(?:(?:me|a|an|the|another|new|these|some|following|two|three|four|my|one|more)\s+)*"
    rf"(?P<noun>to[\s-]?dos?|tasks?|to[\s-]?do\s+items?|items?)(?P<lead>{_LEAD})(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_ADD_TASK_LOOSE = re.compile(
    rf"{_ADD}\s+(?:(?:me|a|an|the|another|new)\s+)*(?:to[\s-]?do|task|item)s?\s+(?P<rest>.+)", re.IGNORECASE | re.DOTALL
)
_ADD_TO_LIST = re.compile(
    rf"(?:{_ADD})\s+(?P<what>.+?)\s+(?:to|on|onto|in|into|as)\s+(?:(?:my|the|our|a|an|new)\s+)*"
    rf"(?:to[\s-]?dos?(?:\s+list)?|tasks?(?:\s+list)?|list)(?P<after>\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_ADD_ANYTHING = re.compile(
    r"(?:add|note(?:\s+down)?|jot\s+down|put\s+down)[\s:]+(?P<rest>.+)", re.IGNORECASE | re.DOTALL
)
_ADD_NOTHING = re.compile(rf"(?:{_ADD})(?:\s+(?:a|an|the|another|new|my))*(?:\s+{_TASK})?\s*:?", re.IGNORECASE)
_REMIND = re.compile(
    r"(?:set\s+(?:me\s+)?(?:a\s+)?reminder|remind\s+me|reminder)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_REMIND_LEAD = re.compile(r"^[\s:,–-]*(?:(?:to|that|about|of|for)\s+(?:i\s+(?:need|have)\s+to\s+)?)?", re.IGNORECASE)
_NEED = re.compile(
    r"(?:i\s+(?:really\s+|still\s+|also\s+)?(?:need|have|want|ought)\s+to|i(?:['’]ve|\s+have)?\s+got\s+to|i\s+gotta|i\s+(?:must|should)"
    r"|we\s+(?:need|have)\s+to|(?:don['’]?t|do\s+not)\s+(?:let\s+me\s+)?forget\s+(?:to|about)?|remember\s+to"
    r"|(?:i\s+)?need\s+to|make\s+sure\s+(?:that\s+)?(?:i|to)|gotta)\s+(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_FOR_LEAD = re.compile(r"^(?:to|that|:|-|–|i\s+(?:need|have)\s+to)\s+", re.IGNORECASE)
_QUOTES = re.compile(r"^[\"“”'‘’](?P<inner>.+)[\"“”'‘’]$", re.DOTALL)
_TRAILING_LIST = re.compile(rf"\s+(?:to|on|as)\s+(?:(?:my|the|a|an)\s+)*{_TASK}$", re.IGNORECASE)

_ASK = (
    r"(?:what(?:['’]?s|\s+is|\s+are|\s+do|\s+did|\s+have|\s+should|\s+must|\s+else|\s+tasks?|\s+to[\s-]?dos?)?|which|show|list|give|tell"
    r"|display|see|view|get|read|any(?:thing)?|are\s+there|is\s+there|do\s+i|have\s+i|did\s+i|how\s+many|tasks|to[\s-]?dos|my|all|open|overdue"
    r"|completed|finished|pending|remaining|unfinished|anything|whats|today['’]?s|tomorrow['’]?s|count|check|let\s+me\s+see)"
)
_ASKS = re.compile(rf"{_ASK}\b", re.IGNORECASE)
_ABOUT_TASKS = re.compile(
    r"\b(?:tasks?|to[\s-]?dos?|to[\s-]?do\s+list|list|agenda|plate|due|overdue|late|left|pending|have\s+to\s+do|need\s+to\s+do"
    r"|should\s+i\s+do|must\s+i\s+do|still\s+open|coming\s+up|done|finish(?:ed)?|complete[d]?|accomplish(?:ed)?"
    r"|(?:do\s+i\s+have|have\s+i\s+got|['’]?s|is|planned|up)\s+(?:for\s+)?(?:today|tomorrow|tonight|this\s+week|on\b|next))\b",
    re.IGNORECASE,
)
_PLAIN_LIST = re.compile(
    rf"(?:list|show|/tasks|/list|to[\s-]?dos|{_TASK}|my\s+{_TASK}|agenda|overdue|today|tomorrow|this\s+week|what\s+now|what['’]?s\s+(?:next|up))\??",
    re.IGNORECASE,
)
_WEEK = re.compile(
    r"\b(?:this|the)\s+week\b|\b(?:next|coming)\s+(?:7|seven)\s+days\b|\bweekly\b|\bcoming\s+up\b", re.IGNORECASE
)
_OTHER_RANGE = re.compile(
    r"\b(?:(?:next|last|this)\s+(?:month|year|quarter)|(?:next|last)\s+week|yesterday)\b", re.IGNORECASE
)
_DONE_ONES = re.compile(
    r"\b(?:done|completed|finished|accomplished|closed|ticked\s+off|(?:did|have)\s+i\s+(?:do|done|finish(?:ed)?|complete[d]?))\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(r"\b(?:not|n['’]?t|un)[\s-]*(?:yet\s+)?(?:done|completed|finished)\b|\bstill\b", re.IGNORECASE)
_EVERYTHING = re.compile(r"\b(?:including|and|with)\s+(?:the\s+)?(?:done|completed|finished)\b", re.IGNORECASE)

_AS_DONE = r"(?:as\s+)?(?:done|complete[d]?|finished|closed)"
_COMPLETE = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"(?:mark|set|tick|check|flag)\s+(?P<name>.+?)\s+{_AS_DONE}",
        rf"(?:mark|set)\s+{_AS_DONE}[\s:,-]+(?P<name>.+)",
        r"(?:tick|check|cross|strike)\s+off[\s:]+(?P<name>.+)",
        r"(?:tick|check|cross|strike)\s+(?P<name>.+?)\s+off(?:\s+(?:my|the)\s+list)?",
        r"(?:i\s*(?:['’]?ve|['’]?m|\s+am|\s+have)?\s+)?(?:just\s+|already\s+|now\s+)?"
        r"(?:done|finished|completed|complete|finish|close|closed|resolve|resolved|accomplished)"
        r"(?:\s+with\b|\s+doing\b)?(?:\s+(?:the\s+)?(?:task|to[\s-]?do|item)\b)?[\s:,–-]+(?P<name>.+)",
        r"(?P<name>.+?)(?:\s+(?:is|are|was|got|has\s+been|have\s+been|['’]s))?\s+(?:already\s+|now\s+|all\s+)*"
        r"(?:done|finished|completed|complete|✅|✔️?)",
        r"(?:✅|✔️?|☑️?)\s*(?P<name>.+)",
    )
)
_PAST = re.compile(
    r"i\s*(?:['’]?ve|\s+have)?\s+(?:just\s+|already\s+|finally\s+)?(?P<verb>[a-z]+)\s+(?P<what>.+)", re.IGNORECASE
)
_DONE_ALONE = re.compile(
    rf"(?:i['’]?m\s+|it['’]?s\s+|that['’]?s\s+|all\s+)?(?:done|finished|completed?|{_AS_DONE}|✅|✔️?)(?:\s+(?:it|that|this|that\s+one))?",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:the\s+)?(?:(?:task\s+|number\s+|no\.?\s*|nr\.?\s*|#\s*)*(?P<number>\d{1,2})(?:st|nd|rd|th)?|(?P<word>first|second|third|fourth|fifth|last))"
    r"(?:\s+(?:one|task|item))?",
    re.IGNORECASE,
)
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_PRONOUN = re.compile(r"it|that|this|that\s+one|this\s+one|the\s+(?:task|last\s+one)", re.IGNORECASE)
_ALL = re.compile(r"(?:all|everything|all\s+(?:of\s+them|(?:my\s+|the\s+)?tasks?)|every\s+task)", re.IGNORECASE)


def remind(heard: Heard) -> list[Step] | None:
    match = _REMIND.fullmatch(heard.text)
    if match is None:
        return None
    # The date may come first: "remind me tomorrow to …".
    rest, due = dates.extract(match["rest"].strip(), heard.now)
    steps = _create(_REMIND_LEAD.sub("", rest), heard, due=due)
    return [*steps, Say(NO_REMINDERS)] if any(isinstance(step, Call) for step in steps) else steps


def create(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _ADD_NOTHING.fullmatch(text) and not _PLAIN_LIST.fullmatch(text):
        return [Say(WHAT)]
    match = _ADD_TASK.fullmatch(text)
    if match is not None:
        if not match["verb"] and match["lead"].strip().isalpha():
            return None  # "tasks for tomorrow" asks for them
        listed = match["noun"].lower().endswith("s")
        if not listed and match["lead"].strip().lower() == "for":
            return _create_for(match["rest"], heard)
        return _create(match["rest"], heard, listed=listed)
    match = _ADD_TO_LIST.fullmatch(text)
    if match is not None:
        return _create(match["what"] + match["after"], heard)
    match = _ADD_TASK_LOOSE.fullmatch(text) or _ADD_ANYTHING.fullmatch(text)
    return _create(match["rest"], heard) if match is not None else None


def need(heard: Heard) -> list[Step] | None:
    match = _NEED.fullmatch(heard.text)
    return _create(match["rest"], heard) if match is not None else None


def list_(heard: Heard) -> list[Step] | None:
    text = heard.text
    if not (_PLAIN_LIST.fullmatch(text) or (_ASKS.match(text) and _ABOUT_TASKS.search(text))):
        return None
    if any(pattern.fullmatch(text) for pattern in _COMPLETE[:4]):
        return None  # "check off …" asks for something else
    args: dict[str, Any] = {"status": "open"}
    if _EVERYTHING.search(text):
        args["status"] = "all"
    elif _DONE_ONES.search(text) and not _NOT_DONE.search(text):
        args["status"] = "done"
    due = _due_filter(text, heard.now)
    if due is not None:
        if args["status"] == "done" or due == "":
            return [Say(RANGES)]
        args["due"] = due
    return [Call("list_tasks", args)]


def complete(heard: Heard) -> list[Step] | None:
    text = heard.text
    if _DONE_ALONE.fullmatch(text):
        return [_complete_last(heard)]
    for pattern in _COMPLETE:
        match = pattern.fullmatch(text)
        if match is not None:
            return _complete(match["name"], heard)
    match = _PAST.fullmatch(text)
    verb = past_to_imperative(match["verb"]) if match else None
    if match is None or verb is None:
        return None
    return [Call("complete_task", {"task": f"{verb} {without_article(match['what'])}"})]


def _create(rest: str, heard: Heard, *, listed: bool = False, due: date | datetime | None = None) -> list[Step]:
    quoted = _QUOTES.match(rest.strip())
    requests = [quoted["inner"]] if quoted else split_requests(_TRAILING_LIST.sub("", rest.strip()), listed=listed)
    found = [dates.extract(request, heard.now) if not quoted else (request, None) for request in requests]
    # "buy milk and call mom tomorrow" means both; lines stand for themselves.
    shared = found[-1][1] if found and "\n" not in rest.strip() and not any(when for _, when in found[:-1]) else None
    steps: list[Step] = []
    for words, when in found:
        title = _title(words)
        if title:
            due_then = when or due or shared
            steps.append(Call("create_task", {"title": title, "due": due_then.isoformat() if due_then else None}))
    return steps or [Say(WHAT)]


def _create_for(rest: str, heard: Heard) -> list[Step]:
    """ "a task for tomorrow: buy milk" and "a task for the plumber": only the first has a date at once."""
    head, colon, tail = rest.partition(":")
    words, due = dates.extract(head, heard.now)
    if colon and due is not None and not words:
        return _create(tail, heard, due=due)
    words, due = dates.extract(rest, heard.now)
    return _create(_FOR_LEAD.sub("", words), heard, due=due)


def _title(words: str) -> str:
    words = words.strip(" .,;:–-")
    quoted = _QUOTES.match(words)
    return _FOR_LEAD.sub("", quoted["inner"] if quoted else words).strip()


def _due_filter(text: str, now: datetime) -> str | None:
    """What list_tasks takes as `due`, None for no limit, "" for one that it can't express."""
    if re.search(r"\b(?:overdue|late|past\s+due)\b", text, re.IGNORECASE):
        return "overdue"
    if _OTHER_RANGE.search(text):
        return ""
    if _WEEK.search(text):
        return "week"
    _, due = dates.extract(re.sub(r"['’]s\b", "", text.rstrip("?")), now)
    if due is None:
        return None
    day = due.date() if isinstance(due, datetime) else due
    return {0: "today", 1: "tomorrow"}.get((day - now.date()).days, day.isoformat())


def _complete(name: str, heard: Heard) -> list[Step]:
    name = name.strip(" .,:;\"“”'‘’")
    if _ALL.fullmatch(name):
        return [Say("I mark tasks as done one by one. " + WHICH)]
    if _PRONOUN.fullmatch(name):
        return [_complete_last(heard)]
    places = [_PLACE.fullmatch(part) for part in re.split(r"\s*(?:,|\band\b|&)\s*", name)]
    if heard.listed and all(places):
        return [_complete_place(match, heard) for match in places if match]
    return [Call("complete_task", {"task": _name(part)}) for part in split_requests(name)] or [Say(WHICH)]


def _complete_place(match: re.Match[str], heard: Heard) -> Step:
    word = (match["word"] or "").lower()
    place = len(heard.listed) if word == "last" else _PLACES.get(word) or int(match["number"])
    if not 1 <= place <= len(heard.listed):
        return Say(f"The list I showed you has no number {place}. {WHICH}")
    return Call("complete_task", {"task": heard.listed[place - 1]["id"]})


def _complete_last(heard: Heard) -> Step:
    return Call("complete_task", {"task": heard.last["id"]}) if heard.last and not heard.last["done"] else Say(WHICH)


def _name(words: str) -> str:
    words = re.sub(
        r"^(?:the\s+)?(?:task|to[\s-]?do|item)\s+(?=\S)|\s+(?:task|to[\s-]?do)$", "", words, flags=re.IGNORECASE
    )
    return without_article(words.strip(" .,:;\"“”'‘’"))
