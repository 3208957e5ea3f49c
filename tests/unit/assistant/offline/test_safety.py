"""Nothing is deleted or forgotten without a yes, and no reminder is cancelled but in plain words."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cpu_time import limited

from benchmarks.phrasing_sets import CONTEXTS, DESTRUCTIVE, HERE, SETS, TITLES, phrasings
from benchmarks.phrasing_sets import NAMES as PROJECTS
from exponential.assistant import tools
from exponential.assistant.offline.interpreter import interpret
from exponential.assistant.offline.language.normalization import MAX_CHARS
from exponential.assistant.offline.utterance import Call, Context, Propose, Step

VERBS = ("delete", "get rid of", "cancel", "drop", "forget")
NAMES = (
    "buy milk", "the report", "it", "the first one", "the reminder about the pills", "the task call mom", "my code",
)  # fmt: skip
HEDGED = (
    "don't {}", "do not {} yet", "never {}", "please don't {}", "wait, don't {}", "should I {}?", "shall we {}?",
    "can I {}?", "could we {} or not?", "what if I {}", "what happens if I {}?", "what would happen if I {}",
    "if it rains {}", "unless you {}", "I might {}", "I will {} tomorrow", "I'll {} later", "I was about to {}",
    "I need to {} tomorrow", "I have to {} on friday", "I want to know how to {}", "how do I {}?", "how can one {}",
    "why did you {}?", "did you {}?", "who asked you to {}", "I didn't {}", "I never said {}", "he told me to {}",
    "she said I should {}", 'he said "{}"', 'the button says "{}"', "“{}” is what it says", "remind me to {}",
    "remind me tomorrow at 9 to {}", "add a task: {}", "add: {}", "todo: {}", "note to self: {}", "create a task to {}",
    "rename buy bread to {}", "{} - just kidding", "{}, no wait, don't", "{} or maybe not", "is it ok to {}?",
    "tell me when to {}", "translate {} to german", "I wonder whether to {}", "we could {}", "you may not {}",
)  # fmt: skip
TAKEN_BACK = (
    ", no", ". no, wait", "? hmm no", "... nah", " - wait", " nope", ", hang on", ". hold on", ". never mind",
    ", forget that", ", cancel that", ", undo that", ", scratch that", ", leave it", ", rather keep it",
    ", or should we keep it?", ", better not", ". just kidding", ", on second thought don't", ", sorry, tick it off",
    ". No, sorry, just mark it as done.", ", actually move it to friday", ". Oops, complete it instead",
    ", I meant snooze it", ", or just tick it off", ", not sure", " once I paid",
)  # fmt: skip
WORDS = sorted({word for name in ("known", "heldout") for said in phrasings(name) for word in said.text.split()})


def calls(steps: list[Step], *, proposed: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """The calls that take something away: those that are made, or those that wait for a yes."""
    made = [step for step in steps if isinstance(step, Call)]
    asked = [call for step in steps if isinstance(step, Propose) for call in step.calls]
    return [(call.tool, call.args) for call in (asked if proposed else made) if call.tool in DESTRUCTIVE]


@pytest.mark.parametrize("name", SETS)
def test_no_set_of_phrasings_deletes_or_forgets_without_a_yes(name: str) -> None:
    for phrasing in islice(phrasings(name), 0, None, 5):
        for tool, _ in calls(interpret(phrasing.text, phrasing.context)):
            assert tool == "cancel_reminder", phrasing.text


@pytest.mark.parametrize("hedged", HEDGED)
def test_what_is_not_wished_is_not_done(hedged: str) -> None:
    for context in ("tasks", "reminder"):
        for verb in VERBS:
            for name in NAMES:
                text = hedged.format(f"{verb} {name}")
                assert calls(interpret(text, CONTEXTS[context])) == [], text


@pytest.mark.parametrize("back", TAKEN_BACK)
def test_what_is_taken_back_is_not_done_nor_asked_about(back: str) -> None:
    for context in ("tasks", "reminder"):
        for verb in ("delete", "cancel", "stop reminding me of", "turn off"):
            for name in NAMES:
                text = f"{verb} {name}{back}"
                assert calls(interpret(text, CONTEXTS[context])) == [], text


@pytest.mark.parametrize("context", ["", "tasks", "task", "project", "meeting", "items"])
def test_harmless_messages_take_nothing_away(context: str) -> None:
    for text in (HERE / "harmless.txt").read_text(encoding="utf-8").splitlines()[1:]:
        assert calls(interpret(text, CONTEXTS[context])) == [], text


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.sampled_from(sorted(CONTEXTS)))
def test_whatever_is_said_nothing_goes_but_a_reminder(words: list[str], context: str) -> None:
    for tool, _ in calls(interpret(" ".join(words), CONTEXTS[context])):
        assert tool == "cancel_reminder"


@pytest.mark.parametrize(
    ("text", "context", "wanted"),
    [
        ("delete buy milk", "", [("delete_task", {"task": "buy milk"})]),
        ("delete 1 and 2", "tasks", [("delete_task", {"task": "t1"}), ("delete_task", {"task": "t2"})]),
        ("forget that I like tea", "", [("forget", {"fact": "I like tea"})]),
        (
            "cancel both",
            "reminders",
            [("cancel_reminder", {"reminder": "r1"}), ("cancel_reminder", {"reminder": "r2"})],
        ),
    ],
)
def test_what_goes_is_asked_about(text: str, context: str, wanted: list[tuple[str, dict[str, str]]]) -> None:
    steps = interpret(text, CONTEXTS[context])
    assert calls(steps) == [] and calls(steps, proposed=True) == wanted
    (asked,) = steps
    assert isinstance(asked, Propose)
    context_after: Context = replace(CONTEXTS[context], proposed=asked.calls)
    for yes in ("yes", "YES", "Yes please!", "ok", "do it"):
        assert calls(interpret(yes, context_after)) == wanted
    for other in ("no", "never mind", "hm", "what's due today?", "yes but not the first", "yesterday"):
        assert calls(interpret(other, context_after)) == []


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("did you send the invoice?", ""), ("did I call mom?", ""), ("was buy milk done?", ""), ("undo?", ""),
        ("has the invoice been sent?", ""), ("bought milk?", "tasks"), ("done?", "task"), ("is it urgent?", "task"),
        ("is it due friday?", "task"), ("I did not buy milk", "tasks"), ("I bought no milk", "tasks"),
        ("it's not urgent", "task"), ("all done except call mom", "tasks"), ("push 1 and 3", "tasks"),
        ("done, and delete buy milk", "reminder"), ("close the garden", ""), ("clear the list", "tasks"),
        ("move buy milk to friday and call mom to saturday", ""), ("add buy milk not tomorrow but friday", ""),
        ("rename buy milk to oat milk and move to friday", ""), ("remind me 15 minutes before my 3pm meeting", ""),
        ("remind me daily at 9 until friday to take pills", ""), ("remind me at 5 to call mom tomorrow", ""),
        ("remind me today at 9 to call", ""), ("briefing on weekends at 9", ""), ("add 1 and 3", "items"),
    ],
)  # fmt: skip
def test_questions_denials_and_halves_change_nothing(text: str, context: str) -> None:
    steps = interpret(text, replace(CONTEXTS[context], projects=PROJECTS, tasks=TITLES))
    changed = [step for step in steps if isinstance(step, Call) and (spec := tools.find(step.tool)) and spec.changes]
    assert changed == []


@pytest.mark.parametrize("length", [MAX_CHARS, 4_000, 65_000])
@pytest.mark.parametrize("verb", ["", "change ", "move ", "mark ", "add ", "no, ", "remind me ", "delete "])
def test_no_message_keeps_it_thinking(verb: str, length: int) -> None:
    for unit in 'x|(|,|- |5 |x: |A. |for |and |at 5 |to x |until |a to b |is done |then show it; |every |"a" |\n'.split(
        "|"
    ):
        with limited(15.0):
            assert interpret((verb + unit * length)[:length], CONTEXTS["tasks"])


@given(st.text(max_size=MAX_CHARS), st.sampled_from(sorted(CONTEXTS)))
def test_any_text_is_answered(text: str, context: str) -> None:
    assert interpret(text, CONTEXTS[context])
