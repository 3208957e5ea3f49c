"""Which records a question is about: due, done or made when, of which project, priority and owner, counted by what."""

import re
from datetime import timedelta

from exponential.assistant.offline import references
from exponential.assistant.offline.utterance import Args, Context
from exponential.workspace.text import dates, days, periods, task_details

_HAVING = (
    r"(?:(?:that )?(?:have|has|with|without|lack|don't have|are missing|need|aren't in|not in|in|belong to"
    r"|don't belong to)? ?(?:no|any|a|an|without)? ?)"
)
CRITERIA: tuple[tuple[re.Pattern[str], Args], ...] = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), args)
    for pattern, args in (
        (rf"{_HAVING}(?:due dates?|deadlines?|dates?)(?: yet| set)?", {"without": "due"}),
        (
            r"(?:without|have no|with no|aren't in|not in|in no|don't belong to|belong to no)(?: a| any"
            r"| no)? projects?",
            {"without": "project"},
        ),
        (rf"{_HAVING}next (?:steps?|actions?)", {"without": "next_step"}),
        (
            r"(?:per|by|in each|for each|(?:does|do) each|each|every) (?P<group_by>project|priority|status|day|owner)",
            {},
        ),
        (r"overdue|late|past due|behind(?: on| schedule)?|due for (?:a )?review", {"status": "overdue"}),
        (r"at risk|in trouble|in danger|needs? attention", {"status": "at_risk"}),
        (r"on hold|paused", {"status": "on_hold"}),
        (r"did (?:i|we) (?:add|create|make)|added|created", {"created": True}),
        (r"done|finish(?:ed)?|completed?|closed?|ticked off|got done|get done", {"status": "done"}),
        (r"(?:(?:due|for|by|on|later) )*(?:today|tonight)(?:'s)?", {"due": "today"}),
        (r"(?:(?:due|for|by|on) )*tomorrow(?:'s)?", {"due": "tomorrow"}),
        (r"(?:(?:due|for|in|by) )*(?:the rest of )?(?:this week|the next (?:7|seven) days)(?:'s)?", {"due": "week"}),
        (r"does (?P<owner>[\w-]+)(?: still)? have", {}),
    )
)
_FILLERS = re.compile(
    r"(?<!\w)(?:due|for|on|in|of|the|my|all|any|with|from|that|that's|are|is|have|has|which|to|do|did|i|we|a|by|open|left"
    r"|unfinished|outstanding|still|currently|right|now|and|coming|up|list|me|there|been|get|got|had|held|set|be|most|yet"
    r"|already|there's|it|between|tasks?)(?!\w)|[\s,?.!-]",
    re.IGNORECASE,
)
_THERE = re.compile(r"\b(?:in )?(?:there|it|that project)\b", re.IGNORECASE)


def read(words: str, tool: str, context: Context) -> tuple[str, Args] | None:
    """The tool that knows them, and the filters; None where a word is neither one nor a filler."""
    left, args = _taken(words, context)
    return None if _FILLERS.sub("", left) else _of_tool(args, tool)


def loosely(words: str, tool: str, context: Context) -> Args:
    """The filters among the words, whatever else these say."""
    args = _of_tool(_taken(words, context)[1], tool)[1]
    about = next(
        (
            kind
            for kind in ("projects", "meetings", "action_items", "reminders")
            if kind.replace("_", " ").removesuffix("s") in words.lower()
        ),
        "tasks",
    )
    if tool == "query":
        return {"about": about, **args}
    return {
        key: value for key, value in args.items() if key in ("status", "due", "since", "until", "priority", "project")
    }


def _taken(words: str, context: Context) -> tuple[str, Args]:
    said = re.sub(r"\b(urgent|important|critical)\b(?! prio)", r"\1 priority", words, flags=re.IGNORECASE)
    text, level = task_details.take_priority(said)
    args: Args = {"priority": level} if level else {}
    for pattern, implied in CRITERIA:
        match = pattern.search(text)
        if match is not None and not implied.keys() & args.keys():
            text = f"{text[: match.start()]} {text[match.end() :]}"
            args |= implied | {key: value.lower() for key, value in match.groupdict().items()}
    if args.get("owner") == "i":
        args["owner"] = "me"
    text, name = _project(" ".join(text.split()), context)
    args |= {"project": name} if name else {}
    past = args.get("status") == "done" or "created" in args or bool(re.search(r"\b(?:did|had|held)\b", text))
    if past and "due" in args:  # done today
        args |= _days_of(str(args.pop("due")), context)
    if "due" not in args:
        text, period = periods.take(text, context.now, past=past)
        args |= periods.as_args(period)
        if period is None:
            text, due = dates.extract(re.sub(r"'s\b", "", text), context.now)
            args |= {"due": due.isoformat()[:10]} if due is not None else {}
    return text, args


def _project(text: str, context: Context) -> tuple[str, str | None]:
    left, name = task_details.take_project(text, context.projects)
    if name is None and context.last is not None and context.last_kind == "project" and _THERE.search(text):
        return _THERE.sub("", text, count=1), str(context.last["id"])
    if name is None:
        name = references.known_as(re.sub(r"^(?:in|for|from|of) ", "", text), context.projects)
        left = "" if name else left
    return left, name


def _days_of(due: str, context: Context) -> Args:
    today = context.now.date()
    first = {"today": today, "tomorrow": today + timedelta(days=1)}.get(due, days.from_monday(today, 0, 0))
    return periods.as_args((first, first + timedelta(days=6) if due == "week" else first))


def _of_tool(args: Args, tool: str) -> tuple[str, Args]:
    """Only `query` knows some filters; `list_tasks` calls being late a due date."""
    if tool == "list_tasks":
        if args.keys() & {"without", "group_by", "created", "owner"} or args.get("status") in ("at_risk", "on_hold"):
            return "query", {"about": "tasks", **args}
        if args.get("status") == "overdue":
            return tool, {key: value for key, value in args.items() if key != "status"} | {"due": "overdue"}
    elif args.get("due") not in (None, "today", "tomorrow", "week"):
        day = args.pop("due")
        return tool, {**args, "since": day, "until": day}
    return tool, args
