"""Lists of days and hours in a reminder. It is Sunday, 29 November 2026, 10:30."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from exponential.assistant.offline import intents, reminding
from exponential.assistant.offline.steps import Call, Heard, Say

NOW = datetime(2026, 11, 29, 10, 30, tzinfo=ZoneInfo("UTC"))
MON, TUE, WED, THU, FRI = (f"2026-{day}" for day in ("11-30", "12-01", "12-02", "12-03", "12-04"))
TODAY = "2026-11-29"


def read(text: str, **memory: object) -> list[Call | Say]:
    return intents.read([Heard(text, NOW, **memory)], {"create_task", "list_tasks"})  # type: ignore[arg-type]


def reminders(what: str, *times: str, repeat: str | None = None) -> list[Call | Say]:
    repeats = {"repeat": repeat} if repeat else {}
    return [Call("remind", {"text": what, "at": f"{time}:00", **repeats}) for time in times]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "remind me on monday and tuesday and wednesday and thursday and friday at 8 to run",
            reminders("run", *(f"{day}T08:00" for day in (MON, TUE, WED, THU, FRI))),
        ),
        (
            "remind me on monday, wednesday and friday at 7 and 19 to go running",
            reminders("go running", *(f"{day}T{hour}:00" for day in (MON, WED, FRI) for hour in ("07", "19"))),
        ),
        (
            "remind me every monday, wednesday, and friday at 7 to go running",
            reminders("go running", *(f"{day}T07:00" for day in (MON, WED, FRI)), repeat="weekly"),
        ),
        (
            "remind me every monday, tuesday, wednesday, thursday and friday at 8am and 8pm to take pills",
            reminders(
                "take pills",
                *(f"{day}T{hour}:00" for day in (MON, TUE, WED, THU, FRI) for hour in ("08", "20")),
                repeat="weekly",
            ),
        ),
        (
            "remind me tomorrow at 9 and on friday at 5 to water the plants",
            reminders("water the plants", f"{MON}T09:00", f"{FRI}T17:00"),
        ),
        (
            "remind me at 8am, 12pm, 4pm, 8pm and 10pm to drink",
            reminders("drink", f"{MON}T08:00", *(f"{TODAY}T{hour}:00" for hour in (12, 16, 20, 22))),
        ),
        ("remind me at 8 and 20 to take vitamins", reminders("take vitamins", f"{MON}T08:00", f"{TODAY}T20:00")),
        (
            "remind me at 17, 18 and 19 o'clock to stretch",
            reminders("stretch", *(f"{TODAY}T{hour}:00" for hour in (17, 18, 19))),
        ),
        ("remind me at eight and ten to leave", reminders("leave", f"{MON}T08:00", f"{MON}T10:00")),
        (
            "remind me at half past eight and quarter to nine to leave",
            reminders("leave", f"{MON}T08:30", f"{MON}T08:45"),
        ),
        (
            "remind me every morning and evening to take pills",
            reminders("take pills", f"{MON}T09:00", f"{TODAY}T19:00", repeat="daily"),
        ),
        ("remind me monday at 8 and tuesday to call bob", reminders("call bob", f"{MON}T08:00", f"{TUE}T08:00")),
        ("remind me at 8 on monday and at 9 on tuesday to go", reminders("go", f"{MON}T08:00", f"{TUE}T09:00")),
        (
            "remind me on the 1st and the 15th of every month at 9 to pay",
            reminders("pay", f"{TUE}T09:00", "2026-12-15T09:00", repeat="monthly"),
        ),
        ("set a reminder for 8am and 8pm to take pills", reminders("take pills", f"{MON}T08:00", f"{TODAY}T20:00")),
        (
            "remind me tomorrow to prepare the monday and tuesday slides",
            reminders("prepare the monday and tuesday slides", f"{MON}T09:00"),
        ),
        (
            "remind me tomorrow at 8 to buy 2 eggs, 3 apples and 4 pears",
            reminders("buy 2 eggs, 3 apples and 4 pears", f"{MON}T08:00"),
        ),
        ("remind me at 8 tomorrow morning to bring the keys", reminders("bring the keys", f"{MON}T08:00")),
    ],
)
def test_each_day_and_hour_is_set_and_named_by_the_bare_words(text: str, wanted: list[Call | Say]) -> None:
    assert read(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "remind me on monday or tuesday at 9 to call",
        "remind me on 5 and 6 may to call",
        "remind me to call bob on 5 and 6 may",
        "remind me tonight and tomorrow morning to lock the door",
    ],
)
def test_what_it_can_not_tell_apart_it_asks(text: str) -> None:
    assert read(text) == [Say(reminding.WHICH_TIMES)]


def test_too_many_are_none() -> None:
    days = "monday, tuesday, wednesday, thursday and friday"
    assert len(read(f"remind me on {days} at 8, 10, 12 and 14 to stretch")) == 20
    assert read(f"remind me on {days} at 8, 10, 12, 14 and 16 to stretch") == [Say(reminding.TOO_MANY)]
    twice = "remind me on {} at 8, 10 and 12 to stretch and on {} at 9 and 11 to rest"
    assert read(twice.format(days, days)) == [Say(reminding.TOO_MANY)]


def test_a_list_may_be_the_answer() -> None:
    assert read("monday and friday at 7", asked="remind me to run") == reminders("run", f"{MON}T07:00", f"{FRI}T07:00")


@pytest.mark.parametrize(
    ("text", "what", "times"),
    [
        ("remind me every evening at 8 to take my pills", "take my pills", ["20:00"]),
        ("every night at 10 remind me to lock the door", "lock the door", ["22:00"]),
        ("remind me at 11:15 every night to lock up", "lock up", ["23:15"]),
        ("remind me every afternoon at 3 to walk", "walk", ["15:00"]),
        ("remind me every evening at 20:30 to walk", "walk", ["20:30"]),
        ("remind me every day at 16 to walk", "walk", ["16:00"]),
        ("remind me every evening at 8pm to walk", "walk", ["20:00"]),
        ("remind me every day in the evening at 7 to walk", "walk", ["19:00"]),
        ("remind me every evening at 8 and 10 to walk", "walk", ["20:00", "22:00"]),
    ],
)
def test_the_part_of_the_day_says_which_hour_is_meant(text: str, what: str, times: list[str]) -> None:
    assert read(text) == reminders(what, *(f"{TODAY}T{time}" for time in times), repeat="daily")


def test_two_that_repeat_are_two_reminders() -> None:
    assert read("remind me every monday at 9 to send the report and every friday at 16 to clean up") == [
        *reminders("send the report", f"{MON}T09:00", repeat="weekly"),
        *reminders("clean up", f"{FRI}T16:00", repeat="weekly"),
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("remind me on the 3rd and 4th at 9 to go", reminders("go", f"{THU}T09:00", f"{FRI}T09:00")),
        ("remind me on december 3rd and 4th at 9 to go", reminders("go", f"{THU}T09:00", f"{FRI}T09:00")),
        (
            "remind me every 1st and 15th to pay bills",
            reminders("pay bills", "2026-12-01T09:00", "2026-12-15T09:00", repeat="monthly"),
        ),
        ("wake me up at 6 and 6:30 tomorrow", reminders("wake up", f"{MON}T06:00", f"{MON}T06:30")),
        (
            "remind me monday to friday at 7 to get up",
            reminders("get up", *(f"{day}T07:00" for day in (MON, TUE, WED, THU, FRI))),
        ),
        (
            "remind me every tuesday through thursday at 7 to get up",
            reminders("get up", *(f"{day}T07:00" for day in (TUE, WED, THU)), repeat="weekly"),
        ),
        (
            "remind me on weekends at 9 to walk",
            reminders("walk", "2026-12-05T09:00", "2026-12-06T09:00", repeat="weekly"),
        ),
        ("remind me every day at 7.30 to get up", reminders("get up", f"{MON}T07:30", repeat="daily")),
        (
            "remind me mornings at 7 and evenings at 9 to feed the cat",
            reminders("feed the cat", f"{MON}T07:00", f"{TODAY}T21:00", repeat="daily"),
        ),
        ("remind me every day except sunday at 9 to work", [Say(reminding.WHICH_TIMES)]),
        ("remind me daily at 9 except sundays to work", [Say(reminding.WHICH_TIMES)]),
        ("remind me to call Anna on Monday and Bob on Tuesday", [Say(reminding.WHICH_TIMES)]),
        ("remind me to call mom at 8 and dad at 9", [Say(reminding.WHICH_TIMES)]),
    ],
)
def test_ranges_and_other_words_for_several_days(text: str, wanted: list[Call | Say]) -> None:
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("remind me tomorrow evening at half past 8 to call", [f"{MON}T20:30"]),
        ("remind me at half past 8 tomorrow evening to call", [f"{MON}T20:30"]),
        ("remind me at half past 8 in the evening to call", [f"{TODAY}T20:30"]),
        ("remind me tonight at quarter to nine to call", [f"{TODAY}T20:45"]),
        ("remind me tomorrow morning at half past 7 to call", [f"{MON}T07:30"]),
        ("remind me tomorrow evening at 8 o'clock to call", [f"{MON}T20:00"]),
        ("remind me tomorrow evening at eight thirty to call", [f"{MON}T20:30"]),
        ("remind me at half past 8 and half past 9 in the evening to call", [f"{TODAY}T20:30", f"{TODAY}T21:30"]),
        ("remind me tomorrow at half past 4 to call", [f"{MON}T16:30"]),
        ("remind me at quarter to 9 and quarter past 5 to call", [f"{MON}T08:45", f"{TODAY}T17:15"]),
        ("remind me tomorrow at quarter to 8 to call", [f"{MON}T07:45"]),
    ],
)
def test_hours_in_words_are_of_the_part_of_the_day_that_is_said(text: str, wanted: list[str]) -> None:
    assert read(text) == reminders("call", *wanted)


def test_hours_in_words_are_of_the_part_of_each_day_that_is_said() -> None:
    for hour in ("half past 8", "half past eight", "eight thirty"):
        for text in (f"remind me every evening at {hour} to call", f"remind me at {hour} every evening to call"):
            assert read(text) == reminders("call", f"{TODAY}T20:30", repeat="daily"), text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("set an alarm for 6 tomorrow", reminders("alarm", f"{MON}T06:00")),
        (
            "set alarms for 6, 6:15 and 6:30 tomorrow",
            reminders("alarm", *(f"{MON}T06:{m}" for m in ("00", "15", "30"))),
        ),
        ("set two alarms for tomorrow at 6:15 and 6:30", reminders("alarm", f"{MON}T06:15", f"{MON}T06:30")),
        ("set reminders for 6:15 and 6:30 tomorrow to get up", reminders("get up", f"{MON}T06:15", f"{MON}T06:30")),
        ("set an alarm for 20 minutes", [Say(reminding.WHEN)]),
        ("remind me this friday and next friday at 9 to call mom", [Say(reminding.WHICH_TIMES)]),
        (
            "remind me of my 9 and 10 o'clock meetings tomorrow at 8",
            reminders("my 9 and 10:00 meetings", f"{MON}T08:00"),
        ),
        ("set a reminder for 2 tomorrow to call", reminders("call", f"{MON}T14:00")),
        ("remind me an hour before my 10:00 meeting tomorrow", reminders("meeting", f"{MON}T09:00")),
        ("remind me tomorrow at 10 o'clock to call", reminders("call", f"{MON}T10:00")),
        ("set an alarm tomorrow for 6", [Say(reminding.WHICH_TIMES)]),
        ("remind me to cook for 6 tomorrow", reminders("cook for 6", f"{MON}T09:00")),
        ("wake me up at 6", reminders("wake up", f"{MON}T06:00")),
        ("set a reminder for 4 tomorrow to call", reminders("call", f"{MON}T16:00")),
        ("remind me tomorrow at 4 to send the morning report", reminders("send the morning report", f"{MON}T16:00")),
        ("remind me of the 9:30 meeting tomorrow at 9", reminders("the 9:30 meeting", f"{MON}T09:00")),
        ("remind me tomorrow at 8 to join the 10:00 call", reminders("join the 10:00 call", f"{MON}T08:00")),
        (
            "remind me tomorrow 18:00 to be at the station at 19:00",
            reminders("be at the station at 19:00", f"{MON}T18:00"),
        ),
    ],
)
def test_alarms_and_hours_in_names(text: str, wanted: list[Call | Say]) -> None:
    assert read(text) == wanted
