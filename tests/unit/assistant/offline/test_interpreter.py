"""How messages become steps: several requests, what was said before, what is left out, what is asked first."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.phrasing_sets import CONTEXTS, NAMES, TITLES, plain
from exponential.assistant.offline import interpreter, proposals
from exponential.assistant.offline.interpreter import interpret
from exponential.assistant.offline.table import small_talk
from exponential.assistant.offline.utterance import Call, Propose, Say, Step

TOMORROW = "2026-05-07"


def read(text: str, context: str = "", **more: Any) -> list[Step]:
    return interpret(text, replace(CONTEXTS[context], projects=NAMES, tasks=TITLES, **more))


def calls(steps: list[Step]) -> list[tuple[str, dict[str, Any]]]:
    return plain([(step.tool, step.args) for step in steps if isinstance(step, Call)])


def proposed(steps: list[Step]) -> list[tuple[str, dict[str, Any]]]:
    return plain([(call.tool, call.args) for step in steps if isinstance(step, Propose) for call in step.calls])


def said(steps: list[Step]) -> str:
    return " ".join(step.text for step in steps if isinstance(step, Say))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("add buy milk. remind me tomorrow at 9 to call mom", ["create_task", "remind"]),
        ("Tom is done, the invoice moves to tuesday", ["complete_task", "update_task"]),
        ("buy eggs and call the landlord", ["create_task", "create_task"]),
        ("mark call mom as done and show my tasks", ["complete_task", "list_tasks"]),
        ("add bread and butter", ["create_task"]),
        ("add a task\nto water the plants", ["create_task"]),
        ("- buy milk\n- call mom", ["create_task", "create_task"]),
    ],
)
def test_several_requests_in_one_message(text: str, wanted: list[str]) -> None:
    assert [tool for tool, _ in calls(read(text))] == wanted


def test_what_follows_belongs_to_the_record_that_is_made() -> None:
    made = [("create_task", {"title": "paint the fence", "due": "2026-05-09", "project": "Garden"})]
    assert calls(read("Add paint the fence. Make it due Saturday and put it in Garden.")) == plain(made)
    started = [
        ("create_project", {"name": "Reno"}),
        ("create_task", {"title": "get quotes", "project": "Reno"}),
    ]
    assert calls(read("create project Reno. add get quotes to it")) == plain(started)


def test_what_was_not_understood_is_named() -> None:
    steps = read("add buy milk. the purple wombat fandango. show my tasks")
    assert [tool for tool, _ in calls(steps)] == ["create_task", "list_tasks"]
    assert "I left out: “the purple wombat fandango”" in said(steps)


@pytest.mark.parametrize(
    "text", ["sugar to it", "add sugar to it", "at 6.40 gym", "40 gym", "to it", "add it", "add that"]
)
def test_nothing_is_made_of_a_fragment(text: str) -> None:
    assert calls(read(text)) == []


def test_a_project_is_not_called_what_is_to_be_done_in_it() -> None:
    steps = read("create a project called Attic and put sort boxes in there")
    assert ("create_project", {"name": "attic and put sort boxes in there"}) not in calls(steps)


def test_the_words_of_a_title_stay_as_they_are_written() -> None:
    (step,) = read("pls add  Café visit 🎂 w/ Zoë  tmrw, thanks!")
    assert step == Call("create_task", {"title": "Café visit 🎂 w/ Zoë", "due": TOMORROW})


def test_an_unknown_tag_is_a_project_that_the_tool_asks_about() -> None:
    assert calls(read("add sweep the yard #yardwork")) == [
        ("create_task", {"title": "sweep yard", "project": "yardwork"})
    ]


def test_tasks_do_not_repeat_reminders_do() -> None:
    steps = read("add water the ferns every Monday")
    assert calls(steps) == []
    assert proposed(steps) == plain(
        [("remind", {"text": "water the ferns", "at": "2026-05-11T09:00", "repeat": "weekly"})]
    )


@pytest.mark.parametrize(
    ("text", "context", "wanted"),
    [
        ("done 2", "tasks", [("complete_task", {"task": "t2"})]),
        ("2 and 3 are done", "tasks", [("complete_task", {"task": "t2"}), ("complete_task", {"task": "t3"})]),
        ("push the second to friday", "tasks", [("update_task", {"task": "t2", "due": "2026-05-08"})]),
        ("the last one is done", "tasks", [("complete_task", {"task": "t3"})]),
        ("all but the first are done", "tasks", [("complete_task", {"task": "t2"}), ("complete_task", {"task": "t3"})]),
        ("it's done", "task", [("complete_task", {"task": "t1"})]),
        ("no, tuesday", "task", [("update_task", {"task": "t1", "due": "2026-05-12"})]),
        ("make that one urgent", "task", [("update_task", {"task": "t1", "priority": "urgent"})]),
        ("snooze it for an hour", "reminder", [("snooze_reminder", {"reminder": "r1", "until": "2026-05-06T11:30"})]),
        ("cancel that", "reminder", [("cancel_reminder", {"reminder": "r1"})]),
        ("how is it going?", "project", [("project_status", {"project": "p1"})]),
        ("what are the action items?", "meeting", [("action_items", {"meeting": "m1"})]),
        ("what's overdue there?", "project", [("list_tasks", {"due": "overdue", "project": "p1"})]),
    ],
)
def test_what_was_shown_or_named_before(text: str, context: str, wanted: list[tuple[str, dict[str, Any]]]) -> None:
    assert calls(read(text, context)) == plain(wanted)


def test_the_other_one() -> None:
    (one, other, *_) = CONTEXTS["tasks"].listed
    assert calls(read("the other one is done", "tasks", listed=[one, other], last=one)) == [
        ("complete_task", {"task": "t2"})
    ]
    assert "Which task" in said(read("the other one is done", "tasks"))


@pytest.mark.parametrize(
    ("text", "context", "asks"),
    [
        ("mark it as done", "", "Which task do you mean?"),
        ("done 7", "tasks", "The list I showed you has no number 7."),
        ("remind me", "", "What shall I remind you of"),
        ("remind me to call mom", "", "When shall I remind you?"),
        ("remind me every 2 hours to drink", "", "I can repeat reminders daily"),
        ("add a task", "", "What shall I add?"),
    ],
)
def test_what_is_missing_is_asked_for(text: str, context: str, asks: str) -> None:
    steps = read(text, context)
    assert calls(steps) == [] and asks in said(steps)


def test_a_question_can_be_answered() -> None:
    (asked,) = read("remind me to call mom")
    assert isinstance(asked, Say)
    wanted = [("remind", {"text": "call mom", "at": "2026-05-07T09:00"})]
    assert calls(read("tomorrow at 9", unfinished=asked.unfinished)) == plain(wanted)
    assert [tool for tool, _ in calls(read("add buy bread", unfinished=asked.unfinished))] == ["create_task"]


def test_what_no_row_takes_is_proposed() -> None:
    (asked,) = read("someone really ought to be chasing Omar for the lease")
    assert isinstance(asked, Propose) and asked.question.startswith("Did you mean: ")
    assert asked.question.endswith("Reply *YES*, or say it in other words.")
    assert [call.tool for call in asked.calls] == ["create_task"]
    assert read("yes", proposed=asked.calls) == list(asked.calls)
    assert read("no", proposed=asked.calls) == [Say(interpreter.LEFT)]


def test_what_nobody_could_guess_is_said_not_to_be_understood() -> None:
    assert read("colourless green ideas sleep furiously") == [Say(proposals.UNKNOWN)]


def test_what_was_taken_back_is_asked_about() -> None:
    steps = read("move the invoice to friday, sorry, I mean monday")
    assert calls(steps) == []


@pytest.mark.parametrize(
    "text", ["hi", "Hello Paddy!", "good morning", "thanks", "thx paddy", "👍 ok", "what can you do?", "help"]
)
def test_small_talk(text: str) -> None:
    (step,) = read(text)
    assert isinstance(step, Say) and step.text in {row.reply for row in small_talk.ROWS}


def test_too_much_is_said_to_be() -> None:
    assert read("add buy milk " * 200) == [Say(interpreter.TOO_LONG)]
    assert read("\n".join(f"buy x{n}" for n in range(30)))[-1] == Say(interpreter.TOO_MANY)
