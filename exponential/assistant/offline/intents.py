"""From words to steps: each rule reads one message and recognises it or leaves it to the next one.

Rules are pure; RULES is their order, the more specific first.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from dataclasses import replace
from functools import partial

from exponential.assistant.offline import (
    afterthoughts,
    also,
    asides,
    asking,
    briefings,
    changing,
    clauses,
    combining,
    completing,
    correcting,
    creating,
    deleting,
    files,
    following,
    forwarded,
    fronting,
    gapping,
    guarding,
    guests,
    listing,
    loosely,
    manners,
    meetings,
    naming,
    narrowing,
    needing,
    negating,
    occasions,
    passives,
    pasting,
    projects,
    remembering,
    reminding,
    replying,
    talking,
    topics,
    tracking,
    typos,
)
from exponential.assistant.offline.steps import Call, Heard, Kind, Rule, Say, Step, has_call
from exponential.workspace.text import memo

RULES: tuple[Rule, ...] = (
    talking.not_text,
    talking.small_talk,
    briefings.briefing,
    reminding.answered,
    talking.supposed,
    replying.reply,
    replying.placed,
    following.following,
    tracking.of_last,
    reminding.reminder,
    deleting.undo,
    remembering.memory,
    meetings.meeting,
    asking.question,
    projects.project,
    deleting.reopen,
    changing.filed,
    fronting.fronted,
    creating.create,
    changing.update,
    deleting.delete,
    listing.list_,
    completing.complete,
    needing.need,
    needing.errand,
)

_NAMED = {  # what a request speaks of
    "complete_task": "task",
    "reopen_task": "task",
    "delete_task": "task",
    "update_project": "project",
    "project_status": "project",
    "meeting_summary": "meeting",
    "action_items": "meeting",
}
_KINDS: dict[str, Kind] = {
    "update_project": "project",
    "project_status": "project",
    "meeting_summary": "meeting",
    "action_items": "meeting",
}
_ONCE = ("undo", "complete_task", "reopen_task", "update_task", "update_project")  # twice is no more than once
_SOMETHING = {"id": "it", "title": "", "name": "", "done": False}  # what a later request may call "it"
_ABOUT = re.compile(r"(?:what|how)\s+about\b", re.IGNORECASE)  # another one, as the one before
MAX_REQUEST = 400  # characters of a tidied message; a transcript may be longer
MAX_READ = 15 * MAX_REQUEST  # characters of requests and their parts that all rules go over in one reading
_RUN = re.compile(r"([^\w\s])\1{3,}")
TOO_LONG = (
    "That is too long for me without a language model. Send it in shorter messages, or begin with *Transcript:* if it "
    "is one of a meeting."
)
_left: ContextVar[int] = ContextVar("left")  # of MAX_READ


class _TooMuch(Exception):
    """The rules have gone over MAX_READ characters."""


def read(heard: Sequence[Heard], tools: AbstractSet[str]) -> list[Step]:
    """The steps that answer these messages, in order; what would be said twice is said once.

    Who has no tool but leaving a note is a guest.
    """
    _left.set(MAX_READ)
    with memo.kept():
        return _answers(heard, tools)


def _answers(heard: Sequence[Heard], tools: AbstractSet[str]) -> list[Step]:
    steps: list[Step] = []
    if not tools - {guests.TOOL}:
        for message in heard:
            mine = frozenset() if message.forwarded else tools  # what stands in a forwarded message is no wish
            _add(steps, files.of_guest(message, partial(guests.answer, tools=mine)))
        return steps
    passed_on = [one for message in heard if message.forwarded for one in files.words_of(message)]
    chosen = False
    spoken: Heard | None = None  # what "it" means after the messages before
    for message in heard:
        if message.forwarded:
            _add(steps, files.passed_on(message))
            continue
        outside = [one.text for one in passed_on] or [message.quoted] * bool(message.quoted) or message.offered
        asked = not passed_on and not message.quoted
        found = _chosen(message, outside, offered=asked) if outside and not message.files else None
        chosen = chosen or found is not None
        if found is None:
            found = _understand(replace(spoken, text=message.text, files=message.files) if spoken else message)
            spoken = _aware(spoken or message, found)
        _add(steps, found)
    _add(steps, [] if chosen else forwarded.offer(passed_on))
    return steps


def _chosen(message: Heard, outside: Sequence[str], *, offered: bool) -> list[Step] | None:
    text = tidied(message.text)
    return forwarded.chosen(replace(message, text=text), outside, offered=offered) if len(text) <= MAX_REQUEST else None


def _add(steps: list[Step], found: Sequence[Step]) -> None:
    steps += [step for step in found if not (isinstance(step, Say) and step in steps)]


def _understand(heard: Heard) -> list[Step]:
    try:
        return _understood(heard)
    except _TooMuch:
        return [Say(TOO_LONG)]


def _understood(heard: Heard) -> list[Step]:
    if heard.files:
        return files.answer(heard, _understand)
    pasted = pasting.transcript(heard)
    if pasted is not None:
        return pasted
    text = tidied(heard.text)
    if len(text) > MAX_REQUEST:
        return [Say(TOO_LONG)]
    _spend(text)
    said = typos.in_question(typos.abbreviations(manners.without_emoji(text)))
    said = manners.plainer(said)
    named = naming.plainly(said, heard.projects, heard.tasks)
    heard = replace(heard, text=narrowing.unfronted(named))
    return naming.as_written(guarding.kept_back(_read(heard), heard.text), said, heard.projects)


def tidied(text: str) -> str:
    """Single spaces, no empty lines, and no mark more than three times in a row: the rules' patterns see nothing else,
    and take time by how long a run is."""
    rows = (" ".join(row.split()) for row in text.splitlines())
    return _RUN.sub(r"\1\1\1", "\n".join(filter(None, rows)))


def _read(heard: Heard) -> list[Step]:
    heard = replace(heard, text=gapping.filled(heard.text, heard.now))
    direct = _corrected(heard) or _restarted(heard) or _instead(heard) or _framed(heard) or _requests(heard)
    if not has_call(direct):
        direct = asides.pointed(heard.text, lambda part: _told(replace(heard, text=part))) or direct
    return (
        direct
        or _repaired(heard)
        or asides.without_asides(heard.text, lambda part: _told(replace(heard, text=part)))
        or _loosely(heard)
        or talking.not_yet(_core(heard))
        or needing.entry(_core(heard))
        or remembering.perhaps(_core(heard))
        or [Say(talking.UNKNOWN)]
    )


def _restarted(heard: Heard) -> list[Step] | None:
    text = manners.restarted(heard.text, heard.now)
    if text is None:
        return None
    steps = _told(_aware(replace(heard, text=text), _told(replace(heard, text=manners.taken_back(heard.text))) or ()))
    return steps if has_call(steps) else None


def _corrected(heard: Heard) -> list[Step] | None:
    """With a slip put right; never where something would go."""
    text = correcting.corrected(heard.text, heard.now)
    steps = _told(replace(heard, text=text)) if text is not None else None
    return steps if has_call(steps) and not guarding.destroys(steps) else None


def _instead(heard: Heard) -> list[Step] | None:
    """What is wished instead of what is not; never that something goes."""
    text = negating.instead(heard.text)
    steps = _told(replace(heard, text=text)) if text is not None else None
    return steps if has_call(steps) and not guarding.destroys(steps) else None


def _framed(heard: Heard) -> list[Step] | None:
    """What gets its project, its day or its sense from words before or after it."""

    def understand(text: str) -> list[Step] | None:
        return _told(replace(heard, text=text))

    active = passives.asked(heard.text)
    if active is not None:
        return understand(active)
    return (
        projects.closed(heard)
        or afterthoughts.read(heard, understand)
        or topics.read(heard, lambda about: afterthoughts.read(about, understand) or _told(about))
        or occasions.read(heard.text, heard.now, understand)
    )


def _told(heard: Heard) -> list[Step] | None:
    return _requests(heard) or _repaired(heard)


def _loosely(heard: Heard) -> list[Step] | None:
    """By single words, where no rule fits."""
    for text in dict.fromkeys((heard.text, typos.repaired(heard.text))):
        steps = loosely.question(_core(replace(heard, text=text)))
        if steps is not None:
            return steps
    return None


def _repaired(heard: Heard) -> list[Step] | None:
    """Read with the keywords spelled right. What is to be deleted must stand there as it is, so only the verb is."""
    repaired = typos.repaired(heard.text)
    if repaired == heard.text:
        return None
    steps = _requests(replace(heard, text=repaired))
    if guarding.destroys(steps):
        return _requests(replace(heard, text=typos.repaired(heard.text, first_word_only=True)))
    return steps


def _requests(heard: Heard) -> list[Step] | None:
    """The steps for one or several requests in one message; None when it isn't understood."""

    def is_request(text: str) -> bool:
        kind: Kind = "project" if heard.last is None and _ABOUT.match(text) else heard.last_kind
        return has_call(_one(replace(heard, text=text, last=heard.last or _SOMETHING, last_kind=kind)))

    steps: list[Step] = []
    parts = clauses.split(heard.text, is_request)
    for part in parts:
        found = _one(replace(heard, text=following.on_same_day(part, heard)))
        if found is None:
            return None
        steps += [step for step in found if not _is_said(step, steps)]
        heard = _aware(heard, found)
    return combining.merged(steps)


def _is_said(step: Step, steps: Sequence[Step]) -> bool:
    """Whether these steps do it: "that was a mistake, undo it" is one wish, and so is "it wasn't done, put it back"."""
    if not isinstance(step, Call) or step.tool not in _ONCE:
        return False
    reopened = any(isinstance(done, Call) and done.tool == "reopen_task" for done in steps[-1:])
    return step in steps or (reopened and step == Call("undo", {}))


def _aware(heard: Heard, steps: Sequence[Step]) -> Heard:
    """What "it" means after these steps, in the same message."""
    for step in steps:
        if isinstance(step, Call) and step.tool == "create_project":
            heard = replace(heard, last={"id": step.args["name"], "name": step.args["name"]}, last_kind="project")
        elif isinstance(step, Call) and step.tool in ("create_task", "update_task"):
            name = step.args.get("title") or step.args["task"]
            due = step.args.get("due")
            known = {"id": name, "title": name, "done": False, "due": None if due == "none" else due}
            heard = replace(heard, last=known, last_kind="task")
        elif isinstance(step, Call) and (named := step.args.get(_NAMED.get(step.tool, ""))):
            kind = _KINDS.get(step.tool, "task")
            before = heard.last if heard.last is not None and heard.last.get("id") == named else {}
            known = {"id": named, "title": named, "name": named, **before, "done": step.tool == "complete_task"}
            heard = replace(heard, last=known, last_kind=kind)
    return heard


def _spend(text: str) -> None:
    """Counts what the rules go over: however often a message can be cut and read anew, it takes no longer."""
    _left.set(_left.get() - len(text))
    if _left.get() < 0:
        raise _TooMuch


def _one(heard: Heard) -> list[Step] | None:
    _spend(heard.text)
    # "Hey there" is a greeting as a whole; "hey, add milk" is a request with one before it.
    steps = (
        talking.small_talk(replace(heard, text=heard.text.strip().rstrip(" .!")))
        or talking.for_me(heard)
        or also.also(heard)
    )
    core = _core(heard)
    for rule in RULES:
        steps = steps or rule(core)
    return guarding.guarded(steps, heard.text)


def _core(heard: Heard) -> Heard:
    """Without what is only polite."""
    return replace(heard, text=manners.core(heard.text))
