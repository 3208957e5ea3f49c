"""The slots of the table's templates: what the words at `{when}`, `{ref}` or `{title}` mean as arguments of a tool.

A slot that isn't in READERS takes its words as they are, as the argument of its own name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from exponential.assistant.offline import filters, references
from exponential.assistant.offline.language.vocabulary import ERRANDS, FAVOURS, NOUNS, imperative
from exponential.assistant.offline.references import Unclear
from exponential.assistant.offline.table.small_talk import WHAT
from exponential.assistant.offline.utterance import Args, Context, Kind, name_of
from exponential.workspace.text import dates, days, matching, periods, recurrence, task_details
from exponential.workspace.text.markdown import plain

# The arguments of each tool that `{when}` and `{ref}` fill.
DATES = {
    "create_task": "due", "update_task": "due", "remind": "at", "snooze_reminder": "until",
    "create_project": "review_on", "update_project": "review_on",
}  # fmt: skip
RECORDS: dict[str, tuple[str, Kind]] = {
    "complete_task": ("task", "task"), "reopen_task": ("task", "task"), "delete_task": ("task", "task"),
    "update_task": ("task", "task"), "cancel_reminder": ("reminder", "reminder"),
    "snooze_reminder": ("reminder", "reminder"), "project_status": ("project", "project"),
    "update_project": ("project", "project"), "meeting_summary": ("meeting", "meeting"),
    "action_items": ("meeting", "meeting"), "search_meetings": ("meeting", "meeting"), "forget": ("fact", "fact"),
}  # fmt: skip
OF_LAST = {tool for tool, (_, kind) in RECORDS.items() if kind != "meeting"}  # without a name, the one spoken of last
ONLY_TASKS = "I can only delete tasks. *Close project Alpha* says that a project is done."
OF_WHAT = "What shall I remind you of, and when? For example: *Remind me tomorrow at 9 to call mom*."
AT_WHAT_TIME = "When shall I remind you? For example: *tomorrow at 9*."
NO_END = "I can repeat a reminder, but not end it on a set day or leave days out. Cancel it when it is over."
PASSED = "That moment has passed. When shall I remind you? For example: *tomorrow at 9*."
TOO_OFTEN = "I can repeat reminders daily, on weekdays, weekly, monthly or yearly, but not several times a day."
MAX_TITLE_WORDS = 16
MAX_MOMENT_CHARS = 60
MAX_REFERENCE_WORDS = 8
_SAYING_DONE = ("do", "sort", "finish", "complete", "close")  # not what was done
_ADVERBS = re.compile(
    r"\s+(?:just now|finally|now|already|today|yesterday|this morning|last night|earlier|at last)[\s.!]*$", re.I
)
_FILLER = re.compile(r"(?:on|at|by|for|to|until|due|from|the|and|in|it|be|be done|is|a|,|\s)*", re.IGNORECASE)
_JOINT = re.compile(r"\s*(?:;|,(?: and)?\s|\s+and\s+(?:also\s+)?|\s+plus\s+)\s*", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*•–+]|\d{1,2}[.)]|\[ ?\])\s*")
_SHARED = re.compile(r"[\s,–-]+(?:both|all)(?: of (?:them|these))?(?: are| is)?\s+(?P<said>[^,;\n]+)$", re.IGNORECASE)
_OF_LAST_PROJECT = re.compile(
    r"\s+(?:to|in|for|into|under) (?:it|that|there|that project|the project)$"
    r"|^(?:(?:to|in|for) )?(?:it|that project)\s*[:,](?=\s)",
    re.IGNORECASE,
)
_TITLE_EDGES = re.compile(
    r"^(?:to|that i(?: have| need)? to|i need to|that|about|of|for|abt)\s+(?:i (?:need|have) to\s+)?"
    r"|[\s,]+(?:by|at|on|in|and|for|with|due|is|from|it's|(?:it )?(?:has|needs) to be done)$",
    re.IGNORECASE,
)
# What makes a title doubtful: a fragment; another sentence or request in it; an hour or a repetition that wasn't read.
_DOUBTS = re.compile(
    r"^(?:to|it|that|this|them|these|those|and|or|but|of|is|are|was|were|than|not|yes|so|then|there|for me)\b"
    r"|\b(?:to|in|for|with|on|of|as) (?:it|that|this|them|there)$|\b(?:it|them)\b|^(?:down|up|out|off|back|on|in)$"
    r"|\b(?:all|every) (?:my |the |of )*(?:tasks|lists?|reminders|things)\b|\beverything\b"
    r"|[.!?;]\s+\w|\n|\?\s*$|\b(?:no wait|actually|scratch that|i mean|never ?mind|or maybe|no need|sorry|oops)\b"
    r"|(?:\band\b|,)\s+(?:also |then |please )*(?:put|add|move|mark|set|make it|remind|delete|remove|tell me"
    r"|show|create"
    r"|rename|cancel)\b"
    r"|\b(?:not|but|can't wait|isn't|wasn't|except|unless|until|till)\b|\b(?:about|was|were|with|due date"
    r"|priority)$|[()]\s*[()]"
    r"|^(?:all|both|then|rest)\b|^[\d, ]+(?:and [\d, ]+)*$"
    r"|\b(?:the|my) (?:to-?do )?list$|^\w+ \d+(?:(?:,| and) \d+)+$"
    r"|^(?:the |for )?[a-z][\w' ]{2,30}:\s|\b(?:at|by|until)\s+\d{1,2}\b|\d[:.h]\d\d\b(?!\s*(?:€|eur|\$|%))"
    r"|\b\d+\s*[ap]m\b"
    r"|\b(?:every|each)\s+(?:other\s+)?(?:\w*day|week|month|morning|evening)\b|^\d+\b(?!\s+\w+\s+\w)",
    re.IGNORECASE,
)
_ENDING = re.compile(
    r"\b(?:until|till|except|excluding|but not)\b|\bfor (?:an?|the next|\d+|two|three) (?:\w+ )?(?:days?"
    r"|weeks?|months?)\b",
    re.I,
)
_DAY_LEFT = re.compile(  # a day or a span that the moment was not read from
    r"\bbefore\b|^(?:\d+|an?|one|two|half) (?:min(?:ute)?|hour|day|week|month)s?\b|\b(?:mon|tues|wednes|thurs"
    r"|fri|satur|sun)day\b"
    r"|\b(?:today|tomorrow|tonight|next (?:week|month|year)|sometime)\b|\bon the \d|\bon \d",
    re.IGNORECASE,
)
_NO_REFERENCE = re.compile(
    r"(?:mark|delete|remove|move|show|add|set|push|tick|remind|cancel|make|put|create|list|rename|snooze|then|except|but|and|with|neither|not"
    r"|who|what|when|where|why|how|which|did|does|do|any|is|are|was|were|can|could|should|i|we|you|he|she|they|there"
    r"|nothing|self|myself)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Filled:
    """The arguments, one set for each call. `certain`: the words could hardly mean anything else; `doubtful`: they may
    be read wrongly, so that nothing is done before it was asked. `known`: the records it names are there. `tool`:
    another one than the row's is meant."""

    args: list[Args]
    certain: bool = True
    doubtful: bool = False
    tool: str = ""
    known: bool = True


Reader = Callable[[str, str, Context], Filled | None]


def read(slot: str, words: str, tool: str, context: Context) -> Filled | None:
    """What the words at a slot mean for a tool; None: they are none of that. Raises Unclear."""
    reader = READERS.get(slot)
    return reader(words, tool, context) if reader is not None else text(words, slot)


def title(words: str, tool: str, context: Context) -> Filled | None:
    """A title and what is said with it: day and hour, priority, project, and how a reminder repeats."""
    if tool == "remind":
        return _reminder(words, context)
    quoted = re.fullmatch(r'"([^"]+)"(.*)', words, re.DOTALL)
    said = quoted[2] if quoted else words
    if tool == "create_project":
        return _project_title(quoted[1] if quoted else "", said, context)
    said, priority_ = task_details.take_priority(said)
    said, name = task_details.take_project(said, context.projects)
    of_last = _OF_LAST_PROJECT.search(said)
    if of_last is not None and name is None and context.last is not None and context.last_kind == "project":
        said, name = f"{said[: of_last.start()]}{said[of_last.end() :]}".strip(), str(context.last["id"])
    said, repeats = recurrence.take(said)
    said, due = dates.extract(said, context.now)
    left = _TITLE_EDGES.sub("", said.strip(" ,.:;–-"))
    left = re.sub(r"\s*\(\s*\)|(?:\s[-–]\s*)+$", "", left)
    found = quoted[1] if quoted else left.strip(" ,.:;")
    found = found[1:-1] if found[:1] == found[-1:] == '"' else found
    if not found:
        raise Unclear(WHAT)
    if repeats is not None:  # tasks don't repeat; a reminder does
        return replace(_repeated(found, repeats, due, context), doubtful=True, tool="remind")
    args: Args = {"title": found, "due": due.isoformat() if due else None, "priority": priority_, "project": name}
    doubtful = bool(left) if quoted else is_doubtful(left)
    return Filled([{key: value for key, value in args.items() if value}], certain=False, doubtful=doubtful)


def title_alone(words: str, tool: str, context: Context) -> Filled | None:
    """A title beside which the day stands at a place of its own."""
    found = title(words if '"' in words else f'"{words}"', tool, context)
    return replace(found, doubtful=is_doubtful(words)) if found is not None else None


def titles(words: str, tool: str, context: Context) -> Filled | None:
    """As `several`, of what is surely a list: "bread and butter" is none."""
    parts = _JOINT.split(words)
    dated = [part for part in parts if dates.extract(part, context.now)[1] is not None]
    is_list = "\n" in words or _SHARED.search(words) or len(parts) > 2 or len(dated) > 1 or words.count('"') > 2
    return several(words, tool, context) if is_list or all(is_errand(part) for part in parts) else None


def several(words: str, tool: str, context: Context) -> Filled | None:
    """Titles divided by lines, bullets, commas or "and"; what is said of "both" or "all" is said of each."""
    shared = _SHARED.search(words)
    lines = (words[: shared.start()] if shared else words).splitlines()
    parts = [part for line in lines if (part := _BULLET.sub("", line).strip())]
    if len(parts) == 1:
        parts = [part for part in _JOINT.split(parts[0]) if part]
    found = [title(part, tool, context) for part in parts]
    args = [one.args[0] for one in found if one is not None and not one.tool]
    if len(parts) < 2 or len(args) < len(parts) or any(_NO_REFERENCE.match(part) for part in parts[1:]):
        return None
    common = title(f"x {shared['said']}", tool, context) if shared else None
    more = {key: value for key, value in common.args[0].items() if key != "title"} if common else {}
    if shared and not more:
        return None
    if not shared and "\n" not in words and not any("due" in one for one in args[:-1]):  # "milk and bread tomorrow"
        more = {key: value for key, value in args[-1].items() if key == "due"}
    doubtful = any(one is not None and one.doubtful for one in found)
    return Filled([{**one, **more} for one in args], certain=False, doubtful=doubtful)


def errand(words: str, tool: str, context: Context) -> Filled | None:
    """A task that begins with what is to be done: "buy milk". What one may also ask an assistant for is doubtful."""
    verb, _, rest = recurrence.take(words)[0].partition(" ")
    verb = verb.lower().strip(",:")
    if not rest or verb not in ERRANDS | FAVOURS or words.rstrip().endswith("?"):
        return None
    found = title(words, tool, context)
    return (
        replace(found, doubtful=found.doubtful or (verb in FAVOURS and len(found.args[0]) == 1))
        if found is not None
        else None
    )


def is_errand(words: str) -> bool:
    """Whether words behind an "and" are another thing to do, and no thing: "water the plants", but not "water"."""
    verb, _, rest = words.partition(" ")
    return verb.lower() in ERRANDS | FAVOURS and bool(rest) and (verb.lower() not in NOUNS or len(rest.split()) > 1)


def past(words: str, tool: str, context: Context) -> Filled | None:
    """A task by what was done: "paid the rent" is "pay the rent"."""
    first, _, rest = words.partition(" ")
    verb = imperative(first)
    rest = _ADVERBS.sub("", rest)
    other = any(imperative(word) for word in re.findall(r"(?:\band|,)\s+(?:also\s+)?(\w+)", words))
    if verb is None or verb in _SAYING_DONE or not rest or other:
        return None
    return _deed(f"{verb} {references.without_article(rest.strip(' .!'))}", context)


def passive(words: str, tool: str, context: Context) -> Filled | None:
    """A task by what it was done to: "the invoice was sent" is "send invoice"."""
    match = re.fullmatch(
        r"(?P<what>.+?)(?:'s| is| are| has| have| was| were|)(?: been| got| all| now| just| finally)* (?P<verb>\w+)",
        words,
    )
    verb = imperative(match["verb"]) if match is not None else None
    if match is None or verb is None or verb in _SAYING_DONE or _NO_REFERENCE.match(words):
        return None
    what = references.without_article(match["what"])
    return _deed(f"{verb} {what}", context) if len(what.split()) < 6 else None


def _deed(name: str, context: Context) -> Filled:
    if references.is_known(name, context.tasks):
        return Filled([{"task": name}])
    return Filled([{"task": name}], certain=False, doubtful=len(name.split()) > 6 or is_doubtful(name), known=False)


def _project_title(quoted: str, said: str, context: Context) -> Filled | None:
    left, due = dates.extract(said, context.now)
    review = re.search(
        r"[\s,]*(?:and )?(?:with )?(?:a )?(?:next )?(?:review|check)(?: date| it)?(?: is| on)?\s*$", left, re.I
    )
    found = quoted or references.without_article((left[: review.start()] if review else left).strip(' ,.:;"'))
    args = {"name": found} | ({"review_on": due.isoformat()[:10]} if due is not None else {})
    doubtful = is_doubtful(found) or len(found.split()) > 6 or (due is not None and review is None)
    return Filled([args], certain=False, doubtful=doubtful) if found else None


def _reminder(words: str, context: Context) -> Filled | None:
    said, repeats = recurrence.take(words)
    # What stands in front of "to" is when: "tomorrow at 9 to book a table for Friday".
    front = re.match(
        r"(?P<when>.+?)(?:\s*:\s+|\s*,?\s+(?:to|that|about|of|-|–)\s+)(?P<what>.+)", said, re.I | re.DOTALL
    )
    due = whole_moment(front["when"], context) if front is not None else None
    if front is not None and due is not None:
        said = front["what"]
    else:
        said, due = dates.extract(_likely_hours(said), context.now)
    said = _TITLE_EDGES.sub("", said.strip(" ,.:;–-")).strip(' ,.:;"–-')
    if references.is_place(said) and context.listed:
        ids, _ = references.targets(said, context.listed_kind, context)
        said = next((name_of(one) for one in context.listed if str(one["id"]) == ids[0]), said)
    if references.is_pronoun(said):
        said = name_of(context.last) if context.last is not None else ""
    if said.lower() in ("again", "later"):
        return None
    if not said:
        raise Unclear(OF_WHAT)
    if repeats is not None and _ENDING.search(words):
        raise Unclear(NO_END)
    if isinstance(due, datetime) and repeats is None and due <= context.now.replace(tzinfo=None):
        raise Unclear(PASSED)
    if repeats is not None:
        return _repeated(said, repeats, due, context)
    if due is None or (not isinstance(due, datetime) and due <= context.now.date()):
        raise Unclear(AT_WHAT_TIME)
    doubtful = is_doubtful(said) or _DAY_LEFT.search(said) is not None
    return Filled([{"text": said, "at": _moment(due)}], certain=False, doubtful=doubtful)


def _repeated(said: str, repeats: recurrence.Recurrence, due: date | datetime | None, context: Context) -> Filled:
    if repeats.repeat is None:
        raise Unclear(TOO_OFTEN)
    more: Args = {"repeat": repeats.repeat} | ({"every": repeats.every} if repeats.every > 1 else {})
    args = [{"text": said, "at": at.isoformat(), **more} for at in repeats.first(due, context.now)]
    return Filled(args, certain=False, doubtful=is_doubtful(said))


def when(words: str, tool: str, context: Context) -> Filled | None:
    """A day or a moment, and nothing else: "on Friday", "tomorrow at 9", "next week"."""
    due, argument = whole_moment(words, context), DATES.get(tool)
    if due is None or argument is None:
        return None
    if argument in ("at", "until"):
        return Filled([{argument: _moment(due)}])
    return Filled([{argument: due.isoformat()[:10] if argument == "review_on" else due.isoformat()}])


def moved(words: str, tool: str, context: Context) -> Filled | None:
    """When a reminder comes instead; a day alone keeps its hour, and an hour alone its day."""
    due = whole_moment(words, context)
    if due is None:
        return None
    has_day = not isinstance(due, datetime) or dates.names_day(words, context.now)
    return Filled([{DATES[tool]: due.isoformat() if has_day else f"{due:%H:%M}"}])


def duration(words: str, tool: str, context: Context) -> Filled | None:
    """How long a reminder is put off: "20 minutes", "an hour"; a number alone is minutes."""
    due = whole_moment(f"in {words} minutes" if words.isdigit() else f"in {words}", context)
    return Filled([{DATES[tool]: _moment(due)}]) if due is not None else None


def change(words: str, tool: str, context: Context) -> Filled | None:
    """What a task becomes: a day or an hour, later by so much, a priority, a project; or several of these."""
    if re.fullmatch(r"(?:and )?\d{1,2}(?:(?: ?, ?| and | )\d{1,2})*", words):  # "push 1 and 3" names tasks, no hours
        return None
    if re.match(
        r"(?:(?:ones?|tasks?|thing|both)|(?:two|three|four) (?!days?|weeks?|hours?|more|pm|am)) ?", words, re.IGNORECASE
    ):
        return None
    said = re.sub(r"\s+(?:then|rather|now|at the latest|latest|if possible)$", "", words, flags=re.IGNORECASE)
    said = re.sub(r"^(?:(?:to|at|back|out|by|until|for|be|as|is|due)\s+)+", "", said.strip(" .,!"), flags=re.IGNORECASE)
    level = re.fullmatch(
        r"(?:(?:a|very|the|with|of|to)\s+)*(low|normal|medium|high|top|urgent|important|critical)(?:est)?"
        r"(?:\s+(?:priority|importance))?", said, re.IGNORECASE
    )  # fmt: skip
    if level is not None:
        return Filled([{"priority": task_details.take_priority(f"{level[1]} priority")[1] or "high"}])
    said, level_ = task_details.take_priority(said)
    said, name = task_details.take_project(f"to {said}", context.projects)
    args: Args = ({"priority": level_} if level_ else {}) | ({"project": name} if name else {})
    if not _FILLER.fullmatch(said):
        base = _time_of_last(context)
        shift = _shift(said.removeprefix("to "), base)
        due = whole_moment(said.removeprefix("to "), context, base=base) if shift is None else None
        if shift is None and due is None:
            return None
        args |= shift or {"due": due.isoformat() if due else None}
    return Filled([args]) if args else None


def ref(words: str, tool: str, context: Context) -> Filled | None:
    """One or more records, by what was shown or by name."""
    argument, kind = RECORDS[tool]
    if words.count('"') % 2 or references.NO_NAME.fullmatch(references.named(words, kind) or words):
        return None
    if kind == "meeting":
        if re.fullmatch(
            r"(?:(?:the|my|our|a|any|this|that|one|of|last|latest|most recent)\s*)*(?:meetings?|calls?|one)?",
            words,
            re.I,
        ) and not (references.is_pronoun(words) and context.last_kind == "meeting"):
            return Filled([{}])
        left, day = periods.take(words, context.now, past=True)
        if (
            day is not None
            and day[0] == day[1]
            and re.fullmatch(r"(?:the |my |our )?(?:meeting|call|one)?", left, re.I)
        ):
            return Filled([{"held_on": periods.as_args(day)["since"]}])
    elif kind in ("task", "project") and _NO_REFERENCE.match(words) and not references.is_known(words, context.tasks):
        return None
    if tool == "complete_task" and references.is_pronoun(words) and context.last_kind == "reminder" and context.last:
        raise Unclear(f"👍 **{plain(name_of(context.last))}**: done.")
    if tool == "delete_task" and not references.is_known(words, context.tasks) and _names_project(words, context):
        raise Unclear(ONLY_TASKS)
    meant = [one for one in context.tasks if matching.score(words, one) >= matching.CLOSE_ENOUGH]
    if tool == "delete_task" and len(meant) == 1:  # so that the question names it as it is
        return Filled([{argument: meant[0]}])
    found, certain = references.targets(words, kind, context)
    if tool == "complete_task" and not certain:
        if dates.extract(words, context.now)[1] is not None:
            return None  # "finish the report by Friday" is still to be done
        parts = _JOINT.split(words)
        if len(parts) > 1 and all(0 < len(part.split()) <= 3 for part in parts):
            found = [references.named(part, kind) for part in parts]
    odd = re.compile(r",|\b(?:to|from|until|and|by|before)\b")
    doubtful = any(odd.search(one) or is_doubtful(one) or len(one.split()) > MAX_REFERENCE_WORDS for one in found)
    return Filled([{argument: one} for one in found], certain=certain, doubtful=doubtful and not certain, known=certain)


def _names_project(words: str, context: Context) -> bool:
    name = references.named(words, "project")
    return words.lower().startswith(("project ", "the project ")) or references.is_known(name, context.projects)


def item(words: str, tool: str, context: Context) -> Filled | None:
    """Action items that were listed, as tasks to add."""
    if context.listed_kind != "action_item" or not context.listed:
        return None
    ids, certain = references.targets(re.sub(r"\s+(?:to|into)$", "", words), "action_item", context)
    found = [one for one in context.listed if str(one["id"]) in ids]
    args = [{"title": one["text"], "action_item": str(one["id"]), "due": one.get("due")} for one in found]
    return Filled([{key: value for key, value in one.items() if value} for one in args]) if found and certain else None


def priority(words: str, tool: str, context: Context) -> Filled | None:
    said = words if re.search(r"prio|\bp[1-4]\b", words, re.IGNORECASE) else f"{words} priority"
    left, level = task_details.take_priority(said)
    return Filled([{"priority": level}]) if level and not left else None


def project(words: str, tool: str, context: Context) -> Filled | None:
    name = re.sub(r"^(?:(?:the|my|our|project) )+|\s+project$", "", words.strip(' ".,!?'), flags=re.IGNORECASE)
    known = references.known_as(name, context.projects)
    is_name = bool(name) and len(name.split()) <= 5
    return Filled([{"project": known or name}], certain=known is not None, known=known is not None) if is_name else None


def period(words: str, tool: str, context: Context) -> Filled | None:
    """A range of days in the past, and nothing else."""
    left, found = periods.take(words, context.now, past=True)
    return Filled([dict(periods.as_args(found))]) if found is not None and _FILLER.fullmatch(left) else None


def second_period(words: str, tool: str, context: Context) -> Filled | None:
    found = period(words, tool, context) or period(f"in {words}", tool, context)
    return Filled([{f"compare_{key}": value for key, value in found.args[0].items()}]) if found is not None else None


def filtered(words: str, tool: str, context: Context) -> Filled | None:
    found = filters.read(words, tool, context)
    return Filled([found[1]], certain=bool(found[1]), tool=found[0]) if found is not None else None


def done(words: str, tool: str, context: Context) -> Filled | None:
    """Which of the tasks that are done."""
    return filtered(f"done {words}", tool, context)


_SUBJECTS = {"tasks": "tasks?|to-?dos?|to dos?|things?|items?|stuff", "projects": "projects?", "meetings": "meetings?",
             "action_items": "action (?:items?|points?)", "reminders": "reminders?", "notes": "notes?"}  # fmt: skip
_STATES = {
    "on_hold": "(?:on )?hold|on ice|paused?|park|parked|freeze|frozen|suspend",
    "active": "active|running|live|resume|unpause|reactivate|restart|continue|reopen|off hold|active again|again",
    "done": "done|finish(?:ed)?|completed?|closed?|archived?|wrap(?:ped)? up|end|over",
    "all": "all|every|(?:including|incl|with|and|even)(?: the)? (?:finished|done|completed|closed|old)(?: ones)?",
}


def subject(words: str, tool: str, context: Context) -> Filled | None:
    """Which kind of record a question is about."""
    found = next((kind for kind, names in _SUBJECTS.items() if re.fullmatch(names, words, re.IGNORECASE)), None)
    return Filled([{"about": found}]) if found else None


def state(words: str, tool: str, context: Context) -> Filled | None:
    """What state a project is in or gets into."""
    bare = re.sub(r"\b(?:that|which|are|is|for now|my|the|of|our|current|open)\b", "", words, flags=re.I).strip()
    if tool == "list_projects" and not bare:
        return Filled([{"status": "active"}])
    found = next((name for name, said in _STATES.items() if re.fullmatch(said, bare, re.IGNORECASE)), None)
    return Filled([{"status": found}]) if found is not None and (found != "all" or tool == "list_projects") else None


def owner(words: str, tool: str, context: Context) -> Filled | None:
    """Somebody's name, or "me"."""
    name = "me" if re.fullmatch(r"i|me|my|mine", words, re.IGNORECASE) else words.strip("' ")
    is_none = re.fullmatch(
        r"(?:we|you|it|that|this|they|the|he|she|there|what|every\w+|today|tomorrow|tonight|yesterday|\w+day|project)",
        name,
        re.I,
    )
    is_name = re.fullmatch(r"[\w'-]+(?: [A-Z][\w'-]+)?", name) and not is_none
    return Filled([{"owner": name}], certain=False) if is_name else None


def briefing_time(words: str, tool: str, context: Context) -> Filled | None:
    """When a briefing is sent: an hour, on each day or on weekdays."""
    at = time_of_day(words)
    if len(re.findall(r"\d+(?::\d+)?", words)) > 1 or "weekend" in words.lower():
        return None
    weekdays = re.search(r"(?:week|work)\s?day|working day|mon\w* (?:to|-|through) fri", words, re.IGNORECASE)
    return Filled([{"at": f"{at:%H:%M}", "days": "weekdays" if weekdays else "daily"}]) if at else None


def time_of_day(words: str) -> time | None:
    """The first hour in the words; of a bare one, that in the morning."""
    match = re.search(r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s*(?P<half>[ap]\.?m\b)?", words, re.IGNORECASE)
    if match is None:
        return None
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), (match["half"] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 24
    elif re.search(r"evening|night|afternoon", words, re.IGNORECASE) and hour < 12:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


def text(words: str, argument: str) -> Filled | None:
    """Words as they are."""
    words = words.strip(' "') if words.count('"') in (0, 2) else words
    if argument == "query" and re.match(r"(?:in|at|during|from) ", words):
        return None
    if argument == "fact":
        words = re.sub(r"[\s,]+(?:please )?(?:keep|remember) (?:that|this|it)(?: in mind)?$", "", words, flags=re.I)
    if argument in ("query", "about"):
        words = re.sub(
            r"^(?:(?:anything|something|sth|much|stuff|things) )?(?:(?:about|on) )?(?:(?:the|my|our) )?|'s$",
            "",
            words,
            flags=re.I,
        )
    return Filled([{argument: words}], certain=False) if words else None


def new_title(words: str, tool: str, context: Context) -> Filled | None:
    """What a task is called from now on; doubtful where more than that is said."""
    found = text(words, "title")
    more = task_details.take_priority(words)[1] or dates.extract(words, context.now)[1] is not None
    return replace(found, doubtful=bool(more) or is_doubtful(words)) if found is not None else None


def anything(words: str, tool: str, context: Context) -> Filled | None:
    """What doesn't matter."""
    return Filled([{}])


READERS: dict[str, Reader] = {
    "title": title, "titles": titles, "list": several, "errand": errand, "past": past, "passive": passive, "when": when,
    "duration": duration, "moved": moved, "change": change,
    "ref": ref, "item": item, "priority": priority, "project": project,
    "period": period, "second_period": second_period, "filters": filtered, "more": filtered, "done": done,
    "subject": subject, "state": state, "owner": owner, "briefing_time": briefing_time, "anything": anything,
    "new_title": new_title,
}  # fmt: skip


def whole_moment(words: str, context: Context, *, base: datetime | None = None) -> date | datetime | None:
    """The day or moment that all of the words mean. `base`: what holds now; an hour alone keeps its day."""
    words = words.strip(" ,.!?")
    if not words or len(words) > MAX_MOMENT_CHARS:
        return None
    for said in (words, f"on {words}", f"at {words}", f"in {words}"):
        left, due = dates.extract(_likely_hours(said), context.now)
        if due is None or not _FILLER.fullmatch(left):
            continue
        keeps_day = base is not None and base.date() >= context.now.date() and not dates.names_day(said, context.now)
        return datetime.combine(base.date(), due.time()) if base and keeps_day and isinstance(due, datetime) else due
    return None


def is_doubtful(name: str) -> bool:
    """Whether a title or name may be a fragment, or hold another request or an hour that wasn't read."""
    return (
        len(name) < 2
        or name.count('"') % 2 == 1
        or len(name.split()) > MAX_TITLE_WORDS
        or _DOUBTS.search(name) is not None
    )


def _likely_hours(words: str) -> str:
    """ "at 3 to call" → "at 15:00 to call": nobody means 3 in the morning, unless they say so."""
    if re.search(r"\b(?:morning|night|evening|afternoon)\b|\d\s*[ap]\.?m\b", words, re.IGNORECASE):
        return words
    words = re.sub(r"\bat ([1-5]):(\d\d)(?!\d)", lambda at: f"at {int(at[1]) + 12}:{at[2]}", words, flags=re.IGNORECASE)
    hour = re.compile(
        r"\bat (2[0-3]|1\d|[1-9])(?=\s+(?:to|that|about|of|for|on|tomorrow|today|every)\b|\s*:?\s*$|\s*,)", re.I
    )
    return hour.sub(lambda at: f"at {int(at[1]) + 12 * (int(at[1]) < 7)}:00", words)


def _shift(words: str, base: datetime | None) -> Args | None:
    """Later by so many days, or, where an hour is known, by hours and minutes."""
    match = re.fullmatch(
        r"(?:by )?(?:an?other )?(?P<number>\d{1,3}|an?|one|two|three|four|five|half an|a couple of|a few)? ?(?:more )?"
        r"(?P<unit>day|week|hour|min(?:ute)?)s?(?: (?P<way>later|more|back|out|forward|earlier))?", words, re.IGNORECASE
    )  # fmt: skip
    if match is None or not (match["number"] or "another" in words.lower()):
        return None
    said, unit = (match["number"] or "one").lower(), match["unit"].lower()
    number = 0.5 if said == "half an" else float(days.NUMBERS.get(said) or said)
    if unit in ("day", "week"):
        return {"delay_days": int(number * (7 if unit == "week" else 1))} if match["way"] != "earlier" else None
    span = timedelta(minutes=number * (60 if unit == "hour" else 1)) * (-1 if match["way"] == "earlier" else 1)
    return {"due": (base + span).isoformat()} if base is not None else None


def _time_of_last(context: Context) -> datetime | None:
    due = (context.last or {}).get("due") or (context.last or {}).get("at")
    return datetime.fromisoformat(due).replace(tzinfo=None) if isinstance(due, str) and "T" in due else None


def _moment(due: date | datetime) -> str:
    return (due if isinstance(due, datetime) else datetime.combine(due, dates.MORNING)).isoformat()
