"""Several values said at once of one task: "high prio, due friday", "tomorrow at 5 and in Alpha"."""

import re
from datetime import datetime

from exponential.assistant.offline import details
from exponential.assistant.offline.steps import Call, Step
from exponential.assistant.offline.values import Args, meant

_JOINT = re.compile(r"\s*[,;&+]\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:(?:and|also|but|please|pls|then|just|make\s+(?:it|that|this)|set\s+(?:it|that|this)(?:\s+to)?"
    r"|put\s+(?:it|that|this)|it|that|this|with|as|i\s+need|we\s+need|need|needs\s+to\s+(?:be(?:\s+done)?|happen)|must\s+happen|is|['’]?s|its|to\s+be"
    r"|has\s+to\s+be(?:\s+done)?|should\s+be|can\s+be|must\s+be|needs|(?:done|finished|ready|due)(?=\s+(?:by|on|before|until|for)\b)|priority|prio)\b[\s:,]*)+",
    re.IGNORECASE,
)
_NOT = re.compile(r"[\s,]+(?:and\s+)?(?:not|instead\s+of)\s+(?!urgent|important)[\w\s:'’]{1,30}$", re.IGNORECASE)
_LEVEL = re.compile(
    r"(?:(?:very|really|super|so|quite)\s+)?(?P<level>low|normal|medium|high|top|urgent|important|critical)"
    r"(?:[\s-]*prio(?:rity)?)?",
    re.IGNORECASE,
)
_IN_PROJECT = re.compile(
    r"(?i:(?:(?:put|file|move)\s+it\s+)?(?:in|into|under|to|for|belongs?\s+(?:to|in)|goes\s+(?:to|in|into|under))\s+"
    r"(?:the\s+)?(?:project\s+)?)(?P<name>[A-Z][\w&'’-]*(?:\s+[A-Z0-9][\w&'’-]*)*)(?i:\s+project)?"
)
_CHANGED = {"update_task": "task", "update_project": "project"}


_NO_MORE = re.compile(
    r"(?:not|isn['’]?t|no\s+longer)\s+(?:that\s+|so\s+|really\s+)?(?:urgent|important)(?:\s+any\s?more)?", re.IGNORECASE
)
_FINE = re.compile(r"\s+(?:is|would\s+be|will\s+be)\s+(?:fine|ok(?:ay)?|good|better|enough|best)$", re.IGNORECASE)


def combined(words: str, now: datetime, *, moving: bool = False) -> Args | None:
    """What all of the words set together; None when some of them set nothing, or the same thing twice."""
    words = words.strip(" .,!?;:")
    whole = _value(words, now, moving=moving)
    if whole is not None:
        return whole
    parts = [part for part in _JOINT.split(words) if part]
    args: Args = {}
    for part in parts if len(parts) > 1 else ():
        value = _value(part, now, moving=moving)
        if value is None or value.keys() & args.keys():
            return None
        args |= value
    if args:
        return args
    left, priority = details.take_priority(words)  # "friday high prio"
    value = _value(left, now, moving=moving) if priority is not None and left else None
    return value | {"priority": priority} if value is not None and "priority" not in value else None


def merged(steps: list[Step]) -> list[Step]:
    """`steps` with the changes of one record that follow each other in one call, where they don't concern the same."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if isinstance(step, Call) and step.tool == "complete_task" and Call("delete_task", step.args) in found:
            continue  # "remove it, I bought some already"
        if isinstance(step, Call) and isinstance(last, Call) and _completes(step, last):
            found[-1] = Call(
                "create_task", last.args | {key: value for key, value in step.args.items() if key != "task"}
            )
            continue
        if isinstance(step, Call) and isinstance(last, Call) and step.tool == last.tool and step.tool in _CHANGED:
            key = _CHANGED[step.tool]
            if last.args[key] == step.args[key] and (last.args.keys() & step.args.keys()) == {key}:
                found[-1] = Call(step.tool, last.args | step.args)
                continue
        found.append(step)
    return found


def _completes(step: Call, last: Call) -> bool:
    """Whether `step` only says more of the task that `last` makes: "I need a new passport. Make it due in June"."""
    if (last.tool, step.tool) != ("create_task", "update_task") or step.args["task"] != last.args["title"]:
        return False
    return step.args.keys() <= {"task", "due", "priority", "project"} and "none" not in step.args.values()


def _value(words: str, now: datetime, *, moving: bool) -> Args | None:
    bare = _NOT.sub("", _LEAD.sub("", words)).strip(" .,!?;:")
    if _NO_MORE.fullmatch(bare):
        return {"priority": "normal"}
    bare = _FINE.sub("", bare)
    level = _LEVEL.fullmatch(bare)
    if level is not None:
        word = level["level"].lower()
        return {"priority": details.LEVELS.get(word, word)}
    value = meant(bare, now, moving=moving, named=True) if bare else None
    if value is not None:
        return value
    project = _IN_PROJECT.fullmatch(bare)
    return {"project": project["name"]} if project is not None else None
