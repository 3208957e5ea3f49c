"""What goes on from what was spoken of, said in a few words: "and the laundry as well", "same for Garden", "only the
urgent ones".

Read from the message as it stands: "and" and "too" are what makes it one of these.
"""

import re
from datetime import datetime

from exponential.assistant.offline import details, pointing, ranges
from exponential.assistant.offline.listing import when
from exponential.assistant.offline.patterns import whole
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.workspace.text import dates

_TOO = r"(?:[\s,]+(?:as\s+well|too|also|please|pls|thanks|then))*"
_AND_TOO = whole(
    rf"(?:oh\s+|yes\s+|ok\s+)?(?:(?P<and>and|also|plus|so\s+is|so\s+are)\s+)(?:also\s+)?(?P<name>\S.*?){_TOO}[\s.!]*"
)
_ONE_FOR = whole(
    rf"(?:and\s+|also\s+|plus\s+|now\s+)*(?:another(?:\s+(?:one|task))?|one(?:\s+more)?|(?:the\s+)?same(?:\s+(?:thing|again))?|a\s+task)\s+"
    rf"(?:for|with)\s+(?P<name>.+?){_TOO}[\s.!?]*"
)
_ONLY = whole(
    rf"(?:(?:and|now|just|only|show|me|please|give|what\s+about|how\s+about|filter|to|by)\s+)+(?P<what>.*\b(?:ones|tasks|(?:in|for|of|from|under)\s+[\w&-]+"
    rf"|overdue|urgent|important|today|tomorrow|week|(?:high|low)[\s-]prio(?:rity)?))(?:\s+of\s+(?:them|those|these))?(?:\s+(?:only|again))?{_TOO}[\s.!?]*"
)
_NARROWS = re.compile(r"\b(?:only|just|filter|what\s+about|how\s+about)\b", re.IGNORECASE)
_AND_WHEN = whole(r"(?:(?:and|or|now|ok|so)\s+)+(?:for\s+|on\s+)?(?P<what>[^?]+)\?*")
_ABOUT = whole(
    rf"(?:(?:and|ok|so|now)\s+)*(?:what|how)\s+about\s+(?:the\s+|project\s+)*(?P<name>[\w&'’-]+(?:\s+[\w&'’-]+){{0,2}}?)(?:\s+(?:project|ones|tasks))?{_TOO}[\s.!?]*"
)
_NOT_A_NAME = re.compile(
    r"^(?:i|we|you|he|she|they|what|which|who|when|where|why|how|is|are|do|does|did|can|could|will|would|should|show|list|add|move|make|put"
    r"|remind|delete|remove|cancel|drop|forget|set|change|rename|mark|then|now|no|not|if|so|that['’]?s|thanks|it|that|this|next|by|on|at|to|for|in)\b"
    r"|\b(?:is|are|was|were)\b",
    re.IGNORECASE,
)


def also(heard: Heard) -> list[Step] | None:
    for read in (_of_task, _of_list, _of_project):
        steps = read(heard)
        if steps is not None:
            return steps
    return None


def _of_task(heard: Heard) -> list[Step] | None:
    if heard.last_kind != "task" or heard.last is None or not heard.last.get("id"):
        return None
    one = _ONE_FOR.fullmatch(heard.text)
    if one is not None and _is_name(one["name"], heard):
        return _again(one["name"], heard)
    match = _AND_TOO.fullmatch(heard.text)
    if match is None or not heard.last.get("done") or not _is_name(match["name"], heard):
        return None
    return _again(match["name"], heard)


def _again(name: str, heard: Heard) -> list[Step]:
    """For another, what was done for the last: it is made, or marked as done."""
    name = pointing.named(name)
    if (heard.last or {}).get("done"):
        return [Call("complete_task", {"task": name})]
    return [Call("create_task", {"title": name, "due": None})]


def _is_name(name: str, heard: Heard) -> bool:
    return (
        len(name.split()) <= 5
        and not _NOT_A_NAME.search(name)
        and not pointing.is_pronoun(name)
        and not pointing.is_place(name)
        and not pointing.is_all(name)
        and dates.extract(f"on {name}", heard.now)[1] is None
        and details.take_priority(name)[1] is None
    )


def _of_list(heard: Heard) -> list[Step] | None:
    """ "same for Garden", "only the urgent ones": the tasks that were listed, but others or fewer."""
    if heard.listed_kind != "task" or not heard.listed:
        return None
    one = _ONE_FOR.fullmatch(heard.text) or _ABOUT.fullmatch(heard.text)
    if one is not None and _is_name(one["name"], heard) and len(one["name"].split()) <= 3:
        return [Call("list_tasks", {"status": "open", "project": one["name"].strip(pointing.EDGES)})]
    then = _AND_WHEN.fullmatch(heard.text)
    if then is not None and _is_when(then["what"], heard):
        return [Call("list_tasks", {"status": "open", **when(then["what"], heard.now, done=False)})]
    match = _ONLY.fullmatch(heard.text) or (one and whole(r"(?P<what>.+)").fullmatch(one["name"]))
    if match is None or not (_NARROWS.search(heard.text) or one):
        return None
    what = match["what"]
    words = re.sub(r"^(?:the|those|my|that\s+are|which\s+are|due)\s+|\s+(?:ones|tasks)$", "", what, flags=re.IGNORECASE)
    bare = re.fullmatch(
        r"(?:(?:ones|tasks|things|stuff)\s+)?(?:(?:in|for|of|from|under)\s+)(?:the\s+|project\s+)*(?P<name>[\w&-]+)(?:\s+project)?",
        words,
        re.I,
    )
    limits = when(words, heard.now, done=False)
    level = re.fullmatch(
        r"(?:very\s+)?(?P<level>urgent|important|high|low)(?:[\s-]*prio(?:rity)?)?", words, re.IGNORECASE
    )
    if level is not None:
        word = level["level"].lower()
        return [Call("list_tasks", {"status": "open", "priority": "high" if word == "important" else word})]
    if limits:
        return [Call("list_tasks", {"status": "open", **limits})]
    if bare is not None:
        return [Call("list_tasks", {"status": "open", "project": bare["name"]})]
    return None


def _is_when(words: str, heard: Heard) -> bool:
    left, range_ = ranges.take(words, heard.now, ahead=True)
    if range_ is None:
        left, due = dates.extract(f"on {words}", heard.now)
        return due is not None and not isinstance(due, datetime) and not left.strip(" .,on")
    return not left.strip(" .,on")


def _of_project(heard: Heard) -> list[Step] | None:
    """ "and how about Garden?", said of another project."""
    if heard.last_kind != "project" or heard.listed:
        return None
    match = _ABOUT.fullmatch(heard.text) or _ONE_FOR.fullmatch(heard.text)
    if heard.last is None or match is None or not _is_name(match["name"], heard):
        return None
    return [Call("project_status", {"project": match["name"].strip(pointing.EDGES)})]
