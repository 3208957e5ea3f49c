"""Rules for questions about one's own data: counts, what was done when, comparisons, what lacks something."""

import re
from datetime import timedelta
from typing import Any

from exponential.assistant.offline import comparing, details, narrowing, past_days, ranges, subjects
from exponential.assistant.offline.meetings import given
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.assistant.offline.subjects import DONE

_ASKS = re.compile(
    r"(?:how\s+many|how\s+much|count|number\s+of|what['’]?s\s+the\s+number\s+of|compare|total)\b", re.IGNORECASE
)
_OF_TASKS = re.compile(
    r"\b(?:tasks?|to-?dos?|items?|things|ones|stuff|done|finish\w*|complet\w*|accomplish\w*|achiev\w*|overdue|due|open|left|urgent|priorit\w+|prio|pending|clos\w+|tick\w*"
    r"|outstanding|productive|work|new|add(?:ed)?|creat\w+|plate|list|remaining|late)\b",
    re.IGNORECASE,
)
_COUNT_INSIDE = re.compile(
    r"^(?:what(?:['’]?s|\s+is|\s+was)|show|give\s+me|tell\s+me)\s+.*\b(?:count|how\s+many|number\s+of|total)\b",
    re.IGNORECASE,
)
_NOTES = re.compile(
    r"(?:(?:any|are\s+there|show|list|read|what|which|do\s+i\s+have|have\s+i\s+got|did)\b.*\b(?:notes?"
    r"|messages?)\b.*(?:\b(?:for\s+me|left"
    r"|leave|from|guests?)\b.*)?"
    r"|(?:did\s+)?(?:any(?:one|body)|some(?:one|body)|who)\s+(?:leave|left|write|wrote)\b.*|(?:my\s+)?notes)",
    re.IGNORECASE,
)
_DID = re.compile(
    rf"(?:(?:what|which)(?:\s+(?:tasks|things))?|show\s+me\s+what|tell\s+me\s+what|how\s+much)\s+(?:all\s+)?(?:did"
    rf"|have|had)\s+(?:i|we)\s+"
    rf"(?:already\s+)?(?:do|{DONE})\b"
    rf"|(?:has|was|have|were)\s+(?:any\s*thing|something|any\s+tasks?)\s+(?:been\s+|got(?:ten)?\s+)?{DONE}\b"
    r"|how\s+(?:productive|busy)\s+(?:was|were|am|have)\s+(?:i|we)\b"
    rf"|did\s+(?:i|we)\s+(?:do|{DONE})\s+(?:anything|something)\b|(?:what|(?:everything|all|anything)(?:\s+(?:that|of\s+what))?)\s+(?:i|we)(?:['’]ve|\s+have)?\s+(?:already\s+)?(?:did|{DONE})\b|(?:what|which\s+tasks)\s+(?:was|were|got|has\s+been|have\s+been)\s+{DONE}\b",
    re.IGNORECASE,
)
_I_MADE = re.compile(
    r"^(?:what|which|show|list|tell)\b.*\b(?:did\s+i|have\s+i|i(?:['’]ve|\s+have)?)\s+(?:just\s+|newly\s+)?(?:create[d]?|add(?:ed)?|ma[dk]e|enter(?:ed)?|put\s+on)\b"
    r"|^(?:(?:what|which|show|list)\b.*\b|(?:my\s+|all\s+|the\s+)*)tasks\s+(?:i\s+|were\s+|that\s+were\s+)?(?:created|added|made)\b|\bnew\s+tasks\s+(?:from|since|of|this|last|today|yesterday)\b",
    re.IGNORECASE,
)
_OVERDUE = re.compile(r"\b(?:overdue|late|past\s+due)\b", re.IGNORECASE)
_WITHOUT = tuple(
    (re.compile(pattern, re.IGNORECASE), about, without)
    for pattern, about, without in (
        (
            r"\bprojects?\b.*\b(?:no|without|lack(?:s|ing)?|miss(?:ing|es)?|\w+n['’]t\s+have|not\s+have|have\s+not"
            r"|any)\b.*\bnext\s+(?:step|action|task)s?\b",
            "projects",
            "next_step",
        ),
        (
            r"\bprojects?\b.*\b(?:no|without|\w+n['’]t\s+have|not\s+have)\b.*\b(?:open\s+)?tasks?\b",
            "projects",
            "next_step",
        ),
        (
            r"\b(?:tasks?|to-?dos?|(?:any)?things?|everything|items?|stuff|ones|any)\b.*\b(?:no|without|lack(?:s|ing)?|miss(?:ing|es)?|\w+n['’]t\s+have|not\s+"
            r"have)\b.*\b(?:due|date|deadline)s?\b",
            "tasks",
            "due",
        ),
        (
            r"\b(?:tasks?|to-?dos?|(?:any)?things?|everything|items?|stuff|ones|any)\b.*\b(?:no|without|lack(?:s|ing)?|miss(?:ing|es)?|\w+n['’]t\s+have|not\s+(?:have"
            r"|in)|\w+n['’]t\s+in|belong\s+to\s+no)\b.*\bprojects?\b",
            "tasks",
            "project",
        ),
        (
            r"\b(?:what|which)\b.*\b(?:not|\w+n['’]t)\s+(?:yet\s+)?(?:assigned|in|belong|part|filed|linked)\b.*\b(?:an?y?|no)\s+project\b",
            "tasks",
            "project",
        ),
        (r"\bundated\b", "tasks", "due"),
    )
)
_STATES = re.compile(  # tells what shall be, and asks nothing
    r"(?:add|create|make|new|task|to-?do)\b|(?:the|my)\s+.+?\s+(?:tasks?|to-?dos?|items?)\s+(?:belongs?|needs?|has|have|should|does|do)\b",
    re.IGNORECASE,
)
_LACK = re.compile(
    r"\b(?:no|without|lack(?:s|ing)?|miss(?:ing|es)?|\w+n['’]t\s+have|not\s+have)\b.*?\b(?:due|date|deadline)s?\b(?:\s+date)?",
    re.I,
)
_TROUBLED = re.compile(
    r"(?:(?:which|what|show|list|are\s+there|are|any|do|how\s+many)\s+.*)?\bprojects?\b.*\b(?:(?P<risk>(?:at|of)\s+risk|in\s+(?:trouble|danger)|attention|struggling|worry|on\s+(?:track|schedule|time))|overdue|late"
    r"|behind|delayed|due(?:\s+for)?(?:\s+a)?(?:\s+review)?|reviewed)\b.*",
    re.IGNORECASE,
)
_OWNER = re.compile(
    r"\b(?:does|do|has|have|is|are|for|of|to|on|by|with)\s+(?P<owner>(?!(?:the|my|each|open|still|left|there|we|they|last|this|it|all|overdue|done|on|in|from|to|for|of)\b)[a-z]+)"
    r"(?:(?:['’]s)?\s+(?:plate|list|name))?"
    r"(?:\s+(?:still|currently|already|now|responsible\s+for|have|has|got|left|open|to\s+do|on\s+(?:his|her|their)\s+(?:plate|list)))*$"
    r"|\b(?P<owner2>[a-z]+)['’]s\s+(?:open\s+|remaining\s+)?action\s*(?:items?|points?)",
    re.IGNORECASE,
)
_STATUSES = (("on_hold", r"\b(?:on\s+hold|paused)\b"), ("active", r"\bactive\b"), ("open", r"\bopen\b"))


def question(heard: Heard) -> list[Step] | None:
    text = re.sub(r"^(?:on|in|for|at)\s+(?=(?:which|what)\b)", "", heard.text.rstrip(" ?!."), flags=re.IGNORECASE)
    text = subjects.SORTED.sub("", text)
    for read in (_notes, _lacking, _in_trouble, _made, comparing.contrasted, comparing.shared, _numbered, _finished):
        steps = read(text, heard)
        if steps is not None:
            return steps
    return None


def _notes(text: str, heard: Heard) -> list[Step] | None:
    if not _NOTES.fullmatch(text) or _ASKS.match(text):
        return None
    range_ = ranges.take(text, heard.now)[1] or past_days.take(text, heard.now)[1]
    return [Call("query", {"about": "notes", **given(range_)})]


def _lacking(text: str, heard: Heard) -> list[Step] | None:
    for pattern, about, without in _WITHOUT:
        lacking = pattern.search(text)
        if lacking is not None and not _STATES.match(text):
            args: dict[str, Any] = {"about": about, "without": without}
            if about == "tasks":
                rest, priority = details.take_priority(text)
                rest = _LACK.sub(" ", rest)
                project = narrowing.project_in(rest, heard.now)[1] if without == "due" else None
                args |= {"status": "open"} | ({"priority": priority} if priority else {})
                args |= {"project": project} if project else {}
            return [Call("query", args)]
    return None


def _in_trouble(text: str, _heard: Heard) -> list[Step] | None:
    troubled = _TROUBLED.fullmatch(text)
    of_tasks = re.search(r"\btasks?\b", text, re.IGNORECASE) and not re.search(r"\bprojects\b", text, re.IGNORECASE)
    if troubled is None or of_tasks or re.search(r"\b(?:most|fewest|least)\b", text, re.IGNORECASE):
        return None
    return [Call("query", {"about": "projects", "status": "at_risk" if troubled["risk"] else "overdue"})]


def _made(text: str, heard: Heard) -> list[Step] | None:
    if not _I_MADE.search(text) or _ASKS.match(text):
        return None
    return [Call("query", {"about": "tasks", "created": True} | _limits(text, heard))]


def _numbered(text: str, heard: Heard) -> list[Step] | None:
    if re.match(r"how\s+(?:much|many\s+percent)\s+of\b", text, re.IGNORECASE):
        return None  # "how much of Alpha is done?" asks how the project stands
    grouped = subjects.grouping(text)
    counted = bool(_COUNT_INSIDE.search(text) or _ASKS.match(text))
    if counted and not grouped and subjects.kind(text) == "tasks" and not _OF_TASKS.search(text):
        return None
    listed = re.match(
        rf"(?:which|what|when|who|show|list|give|break|group|split|sort|tasks?|action|my|open|overdue|urgent|late|{DONE})\b",
        text,
        re.IGNORECASE,
    )
    if counted or (grouped and listed):
        return _counted(text, heard, grouped)
    return None


def _finished(text: str, heard: Heard) -> list[Step] | None:
    if re.match(r"when\s+did\s+(?:i|we)\s+(?:finish|complete|do|close|tick)\b", text, re.IGNORECASE):
        return [Call("query", {"about": "tasks", "status": "done"})]
    if not _DID.search(text):
        return None
    _, range_ = ranges.take(narrowing.project_in(text, heard.now)[0], heard.now)
    args = _limits(text, heard) | {"about": "tasks", "status": "done"}
    if range_ is None and re.search(r"\b(?:today|so\s+far)\b", text, re.IGNORECASE):
        args |= given((heard.now.date(), heard.now.date()))
    return [Call("query", args)]


def _counted(text: str, heard: Heard, group_by: str | None) -> list[Step]:
    about = "tasks" if group_by in ("project", "priority") else subjects.kind(text)
    args: dict[str, Any] = {"about": about}
    status = next((name for name, pattern in _STATUSES if re.search(pattern, text, re.IGNORECASE)), None)
    if about == "tasks":
        args["status"] = "open"
        if _OVERDUE.search(text):
            args["status"] = "overdue"
        elif subjects.IS_DONE.search(text):
            args["status"] = "done"
        elif subjects.CREATED.search(text):
            args["created"] = True
            del args["status"]
    elif status is not None and (about == "projects") == (status != "open"):
        args["status"] = status
    elif about in ("projects", "action_items") and subjects.IS_DONE.search(text):
        args["status"] = "done"
    owner = _OWNER.search(text) if about == "action_items" else None
    if owner is not None and group_by is None:
        name = owner["owner"] or owner["owner2"]
        args["owner"] = "me" if name.lower() in ("me", "i") else name
    elif about == "action_items" and re.search(r"\bdo\s+i\s+have\b|\bmy\b", text, re.I):
        args["owner"] = "me"
    args |= _limits(text, heard, about)
    if group_by == "project":
        args.pop("project", None)
    if group_by is not None:
        args |= {"group_by": group_by} | (
            {"status": "all"} if group_by == "status" and args.get("status") == "open" else {}
        )
    return [Call("query", args)]


def _limits(text: str, heard: Heard, about: str = "tasks") -> dict[str, Any]:
    args: dict[str, Any] = {}
    ahead = about == "tasks" and not any(past.search(text) for past in (subjects.IS_DONE, subjects.CREATED, _OVERDUE))
    text, priority = details.take_priority(text)
    if about == "tasks":
        text, project = narrowing.project_of(text, heard)
        args |= ({"priority": priority} if priority else {}) | ({"project": project} if project else {})
        if re.search(r"\bdue\s+(?:(?:in|during)\s+)?this\s+week\b", text, re.IGNORECASE):
            return args | {"due": "week"}
        due = re.search(r"\b(?:due|for|on)\s+(?P<day>today|tomorrow)\b", text, re.IGNORECASE)
        if re.search(r"\btoday\s+(?:and|or|&)\s+tomorrow\b", text, re.IGNORECASE) and ahead:
            return args | {"until": (heard.now.date() + timedelta(days=1)).isoformat()}
        if due is not None and not subjects.IS_DONE.search(text):
            return args | {"due": due["day"].lower()}
    _, range_ = ranges.take(text, heard.now, ahead=ahead)
    if range_ is None and not ahead:
        range_ = past_days.take(text, heard.now)[1]
    elif range_ is None and re.search(r"\btoday\b", text, re.IGNORECASE):
        range_ = (heard.now.date(), heard.now.date())
    return args | given(range_)
