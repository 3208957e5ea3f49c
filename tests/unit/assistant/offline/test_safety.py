"""Nothing is deleted, cancelled or forgotten but in plain words, and then only what they name."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.assistant.phrasing_sets import DESTRUCTIVE, MEMORIES, TOOLS, phrasings
from support.cpu_time import limited

from exponential.assistant.offline import intents
from exponential.assistant.offline.steps import Call, Heard, Say

DELETING = re.compile(
    r"\b(?:delet\w*|del|rm|remov\w*|eras\w*|get\s+rid|scratch|scrap|trash|discard|throw|bin|nix|axe|ditch|drop|cancel\w*|clear|stop"
    r"|turn\s+off|kill|disable|forget|wipe|don['’]?t\s+remind|do\s+not\s+remind|no\s+longer|no\s+need|need\s+to\s+remember)\b",
    re.IGNORECASE,
)
VERBS = ("delete", "remove", "erase", "get rid of", "trash", "cancel", "drop", "scrap", "forget")
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


def destroyed(text: str, memory: Heard) -> list[tuple[str, dict[str, Any]]]:
    steps = intents.read([replace(memory, text=text)], TOOLS)
    return [(step.tool, step.args) for step in steps if isinstance(step, Call) and step.tool in DESTRUCTIVE]


@pytest.mark.parametrize("hedged", HEDGED)
def test_what_is_not_wished_is_not_done(hedged: str) -> None:
    for memory in ("", "tasks", "task", "reminder"):
        for verb in VERBS:
            for name in NAMES:
                text = hedged.format(f"{verb} {name}")
                assert destroyed(text, MEMORIES[memory]) == [], text


@pytest.mark.parametrize("back", TAKEN_BACK)
def test_what_is_taken_back_is_not_done(back: str) -> None:
    for memory in ("", "tasks", "reminder"):
        for verb in ("delete", "remove", "cancel", "stop reminding me of", "turn off"):
            for name in NAMES:
                text = f"{verb} {name}{back}"
                assert destroyed(text, MEMORIES[memory]) == [], text


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.sampled_from(sorted(MEMORIES)))
def test_without_a_word_for_it_nothing_goes(words: list[str], memory: str) -> None:
    text = " ".join(words)
    for call in destroyed(text, MEMORIES[memory]):
        assert DELETING.search(text) or DELETING.search(intents.typos.repaired(text)), f"{text!r}: {call}"


@given(
    st.sampled_from(VERBS),
    st.lists(st.sampled_from(WORDS), min_size=0, max_size=6),
    st.sampled_from(sorted(MEMORIES)),
)
def test_only_what_is_named_goes(verb: str, words: list[str], memory: str) -> None:
    """The record is one that was spoken of, or is named in the very words of the message."""
    heard = MEMORIES[memory]
    spoken = {str(record["id"]) for record in (*heard.listed, *([heard.last] if heard.last else []))}
    text = " ".join([verb, *words])
    said = set(re.findall(r"\w+", intents.typos.abbreviations(text).lower()))
    for _, args in destroyed(text, heard):
        name = next(str(value) for value in args.values())
        assert name in spoken or set(re.findall(r"\w+", name.lower())) <= said, f"{text!r}: {args}"


@pytest.mark.parametrize(
    "text",
    [
        "erase my to-do list", "clear my list", "delete the items on my list", "remove everything from my list",
        "get rid of all of it", "delete my account", "delete item", "remove yourself",
        "delete what I just said", "delete every task", "cancel all my reminders", "cancel everything",
        "forget all of it", "forget what I told you to do", "delete", "remove", "cancel", "forget", "stop",
        "cancel my 3pm", "forget it", "forget about it", "never mind", "forget it, never mind", "no, forget it",
    ],
)  # fmt: skip
def test_what_names_nothing_takes_nothing(text: str) -> None:
    for memory in ("", "tasks", "project", "meeting", "items"):
        assert destroyed(text, MEMORIES[memory]) == [], text


REPEATED = (
    "at 1,2 ", "at 8 and 18 ", "mondays and tuesdays ", "every monday and tuesday ", "monday and tuesday at 1 and 2 ",
    "and thursday ", "tomorrow and friday ", "every hour ", "and buy milk ", "and remind me to call mom ", "no, ",
    "add a task: ", "then delete it ", "or not ", "- buy milk\n", "and ", "to call bob ", "please ", "\"milk\" and ",
)  # fmt: skip


@pytest.mark.parametrize("unit", REPEATED)
def test_no_request_takes_long_however_often_it_says_the_same(unit: str) -> None:
    for beginning in (
        "",
        "remind me to call bob ",
        "remind me every hour to call bob ",
        "add a task: call bob ",
        "delete ",
    ):
        for times in (8, 80):
            text = (beginning + unit * times)[: intents.MAX_REQUEST]
            with limited(5):
                steps = intents.read([replace(MEMORIES["tasks"], text=text)], TOOLS)
            assert len(steps) <= 40, text


CUT_AND_READ_ANEW = (  # what a search for the slowest messages found
    "recruit on se last both and 8pm both estimate 1 hasnt for Garden for the second one delete ! mark it done buy for "
    "! mark it done ! mark it done buy for ! mark it done ! mark it done buy for ! mark it done buy for ! mark it done "
    "buy 's for the second one delete ! mark it done for ! mark it done buy for ! mark it buy milk the second one "
    "delete ! mark it done buy milk to for Garden to packing then it",
    "project the ; move ( a own nly project then ; move ( a own hours nly " * 6,
    "done buy swim ! mark it done for the second one delete ! mark it done buy for Garden both 8pm " * 5,
)
ORDINARY = (
    "add buy milk tomorrow at 9",
    "what's due this week?",
    "move the report to friday and remind me on monday at 8",
)
MOST_TIMES = 80  # as long as an ordinary message takes


@pytest.mark.parametrize("text", CUT_AND_READ_ANEW)
def test_no_message_takes_out_of_all_proportion(text: str) -> None:
    assert seconds(text) < MOST_TIMES * max(map(seconds, ORDINARY))


def seconds(text: str) -> float:
    """Of this thread's processor time; the fewer of two readings, so that nothing else is counted."""
    taken = []
    for _ in range(2):
        before = time.thread_time()
        intents.read([replace(MEMORIES["tasks"], text=text[: intents.MAX_REQUEST])], TOOLS)
        taken.append(time.thread_time() - before)
    return min(taken)


def test_all_messages_of_a_turn_share_one_budget() -> None:
    slow = [replace(MEMORIES["tasks"], text=CUT_AND_READ_ANEW[1][: intents.MAX_REQUEST])] * 30
    steps = intents.read([replace(MEMORIES[""], text="add buy milk"), *slow], TOOLS)
    assert steps[0] == Call("create_task", {"title": "buy milk", "due": None})
    assert Say(intents.TOO_LONG) in steps
    with limited(20):
        intents.read(slow, TOOLS)


@given(st.lists(st.sampled_from([said.text for said in phrasings("known")]), min_size=2, max_size=4))
def test_several_requests_at_once_are_within_the_budget(texts: list[str]) -> None:
    text = " and ".join(texts)[: intents.MAX_REQUEST]
    assert Say(intents.TOO_LONG) not in intents.read([replace(MEMORIES["tasks"], text=text)], TOOLS)
