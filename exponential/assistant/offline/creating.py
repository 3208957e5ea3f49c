"""Rules that make tasks: "add …", "remind me …", "I need to …", and errands said as they are ("buy milk tomorrow")."""

import re
from datetime import date, datetime

from exponential.assistant.offline import dates
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.words import ERRANDS, VERBS, split_requests

NO_REMINDERS = "I can't send reminders yet, so I won't write to you at that time: it is on your list as a task."
WHAT = "What shall I add? For example: *Add a task: buy milk tomorrow*."

_ADD = (
    r"(?:add|create|make|put|note(?:\s+down)?|write(?:\s+down)?|jot\s+down|record|save|enter|log|new|set\s+up"
    r"|make\s+a\s+note)"
)
_DETERMINERS = (
    r"(?:(?:me|a|an|the|another|new|these|some|following|two|three|four|five|my|one|more|\d)\s+)*"  # add a new …
)
_NOUN = r"(?:to[\s-]?dos?|tasks?|to[\s-]?do\s+items?|items?)"
_LIST = r"(?:to[\s-]?dos?(?:\s+list)?|tasks?(?:\s+list)?|list)"
_LEAD = (
    r"(?:\s*[:–—-]\s*|\s+(?:called|named|titled|saying|that\s+says|which\s+says|to|for|about)\s+"
    r"|\s*\n\s*|\s+(?=[“\"'‘]))"
)


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_ADD_TASK = _whole(rf"(?P<verb>{_ADD}\s+)?{_DETERMINERS}(?P<noun>{_NOUN})(?P<lead>{_LEAD})(?P<rest>.+)")
_ADD_TASK_LOOSE = _whole(rf"{_ADD}\s+{_DETERMINERS}{_NOUN}\s+(?P<rest>.+)")
_TASK_VERB = _whole(rf"{_NOUN}\s+(?P<rest>(?P<verb>\w+)\b.*)")
_ADD_TO_LIST = _whole(
    rf"{_ADD}\s+(?P<what>.+?)\s+(?:to|on|onto|in|into|as)\s+(?:(?:my|the|our|a|an|new)\s+)*{_LIST}(?P<after>\b.*)"
)
_ADD_ANYTHING = _whole(
    r"(?:add|note(?:\s+down)?|jot\s+down|put\s+down|make\s+a\s+note)(?:\s+(?:to|of|that))?[\s:]+(?P<rest>.+)"
)
_ADD_NOTHING = _whole(rf"{_ADD}(?:\s+(?:a|an|the|another|new))*(?:\s+(?:to[\s-]?do|task|item))?\s*:?")
_REMIND = _whole(
    r"(?:(?:set|add|create|make)\s+(?:me\s+)?(?:a\s+)?reminder|(?:please\s+)?remind\s+me|reminder)(?P<rest>\b.*)"
)
_REMIND_LEAD = _whole(r"^[\s:,–-]*(?:(?:to|that|about|of|for)\s+(?:i\s+(?:need|have)\s+to\s+)?)?")
_NEED = _whole(
    r"(?:i\s+(?:really\s+|still\s+|also\s+)?(?:need|have|want|ought)\s+to|i(?:['’]ve|\s+have)?\s+got\s+to|i\s+gotta"
    r"|(?:i|we)\s+(?:must|should)|we\s+(?:need|have)\s+to|(?:don['’]?t|do\s+not)\s+(?:let\s+me\s+)?forget\s+(?:to|about)?"
    r"|remember\s+to|need\s+to|make\s+sure\s+(?:that\s+)?(?:i|to)|gotta)\s+"
    r"(?:(?:really|probably|also|just|still)\s+)?(?P<rest>.+)"
)
_FIRST_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_TITLE_LEAD = re.compile(r"^(?:to|that|:|-|–|i\s+(?:need|have)\s+to)\s+", re.IGNORECASE)
_QUOTED = _whole(r"[\"“”'‘’](?P<inner>[^\"“”]+)[\"“”'‘’]")
_TRAILING_LIST = re.compile(rf"\s+(?:to|on|as)\s+(?:(?:my|the|a|an)\s+)*{_LIST}$", re.IGNORECASE)


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
    if _ADD_NOTHING.fullmatch(text):
        return [Say(WHAT)]
    match = _ADD_TASK.fullmatch(text)
    if match is not None:
        return _create_named(match, heard)
    match = _ADD_TO_LIST.fullmatch(text)
    if match is not None:
        return _create(match["what"] + match["after"], heard)
    match = _ADD_TASK_LOOSE.fullmatch(text) or _ADD_ANYTHING.fullmatch(text)
    if match is None:
        match = _TASK_VERB.fullmatch(text)
        if match is not None and match["verb"].lower() not in VERBS:
            return None
    return _create(match["rest"], heard) if match is not None else None


def need(heard: Heard) -> list[Step] | None:
    match = _NEED.fullmatch(heard.text)
    return _create(match["rest"], heard) if match is not None else None


def errand(heard: Heard) -> list[Step] | None:
    """What only a person can do can only be meant as a task."""
    first = _FIRST_WORD.match(heard.text)
    return _create(heard.text, heard) if first and first[0].lower() in ERRANDS and " " in heard.text else None


def _create_named(match: re.Match[str], heard: Heard) -> list[Step] | None:
    lead = match["lead"].strip().lower()
    if not match["verb"] and lead.isalpha():
        return None  # "tasks for tomorrow" asks for them
    if match["noun"].lower().endswith("s"):
        return _create(match["rest"], heard, listed=True)
    if lead != "for":
        return _create(match["rest"], heard)
    # "a task for tomorrow: buy milk" has its date at once, "a task for the plumber" has none.
    head, colon, tail = match["rest"].partition(":")
    words, due = dates.extract(head, heard.now)
    if colon and due is not None and not words:
        return _create(tail, heard, due=due)
    words, due = dates.extract(match["rest"], heard.now)
    return _create(_TITLE_LEAD.sub("", words), heard, due=due)


def _create(rest: str, heard: Heard, *, listed: bool = False, due: date | datetime | None = None) -> list[Step]:
    quoted = _QUOTED.fullmatch(rest.strip())
    if quoted is not None:  # a title in quotation marks is meant word by word
        found: list[tuple[str, date | datetime | None]] = [(quoted["inner"], None)]
    else:
        requests = split_requests(_TRAILING_LIST.sub("", rest.strip()), listed=listed)
        found = [dates.extract(request, heard.now) for request in requests]
    # "buy milk and call mom tomorrow" means both; lines stand for themselves.
    shared = found[-1][1] if found and "\n" not in rest.strip() and not any(when for _, when in found[:-1]) else None
    steps: list[Step] = []
    for words, when in found:
        title = _title(words)
        if title:
            due_then = when or due or shared
            steps.append(Call("create_task", {"title": title, "due": due_then.isoformat() if due_then else None}))
    return steps or [Say(WHAT)]


def _title(words: str) -> str:
    words = words.strip(" .,;:–-")
    quoted = _QUOTED.fullmatch(words)
    return _TITLE_LEAD.sub("", quoted["inner"] if quoted else words).strip()
