"""The user's projects by their names, as people write them: "add oil the hinges to garden" means the Garden project.

The rules know "the Garden project" in all places; this puts it there. A word with an article ("in the garden") is a
name only where it is written as one ("in the Garden").
"""

import re
from collections.abc import Sequence

from exponential.assistant.offline.belonging import ADD
from exponential.assistant.offline.steps import Call, Step
from exponential.assistant.offline.words import VERBS

MOST_NAMES = 60  # looked for in one message
_THE = r"(?P<the>(?:the|my|our)\s+)?"
_INTO = rf"(?P<into>\b(?:in|into|under|within|to)\s+){_THE}"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_END = (
    r"(?=\s*(?:[,.;:!?)]|$)|\s+[–-]\s|\s+(?:to|and|then|but|due|by|on|for|at|with|as|please|pls|today|tomorrow|tonight|this"
    rf"|next|until|before|asap|urgent|high|low|top|instead|too|{_DAY})\b)"
)
_FRONT = (
    r"(?:(?:for|in|under|to|on)\s+)?(?:(?:the|my|our)\s+)?{name}(?:\s+project)?(?:\s*:\s+|\s+[–-]\s+)"
    r"(?P<rest>\S.*)"
)
_TASK_FOR = (
    r"(?:(?:add|create|make|put)\s+)?(?:(?:an?|another|one\s+more|the)\s+)?(?:new\s+)?(?:task|to-?do|item)\s+"
    r"(?:for|in|under|to|on)\s+(?:(?:the|my|our)\s+)?{name}(?:\s+project)?(?:\s*:\s+|\s+[–-]\s+|\s*,\s+)(?P<rest>\S.*)"
)
_ITS_TASK = (
    r"(?:(?:add|create)\s+)?(?:an?\s+)?(?:(?:new|another)\s+)?{name}\s+(?:task|to-?do)"
    r"(?:\s*:\s+|\s+[–-]\s+|\s+to\s+)(?P<rest>\S.*)"
)
_SAID_OF_IT = (  # "close Garden", "Garden is done": as a project, not as a task whose title has that word
    rf"^(?P<before>(?:close|finish|complete|reopen|archive|delete|remove|rename|mark|set)\s+){_THE}(?P<name>{{name}})"
    r"(?=\s+(?:as|to)\b|\W*$)",
    rf"^(?P<before>(?:bring|get|take|pick|put|start|wake)\s+){_THE}(?P<name>{{name}})(?=\s+(?:back|off|up|on\s+hold|on\s+ice|again)\b)",
    rf"^(?P<before>){_THE}(?P<name>{{name}})(?=\s+(?:is|are|has\s+been|can\s+be)\s+(?:now\s+|all\s+|finally\s+)*"
    r"(?:done|finished|completed?|closed|over)\b)",
)
_IT_IS_FOR = (
    r"\s*[.,;–-]\s*(?:and\s+)?(?:it|this|that)(?:['’]?s|\s+is)\s+(?:for|in|part\s+of|under)\s+(?:the\s+)?{name}(?:\s+project)?\b"
    r"(?=\W*$|\s+and\b|\s*[,.;])"
)
_ADDS = re.compile(
    rf"(?:^|[\s,.;!?]){ADD}\b|\b(?:move|file|assign|stick|pop|chuck|throw|bung|switch|goes?|belongs?)\b", re.IGNORECASE
)
# What follows their "to" may be a person or a place.
_RECEIVED = re.compile(
    r"\b(?:send|give|write|e-?mail|mail|text|talk|speak|say|tell|reply|respond|answer|explain|sell|lend|hand|deliver"
    r"|bring|return|forward|report|present|offer|ship|introduce|apologi[sz]e|listen|submit|invite|transfer|invitation"
    r"|go|drive|fly|travel|walk|trip|flights?|trains?|tickets?|letter|visit)\b|[,.;]",
    re.IGNORECASE,
)
_RATHER = re.compile(r"[,;.–-]\s*(?:no|sorry|i\s+mean(?:t)?|actually|rather|make\s+that|wait)[\s,]*$", re.IGNORECASE)
_CORRECTED = re.compile(  # "to the Garden project, sorry, to the Household project"
    r"\s+(?:to|in|into|under)\s+the\s+(?:(?!\sproject\b).)+\sproject\s*[,;.–-]+\s*(?:(?:no|sorry|i\s+mean(?:t)?|actually|rather|make\s+that|wait)[\s,]+)+"
    r"(?=(?:to|in|into|under)\s+the\s.+\sproject\b)",
    re.IGNORECASE,
)
_PUT_DEED = re.compile(r"^put(?=\s+(?P<verb>[a-z]+)\s+\w.*\s(?:in|under)\s+the\s+.+\sproject\b)", re.IGNORECASE)
_PUT_TASK = re.compile(
    r"(?P<verb>put|file|stick|pop|place)\s+(?:the\s+task\s+)?[\"“]?(?P<title>[^\"“”]+?)[\"”]?\s+(?:in|into|under|to)\s+the\s+.+?\sproject\b",
    re.IGNORECASE,
)
_AND_DEED = re.compile(
    r"(?<=\w)(?P<end>\sproject)\s*(?:,|,?\s+and)\s+(?=(?P<verb>[a-z]+)\s.+\sproject\b)", re.IGNORECASE
)
_NO_NEW_TASK = frozenset(
    """update note review status close finish complete rename move mark set change put add create push assign switch
    remind show list delete remove reopen""".split()
)


def plainly(text: str, projects: Sequence[str], tasks: Sequence[str]) -> str:
    """`text` with "the … project" for a name that says where something belongs, or what is meant; and with "move" for
    "put", where what is put into a project is a task already."""
    for name in sorted(projects, key=len, reverse=True)[:MOST_NAMES]:
        if name.casefold() in text.casefold():
            text = _fronted(text, name) or _said_of_it(_placed(_told_of_it(text, name), name), name)
    return _each_its_own(_moved(_CORRECTED.sub(" ", text), tasks))


def as_written(steps: Sequence[Step], text: str, names: Sequence[str]) -> list[Step]:
    """`steps` without "the … project" in a title or the like, where `text` has the name alone."""
    for name in names:
        put = f"the {name} project"
        said = re.search(re.escape(name), text, re.IGNORECASE)
        if said is not None and put.casefold() not in text.casefold():
            steps = [_replaced(step, put, said[0]) for step in steps]
    return list(steps)


def _replaced(step: Step, put: str, said: str) -> Step:
    if not isinstance(step, Call):
        return step
    args = {key: value.replace(put, said) if isinstance(value, str) else value for key, value in step.args.items()}
    return Call(step.tool, args)


def _told_of_it(text: str, name: str) -> str:
    """ "… It's for Alpha"."""
    return re.sub(_with(_IT_IS_FOR, name), f" in the {name} project", text, count=1, flags=re.IGNORECASE)


def _fronted(text: str, name: str) -> str | None:
    """ "Garden: oil the hinges", "new task for Garden - oil the hinges"."""
    for pattern in (_TASK_FOR, _ITS_TASK, _FRONT):
        match = re.fullmatch(_with(pattern, name), text, re.IGNORECASE | re.DOTALL)
        if match is not None and (pattern is not _FRONT or _is_deed(match["rest"].split()[0])):
            return f"in the {name} project: {match['rest']}"
    return None


def _placed(text: str, name: str) -> str:
    def put(match: re.Match[str]) -> str:
        before, after = text[: match.start()], text[match.end() :]
        if (match["the"] and match["name"] != name) or (before.rstrip().endswith(",") and after.startswith(":")):
            return match[0]
        if match["into"].lower().startswith("to"):
            verbs = list(_ADDS.finditer(before))
            if not verbs or (_RECEIVED.search(before[verbs[-1].end() :]) and not _RATHER.search(before)):
                return match[0]
        return f"{match['into']}the {name} project"

    pattern = _with(rf"{_INTO}(?P<name>{{name}})(?!\s+project\b){_END}", name)
    return re.sub(pattern, put, text, flags=re.IGNORECASE)


def _said_of_it(text: str, name: str) -> str:
    for pattern in _SAID_OF_IT:
        match = re.match(_with(pattern, name), text, re.IGNORECASE)
        if match is not None and not (match["the"] and match["name"] != name):
            return f"{match['before']}the {name} project{text[match.end() :]}"
    return text


def _moved(text: str, titles: Sequence[str]) -> str:
    match = _PUT_TASK.match(text)
    known = {title.casefold() for title in titles}
    return f"move{text[match.end('verb') :]}" if match is not None and match["title"].casefold() in known else text


def _each_its_own(text: str) -> str:
    """ "add … to the Garden project and order …" begins a second task; "put hoover the stairs in …" makes one."""
    text = _PUT_DEED.sub(lambda match: "add" if match["verb"].lower() in VERBS else match[0], text)
    return _AND_DEED.sub(lambda match: f"{match['end']} and add " if _is_deed(match["verb"]) else match[0], text)


def _is_deed(word: str) -> bool:
    return word.lower() in VERBS and word.lower() not in _NO_NEW_TASK


def _with(pattern: str, name: str) -> str:
    return pattern.replace("{name}", re.escape(name))
