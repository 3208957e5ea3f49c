"""What is asked before it is done: calls that may not be meant, and those that take something away.

A request that no row takes goes to the classifier, which tells the tool that it is likely about; what the tool needs is
then looked for anywhere in the words.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from exponential.assistant import tools
from exponential.assistant.offline import filters, slots
from exponential.assistant.offline.language import classifier
from exponential.assistant.offline.language.normalization import Text
from exponential.assistant.offline.references import Unclear
from exponential.assistant.offline.utterance import Args, Call, Context, Propose, Step, name_of
from exponential.workspace.text import dates, matching, periods, task_details
from exponential.workspace.text.markdown import plain, when

UNKNOWN = (
    "Sorry, I didn't understand that. I run without a language model here, so I know everyday requests in plain "
    "English: say *help* to see them. With a language model I understand everything; your administrator can "
    "connect one."
)
LIKELY = 0.3  # of the classifier's certainty: from here on it is proposed
CLEAR = 0.75  # from here on something is looked up without asking
_WHOLE_LISTS = ("list_projects", "list_meetings", "list_reminders")
MAX_NAME_WORDS = 6
MAX_TITLE_WORDS = 12
_LEAD = re.compile(
    r"(?:(?:i|we|you|there's|it's|that|and|so|really|also|still|just|please|need|needs|have|has|got|want|must|should|ought"
    r"|might|would|like|a|task|to-?do|reminder|for me|to|be|able|add|put|thing|is|if|could|can|remember|don't"
    r"|forget|for"
    r"|about|of|another)\b[\s,:'-]*)+",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:don't|can't|won't|not|no|never|forgot|except|didn't|should|shall|if|unless|might|may|could|what|why|how|who|when|did|told|said"
    r"|says?|whether|can i)\b|\"",
    re.IGNORECASE,
)
_SMALL = frozenset(  # words at the ends of a request that name nothing
    """
    a about actually again all already am an and any anymore anyone are as asap ask asked at back be become been
    before belong belongs but by call can cancel change check close complete completed could decide decided delete
    did discuss do does doing don't done drop due end ever every find finish finished for forget from get give go
    going gone good got had has have having he her here him his hold how i i'd i'll i'm i've if in into is isn't it
    it's its just know last later let's like longer made make mark may me meant meeting meetings mention mentioned
    might more move must my name need needs new next no not now of off ok on one open or our out over please
    priority project push put really remember remind reminder remove rename reopen reschedule said say search set
    she should show snooze so some soon start still stop talk talked task tasks tell that that's the their them then
    there these they thing things think this those to todo told too up update us was we we're we've were what what's
    when where which while who why will with won't would you your
    """.split()
)
_WORDS = {  # what a call does, with its arguments in their places
    "create_task": "add *{title}*",
    "complete_task": "mark *{task}* as done",
    "reopen_task": "open *{task}* again",
    "update_task": "change *{task}*",
    "delete_task": "delete *{task}*",
    "list_tasks": "show your tasks",
    "query": "count your {about}",
    "create_project": "start project *{name}*",
    "project_status": "show how *{project}* is going",
    "update_project": "update project *{project}*",
    "meeting_summary": "summarise *{meeting}*",
    "action_items": "show the action items of *{meeting}*",
    "search_meetings": "search your meetings for *{query}*",
    "remind": "set the reminder *{text}*",
    "cancel_reminder": "cancel the reminder *{reminder}*",
    "snooze_reminder": "move the reminder *{reminder}*",
    "remember": "remember *{fact}*",
    "recall": "tell you what I remember about *{about}*",
    "forget": "forget *{fact}*",
    "undo": "undo the last change",
}
_MORE = {"title": "now called {}", "name": "now called {}", "priority": "{} priority", "project": "project {}",
         "delay_days": "{} days later", "note": "noting “{}”", "status": "{}", "repeat": "repeating {}"}  # fmt: skip
_DAYS = {"none": "no due date", "today": "due today", "tomorrow": "due tomorrow", "week": "due this week",
         "overdue": "overdue"}  # fmt: skip


def propose(text: Text, context: Context) -> Step | None:
    """What a request that no row takes may mean: a question, or, of what only looks something up, the call. None: that
    can't be told."""
    label, certainty = classifier.classify(text.request)
    spec = tools.find(label)
    hedged = _HEDGED.search(text.request) if label not in ("create_task", "remind", "remember") else None
    if spec is None or certainty < LIKELY or (spec.changes and hedged is not None):
        return None
    try:
        args = _arguments(label, text.request, context)
    except Unclear:
        return None
    if args is None:
        return None
    call = Call("remind" if label == "create_task" and "at" in args else label, args)  # tasks don't repeat
    looks_up = label in _WHOLE_LISTS and certainty >= CLEAR
    return call if looks_up else question((call,), context, sure=False)


def question(calls: Sequence[Call], context: Context, *, sure: bool) -> Propose:
    """Asks whether the calls are meant; `sure` that they are, whether they shall be made."""
    told = describe(calls, context)
    if sure:
        return Propose(tuple(calls), f"{told[0].upper()}{told[1:]}? Reply *YES* to do it.")
    return Propose(tuple(calls), f"Did you mean: {told}? Reply *YES*, or say it in other words.")


def describe(calls: Sequence[Call], context: Context) -> str:
    """What calls would do, in a few words of Markdown."""
    last = [context.last] if context.last is not None else []
    records = (*(record for _, record in context.shown), *context.listed, *last)
    names = {str(record["id"]): name_of(record) for record in records if record.get("id")}
    return " and ".join(_described(call, names, context.now) for call in calls)


def _described(call: Call, names: dict[str, str], now: datetime) -> str:
    args = {
        key: plain(names.get(value, value)) if isinstance(value, str) else value for key, value in call.args.items()
    }
    words = _WORDS.get(call.tool)
    if words is None or any(slot not in args for slot in re.findall(r"\{(\w+)\}", words)):
        spec = tools.find(call.tool)
        return (spec.doing if spec is not None else call.tool.replace("_", " ")).lower()
    days = [str(call.args[key]) for key in ("due", "at", "until", "review_on") if call.args.get(key)]
    said = [_DAYS.get(day) or when(day, now) for day in days]
    said += [_MORE[key].format(value) for key, value in args.items() if key in _MORE and f"{{{key}}}" not in words]
    return ", ".join((words.format(**args), *said))


def _arguments(tool: str, words: str, context: Context) -> Args | None:
    """What a tool needs, from anywhere in the words."""
    if tool in ("create_task", "create_project", "remind"):
        return _titled(tool, words, context)
    if tool in ("list_tasks", "query"):
        return filters.loosely(words, tool, context)
    if tool in (*_WHOLE_LISTS, "undo"):
        return {}
    if tool == "set_briefing":
        found = slots.briefing_time(words, tool, context)
        return found.args[0] if found is not None and "briefing" in words.lower() else None
    if tool == "remember":
        fact = re.sub(
            r"^(?:remember|note)(?: that)?[\s,:]*|[\s,.]+(?:do )?(?:remember|keep) (?:that|this|it)(?: in mind)?$",
            "",
            words,
        )
        return {"fact": fact} if len(fact.split()) > 2 else None
    if tool not in slots.RECORDS and tool not in ("recall", "search_meetings"):
        return None
    changes = _changes(tool, words, context)
    return None if changes is None else _of_record(tool, changes[0], context, changes[1])


def _titled(tool: str, words: str, context: Context) -> Args | None:
    if tool == "remind":
        asked = re.search(
            r"\b(?:remind(?:er)?|alarm|nudge|ping|buzz|wake|alert)\b(?: me)?(?: up)?", words, re.IGNORECASE
        )
        if asked is not None:
            words = f"{words[asked.end() :]} {_LEAD.sub('', words[: asked.start()], count=1)}".strip(" ,.")
    elif tool == "create_project":
        words = re.sub(r"^.*?\bproject\b[\s:,]*(?:called|named|for)?\s*", "", words, flags=re.IGNORECASE)
    elif (lead := _LEAD.match(words)) is not None and lead.end() < len(words):
        words = words[lead.end() :]
    found = slots.title(words, tool, context)
    if found is None or len(found.args) != 1:
        return None
    title = str(next((found.args[0][key] for key in ("title", "text", "name") if key in found.args[0]), ""))
    return found.args[0] if 0 < len(title.split()) <= MAX_TITLE_WORDS else None


def _changes(tool: str, words: str, context: Context) -> tuple[str, Args] | None:
    """The words without what shall become of the record, and that; None where the tool needs it and it isn't said."""
    if tool == "update_task":
        rest, level = task_details.take_priority(words)
        rest, project = task_details.take_project(rest, context.projects)
        rest, due = dates.extract(rest, context.now)
        args = {"due": due.isoformat() if due else None, "priority": level, "project": project}
    elif tool in ("snooze_reminder", "update_project"):
        rest, due = dates.extract(words, context.now)
        key = "until" if tool == "snooze_reminder" else "review_on"
        args = {key: due.isoformat()[: 10 if key == "review_on" else None] if due else None}
    else:
        return words, {}
    kept = {key: value for key, value in args.items() if value}
    return (rest, kept) if kept else None


def _of_record(tool: str, words: str, context: Context, changes: Args) -> Args | None:
    if tool in ("search_meetings", "recall"):
        name = _name(periods.take(words, context.now, past=True)[0])
        return {"query" if tool == "search_meetings" else "about": name} if name else None
    argument, kind = slots.RECORDS[tool]
    known = {"task": context.tasks, "project": context.projects}.get(kind, ())
    listed = [name_of(one) for one in context.listed] if context.listed_kind == kind else []
    name = _known(words, [*listed, *known])
    it = re.search(r"\b(?:it|that|this|there)\b", words, re.IGNORECASE)
    if name is None and it is not None and context.last is not None and context.last_kind == kind:
        name = str(context.last["id"])
    name = name or _name(words)
    if name is None:
        return {} if kind == "meeting" else None
    return {argument: name, **changes}


def _name(words: str) -> str | None:
    """What is left of the words without the small ones at their ends: the name of something, perhaps."""
    said = re.sub(r"[^\w\s'&/-]", " ", words).split()
    while said and said[0].lower() in _SMALL:
        said.pop(0)
    while said and said[-1].lower() in _SMALL:
        said.pop()
    return " ".join(said) if 0 < len(said) <= MAX_NAME_WORDS else None


def _known(words: str, names: Sequence[str]) -> str | None:
    """The known name that stands in the words, as it stands there."""
    said = words.split()
    best, score = None, 0.0
    for name in names:
        size = len(name.split())
        for start in range(len(said)):
            for end in range(start + 1, min(len(said), start + size + 2) + 1):
                part = " ".join(said[start:end]).strip(".,!?:;\"'")
                found = matching.score(part, name) + (end - start) / 100
                if len(part) > 3 and found >= matching.CLOSE_ENOUGH and found > score:
                    best, score = part, found
    return best
