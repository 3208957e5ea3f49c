"""Wednesday, 6 May 2026, 10:30 where the user is."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exponential.assistant.offline.dates import extract

NOW = datetime(2026, 5, 6, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def day(month: int, number: int, year: int = 2026) -> date:
    return date(year, month, number)


def at(month: int, number: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, number, hour, minute)


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("buy milk", "buy milk", None),
        ("buy milk today", "buy milk", day(5, 6)),
        ("buy milk tomorrow", "buy milk", day(5, 7)),
        ("tomorrow buy milk", "buy milk", day(5, 7)),
        ("buy milk tomorrow at the corner shop", "buy milk at the corner shop", day(5, 7)),
        ("buy milk by tomorrow", "buy milk", day(5, 7)),
        ("call mom the day after tomorrow", "call mom", day(5, 8)),
        ("pay rent on Friday", "pay rent", day(5, 8)),
        ("pay rent by friday", "pay rent", day(5, 8)),
        ("pay rent fri", "pay rent", day(5, 8)),
        ("water the plants Wednesday", "water the plants", day(5, 13)),
        ("water the plants this Thursday", "water the plants", day(5, 7)),
        ("dentist next Monday", "dentist", day(5, 11)),
        ("dentist next friday", "dentist", day(5, 15)),
        ("pay taxes on 2026-06-01", "pay taxes", day(6, 1)),
        ("pay taxes by 31 May", "pay taxes", day(5, 31)),
        ("pay taxes by the 31st of May", "pay taxes", day(5, 31)),
        ("pay taxes on May 31st", "pay taxes", day(5, 31)),
        ("pay taxes on May 31, 2027", "pay taxes", day(5, 31, 2027)),
        ("pay taxes on March 3", "pay taxes", day(3, 3, 2027)),
        ("pay taxes 31.5.", "pay taxes", day(5, 31)),
        ("pay taxes 31.05.2027", "pay taxes", day(5, 31, 2027)),
        ("pay taxes by 5/31", "pay taxes", day(5, 31)),
        ("renew passport in 3 days", "renew passport", day(5, 9)),
        ("renew passport in two weeks", "renew passport", day(5, 20)),
        ("renew passport in a month", "renew passport", day(6, 6)),
        ("renew passport in 10 months", "renew passport", day(3, 6, 2027)),
        ("clean up next week", "clean up", day(5, 11)),
        ("clean up next month", "clean up", day(6, 1)),
        ("clean up by the end of the week", "clean up", day(5, 8)),
        ("clean up at the end of the month", "clean up", day(5, 31)),
        ("clean up this weekend", "clean up", day(5, 9)),
        ("send invoice on the 15th", "send invoice", day(5, 15)),
        ("send invoice by the 3rd", "send invoice", day(6, 3)),
        ("call Bob at 5pm", "call Bob", at(5, 6, 17)),
        ("call Bob at 9am", "call Bob", at(5, 7, 9)),
        ("call Bob at 17:30", "call Bob", at(5, 6, 17, 30)),
        ("call Bob tomorrow at 9:15", "call Bob", at(5, 7, 9, 15)),
        ("call Bob at 9:15 tomorrow", "call Bob", at(5, 7, 9, 15)),
        ("call Bob tomorrow at 5", "call Bob", at(5, 7, 17)),
        ("call Bob on Friday at noon", "call Bob", at(5, 8, 12)),
        ("call Bob friday 5 pm", "call Bob", at(5, 8, 17)),
        ("call Bob tomorrow morning", "call Bob", at(5, 7, 9)),
        ("call Bob tomorrow in the evening", "call Bob", at(5, 7, 19)),
        ("call Bob tonight", "call Bob", at(5, 6, 19)),
        ("call Bob this afternoon", "call Bob", at(5, 6, 15)),
        ("call Bob in 2 hours", "call Bob", at(5, 6, 12, 30)),
        ("call Bob in half an hour", "call Bob", at(5, 6, 11)),
        ("call Bob in 20 minutes", "call Bob", at(5, 6, 10, 50)),
        # What is no date stays in the title.
        ("buy the Sunday Times", "buy the Sunday Times", None),
        ("read tomorrow's paper", "read tomorrow's paper", None),
        ("thank May for the flowers", "thank May for the flowers", None),
        ("buy 3 apples", "buy 3 apples", None),
        ("watch 24 with Anna", "watch 24 with Anna", None),
        ("meet at 5 Main Street", "meet at 5 Main Street", None),
        ("pay on February 30", "pay on February 30", None),
        ("write the Monday report by Friday", "write the Monday report", day(5, 8)),
        ("sell 12/5 ratio", "sell ratio", day(12, 5)),
        ("", "", None),
    ],
)
def test_extract(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    words, _ = extract(text, NOW)
    assert len(words) <= len(text)
