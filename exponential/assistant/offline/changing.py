"""Rules that change tasks: their day, title, priority and project."""

import re
from collections.abc import Iterator
from dataclasses import replace

from exponential.assistant.offline import pointing, stating
from exponential.assistant.offline.combining import combined
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.placing import placed
from exponential.assistant.offline.steps import Heard, Step
from exponential.assistant.offline.values import each, meant
from exponential.workspace.text import dates

_TAIL = re.compile(
    r"(?:[\s,]+(?:instead|rather|please|pls|not\s+(?:on\s+)?(?:today|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
    r"|(?:at\s+)?the\s+same\s+time|any\s?more|already|now|again|(?:at\s+the\s+)?(?:very\s+)?latest|from\s+now\s+on))+$",
    re.IGNORECASE,
)


_SO_IT_IS = whole(
    r"(?:change|set|update|make|edit)\s+(?P<name>.+?)\s+so\s+(?:that\s+)?it(?:['’]s|\s+is)\s+(?P<value>.+)"
)
_ARROW = re.compile(r"\s*(?:-+>|=>|→|⇒|➡️?|>>)\s*")


_RENAME = (
    whole(r"(?:the\s+)?(?:title|name)\s+of\s+(?P<name>.+?)\s+(?:should|must|has\s+to)\s+be\s+(?P<title>.+)"),
    whole(
        r"(?P<name>.+?)\s+(?:should|must|shall)\s+(?:now\s+)?(?:read|say|be\s+(?:called|named|renamed\s+to|titled))\s+(?P<title>.+)"
    ),
    whole(r"(?:edit|reword|correct)\s+(?P<name>[^:]+?)\s*:\s+(?P<title>.+)"),
    whole(r"(?:rename|retitle)\s+(?P<name>.+?)\s+(?:to|as|into)\s+(?P<title>.+)"),
    whole(
        r"(?:rename|retitle)\s+(?P<name>[^,:\"“]+?)\s*[,:.–-]+\s+(?:(?:it|that)\s+(?:should|shall|must)\s+(?:now\s+)?(?:be|read|say|be\s+called)|(?:please\s+)?call\s+it|to)?\s*(?P<title>.+)"
    ),
    whole(
        r"(?:change|set|swap|switch|update|edit|make)\s+(?:the|its)\s+(?:title|name)(?:\s+of\s+(?P<name>.+?))?\s+to\s+(?P<title>.+)"
    ),
    whole(r"call\s+(?P<name>(?:the\s+|my\s+)?[^\"“”]+?)\s+(?P<title>[\"“][^\"“”]+[\"”])"),
    whole(r"call\s+(?P<name>it|that|this)\s+(?P<title>.+?)(?:\s+instead)?"),
)


_UNDATED = whole(
    r"no\s+(?:due\s+)?(?:date|deadline)\s+(?:for|on)\s+(?P<name3>.+)|"
    r"(?P<name>.+?)\s+(?:has|needs)\s+no\s+(?:more\s+)?(?:due\s+date|deadline|date)(?:\s+any\s?more)?"
    r"|(?P<name2>.+?)\s+(?:doesn['’]?t|does\s+not)\s+(?:have|need)\s+a\s+(?:due\s+date|deadline|date)(?:\s+any\s?more)?"
)


_BELONGS = whole(
    r"(?P<name>(?!.*[,;.–-]\s+(?:and\s+)?(?:it|this|that)\s+(?:belongs?|goes)\b)[^.!?]+?)\s+(?:(?:belongs?|goes)\s+(?:to|in|into|under)|is\s+part\s+of|(?:should|must|has\s+to)\s+(?:be|go|sit)\s+(?:in|into|under)(?=\s+(?:(?:the\s+)?[\w\s&-]+\s+project$|project\s)))\s+(?:the\s+)?(?:project\s+)?(?P<project>[^,;]+?)(?:\s+project)?"
)


_NO_DATE = whole(
    r"(?:remove|clear|delete|drop|unset|take)\s+(?:the\s+|its\s+)?(?:due\s+date|date|deadline|due)"
    r"(?:\s+(?:away\s+)?(?:from|of|for|on|off)\s+(?P<name>.+))?"
)


_NO_PROJECT = whole(
    r"(?:remove|take)\s+(?P<name>.+?)\s+(?:from|out\s+of|off)\s+(?:the\s+|its\s+)?(?:project(?:\s+\w+)?|\w+\s+project)(?:[\s,]+but\s+(?:keep|leave)\s+(?:it|the\s+task)(?:\s+\w+){0,3})?"
    r"|(?P<name2>.+?)\s+(?:should(?:n['’]?t|\s+not)|does(?:n['’]?t|\s+not)|must(?:n['’]?t|\s+not)|need(?:n['’]?t|\s+not)|isn['’]?t|is\s+not)\s+(?:to\s+)?"
    r"(?:(?:be|sit|stay|go|have|need|belong)\s+)?(?:in\s+|to\s+|under\s+|part\s+of\s+)?(?:any|a)\s+project(?:\s+at\s+all)?"
    r"|(?P<name3>.+?)\s+(?:(?:should\s+)?(?:have|has|needs|belongs?\s+to)|(?:is|should\s+be)\s+(?:in|part\s+of))\s+no\s+project"
    r"|(?:remove|take)\s+(?P<it>it|that|this)\s+(?:from|out\s+of)\s+(?-i:[A-Z])[\w&'’-]*"
)


_FIELD = whole(
    r"(?:set|change|move|make|update|put|raise|lower|drop|increase|decrease|reduce|bump)\s+(?:the\s+|its\s+)?(?:due(?:\s+(?:date|time))?|time|deadline|date|prio(?:rity)?"
    r"|(?P<project>project))"
    r"(?:\s+(?:of|for|on)\s+(?P<name>.+?))?(?:\s+back)?\s+(?:to|as)\s+(?P<value>.+)"
)


_LOWER = whole(
    r"(?:(?P<down>lower|decrease|reduce)|raise|increase|up)\s+(?:the\s+|its\s+)?prio(?:rity)?(?:\s+(?:of|for|on)\s+(?P<name>.+))?"
)


_VERB = whole(
    r"(?P<verb>(?:push|put|move|shift|bring)\s+(?:back|out|up|forward)(?=\s+(?:the|my|our|\"|“)\s*\w)|move|mv|prepone|advance|postpone|push|shift|reschedule|delay|bump|bring\s+forward|bring|pull|put\s+off|defer|set|change|make(?!\s+(?:sure|certain|a|an)\b)|update"
    r"|put|switch|do|prolong|extend|have"
    r"|assign|mark|raise|give(?!\s+me\b)|add)\s+(?P<rest>.+)"
)


_FROM = re.compile(
    r"\s+from\s+(?:today|tomorrow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|this\s+week)$", re.IGNORECASE
)


_LATER_BY = re.compile(r"\s+(?:an?|one|two|three|\d+)\s+(?:hours?|days?|weeks?)\s+(?:later|earlier)\W*$", re.IGNORECASE)


_PRIORITIZE = whole(r"(?P<down>de)?-?prioriti[sz]e\s+(?P<name>.+)")


_RETITLE = whole(r"(?:update|change|edit|correct)\s+(?P<name>.+?)\s+(?:in)?to\s+(?P<title>.+)")


_JOINT = re.compile(
    r"\s+(?:(?:back|forward|off|over|up)\s+)?(?:to|until|till|for|by|on|into|in|as|under)\s+|\s+", re.IGNORECASE
)


_TO_LEVEL = whole(  # "drop the login bug to low priority"
    r"(?:drop|lower|raise|bump|upgrade|downgrade|turn|knock|bring)\s+(?P<name>.+?)\s+(?:down\s+|up\s+)?to\s+(?P<value>(?:low|normal|medium|high|top|urgent)[\s-]+prio(?:rity)?)"
)


_MOVING = frozenset(
    """move postpone push shift reschedule delay bump defer put assign mv prepone advance bring pull switch extend
    prolong""".split()
) | {"bring forward", "put off"}


def filed(heard: Heard) -> list[Step] | None:
    """ "add it to project Alpha", "add the invoice to project Alpha": what is there already, not a new task."""
    pointed = re.fullmatch(
        r"(?:add|put)\s+(?P<name>it|that|this)\s+(?:to|in|into"
        r"|under)\s+(?:the\s+)?(?:project\s+)?(?P<project>(?!(?:my|the|a)\b)\w[\w &'’-]*?)(?:\s+project)?",
        heard.text, re.IGNORECASE,
    )  # fmt: skip
    if pointed is not None and heard.last_kind == "task" and heard.last is not None:
        if (
            not re.search(r"\b(?:list|tasks?|to-?dos?|calendar)\b", pointed["project"], re.I)
            and meant(pointed["project"], heard.now) is None
        ):
            return each("update_task", {"project": pointed["project"]}, "it", heard)
    is_there = re.match(r"add\s+(?:it|that|this|the)\b", heard.text, re.IGNORECASE)
    return stating.more_time(heard) or (_moved(heard) if is_there else None)


def update(heard: Heard) -> list[Step] | None:
    if stating.NEEDING.match(heard.text):
        return None
    place = placed(heard)
    if place is not None:
        return place
    so_it_is = _SO_IT_IS.fullmatch(heard.text)
    if so_it_is is not None:
        heard = replace(heard, text=f"{so_it_is['name']} is {so_it_is['value']}")
    arrow = _ARROW.search(heard.text)
    if arrow is not None and arrow.start() and not re.search(r"[\"“”]", heard.text):
        text = f"{heard.text[: arrow.start()]} to {heard.text[arrow.end() :]}"
        steps = update(replace(heard, text=text))
        return steps or _moved(replace(heard, text=f"move {text}"))
    if heard.last_kind in ("project", "reminder") and re.search(r"\b(?:it|that)\b", heard.text, re.IGNORECASE):
        return None
    short = replace(heard, text=_TAIL.sub("", heard.text))
    for pattern in _RENAME:
        match = pattern.fullmatch(heard.text if heard.text[-1:] in '"”' else short.text)
        if match is not None:
            return each(
                "update_task",
                {"title": match["title"].strip(pointing.EDGES)},
                match["name"] or "it",
                heard,
                several=False,
            )
    rather = re.search(r"\b(?:instead|rather)\b", heard.text, re.IGNORECASE)
    if re.match(r"(?:do|have)\b", heard.text, re.IGNORECASE) and not rather:
        return None
    for read in (
        stating.compared,
        _taken_away,
        stating.given_date,
        _field,
        _slots_with_day,
        _moved,
        stating.more_time,
        stating.said_to_be,
        stating.waits,
        _retitled,
        stating.slots,
        stating.filed_under,
    ):
        steps = read(short)
        if steps is not None:
            return steps
    return None


def _taken_away(heard: Heard) -> list[Step] | None:
    match = _NO_DATE.fullmatch(heard.text)
    if match is not None:
        return each("update_task", {"due": "none"}, match["name"] or "it", heard)
    match = _UNDATED.fullmatch(heard.text)
    if match is not None:
        return each("update_task", {"due": "none"}, match["name"] or match["name2"] or match["name3"], heard)
    match = _NO_PROJECT.fullmatch(heard.text)
    if match is not None:
        name = match["name"] or match["name2"] or match["name3"] or match["it"]
        return each("update_task", {"project": "none"}, name, heard)
    match = _BELONGS.fullmatch(heard.text)
    if match is None:
        return None
    return each("update_task", {"project": match["project"].strip(pointing.EDGES)}, match["name"], heard)


def _field(heard: Heard) -> list[Step] | None:
    match = _LOWER.fullmatch(heard.text) or _PRIORITIZE.fullmatch(heard.text)
    if match is not None and not re.search(r"\s+to\s+(?:low|normal|medium|high|urgent)$", heard.text, re.IGNORECASE):
        return each("update_task", {"priority": "low" if match["down"] else "high"}, match["name"] or "it", heard)
    match = _FIELD.fullmatch(heard.text) or _TO_LEVEL.fullmatch(heard.text)
    value = meant(match["value"], heard.now, named=True) if match is not None else None
    if match is not None and match.groupdict().get("project"):
        value = value or {"project": match["value"].strip(pointing.EDGES)}
    return each("update_task", value, match["name"] or "it", heard) if match is not None and value else None


def _moved(heard: Heard) -> list[Step] | None:
    match = _VERB.fullmatch(heard.text)
    if match is None or re.match(r"(?:do|have)\s+(?:i|we|you|they|any)\b", heard.text, re.IGNORECASE):
        return None
    rest, verb = match["rest"], " ".join(match["verb"].lower().split())
    if verb == "add" and not re.search(r"\bto\s+(?:the\s+\w+\s+project|project\s+\w+)$", rest, re.IGNORECASE):
        return None
    for name, value_words, joint in _splits(rest):
        value = meant(
            value_words, heard.now, moving=verb in _MOVING or verb.split()[0] in _MOVING, named=joint.lower() == "to"
        )
        if value is None and (pointing.is_place(name) or pointing.is_pronoun(name)):
            value = combined(f"{joint} {value_words}", heard.now)
        if value is None and joint.lower() in ("to", "into", "in", "under"):
            both = combined(f"{joint} {value_words}", heard.now, moving=True)
            value = both if both and both.get("project") in heard.projects else None
        if value is None or (
            not joint and verb not in ("make", "give", "mark", "set", "push", "delay", "move", "bump")
        ):
            continue
        if verb == "add" and not pointing.is_pronoun(name) and not re.match(r"the\s", name, re.IGNORECASE):
            return None
        return each("update_task", value, name, heard)
    return None


def _splits(rest: str) -> Iterator[tuple[str, str, str]]:
    """(name, value, the word between): the shortest names first."""
    for match in _JOINT.finditer(rest):
        name = rest[: match.start()]
        if name.strip():
            yield _LATER_BY.sub("", _FROM.sub("", name)), rest[match.end() :], match[0].strip()


def _slots_with_day(heard: Heard) -> list[Step] | None:
    return stating.slots(heard) if dates.extract(heard.text, heard.now)[1] is not None else None


def _retitled(heard: Heard) -> list[Step] | None:
    """ "change buy milk to buy oat milk", when that is no date, priority or project."""
    match = _RETITLE.fullmatch(heard.text)
    if match is None or re.search(
        r"\b(?:project|date|priority|status|review)\b|^(?:my|your)\s+name$", match["name"], re.IGNORECASE
    ):
        return None
    return each("update_task", {"title": match["title"].strip(pointing.EDGES)}, match["name"], heard, several=False)
