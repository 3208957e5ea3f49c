"""From a message to the steps that answer it, by the table.

A message is divided into requests, each is matched with every row, and the row of the highest priority is what it
means. What may be read wrongly is proposed, not done; what no row takes goes to the classifier (proposals.py), and what
is left after that is named.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

from exponential.assistant import tools
from exponential.assistant.offline import proposals, slots
from exponential.assistant.offline.language import classifier
from exponential.assistant.offline.language.normalization import MAX_CHARS, Text, normalise
from exponential.assistant.offline.references import Unclear
from exponential.assistant.offline.table import ROWS, Row, templates
from exponential.assistant.offline.table.row import BARE, OPEN, USUAL, WHOLE
from exponential.assistant.offline.table.templates import Words
from exponential.assistant.offline.utterance import Args, Call, Context, Propose, Say, Step
from exponential.workspace.text import memo

MAX_REQUESTS = 20  # in one message
UNLIKELY = 0.5  # the classifier's certainty of another tool from which on an open row asks first
UNLIKELY_DEED = 0.85  # the same of words that begin with what is to be done
MAX_JOINTS = 6  # places in a sentence where another request may begin
TOO_LONG = (
    "That is too long for me without a language model. Send it in shorter messages, or begin with *Transcript:* if it "
    "is one of a meeting."
)
LEFT = "All right, I leave it."
NOTHING_CHANGED = "I changed nothing: you seem to have taken something back. Say in one sentence what you want."
TOO_MANY = f"That is more than {MAX_REQUESTS} requests at once. Send them in two messages."
_SENTENCE = re.compile(
    r"(?<=[.!?;])\s+(?=\S)|\s*\n+\s*(?!(?:to|about|at|on|by|for|in|tomorrow|today|next|every)\b)|\s*;\s*"
)
_NO_END = re.compile(r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|vs|e\.g|i\.e|approx|etc|a\.m|p\.m|\d{1,2})\.)$", re.IGNORECASE)
_JOINT = re.compile(
    r"\s*,?\s+(?:and\s+then|and\s+also|and|then|also|plus|but|so)\s+|\s*,\s+|\s+[–—-]\s+", re.IGNORECASE
)
_TAKEN_BACK = re.compile(
    r"(?:[.,;!?…]+|\s[–—-])\s*(?:oh |ah |hm+ )?(?:no(?! (?:longer|need|rush|hurry|problem|worries|one|more"
    r"|date|deadline|project))|nope|nah|wait|actually|sorry|scratch that|i mean(?:t)?|oops|on second thoughts?"
    r"|never ?mind|hang on|hold on|make that|forget that"
    r"|cancel that|undo that|leave (?:it|that)|rather|better not|(?:just )?(?:kidding|joking)|not sure"
    r"|or (?:should|just|maybe))\b|\bno wait\b|\bor (?:maybe )?not\b|\bnope\b|\bonce i\b",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(
    r"(?:did|does|is|are|was|were|has|am|will|would|should|shall|do (?:i|we|you|they)|have (?:i|we|you)"
    r"|can (?:i|we))\b",
    re.I,
)
_DENIES = re.compile(r"\b(?:not|never|no|neither|nor|forgot|cannot|hardly)\b|n't\b", re.IGNORECASE)
_COMMAND = re.compile(
    r"(?:remind me|add|create|mark|move|push|delete|remove|cancel|show|list|set|tell me|rename|snooze)\b", re.I
)
# Tools that keep words, which may deny and ask; their slots have doubts of their own.
_WITH_WORDS = ("create_task", "create_project", "remind", "remember", "keep_note", "undo")
_DO_IT = re.compile(
    r"(?:yes|yep|yeah|yup|y|ok(?:ay)?|sure|do it|go ahead|correct|right|exactly|please do|yes please"
    r"|confirm(?:ed)?)[\s.!]*",
    re.IGNORECASE,
)
_LEAVE_IT = re.compile(
    r"(?:no+|nope|nah|n|cancel|stop|don't|leave it|never ?mind|forget it|no thanks?)[\s.!]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Reading:
    """What a row makes of a request: its calls, or the question that it needs an answer to."""

    row: Row
    calls: tuple[Call, ...] = ()
    certain: bool = True
    doubtful: bool = False
    question: str = ""

    @property
    def is_sure(self) -> bool:
        return not self.doubtful and not self.question

    @property
    def says(self) -> bool:
        return not self.row.tool


def interpret(message: str, context: Context) -> list[Step]:
    """The steps for the words of one message, in their order; never none."""
    if len(message) > 4 * MAX_CHARS or len((text := normalise(message)).request) > MAX_CHARS:
        return [Say(TOO_LONG)]
    if context.proposed and _DO_IT.fullmatch(text.request):
        return list(context.proposed)
    if (context.proposed or context.unfinished) and _LEAVE_IT.fullmatch(text.request):
        return [Say(LEFT)]
    with memo.kept():
        finished = _finished(message, text, context) if context.unfinished else None
        steps = _steps(finished or _requests(text, context), context)
        return _asked_first(steps, context) if _TAKEN_BACK.search(text.request) else steps


def _finished(message: str, text: Text, context: Context) -> "list[Request] | None":
    """The request that Paddy asked about together with the answer; None where that is a request of its own."""
    alone = _best(text, context)
    if alone is not None and not alone.question and alone.row.priority > BARE:
        return None
    both = normalise(f"{context.unfinished} {message}")
    best = _best(both, context)
    return [(both, best)] if best is not None and best.row.tool and not best.doubtful else None


def _asked_first(steps: Sequence[Step], context: Context) -> list[Step]:
    """What would be changed is asked about first: something was taken back in the message."""
    changes = [step for step in steps if isinstance(step, Call) and _changes(step.tool)]
    left = [step for step in steps if step not in changes and not (isinstance(step, Propose) and destroys(step.calls))]
    if changes and not any(call.tool == "cancel_reminder" for call in changes):
        return [proposals.question(changes, context, sure=False), *left]
    return left or [Say(NOTHING_CHANGED)]


def readings(text: Text, context: Context) -> list[Reading]:
    """What all rows that fit the request make of it, the likeliest first."""
    words = templates.words_of(text.request)
    found = [reading for row in ROWS if (reading := _reading(row, text, words, context)) is not None]
    return sorted(found, key=lambda one: (-one.row.priority, bool(one.question), not one.certain))


Request = tuple[Text, Reading | None]


def _requests(text: Text, context: Context) -> list[Request]:
    """The requests of a message, each with its reading."""
    best = _best(text, context)
    if best is not None and best.is_sure and (best.certain or len(best.calls) > 1):
        return [(text, best)]
    found: list[Request] = []
    for part in _sentences(text):
        divided = _divided(part, context)
        found += divided
        context = _after(context, divided)
    return found


def _divided(text: Text, context: Context) -> list[Request]:
    """One sentence, divided where "and" or a comma joins two requests that each stand for themselves."""
    whole = _best(text, context)
    if whole is not None and whole.is_sure and (whole.certain or len(whole.calls) > 1 or whole.row.priority == WHOLE):
        return [(text, whole)]
    for joint in list(_JOINT.finditer(text.text, text.start, text.end))[:MAX_JOINTS]:
        first, rest = text.part(text.start, joint.start()), text.part(joint.end(), text.end)
        one = _best(first, context)
        if one is None or not one.is_sure or one.says:
            continue
        others = _divided(rest, _after(context, [(first, one)]))
        if all(other is not None and _stands_alone(other, part) for part, other in others):
            return [(first, one), *others]
    return [(text, whole)]


def _stands_alone(reading: Reading, text: Text) -> bool:
    """Whether nobody would take the words for the end of what was said before them."""
    if not reading.is_sure:
        return _COMMAND.match(text.request) is not None
    if reading.row.say == "{errand}":
        return slots.is_errand(text.request)
    return reading.row.priority >= OPEN or reading.row.tool in ("complete_task", "remind")


def _sentences(text: Text) -> Iterator[Text]:
    start = text.start
    for match in _SENTENCE.finditer(text.text, text.start, text.end):
        if "\n" in match[0] or ";" in match[0] or not _NO_END.search(text.text[start : match.start()]):
            if match.start() > start:
                yield text.part(start, match.start())
            start = match.end()
    if start < text.end:
        yield text.part(start, text.end)


def _best(text: Text, context: Context) -> Reading | None:
    """The likeliest reading; where two are as likely and mean different things, it is doubtful."""
    found = readings(text, context)
    clear = [one for one in found if not one.question]
    if not clear or (found[0].question and clear[0].row.priority < found[0].row.priority):
        return found[0] if found else None
    best = clear[0]
    rivals = [
        one
        for one in clear[1:]
        if (one.row.priority, one.certain) == (best.row.priority, best.certain) and one.calls != best.calls
    ]
    if not rivals:
        return best
    label, _ = classifier.classify(text.request)
    return replace(next((one for one in (best, *rivals) if one.row.tool == label), best), doubtful=True)


def _reading(row: Row, text: Text, words: Words, context: Context) -> Reading | None:
    """What a row makes of a request. None: it doesn't fit."""
    question = ""
    best: Reading | None = None
    for slots_ in islice(templates.matches(row.say, words), templates.MOST_WAYS):
        try:
            filled = _filled(row, {name: words.between(*span) for name, span in slots_.items()}, context)
        except Unclear as unclear:
            question = question or str(unclear)
            continue
        if filled is not None and not (row.known and not filled.known) and not _asks(row, text):
            calls = (
                tuple(Call(filled.tool or row.tool, _as_written(args, text)) for args in filled.args)
                if row.tool
                else ()
            )
            doubtful = (
                filled.doubtful
                or (text.asks_paddy and row.say == "{errand}")
                or (text.request.endswith("?") and not text.asks_paddy and _changes(row.tool))
                or (not filled.certain and _is_unlikely(row, text))
            )
            reading = Reading(row, calls, filled.certain, doubtful)
            if reading.certain and not doubtful:
                return reading
            if best is None or (best.doubtful and not doubtful):
                best = reading
    if best is not None and (best.certain or not question):
        return best
    return Reading(row, question=question) if question and not row.known else None


def _asks(row: Row, text: Text) -> bool:
    """Whether the words ask or deny something, and the row would change it: "is it urgent?", "I did not buy milk"."""
    if not _changes(row.tool) or row.tool in _WITH_WORDS:
        return False
    denies = _DENIES.search(text.request) is not None and _DENIES.search(row.say) is None
    return denies or _AUXILIARY.match(text.request) is not None


def _changes(tool: str) -> bool:
    """Whether it does something, rather than look something up."""
    spec = tools.find(tool)
    return spec is not None and spec.changes


def _is_unlikely(row: Row, text: Text) -> bool:
    """Whether a row whose words may mean something else takes what the classifier would take for that."""
    if row.priority > USUAL or not row.tool:
        return False
    label, certainty = classifier.classify(text.request)
    return label != row.tool and certainty > (UNLIKELY_DEED if row.say == "{errand}" else UNLIKELY)


def _filled(row: Row, words: dict[str, str], context: Context) -> slots.Filled | None:
    """The arguments that the words at a row's slots and the row itself give; None where one of them can't be read."""
    sets: list[Args] = [{}]
    certain, doubtful, known, tool = True, False, True, ""
    record, _ = slots.RECORDS.get(row.tool, ("", "task"))
    if row.tool in slots.OF_LAST and "ref" not in words and not {"past", "passive", "project"} & words.keys():
        words = {**words, "ref": "it"}
    if "{title}" in row.say and "title" not in words:
        raise Unclear(slots.OF_WHAT)
    if "often" in words:  # "a daily reminder"
        words = {**words, "title": f"{words['title']} {words['often']}"}
        del words["often"]
    for slot, said in words.items():
        if slot == "title" and "when" in words:
            found = slots.title_alone(said, row.tool, context)
        else:
            found = slots.read(slot, said, row.tool, context)
        if found is None:
            return None
        certain, doubtful, tool = certain and found.certain, doubtful or found.doubtful, found.tool or tool
        known = known and (found.certain or slot not in ("ref", "project"))
        sets = [{**one, **more} for one in sets for more in found.args]
    if record == "meeting" and record not in words and context.last is not None and context.last_kind == "meeting":
        sets = [{record: str(context.last["id"]), **one} for one in sets]
    return slots.Filled([{**row.args, **one} for one in sets], certain, doubtful, tool, known)


def _as_written(args: Args, text: Text) -> Args:
    return {
        key: text.as_written(value)
        if key in ("title", "text", "name", "note", "fact") and isinstance(value, str)
        else value
        for key, value in args.items()
    }


def after_steps(context: Context, steps: Sequence[Step]) -> Context:
    """What "it" means after these steps; what was proposed and asked before is settled."""
    context = replace(context, proposed=(), unfinished="", offered=())
    return _after_calls(context, [step for step in steps if isinstance(step, Call)])


def _steps(requests: Sequence[Request], context: Context) -> list[Step]:
    """What is done, asked and said for the requests. Where something is done, chat beside it is let be, and what
    wasn't understood is named."""
    if len(requests) > MAX_REQUESTS:
        return [Say(TOO_MANY)]
    steps: list[Step] = []
    left: list[str] = []
    for text, reading in requests:
        if reading is None or (reading.doubtful and reading.row.priority <= OPEN):
            found = proposals.propose(text, context)
            if found is None and reading is not None:
                found = proposals.question(reading.calls, context, sure=False)
            if found is None:
                left.append(text.as_written(text.request.rstrip(".!,")))
                continue
            steps.append(found)
        elif reading.question:
            steps.append(
                Say(reading.question, unfinished=text.request if reading.row.tool in ("remind", "create_task") else "")
            )
        elif reading.says:
            steps.append(Say(reading.row.reply))
        else:
            steps += _calls(reading, context)
        context = _after(context, [(text, reading)])
    return _composed(_merged(steps), left)


def _calls(reading: Reading, context: Context) -> list[Step]:
    """The calls of a reading, or a question first: whether it was read rightly, and before anything goes."""
    if reading.doubtful or destroys(reading.calls):
        return [proposals.question(reading.calls, context, sure=not reading.doubtful)]
    return list(reading.calls)


def _composed(steps: list[Step], left: list[str]) -> list[Step]:
    acts = [step for step in steps if not isinstance(step, Say)]
    if not acts:
        return [*dict.fromkeys(steps), *_left_out(left)] if steps else [Say(proposals.UNKNOWN)]
    kept = [step for step in steps if not isinstance(step, Say) or step.unfinished or "?" in step.text]
    asked = [step for step in kept if isinstance(step, Propose)]
    if len(asked) > 1:  # one yes answers all of them
        kept = [step for step in kept if not isinstance(step, Propose)]
        calls = [call for one in asked for call in one.calls]
        distinct = tuple(call for place, call in enumerate(calls) if call not in calls[:place])
        kept.append(Propose(distinct, "\n".join(dict.fromkeys(one.question for one in asked))))
    return [*(step for step, _ in groupby(kept)), *_left_out(left)]


_CHANGES = {"update_task": ("create_task", "task", "title"), "update_project": ("create_project", "project", "name")}


def _merged(steps: Sequence[Step]) -> list[Step]:
    """What is said of a record after the request that adds or changes it belongs to that: "add paint the fence. Make
    it urgent"."""
    found: list[Step] = []
    for step in steps:
        if isinstance(step, Call) and step.tool in _CHANGES:
            creating, record, name = _CHANGES[step.tool]
            change = {key: value for key, value in step.args.items() if key != record}
            for place, one in enumerate(found):
                if not isinstance(one, Call) or change.keys() & {"title", "name", "note", "delay_days", "status"}:
                    continue
                if one.tool == creating and one.args[name] == step.args[record] and "none" not in change.values():
                    found[place] = Call(one.tool, {**one.args, **change})
                    break
                if one.tool == step.tool and one.args[record] == step.args[record]:
                    found[place] = Call(one.tool, {**one.args, **change})
                    break
            else:
                found.append(step)
        else:
            found.append(step)
    return found


def _left_out(left: list[str]) -> list[Step]:
    return [Say(f"I left out: {', '.join(f'“{words}”' for words in left)}. I didn't understand that.")] if left else []


def destroys(calls: Sequence[Call]) -> bool:
    """Whether something goes, other than one reminder."""
    found = [call for call in calls if (spec := tools.find(call.tool)) is not None and spec.destructive]
    return bool(found) and (len(found) > 1 or found[0].tool != "cancel_reminder")


def _after(context: Context, requests: Sequence[Request]) -> Context:
    """What "it" means after these requests: what the last of their calls is about."""
    for _, reading in requests:
        if reading is not None and reading.is_sure:
            context = _after_calls(context, reading.calls)
    return context


def _after_calls(context: Context, calls: Sequence[Call]) -> Context:
    for call in calls:
        argument, kind = slots.RECORDS.get(call.tool, ("", "task"))
        if call.tool == "create_task":
            context = context.with_last(
                {"id": call.args["title"], "title": call.args["title"], "due": call.args.get("due")}, "task"
            )
        elif call.tool == "create_project":
            context = replace(
                context.with_last({"id": call.args["name"], "name": call.args["name"]}, "project"),
                projects=(*context.projects, call.args["name"]),
            )
        elif call.tool == "remind":
            context = context.with_last(
                {"id": call.args["text"], "text": call.args["text"], "at": call.args["at"]}, "reminder"
            )
        elif argument in call.args:
            shown = next(
                (one for one in (*context.listed, context.last or {}) if str(one.get("id")) == call.args[argument]),
                None,
            )
            context = context.with_last(shown or {"id": call.args[argument], "title": call.args[argument]}, kind)
    return context
