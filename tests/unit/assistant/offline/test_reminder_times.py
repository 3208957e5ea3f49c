"""When a reminder rings, and where Paddy asks instead of guessing. It is Sunday, 29 November 2026, 10:30."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from exponential.assistant.offline import intents, reminding, snoozing
from exponential.assistant.offline.steps import Call, Heard, Say

NOW = datetime(2026, 11, 29, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def read(text: str, **memory: object) -> list[Call | Say]:
    return intents.read([Heard(text, NOW, **memory)], {"create_task", "list_tasks"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        ("remind me an hour before my flight at 18:00", "flight", "11-29T17:00"),
        ("remind me 15 minutes before the call at 14:00 to dial in", "dial in", "11-29T13:45"),
        ("remind me 1 hour before the dentist on friday at 15:00", "dentist", "12-04T14:00"),
        ("remind me half an hour prior to my interview tomorrow at 11:00", "interview", "11-30T10:30"),
        ("remind me two hours before my flight to Rome on friday at 18:00", "my flight to Rome", "12-04T16:00"),
        ("remind me the day before my exam on friday to study", "study", "12-03T09:00"),
        ("remind me 2 days before christmas to buy gifts", "buy gifts", "12-23T09:00"),
        ("remind me to leave 30 minutes before the meeting at 15:00", "leave", "11-29T14:30"),
        ("remind me of the meeting tomorrow at 10, 15 minutes before", "meeting", "11-30T09:45"),
        ("remind me on friday 2 hours before my flight at 18:00 to pack", "pack", "12-04T16:00"),
        ("wake me up an hour before my flight at 6", "flight", "11-30T05:00"),
        ("remind me tonight at 12 to lock the door", "lock the door", "11-30T00:00"),
        ("remind me at 12:30 tonight to lock the door", "lock the door", "11-30T00:30"),
        ("remind me tomorrow night at 12 to lock the door", "lock the door", "12-01T00:00"),
        ("remind me at 1 at night to lock the door", "lock the door", "11-30T01:00"),
        ("remind me tonight at 9 to lock the door", "lock the door", "11-29T21:00"),
        ("remind me on 31/12 at 23:59 to say happy new year", "say happy new year", "12-31T23:59"),
        ("remind me at 9 to plan christmas", "plan christmas", "11-30T09:00"),
        ("remind me a week from tomorrow to call", "call", "12-07T09:00"),
        ("remind me three weeks from monday to call", "call", "12-21T09:00"),
        ("on friday remind me at 9 to call", "call", "12-04T09:00"),
    ],
)
def test_it_rings_when_it_is_meant_to(text: str, what: str, at: str) -> None:
    assert read(text) == [Call("remind", {"text": what, "at": f"2026-{at}:00"})]


def test_a_night_that_has_begun_is_this_one() -> None:
    late = NOW.replace(hour=0, minute=30)
    wanted = [Call("remind", {"text": "leave", "at": "2026-11-29T02:00:00"})]
    assert intents.read([Heard("remind me tonight at 2 to leave", late)], {"create_task", "list_tasks"}) == wanted


@pytest.mark.parametrize(
    ("text", "what", "at", "repeat"),
    [
        ("remind me every january 1 at 0:00 to celebrate", "celebrate", "2027-01-01T00:00", "yearly"),
        ("remind me every 4th of july to buy ice", "buy ice", "2027-07-04T09:00", "yearly"),
        ("remind me on fridays starting december 11 at 4pm to report", "report", "2026-12-11T16:00", "weekly"),
        ("remind me every sunday to plan the next week", "plan the next week", "2026-12-06T09:00", "weekly"),
        ("remind me every night at 12 to check", "check", "2026-11-30T00:00", "daily"),
        ("remind me every day at 6 to read for 20 minutes", "read for 20 minutes", "2026-11-29T18:00", "daily"),
    ],
)
def test_what_repeats_begins_when_it_is_meant_to(text: str, what: str, at: str, repeat: str) -> None:
    assert read(text) == [Call("remind", {"text": what, "at": f"{at}:00", "repeat": repeat})]


def test_days_with_their_own_hours_and_titles_are_each_set() -> None:
    found = read("remind me mondays and wednesdays at 6 to go to the gym and fridays at 7 to swim")
    assert [(step.args["text"], step.args["at"][5:16]) for step in found if isinstance(step, Call)] == [
        ("go to the gym", "11-30T18:00"),
        ("go to the gym", "12-02T18:00"),
        ("swim", "12-04T07:00"),
    ]
    assert len(read("remind me every day from monday to friday at 9 to stretch")) == 5


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("remind me every day until friday at 9 to take pills", reminding.NO_END),
        ("remind me every evening at 9 until friday to take pills", reminding.NO_END),
        ("remind me daily until 10 december to water the plants", reminding.NO_END),
        ("remind me every day this week at 9 to stretch", reminding.NO_END),
        ("remind me daily at 9 for a week to take pills", reminding.NO_END),
        ("remind me every day at 9 to take pills for 5 days", reminding.NO_END),
        ("remind me every day in december at 9 to open the calendar", reminding.NO_END),
        ("remind me daily from december 1 to december 5 at 9 to take pills", reminding.NO_END),
        ("remind me to call mum at 6 until friday", reminding.ONCE_OR_DAILY),
        ("remind me at 9 for 3 days to take pills", reminding.ONCE_OR_DAILY),
        ("remind me from december 1 to december 5 at 9 to take pills", reminding.WHICH_TIMES),
        ("from december 1 to december 5 remind me at 9 to take pills", reminding.WHICH_TIMES),
        ("remind me for the next 5 days at 9 to take pills", reminding.WHICH_TIMES),
        ("remind me in 10 minutes, 20 minutes and 30 minutes to check the pasta", reminding.WHICH_TIMES),
        ("remind me 10 minutes and 1 hour before my meeting tomorrow at 10", reminding.WHICH_TIMES),
        ("remind me a quarter of an hour before the call at 3", reminding.WHICH_TIMES),
        ("remind me every monday an hour before the meeting at 10", reminding.WHICH_TIMES),
        ("remind me the night before my flight on friday to pack", reminding.WHICH_TIMES),
        ("remind me over the next three days at 10 to water the seedlings", reminding.WHICH_TIMES),
        ("remind me in an hour, then in two hours to check the roast", reminding.WHICH_TIMES),
        ("remind me once tomorrow and twice on friday to call", reminding.WHICH_TIMES),
        ("remind me all week at 9 to stretch", reminding.WHICH_TIMES),
        ("remind me twice tomorrow to drink", reminding.WHICH_TIMES),
        ("remind me tomorrow and each day after that at 8 to take vitamins", reminding.WHICH_TIMES),
    ],
)
def test_times_that_are_not_read_are_asked_about(text: str, question: str) -> None:
    assert read(text) == [Say(question)]


@pytest.mark.parametrize(
    "title",
    [
        "call mom before lunch",
        "call mom on friday",
        "buy milk for the weekend party",
        "read for 20 minutes",
        "pay the january invoice",
        "book flights until the budget is spent",
        "book a hotel for 3 nights",
        "book a room from monday to thursday",
        "book a table for new year's eve",
        "send the weekly report",
        "prepare for the 3 day trip",
        "check each room",
        "submit the form before friday",
        "say that I am away until friday",
        "renew the subscription for a year",
        "order 10 day passes",
        "ask about the two week notice period",
        "set the alarm for 6",
    ],
)
def test_times_in_a_title_stay_there(title: str) -> None:
    assert read(f"remind me tomorrow at 9 to {title}") == [Call("remind", {"text": title, "at": "2026-11-30T09:00:00"})]


def test_a_reminder_that_is_moved_keeps_what_is_not_named() -> None:
    def moved(until: str) -> list[Call]:
        return [Call("snooze_reminder", {"reminder": "bank", "until": until})]

    assert read("move the bank reminder to monday") == moved("2026-11-30")
    assert read("change the bank reminder to 10") == moved("10:00:00")
    assert read("change the bank reminder from 9 to 10") == moved("10:00:00")
    assert read("move the bank reminder to monday at 8") == moved("2026-11-30T08:00:00")
    assert read("rename the bank reminder") == [Say(snoozing.NO_NAME)]


def test_only_a_reminder_that_has_come_is_put_off_by_asking_to_be_reminded() -> None:
    def after(at: str) -> list[Call | Say]:
        last = {"id": "r1", "text": "call mom", "at": at}
        return read("remind me in 5 minutes", last=last, last_kind="reminder")

    assert after("2026-11-30T10:00:00+01:00") == [Say(reminding.WHAT)]
    put_off = Call("snooze_reminder", {"reminder": "r1", "until": "2026-11-29T10:35:00"})
    assert after("2026-11-29T10:30:00+01:00") == [put_off]
