"""Changes that are stated rather than told: "the report is urgent", "buy milk can wait until friday"."""

import re

from exponential.assistant.offline import choosing, details, pointing
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Heard, Step
from exponential.assistant.offline.values import Args, each, meant
from exponential.workspace.text import dates, days

_FILE = whole(
    r"(?:move|assign|transfer|put|switch|file|reassign|link|attach)\s+(?P<name>.+?)\s+(?:over\s+)?(?:to|into|in|under|with)\s+(?:the\s+)?(?:project\s+)?(?P<project>[\w&'’-]+"
    r"(?:\s+[\w&'’-]+){0,3}?)(?:\s+project)?"
)


_PUT = re.compile(r"^(?:put|add|throw|stick)\s+", re.IGNORECASE)  # of what is there already, where it is pointed at
_IS = whole(
    r"(?P<name>(?!(?:everything|anything|what|which|who|when|why|how|is|are|tell|show|list|give|get|find|see|display|give\s+me|list\s+(?:me|my|the|all)|still\s+(?:have|need|got)|need\s+to|got\s+to|gotta|(?:.*\b(?:what|which|who)\b)|i|we|you|he|she|they|there|do|does|any|have|add|remind)\b).+?)(?:\s+(?:is|are|(?:can|could|may|should)\s+be|has\s+to\s+be"
    r"|must\s+be|(?:has|have)\s+become"
    r"|needs\s+to\s+be|should\s+have|must\s+have|now\s+has|needs(?=\s+(?:a\s+)?(?:low|high|normal|top)))|['’]s|(?=\s+isn['’]?t))\s+"
    r"(?:now\s+|actually\s+|really\s+|very\s+)?(?P<value>(?P<due>due\s+).+|(?:not|isn['’]?t|no\s+longer)\s+(?:that\s+|so\s+)?(?:urgent|important)(?:\s+any\s?more)?"
    r"|(?:very\s+)?(?:urgent|important|critical)(?:\s*(?:,|,?\s+and)\s*due\s+.+)?|(?:low|high|normal|top)\s+prio(?:rity)?|(?<=\bone\scan\sbe\s)(?:low|high|normal)|(?<=\bone\sis\s)(?:low|high|normal))"
)


_WAITS = whole(
    r"(?!(?:how|what|when|why|who|which|can|could|should|is|are|if)\b)(?:let\s+)?(?P<name>.+?)\s+(?:(?:(?:can|has\s+to|must|should|will\s+have\s+to)\s+)?wait|has\s+time|(?:has\s+|was\s+|is\s+|got\s+|has\s+been\s+)?(?:moved|postponed|pushed|delayed|rescheduled|shifted))"
    r"(?:\s+back)?\s+(?:to|until|till|for)\s+(?P<value>.+)"
    r"|(?:the\s+)?(?:new\s+)?(?:deadline|due\s+date|date)\s+(?:for|of|on)\s+(?P<name2>.+?)\s+(?:is|should\s+be|must\s+be|will\s+be|has\s+to\s+be|moves\s+to|moved\s+to)\s+(?:now\s+|actually\s+)?(?P<value2>.+)"
    r"|(?P<name5>.+?)\s+is\s+now\s+(?P<value5>(?:on|at|due|for|scheduled\s+for)\s+.+)"
    r"|(?:the\s+)?prio(?:rity)?\s+(?:of|for)\s+(?P<name3>.+?)\s+(?:is|to|should\s+be|:)\s+(?:now\s+)?(?P<value3>.+)"
    r"|(?P<name6>(?!(?:add|create|remind|what|is)\b)[\w'’-]+(?:\s+[\w'’-]+){0,5}?)\s+(?:to\s+)?(?P<value6>[\w:]+(?:\s+[\w:]+){0,3})\s+instead\s+of\s+(?:on\s+)?"
    r"(?:today|tomorrow|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)day|this\s+week|next\s+week)"
    r"|(?P<name4>.+?)\s+(?:should|must|has\s+to|needs\s+to)\s+(?:now\s+)?be\s+(?:done|finished|ready|completed?)\s+(?P<value4>(?:by|on|until|before|next|in|at)\s+.+)"
)


_SLOTS = re.compile(
    r"^(?:(?:put|set|make|mark|change|give(?!\s+(?:me|us)\b)|raise|lower|update|move|flag|label|assign|edit)\b\s*)",
    re.IGNORECASE,
)


_LINKS = re.compile(
    r"^(?:(?:to|as|with|for|on|of|a|an|and|priority|prio|due|it\s+to)\s+)+|(?:\s+(?:to|as|with|for|on|of|a|an|and|priority|prio|due|is|be|at|make\s+it|set\s+it))+$",
    re.IGNORECASE,
)


_MORE_OR_LESS = whole(
    r"(?:(?:make|mark|set)\s+)?(?P<name>(?!(?:what|which|who|how|is|are)\b).+?)\s+(?:(?:is|should\s+be|has\s+become|as)\s+)?(?:now\s+)?(?P<way>less|more)\s+(?P<word>urgent|important)"
)
_SOME_DAYS = (
    r"(?:(?P<another>another)\s+)?(?:(?P<number>an?|one|two|three|four|five|six|ten|a\s+few|a\s+couple\s+of|\d{1,2})\s+)?(?P<more>(?:more|extra|additional)\s+)?"
    r"(?P<unit>day|week)s?(?P<more2>\s+(?:more|longer|extra))?"
)
_MORE_TIME = whole(
    r"(?:can\s+i\s+have|let\s+me\s+have|give\s+(?:me|us)|(?:i|we)(?:['’]ll|\s+will)?\s+need|i\s+could\s+(?:use|do\s+with)|i\s+want|i['’]d\s+like)\s+"
    rf"{_SOME_DAYS}\s+(?:for|on|with|to\s+(?:do|finish|complete))\s+(?P<name>.+)"
)
_ADD_DAYS = whole(
    rf"add\s+{_SOME_DAYS}\s+(?:to|onto)\s+(?:the\s+)?(?:(?:deadline|due\s+date|date)\s+(?:of|for)\s+)?(?P<name>.+)"
)
_GIVE_IT_DAYS = whole(rf"(?:give|grant)\s+(?P<name>(?!me\b|us\b).+?)\s+{_SOME_DAYS}")


NEEDING = re.compile(  # tells of something to do, whatever follows
    r"(?:(?:i|we)\s+)?(?:(?:still|also|really|just|only)\s+)*(?:gotta|(?:have|need|got|ought)\s+to|must|should)\s",
    re.IGNORECASE,
)
_GIVE_DATE = whole(
    r"(?:set|give|put|add|make)\s+(?:an?\s+|the\s+)?(?:new\s+)?(?:due\s+date|deadline|date)\s+(?:of|on|at|to|as)?\s*(?P<value>.+?)\s+(?:for|to|on)\s+(?P<name>(?:the|my|our|\"|“).+)"
)


def given_date(heard: Heard) -> list[Step] | None:
    """ "set a due date of 12 June for the tyres"."""
    match = _GIVE_DATE.fullmatch(heard.text)
    value = meant(match["value"], heard.now, moving=True) if match is not None else None
    return each("update_task", value, match["name"], heard) if match is not None and value and "due" in value else None


def more_time(heard: Heard) -> list[Step] | None:
    """ "give me two more days for the report", "I need another week for it", "add 3 days to its deadline"."""
    match = _MORE_TIME.fullmatch(heard.text) or _ADD_DAYS.fullmatch(heard.text) or _GIVE_IT_DAYS.fullmatch(heard.text)
    if match is None or not (match["another"] or match["more"] or match["more2"] or match.re is _ADD_DAYS):
        return None
    words = " ".join((match["number"] or "one").lower().split())
    number = days.NUMBERS.get(words) or int(words)
    delay = number * (7 if match["unit"].lower() == "week" else 1)
    return each("update_task", {"delay_days": delay}, match["name"], heard)


def compared(heard: Heard) -> list[Step] | None:
    """ "make the report less important", "the invoice is more urgent now"."""
    match = _MORE_OR_LESS.fullmatch(heard.text)
    if match is None:
        return None
    urgent = match["word"].lower() == "urgent"
    level = "low" if match["way"].lower() == "less" else "urgent" if urgent else "high"
    return each("update_task", {"priority": level}, match["name"], heard, several=False)


def said_to_be(heard: Heard) -> list[Step] | None:
    match = _IS.fullmatch(heard.text)
    if match is None:
        return None
    words = match["value"]
    value: Args | None = (
        {"priority": "normal"}
        if words.lower().startswith(("not", "isn", "no longer"))
        else meant(words, heard.now, named=True)
    )
    return each("update_task", value, match["name"], heard, several=False) if value else None


def waits(heard: Heard) -> list[Step] | None:
    """ "buy milk can wait until friday", "the deadline for the report is now 20 May"."""
    match = _WAITS.fullmatch(heard.text)
    if match is None:
        return None
    found = match.groupdict()
    name, words = next(
        (found[f"name{n}"], found[f"value{n}"]) for n in ("", "2", "3", "4", "5", "6") if found[f"name{n}"]
    )
    value = meant(words, heard.now, moving=True, named=True)
    return each("update_task", value, name, heard) if value else None


def slots(heard: Heard) -> list[Step] | None:
    """A priority, or a priority and a day, said anywhere after a verb of change; what is left is the name."""
    verb = _SLOTS.match(heard.text)
    if verb is None:
        left, priority = details.take_priority(heard.text)
        given = re.match(r"(?:for|on)\s+(?P<name>.+)", left, re.IGNORECASE)
        if priority is None or given is None or dates.extract(left, heard.now)[1] is not None:
            return None
        return each("update_task", {"priority": priority}, given["name"], heard)
    left, priority = details.take_priority(heard.text[verb.end() :])
    left, due = dates.extract(left, heard.now)
    name = _LINKS.sub("", _LINKS.sub("", left.strip(" .,!"))).strip(" .,!")
    if (
        priority is None
        or not name
        or re.search(r"\b(?:tasks?|to-?dos?|project)\s+(?:to|called|for|:)", name, re.IGNORECASE)
    ):
        return None
    return each("update_task", {"priority": priority} | ({"due": due.isoformat()} if due else {}), name, heard)


def filed_under(heard: Heard) -> list[Step] | None:
    """ "move the report to Alpha", when Alpha is no day, priority or state."""
    match = _FILE.fullmatch(_PUT.sub("move ", heard.text))
    if match is not None and _PUT.match(heard.text):
        parts = re.split(r"\s*(?:,|\band\b|&)\s*", match["name"])
        if not (choosing.counted(match["name"], heard, "task") or all(map(pointing.is_place, parts))):
            return None
    if match is None or dates.extract(f"on {match['project']}", heard.now)[1] is not None:
        return None
    if re.search(
        r"\b(?:done|open|list|later|another|my|your|account|a|an|next|previous|top|bottom|me|him|her|them|trash|bin|projects?)\b",
        match["project"],
        re.I,
    ):
        return None
    return each("update_task", {"project": match["project"].strip(pointing.EDGES)}, match["name"], heard)
