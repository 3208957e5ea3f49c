"""Rules that make tasks: "add …", "I need to …", and errands said as they are ("buy milk tomorrow")."""

import re
from dataclasses import replace
from datetime import date, datetime

from exponential.assistant.offline.belonging import ADD, ON_LIST, due_plainly, taken, with_all
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.quoting import RETITLES, quoted_title
from exponential.assistant.offline.steps import Call, Heard, Say, Step
from exponential.assistant.offline.words import VERBS, split_requests
from exponential.workspace.text import dates

WHAT = "What shall I add? For example: *Add a task: buy milk tomorrow*."


_PUT = rf"(?:{ADD}|pop|stick|throw|chuck|place|get|have|want|need|track|file|schedule|drop|slap|bung)"


_DETERMINERS = (
    r"(?:(?:me|a|an|the|another|new|these|some|following|two|three|four|five|my|one|more|\d)\s+)*"  # add a new …
)


_NOUN = r"(?:to[\s-]?dos?|tasks?|to[\s-]?do\s+items?|items?|things?(?=\s+to\s+do\b|\s*:)|entry|entries|jobs?|chores?)"


_LEAD = (
    r"(?:\s+(?:out\s+of|from|of)\s+(?:this|that|it|the\s+following)\s*[:–—-]\s*|\s+so\s+(?:that\s+)?i\s+(?:(?:don['’]?t|won['’]?t)\s+forget|remember)\s+(?:to\s+)?|(?:\s+for\s+me)?\s*\?\s+|\s*[:–—-]\s*|\s*,?\s+(?:it['’]?s|it\s+is|which\s+is|it\s+should\s+be)\s+(?:called\s+|named\s+)?|\s+(?:called|named|titled|saying|that\s+says|which\s+says|to|for|about)\s+"
    r"|\s*\n\s*|\s+(?=[“\"'‘]))"
)


_ADD_TASK = whole(rf"(?P<verb>(?:{ADD}|set|start)\s+)?{_DETERMINERS}(?P<noun>{_NOUN})(?P<lead>{_LEAD})(?P<rest>.+)")


_ADD_TASK_LOOSE = whole(rf"{ADD}\s+{_DETERMINERS}{_NOUN}\s+(?P<rest>.+)")


_TASK_VERB = whole(rf"{_NOUN}\s+(?P<rest>(?P<verb>\w+)\b.*)")


_ADD_TO_LIST = whole(
    rf"(?!(?:have|want|need|get)\s+(?:i|you|we|they|to)\b){_PUT}\s+(?P<what>.+?)\s+(?:to|on|onto|in|into|as)\s+(?:(?:my|the|our|a|an|new)\s+)*{ON_LIST}(?P<after>\b.*)"
)


_ON_LIST = whole(
    rf"{ADD}\s+(?:(?:the\s+following|something|one\s+(?:more\s+)?thing|another\s+thing|this|sth)\s+)?(?:to|on|onto|in)\s+(?:(?:my|the|our)\s+)*{ON_LIST}(?:\s*[:,–-]\s*"
    r"|\s+(?:that\s+|to\s+|for\s+)?)(?P<rest>.+)|"
    rf"{ADD}\s+(?:the\s+following|something|one(?:\s+more)?(?:\s+thing)?|another(?:\s+thing)?|this|sth)\s*[:,–-]\s*(?P<rest2>.+)"
)


_MARKED = whole(
    r"(?:\+|[-•*–]|\[\s?\])\s*(?P<rest>\w.+)|(?:new|plan|idea|next|errand|need(?:ed)?|needs\s+doing|(?:tasks?|to-?dos?|things)\s+to\s+add|also|jot|memo|(?:dont|don['’]t)\s+(?:let\s+me\s+)?forget(?:\s+this(?:\s+one)?)?)\s*:\s*(?P<rest2>.+)"
)


_UNLESS = re.compile(
    r"[\s,;]+(?:if|unless|in\s+case)\s+(?:it|they|i|that|we)(?:['’]s|\s+is|\s+are|\s+have|\s+did|aren['’]t|isn['’]t|haven['’]t|\s+\w+n['’]t)?\b.*\b(?:already|on\s+(?:it|there)|yet)\b.*$",
    re.IGNORECASE,
)


_SUM = re.compile(r"add\s+\d[\d.,]*\s+(?:to|and|plus|\+)\s", re.IGNORECASE)


_DOWN_FOR = whole(
    r"(?:put|pencil|write|mark|book)\s+(?P<what>.+?)\s+(?:down|in)(?:\s+(?:the|my)\s+(?:diary|calendar|agenda))?\s+(?:for|on)\s+(?P<when>.+)"
)


_DATED = whole(rf"(?:(?:{ADD}|set)\s+)?{_DETERMINERS}{_NOUN}\s*,?\s+(?P<when>[^:\"“]{{3,30}}):(?!\d\d)\s*(?P<rest>.+)")


_SHOPPING = whole(r"(?:my\s+|the\s+)?(?:shopping|grocery|packing|groceries)(?:\s+list)?\s*:\s*(?P<rest>.+)")


_NUMBERED = re.compile(r"(?<=\S)\s+(?=[2-9][.)]\s+\S)")


_ADD_ANYTHING = whole(
    r"(?:add|note(?:\s+down)?|jot\s+down|put\s+down|write\s+down|make\s+a\s+note)(?:\s+(?:to|of"
    r"|that))?[\s:]+(?P<rest>.+)"
)


_CREATE_QUOTED = whole(r"create\s*:?\s*(?P<rest>[\"“'‘].+)")


_NOTE_TO_SELF = whole(
    r"(?:(?:make|add|write|leave)\s+(?:an?\s+)?)?note\s+to\s+(?:my)?self\s*[:,–-]?\s*(?:to\s+)?(?P<rest>.+)"
)


_SCHEDULE = whole(r"(?:schedule|plan\s+in)\s+(?:an?\s+|the\s+|my\s+)?(?P<rest>.+)")


_ADD_NOTHING = whole(rf"{ADD}(?:\s+(?:a|an|the|another|new))*(?:\s+(?:to[\s-]?do|task|item))?\s*:?")


FILTERS = frozenset(
    """for in due list of with is are about from on by this next that which without called status priority and or count
    per""".split()
)


_TITLE_LEAD = re.compile(r"^(?:to|that|called|named|titled|:|-|–|i\s+(?:need|have)\s+to)\s+", re.IGNORECASE)


_SOME_DAY = re.compile(  # says that it has no date
    r"[\s,;–-]+(?:(?:there['’]?s\s+)?no\s+(?:rush|hurry)(?:\s+(?:at\s+all|though|with\s+(?:it|that)))?|(?:with\s+)?no\s+(?:due\s+)?(?:date|deadline|time\s+limit)(?:\s+yet)?|without\s+(?:an?\s+)?(?:due\s+)?(?:date|deadline)|at\s+some\s+(?:point|stage|time)|some\s?(?:time|day)(?:\s+soon)?|one\s+(?:of\s+these\s+)?days?|eventually|sooner\s+or\s+later"
    r"|(?:whenever|when)\s+(?:i|we)\s+(?:get|have|find)\s+(?:(?:a|the|some)\s+)?(?:(?:a)?round\s+to\s+it|time|chance|minute|moment))$",
    re.IGNORECASE,
)


_QUOTED = whole(r"[\"“”'‘’](?P<inner>[^\"“”]+)[\"“”'‘’]")


_TRAILING_LIST = re.compile(rf"\s+(?:to|on|as)\s+(?:(?:my|the|a|an)\s+)*{ON_LIST}$", re.IGNORECASE)


_DUE_LEFT = re.compile(  # what is left of "…, due on the 14th" and of "… with deadline 30 June and …"
    r"[\s.,;–-]+(?:due(?:\s+date)?|(?:and\s+)?with\s+(?:an?\s+)?(?:deadline|due\s+date)|(?:at\s+(?:the\s+)?)?latest)(?:\s+(?:and|of|is|on|by))*$|(?<=\w)\s*[,;–-]\s*(?:deadline|and)$",
    re.IGNORECASE,
)
_COLON = re.compile(r":(?!\d\d\b)")


_POINTING = re.compile(
    r"(?:it|that|this|them|anything|nothing|but\s.+)(?:\s+(?:down|in|up|too|there|on|as\s+well))*", re.IGNORECASE
)


def create(heard: Heard) -> list[Step] | None:
    if re.match(
        r"add\s+(?:it|that|this)\b|(?:make|put)\s+(?:the|this|that|my)\s+(?:task|to-?do)\b", heard.text, re.IGNORECASE
    ) or RETITLES.search(heard.text):
        return None
    heard = replace(heard, text=due_plainly(heard.text))
    quoted = quoted_title(heard)
    if quoted is not None:
        return quoted
    text, shared = taken(heard)
    if _ADD_NOTHING.fullmatch(text):
        return [Say(WHAT)]
    steps = _read(replace(heard, text=text))
    if steps is None or any(isinstance(step, Call) and _POINTING.fullmatch(step.args["title"]) for step in steps):
        return None
    return with_all(steps, shared)


def _read(heard: Heard) -> list[Step] | None:
    text = _UNLESS.sub("", heard.text)
    if _SUM.match(text):
        return None
    text = _NUMBERED.sub("\n", text) if re.search(r"\b1[.)]\s", text) else text
    heard = replace(heard, text=re.sub(r":\s+1[.)]\s+", ":\n", text))
    for read in (_as_list, _dated, _noted, _told):
        steps = read(heard.text, heard)
        if steps is not None:
            return steps
    return None


def _as_list(text: str, heard: Heard) -> list[Step] | None:
    """ "+ bin bags", "shopping list: eggs, flour", "add to my list: …"."""
    marked = _MARKED.fullmatch(text)
    if marked is not None:
        return tasks_of(marked["rest"] or marked["rest2"], heard)
    shopping = _SHOPPING.fullmatch(text)
    if shopping is not None:
        return tasks_of(shopping["rest"], heard, listed=True)
    on_list = _ON_LIST.fullmatch(text)
    if on_list is None:
        return None
    rest = on_list["rest"] or on_list["rest2"]
    rest = re.sub(r"^(?:that\s+)?i\s+(?:have|need|must)\s+(?:to\s+)?", "", rest, flags=re.IGNORECASE)
    return tasks_of(rest, heard, listed=bool(re.search(rf"{ON_LIST}\s*:", text, re.I)) and "," in rest)


def _dated(text: str, heard: Heard) -> list[Step] | None:
    """ "todo tomorrow: call the garage", "a task, due friday, in Alpha: review the contract"."""
    match = _DATED.fullmatch(text)
    if match is None:
        return None
    words, due = dates.extract(match["when"].strip(" ,"), heard.now)
    named = re.fullmatch(r"(?:in|for|under|to)\s+(?P<name>(?:[A-Z][\w&'’-]*\s*)+)", words.strip(" ,"))
    if due is None or not (named or words.strip(" ,").lower() in ("", "for")):
        return None
    steps = tasks_of(match["rest"], heard, due=due)
    return with_all(steps, {"project": named["name"].strip()}) if named else steps


def _noted(text: str, heard: Heard) -> list[Step] | None:
    note = _NOTE_TO_SELF.fullmatch(text)
    if note is not None:
        return tasks_of(note["rest"], heard)
    down = _DOWN_FOR.fullmatch(text)
    if down is not None and dates.extract(f"on {down['when']}", heard.now)[1] is not None:
        return tasks_of(f"{down['what']} on {down['when']}", heard)
    scheduled = _SCHEDULE.fullmatch(text)
    if scheduled is not None and dates.extract(scheduled["rest"], heard.now)[1] is not None:
        return tasks_of(scheduled["rest"], heard)
    return None


def _told(text: str, heard: Heard) -> list[Step] | None:
    match = _ADD_TASK.fullmatch(text)
    if match is not None:
        return _create_named(match, heard)
    match = _ADD_TO_LIST.fullmatch(text)
    if match is not None:
        return tasks_of(match["what"] + match["after"], heard)
    match = _ADD_TASK_LOOSE.fullmatch(text) or _ADD_ANYTHING.fullmatch(text) or _CREATE_QUOTED.fullmatch(text)
    if match is not None:
        return tasks_of(match["rest"], heard)
    match = _TASK_VERB.fullmatch(text)
    if match is None:
        return None
    filters = match["verb"].lower() in FILTERS or text.lower().startswith(("tasks", "todos", "things", "items"))
    return None if filters and match["verb"].lower() not in VERBS else tasks_of(match["rest"], heard)


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before the first colon, the colon, and what comes after it; that of "9:30" is none."""
    colon = _COLON.search(text)
    return (text[: colon.start()], ":", text[colon.end() :]) if colon is not None else (text, "", "")


def _create_named(match: re.Match[str], heard: Heard) -> list[Step] | None:
    lead = match["lead"].strip().lower()
    if not match["verb"] and lead.isalpha():
        head, colon, _ = _parted(match["rest"])
        words, due = dates.extract(head, heard.now)
        if lead != "for" or not colon or words or due is None:
            return None  # "tasks for tomorrow" asks for them
    if match["noun"].lower().endswith("s"):
        head, colon, tail = _parted(match["rest"])
        words, due = dates.extract(head, heard.now)
        if colon and due is not None and not words:
            return tasks_of(tail, heard, listed=True, due=due)
        return tasks_of(match["rest"], heard, listed=True)
    if lead != "for":
        return tasks_of(match["rest"], heard)
    # "a task for tomorrow: buy milk" has its date at once, "a task for the plumber" has none.
    head, colon, tail = _parted(match["rest"])
    words, due = dates.extract(head, heard.now)
    if colon and due is not None and not words:
        return tasks_of(tail, heard, due=due)
    words, due = dates.extract(match["rest"], heard.now)
    return tasks_of(_TITLE_LEAD.sub("", words), heard, due=due)


def tasks_of(rest: str, heard: Heard, *, listed: bool = False, due: date | datetime | None = None) -> list[Step]:
    rest = re.sub(r"(?<=[\"”])\s*(?:,|and|&|,\s*and)\s*(?=[\"“])", "\n", rest)
    rest = re.sub(r"\s*,?\s+(?:both|all)(?=\s+(?:for|on|by|due)\b)", "", rest, flags=re.IGNORECASE)
    quoted = _QUOTED.fullmatch(rest.strip())
    if quoted is not None:  # a title in quotation marks is meant word by word
        found: list[tuple[str, date | datetime | None]] = [(quoted["inner"], None)]
    else:
        requests = split_requests(_TRAILING_LIST.sub("", rest.strip()), listed=listed)
        found = [dates.extract(request, heard.now) for request in requests]
    # "buy milk and call mom tomorrow" means both; lines stand for themselves.
    shared = found[-1][1] if found and "\n" not in rest.strip() and not any(when for _, when in found[:-1]) else None
    steps: list[Step] = []
    for said, when in found:
        title = _title(said)
        if title:
            due_then = when or due or shared
            steps.append(Call("create_task", {"title": title, "due": due_then.isoformat() if due_then else None}))
    return steps or [Say(WHAT)]


def _title(words: str) -> str:
    words = re.sub(r"\s*\(\W*\)", "", words)
    words = re.sub(r"[\s,]+instead$", "", words.strip(" .,;:–-"), flags=re.IGNORECASE)
    words = _DUE_LEFT.sub("", _SOME_DAY.sub("", words)).strip(" .,;:–-")
    quoted = _QUOTED.fullmatch(words)
    return _TITLE_LEAD.sub("", quoted["inner"] if quoted else words).strip()
