"""What a request to add tasks says of all of them: their priority and project."""

import re
from dataclasses import replace
from datetime import UTC, datetime

from exponential.assistant.offline import details
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.assistant.offline.words import LIST, VERBS
from exponential.workspace.text import dates

ADD = (
    r"(?:add|create|make|put(?:\s+down)?|note(?:\s+down)?|write(?:\s+down)?|jot\s+down|record|save|enter|log|new|set\s+up"
    r"|make\s+a\s+note|include|capture|insert)"
)


ON_LIST = f"(?:{LIST}|calendar|diary|agenda)"


_UNDER_NAME = re.compile(
    r"^(?P<verb>(?i:add|put|create|new|file|log))\s+(?i:(?:a\s+)?(?:task|to-?do)\s+)?(?i:to|in|under|for|into)\s+(?i:the\s+|my\s+)?(?i:project\s+)?"
    r"(?P<name>[A-Z0-9][\w&'’-]*(?:\s+[\w&'’-]+){0,4}?)(?i:\s+project)?\s*:\s+(?=\S)|^(?P<verb2>(?i:add|put|create|new))\s+(?:to|in)\s+"
    r"(?P<name2>[\w&'’-]+)\s*:\s+(?=\S)",
)


_TO_NAME = re.compile(
    r"^(?P<start>(?i:add|put|file)\b.*?)\s+(?:to|in|into|under)\s+(?:the\s+)?(?P<name>[A-Z][\w&'’-]*(?:\s+[A-Z0-9][\w&'’-]*)*)"
    r"(?P<end>$|\s*,.*|\s+(?:with|due|by|for|on|at)\b.*)"
)


# Words whose "to Dana" or "to Lisbon" says to whom or where, not in which project.
_RECIPIENT = re.compile(
    r":|\b(?:send|give|write|e-?mail|mail|text|talk|speak|say|tell|reply|respond|answer|explain|show|sell|lend|hand|deliver|bring"
    r"|take|return|forward|report|present|offer|pay|ship|post|introduce|apologi[sz]e|listen|go|get|drive|fly|travel|move|walk|ride"
    r"|run|trip|flights?|trains?|tickets?|bus|letter|gift|card|invitation|call|connect|submit|pass|thanks|note|message|congratulat\w+"
    r"|visit|transfer|refund|donate|upload|promise|suggest|recommend|sing|read|feed|assign|delegate|escalate|speech|talks?|wish)\b",
    re.IGNORECASE,
)


_INNER = re.compile(
    r"\s*\((?P<inner>[^()]*\b(?:due|by|prio\w*|urgent|important|today|tomorrow|project)\b[^()]*)\)", re.IGNORECASE
)


_IN_NAME_TO = re.compile(
    r"^(?P<start>(?i:(?:add|create|make|new|put)\s+)?(?i:an?\s+|another\s+|the\s+|these\s+|following\s+)*(?i:new\s+)?(?i:tasks?|to-?dos?|items?))\s+"
    r"(?i:in|for|under|to|into)\s+(?:the\s+)?(?P<name>[A-Z][\w&'’-]*(?:\s+(?!(?:from|with|and|that|which|on|in|at)\b)[\w&'’-]+){0,3}?)"
    r"(?=\s+(?:to|for|called|named|about|due|by|that\s+says|saying)\b|\s*:|,)"
)


_FOR_ME = re.compile(r"\s+for\s+me(?=\s*[:,]|\s+to\b|\s*$)", re.IGNORECASE)


_THESE = re.compile(
    r"^(?P<verb>add|create|put|note)\s+(?:these|those|the\s+following)(?:\s+(?:tasks|things|items))?(?P<to>\s+(?:to|in|under|for)\s+[^:]{1,40}?)?\s*:",
    re.IGNORECASE,
)


_UNDER = re.compile(
    r"\b(?P<noun>(?i:tasks?|to-?dos?))\s+(?:(?i:to|in|for|under)\s+)?"
    r"(?P<name>(?!(?i:it|me|the|my|that|there)\b)[\w&-]+(?:\s+[\w&-]+){0,3}?)\s*:\s+"
)


_BELONGS = re.compile(  # "…, it's for the Website relaunch"
    r"\s*(?:[,;.–—-]|\band\b)\s*(?:and\s+)?(?:(?:it|this|that)\s+)?(?:(?:belongs|goes|should\s+go)\s+(?:to|in|into|under|with)"
    r"|(?:(?:it|this|that)['’]?s|is)\s+(?:a\s+)?(?:part\s+of|for(?=\s+the\s+(?:[A-Z]|(?:\w+\s+){1,3}project\b))))"
    r"\s+(?:the\s+|our\s+|my\s+)?(?:project\s+)?(?P<name>[\w&][\w&'’-]*(?:\s+[\w&'’-]+){0,3}?)(?:\s+project)?[\s.!]*$"
)
_NO_NAME = VERBS | frozenset("to for in under about called named list due by on".split())
_TO_IT = re.compile(
    r"\s+(?:to|for|in)\s+(?:it|that(?:\s+project)?|this\s+project)(?=\s*:|\s*$|\s+(?:due|by|on|for|with|tomorrow|today|next)\b)|\s+there(?=\s*:|\s*$)",
    re.IGNORECASE,
)


_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # whether words name a day is the same on every day


_QUOTED_END = re.compile(r"[\"“][^\"“”]+[\"”]\s*$")


_FRONT = re.compile(  # "in the Q3 budget, add a task to …"
    r"^(?:(?:in|under|for|to)\s+|(?=[^,]{1,40}:))(?:the\s+|our\s+|my\s+)?(?:project\s+)?(?P<name>[\w&][\w&'’ -]{0,40}?)"
    r"(?:\s+project)?\s*[,:]\s+"
    r"(?:please\s+)?(?:add|create|make|put|note|new|set\s+up)(?:\s+(?:an?|the)(?:\s+new)?)?"
    r"(?:\s+(?:tasks?|to-?do)(?:\s+(?:to|for|called|named))?)?\s*:?\s+(?P<rest>\S)",
    re.IGNORECASE,
)


_IT_IS_DUE = re.compile(  # "…, it has to be done by Friday", "…, needs doing by Friday"
    r"\s*[,.;–-]\s*(?:and\s+)?(?:(?:it|that|this|which|they|these)(?:['’]?s|['’]re|\s+is|\s+are)(?:\s+due)?|(?:(?:it|that|this|which|they|these)\s+)?"
    r"(?:(?:has|have|needs?)\s+to\s+be\s+(?:done|ready|there|finished|in|out|sent)|must\s+be\s+(?:done|ready|in|out)|needs?\s+(?:doing|finishing)|to\s+be\s+done))\s+"
    r"(?=(?:by|on|at|for(?!\s+(?:the|our|my)\s+[a-z])|until|before|today|tomorrow|tonight|this|next|in|mon|tue|wed|thu|fri|sat|sun)\b)",
    re.IGNORECASE,
)


def _moved(match: re.Match[str]) -> str:
    if re.search(r"\b(?:me|now|later|today|tomorrow|week|month|\w+day)\b", match["name"], re.IGNORECASE):
        return match[0]
    return f"add a task to {match['name']}: {match['rest']}"


def _belonging(text: str) -> tuple[str, str | None]:
    match = _BELONGS.search(text)
    return (text[: match.start()], match["name"]) if match is not None else (text, None)


def due_plainly(text: str) -> str:
    """ "…, it's due by Friday" → "… due by Friday"."""
    return _IT_IS_DUE.sub(" due ", text)


_OF_BOTH = re.compile(
    r"[\s,;.]+(?:both|all|all\s+(?:of\s+(?:them|these)|three|four)|everything|they\s+(?:all\s+)?(?:go|belong))\s+(?:are\s+|is\s+)?(?:in|to|into|under|for)\s+"
    r"(?:the\s+|project\s+)*(?P<name>(?-i:[A-Z])[\w&'’-]*(?:\s+(?-i:[A-Z0-9])[\w&'’-]*)*)(?:\s+project)?[\s.!]*$",
    re.IGNORECASE,
)


def _of_both(text: str) -> tuple[str, str | None]:
    """ "…, both in Flat"; a day said so holds for all of them anyway."""
    match = _OF_BOTH.search(text)
    if match is None or dates.extract(f"on {match['name']}", _ANY_DAY)[1] is not None:
        return text, None
    return text[: match.start()], match["name"]


def taken(heard: Heard) -> tuple[str, dict[str, str]]:
    """The request without its priority and project, and these; both hold for all of its tasks."""
    heard = replace(heard, text=_FOR_ME.sub("", heard.text))
    if _QUOTED_END.search(heard.text) and not re.search(r"\b(?:project|prio|due|urgent|important)", heard.text, re.I):
        return heard.text, {}
    given = _INNER.sub(r", \g<inner>", due_plainly(heard.text))
    text = _FOR_ME.sub("", _THESE.sub(r"\g<verb> tasks\g<to>:", _FRONT.sub(_moved, given)))
    text, project = _belonging(text)
    if project is None:
        text, project = _of_both(text)
    text, priority = details.take_priority(text)
    if project is None:
        text, project = details.take_project(text)
    under = _UNDER.search(text)
    if project is None and under is not None and under["name"].lower().split()[0] not in _NO_NAME:
        if not dates.extract(under["name"], heard.now)[1]:
            text, project = f"{text[: under.end('noun')]}: {text[under.end() :]}", under["name"]
    for pattern in (_UNDER_NAME, _IN_NAME_TO, _TO_NAME) if project is None else ():
        named = pattern.search(text)
        if named is not None:
            found_ = named.groupdict()
            name = (found_["name"] or found_.get("name2") or "").strip()
            if not name or re.fullmatch(ON_LIST, name, re.IGNORECASE) or dates.extract(f"on {name}", heard.now)[1]:
                continue
            start = found_.get("start") or f"{found_.get('verb') or found_.get('verb2') or 'add'}"
            if pattern is _TO_NAME and is_place(text[: named.start("name")], name, heard):
                continue
            if pattern is _TO_NAME and " to " in text[len(start) : named.end("name")] and _RECIPIENT.search(start):
                continue
            start = "add" if pattern is _UNDER_NAME else start
            text = f"{start}{': ' if pattern is _UNDER_NAME else ''}{found_.get('end') or text[named.end() :]}"
            project = name
            break
    pointed = _TO_IT.search(text)
    if project is None and pointed is not None and heard.last_kind == "project" and heard.last is not None:
        text, project = text[: pointed.start()] + text[pointed.end() :], heard.last["name"]
    found = {"priority": priority, "project": project}
    return text.strip(" ,"), {key: value for key, value in found.items() if value is not None}


def is_place(before: str, name: str, heard: Heard) -> bool:
    """Whether "in Porto" tells where: there are projects, and none of them is called so."""
    known = [project.casefold() for project in heard.projects]
    return bool(known) and re.search(r"\bin\s+$", before, re.IGNORECASE) is not None and name.casefold() not in known


def with_all(steps: list[Step], shared: dict[str, str]) -> list[Step]:
    """The tasks with what holds for all of them."""
    return [Call(step.tool, step.args | shared) if isinstance(step, Call) else step for step in steps]
