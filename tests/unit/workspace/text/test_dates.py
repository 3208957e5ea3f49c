"""Wednesday, 6 May 2026, 10:30 where the user is."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exponential.workspace.text.dates import extract

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
        ("call mum next week tuesday", "call mum", day(5, 12)),
        ("call mum on tuesday of next week", "call mum", day(5, 12)),
        ("dentist tuesday next week", "dentist", day(5, 12)),
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
        ("dentist 3 june 8:30", "dentist", at(6, 3, 8, 30)),
        ("3 june 8 pm dentist", "dentist", at(6, 3, 20)),
        ("dentist june 3 8:30", "dentist", at(6, 3, 8, 30)),
        ("dentist at 3:30 june 8", "dentist", at(6, 8, 3, 30)),
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
        ("sell 12/5 ratio", "sell ratio", day(5, 12)),
        ("pay 06/07/2026", "pay", day(7, 6)),
        ("call Bob at half past four", "call Bob", at(5, 6, 16, 30)),
        ("call Bob at quarter to three", "call Bob", at(5, 6, 14, 45)),
        ("call Bob tomorrow at eight thirty", "call Bob", at(5, 7, 8, 30)),
        ("call Bob next monday at ten am", "call Bob", at(5, 11, 10)),
        ("call Bob at half past six tomorrow morning", "call Bob", at(5, 7, 6, 30)),
        ("call Bob on Friday at 18 o'clock", "call Bob", at(5, 8, 18)),
        ("call Bob the day after tomorrow at 1400", "call Bob", at(5, 8, 14)),
        ("call Bob on Friday 9-ish", "call Bob", at(5, 8, 9)),
        ("call Bob at 5.30pm", "call Bob", at(5, 6, 17, 30)),
        ("call Bob at 17h30", "call Bob", at(5, 6, 17, 30)),
        ("call Bob tomorrow @ 7", "call Bob", at(5, 7, 19)),
        ("call Bob two hours from now", "call Bob", at(5, 6, 12, 30)),
        ("call Bob in an hour and a half", "call Bob", at(5, 6, 12)),
        ("call Bob in twenty minutes", "call Bob", at(5, 6, 10, 50)),
        ("call Bob tonight at 9", "call Bob", at(5, 6, 21)),
        ("call Bob tomorrow evening at 8", "call Bob", at(5, 7, 20)),
        ("call Bob tomorrow evening at half past 8", "call Bob", at(5, 7, 20, 30)),
        ("call Bob tomorrow at 18", "call Bob", at(5, 7, 18)),
        ("call Bob at 18 tomorrow", "call Bob", at(5, 7, 18)),
        ("read the evening news tomorrow at 9", "read the evening news", at(5, 7, 9)),
        ("call Bob tomorrow morning at 7", "call Bob", at(5, 7, 7)),
        ("call Bob tomorrow at 8 in the evening", "call Bob", at(5, 7, 20)),
        ("call Bob at 7 in the morning", "call Bob", at(5, 7, 7)),
        ("call Bob by eod", "call Bob", day(5, 6)),
        ("call Bob by cob tomorrow", "call Bob", day(5, 7)),
        ("call Bob by eow", "call Bob", day(5, 8)),
        ("pay rent eom", "pay rent", day(5, 31)),
        ("pay rent before June", "pay rent", day(5, 31)),
        ("pay rent by the end of June", "pay rent", day(6, 30)),
        ("pay rent in a fortnight", "pay rent", day(5, 20)),
        ("pay rent in a couple of days", "pay rent", day(5, 8)),
        ("pay rent a week on Monday", "pay rent", day(5, 18)),
        ("pay rent on the last day of the month", "pay rent", day(5, 31)),
        ("mow first weekend of june", "mow", day(6, 6)),
        ("vote on the first Monday of June", "vote", day(6, 1)),
        ("call grandma on Christmas day", "call grandma", day(12, 25)),
        ("write the May newsletter", "write the May newsletter", None),
        ("give mom one for two", "give mom one for two", None),
        ("buy a half dozen eggs", "buy a half dozen eggs", None),
        ("call at five guys", "call at five guys", None),
        ("", "", None),
    ],
)
def test_extract(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("call Bob in 2h", "call Bob", at(5, 6, 12, 30)),
        ("call Bob in 1h 30m", "call Bob", at(5, 6, 12)),
        ("call Bob in 1h30", "call Bob", at(5, 6, 12)),
        ("call Bob in 1h30m", "call Bob", at(5, 6, 12)),
        ("call Bob in 1 hour and 15 minutes", "call Bob", at(5, 6, 11, 45)),
        ("call Bob in 1 hour, 15 minutes about lunch", "call Bob about lunch", at(5, 6, 11, 45)),
        ("call Bob in an hour and twenty minutes", "call Bob", at(5, 6, 11, 50)),
        ("call Bob in 2 hrs 10", "call Bob", at(5, 6, 12, 40)),
        ("in an hour and 10 to call Bob", "to call Bob", at(5, 6, 11, 40)),
        ("in 2 hours 10 people will come", "10 people will come", at(5, 6, 12, 30)),
        ("call Bob in 1.5 hours", "call Bob", at(5, 6, 12)),
        ("call Bob in 1.25 hours", "call Bob", at(5, 6, 11, 45)),
        ("call Bob in 1½ hours", "call Bob", at(5, 6, 12)),
        ("call Bob in two and a half hours", "call Bob", at(5, 6, 13)),
        ("call Bob in an hour and a quarter", "call Bob", at(5, 6, 11, 45)),
        ("call Bob in a quarter of an hour", "call Bob", at(5, 6, 10, 45)),
        ("call Bob in three quarters of an hour", "call Bob", at(5, 6, 11, 15)),
        ("call Bob in half hour", "call Bob", at(5, 6, 11)),
        ("call Bob in half an hour or so", "call Bob", at(5, 6, 11)),
        ("call Bob in a half-hour", "call Bob", at(5, 6, 11)),
        ("call Bob in half a minute", "call Bob", at(5, 6, 10, 31)),
        ("call Bob in about an hour", "call Bob", at(5, 6, 11, 30)),
        ("call Bob in an hour or so", "call Bob", at(5, 6, 11, 30)),
        ("call Bob within the hour", "call Bob", at(5, 6, 11, 30)),
        ("call Bob in the next hour", "call Bob", at(5, 6, 11, 30)),
        ("call Bob in the next 30 mins", "call Bob", at(5, 6, 11)),
        ("call Bob in a couple hours", "call Bob", at(5, 6, 12, 30)),
        ("call Bob in eleven minutes", "call Bob", at(5, 6, 10, 41)),
        ("call Bob in eighteen minutes", "call Bob", at(5, 6, 10, 48)),
        ("call Bob in 90 seconds", "call Bob", at(5, 6, 10, 32)),
        ("call Bob in 120 secs", "call Bob", at(5, 6, 10, 32)),
        ("call Bob in 2 days and 3 hours", "call Bob", at(5, 8, 13, 30)),
        ("call Bob in a week, 2 days and 3 hours", "call Bob", at(5, 15, 13, 30)),
        ("call Bob in a day and a half", "call Bob", at(5, 7, 22, 30)),
        ("call Bob in 3 hours' time", "call Bob", at(5, 6, 13, 30)),
        ("call Bob in an hour's time", "call Bob", at(5, 6, 11, 30)),
        ("call Bob half an hour from now", "call Bob", at(5, 6, 11)),
        ("call Bob an hour from now", "call Bob", at(5, 6, 11, 30)),
        ("call Bob an hour and a half from now", "call Bob", at(5, 6, 12)),
        ("call Bob 2 days and 3 hours from now", "call Bob", at(5, 8, 13, 30)),
        ("call Bob in 45", "call Bob", at(5, 6, 11, 15)),
        ("in 45 to call Bob", "to call Bob", at(5, 6, 11, 15)),
        ("call Bob in 20, please", "call Bob, please", at(5, 6, 10, 50)),
        ("call Bob in 45.", "call Bob.", at(5, 6, 11, 15)),
        ("call Bob in a week and a half", "call Bob", day(5, 16)),
        ("call Bob in one and a half weeks", "call Bob", day(5, 16)),
        ("call Bob in a month and a half", "call Bob", day(6, 21)),
        ("call Bob in a week and 2 days", "call Bob", day(5, 15)),
        ("call Bob in 2 weeks at 5pm", "call Bob", at(5, 20, 17)),
        ("call Bob in twenty days", "call Bob", day(5, 26)),
        ("call Bob 2 weeks from tomorrow", "call Bob", day(5, 21)),
        ("call Bob in 2d", "call Bob", day(5, 8)),
        ("call Bob in a couple weeks", "call Bob", day(5, 20)),
        ("renew passport in a year", "renew passport", day(5, 6, 2027)),
        ("renew passport in 2 years", "renew passport", day(5, 6, 2028)),
        ("renew passport ten years from now", "renew passport", day(5, 6, 2036)),
        # No duration, or not of the time until then.
        ("in 30 to 40 minutes call Bob", "in 30 to 40 minutes call Bob", None),
        ("move it in 45 boxes", "move it in 45 boxes", None),
        ("split the cake in 8", "split the cake in 8", None),
        ("pack in 20,000 boxes", "pack in 20,000 boxes", None),
        ("visit the town in an hour's drive", "visit the town in an hour's drive", None),
        ("plan in two-hour blocks", "plan in two-hour blocks", None),
        ("jump in 5 m", "jump in 5 m", None),
        ("live in 999 years", "live in 999 years", None),
    ],
)
def test_durations(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("call Bob this weekend about the trip", "call Bob about the trip", day(5, 9)),
        ("call Bob on the weekend about the trip", "call Bob about the trip", day(5, 9)),
        ("call Bob at the weekend", "call Bob", day(5, 9)),
        ("call Bob over the weekend, please", "call Bob, please", day(5, 9)),
        ("call Bob during the weekend", "call Bob", day(5, 9)),
        ("call Bob by the weekend", "call Bob", day(5, 9)),
        ("call Bob this coming weekend", "call Bob", day(5, 9)),
        ("call Bob at weekend", "call Bob", day(5, 9)),
        ("weekend: call Bob", "call Bob", day(5, 9)),
        ("call Bob this weekend at 10am", "call Bob", at(5, 9, 10)),
        ("call Bob next weekend about the trip", "call Bob about the trip", day(5, 16)),
        ("call Bob the weekend after next", "call Bob", day(5, 23)),
        ("plan the weekend trip", "plan the weekend trip", None),
        ("plan this weekend's trip", "plan this weekend's trip", None),
        # Nobody knows which of two days.
        ("call Bob sat or sun", "call Bob sat or sun", None),
        ("call Bob on Monday or Tuesday", "call Bob on Monday or Tuesday", None),
        ("call Bob today or tomorrow", "call Bob today or tomorrow", None),
        ("call mum or dad on Friday", "call mum or dad", day(5, 8)),
        ("call Bob on Friday or send him the file", "call Bob or send him the file", day(5, 8)),
    ],
)
def test_weekends(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


def test_the_weekend_seen_from_itself() -> None:
    assert extract("mow this weekend", NOW.replace(day=9)) == ("mow", day(5, 9))
    assert extract("mow this weekend", NOW.replace(day=10)) == ("mow", day(5, 10))
    assert extract("mow at the weekend", NOW.replace(day=10)) == ("mow", day(5, 16))
    assert extract("mow next weekend", NOW.replace(day=10)) == ("mow", day(5, 16))


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("call Bob 2026-05-08T14:30", "call Bob", at(5, 8, 14, 30)),
        ("call Bob on 2026-05-08T14:30:00", "call Bob", at(5, 8, 14, 30)),
        ("call Bob 2026-05-08 14:30", "call Bob", at(5, 8, 14, 30)),
        ("call Bob 2026-05-08 14:30:15", "call Bob", at(5, 8, 14, 30)),
        ("2026-05-08t14:30 call Bob", "call Bob", at(5, 8, 14, 30)),
        ("call Bob 20260508T1430", "call Bob", at(5, 8, 14, 30)),
        ("call Bob 2026-05-08T14:30Z", "call Bob", at(5, 8, 16, 30)),
        ("call Bob 2026-05-08T14:30:00.000Z", "call Bob", at(5, 8, 16, 30)),
        ("call Bob 2026-05-08T14:30+02:00", "call Bob", at(5, 8, 14, 30)),
        ("call Bob 2026-05-08T14:30-0400 about lunch", "call Bob about lunch", at(5, 8, 20, 30)),
        ("call Bob 2026-05-08 14:30 +05:30", "call Bob", at(5, 8, 11)),
        ("call Bob 2026-05-08T23:30Z", "call Bob", at(5, 9, 1, 30)),
        ("call Bob 2026-05-08 14:30 EST", "call Bob", at(5, 8, 20, 30)),
        ("call Bob 2026-05-08T25:30", "call Bob 2026-05-08T25:30", None),
        ("call Bob 2026-05-08T14:30-99:00", "call Bob 2026-05-08T14:30-99:00", None),
        ("call 20260508 1430", "call 20260508 1430", None),
        ("read log-2026-05-08T14:30", "read log-2026-05-08T14:30", None),
    ],
)
def test_iso_date_times(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("call Bob at 5pm EST", "call Bob", at(5, 6, 23)),
        ("call Bob at 5pm est about lunch", "call Bob about lunch", at(5, 6, 23)),
        ("call Bob 3pm UTC", "call Bob", at(5, 6, 17)),
        ("call Bob at 11:00 CET", "call Bob", at(5, 6, 11)),
        ("call Bob 9am Pacific", "call Bob", at(5, 6, 18)),
        ("call Bob 9am Pacific to wish him luck", "call Bob to wish him luck", at(5, 6, 18)),
        ("call Bob at 9am Eastern Daylight Time", "call Bob", at(5, 6, 15)),
        ("call Bob at 11am Central European time", "call Bob", at(5, 6, 11)),
        ("call Bob at 5pm London time", "call Bob", at(5, 6, 18)),
        ("call Bob at 14:00 Berlin time", "call Bob", at(5, 6, 14)),
        ("call Bob at 8am New York time", "call Bob", at(5, 6, 14)),
        ("call Bob at 8am new_york time", "call Bob", at(5, 6, 14)),
        ("call Bob at 9am San Francisco time", "call Bob", at(5, 6, 18)),
        ("call Bob at 9am São Paulo time", "call Bob", at(5, 6, 14)),
        ("call Bob at 5pm UK time", "call Bob", at(5, 6, 18)),
        ("call Bob at 5pm Europe/London", "call Bob", at(5, 6, 18)),
        ("call Bob at 5pm (EST)", "call Bob", at(5, 6, 23)),
        ("call Bob at 5 p.m. EST", "call Bob", at(5, 6, 23)),
        ("call Bob at noon ET", "call Bob", at(5, 6, 18)),
        ("call Bob at half past four BST", "call Bob", at(5, 6, 17, 30)),
        ("call Bob at five o'clock PT", "call Bob", at(5, 7, 2)),
        ("at 5 PT call Bob", "call Bob", at(5, 7, 2)),
        ("send it by 5 EST to Bob", "send it to Bob", at(5, 6, 23)),
        ("call Bob at 17 GMT", "call Bob", at(5, 6, 19)),
        ("call Bob at 5pm UTC+5:30", "call Bob", at(5, 6, 13, 30)),
        ("call Bob at 5pm GMT-3", "call Bob", at(5, 6, 22)),
        ("call Bob tomorrow at 5pm EST", "call Bob", at(5, 7, 23)),
        ("call Bob at 5pm EST tomorrow", "call Bob", at(5, 7, 23)),
        ("call Bob at 5pm tomorrow EST", "call Bob", at(5, 7, 23)),
        ("call Bob at 5pm tomorrow London time", "call Bob", at(5, 7, 18)),
        ("call Bob at 5pm friday EST", "call Bob", at(5, 8, 23)),
        ("call Bob friday 9am JST", "call Bob", at(5, 8, 2)),
        ("call Bob on 1 December at 5pm EST", "call Bob", at(12, 1, 23)),
        ("call Bob tomorrow evening at 8 EST", "call Bob", at(5, 8, 2)),
        ("call Bob tomorrow morning at 7 EST", "call Bob", at(5, 7, 13)),
        ("call Bob at 9am Tokyo time", "call Bob", at(5, 7, 2)),  # there it is half past five in the afternoon
        ("call Bob at 5pm my time", "call Bob", at(5, 6, 17)),
        ("call Bob at 5pm local time", "call Bob", at(5, 6, 17)),
        ("call Bob on Friday, 5pm London time, about lunch", "call Bob, about lunch", at(5, 8, 18)),
        ("call Bob at 9am ET/3pm CET", "call Bob /3pm CET", at(5, 6, 15)),
        # No zone.
        ("send it to the PT team", "send it to the PT team", None),
        ("call the IST office", "call the IST office", None),
        ("send it to the PT team at 5pm", "send it to the PT team", at(5, 6, 17)),
        ("dentist at 11:00 CT scan", "dentist CT scan", at(5, 6, 11)),
        ("make the font larger by 5 pt", "make the font larger by 5 pt", None),
        ("meet Bob at 5pm Central Park", "meet Bob Central Park", at(5, 6, 17)),
        ("call Bob at 5pm dinner time", "call Bob dinner time", at(5, 6, 17)),
    ],
)
def test_zones(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


def test_a_zone_where_the_clocks_differ_in_winter() -> None:
    assert extract("call Bob at 5pm EST", NOW.replace(month=3, day=15)) == ("call Bob", at(3, 15, 22))


def test_a_zone_for_nobody_in_particular() -> None:
    assert extract("call Bob at 5pm EST", NOW.replace(tzinfo=None)) == ("call Bob", at(5, 6, 17))


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("call Bob at 8.50", "call Bob", at(5, 7, 8, 50)),
        ("call Bob at 8.50.", "call Bob.", at(5, 7, 8, 50)),
        ("call Bob at 18.30 about lunch", "call Bob about lunch", at(5, 6, 18, 30)),
        ("call Bob tomorrow 8.50", "call Bob", at(5, 7, 8, 50)),
        ("call Bob tomorrow at 8.10", "call Bob", at(5, 7, 8, 10)),
        ("call Bob on Friday 18.30", "call Bob", at(5, 8, 18, 30)),
        ("18.30 dinner with Anna", "dinner with Anna", at(5, 6, 18, 30)),
        ("call Bob by 18.30", "call Bob", at(5, 6, 18, 30)),
        ("call Bob at 14.30 uhr", "call Bob", at(5, 6, 14, 30)),
        ("call Bob 14 Uhr", "call Bob", at(5, 6, 14)),
        ("call Bob at 17.00h", "call Bob", at(5, 6, 17)),
        ("call Bob at 17:00 hrs", "call Bob", at(5, 6, 17)),
        ("call Bob 14h30", "call Bob", at(5, 6, 14, 30)),
        ("call Bob 14h", "call Bob", at(5, 6, 14)),
        ("call Bob at 9h", "call Bob", at(5, 7, 9)),
        ("call Bob tomorrow 9h", "call Bob", at(5, 7, 9)),
        ("call Bob at 1430", "call Bob", at(5, 6, 14, 30)),
        ("call Bob at 930am", "call Bob", at(5, 7, 9, 30)),
        ("call Bob 1130 pm", "call Bob", at(5, 6, 23, 30)),
        # Prices, versions, dates and lengths.
        ("pay 8.50 for lunch", "pay 8.50 for lunch", None),
        ("pay Bob 18.30", "pay Bob 18.30", None),
        ("pay 8.50 tomorrow", "pay 8.50", day(5, 7)),
        ("pay Bob tomorrow 8.50 €", "pay Bob 8.50 €", day(5, 7)),
        ("buy it at 8.50 euros", "buy it at 8.50 euros", None),
        ("buy it at $8.50", "buy it at $8.50", None),
        ("save at 3.50%", "save at 3.50%", None),
        ("upgrade to 3.12", "upgrade to 3.12", None),
        ("upgrade from 3.10 to 3.12 tomorrow", "upgrade from 3.10 to 3.12", day(5, 7)),
        ("install Ubuntu 22.04", "install Ubuntu 22.04", None),
        ("stay at 3.12.1", "stay at 3.12.1", None),
        ("22.12 buy presents", "22.12 buy presents", None),
        ("pay taxes 12.5.", "pay taxes", day(5, 12)),
        ("pay taxes by 3.12", "pay taxes", day(12, 3)),
        ("work 8h on the report", "work 8h on the report", None),
        ("spend 1h30 on the report", "spend 1h30 on the report", None),
        ("fast for 16h", "fast for 16h", None),
    ],
)
def test_times_in_other_figures(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


@pytest.mark.parametrize(
    ("text", "words", "due"),
    [
        ("call Bob at 7 sharp", "call Bob", at(5, 6, 19)),
        ("call Bob at 9 sharp tomorrow", "call Bob", at(5, 7, 9)),
        ("call Bob at seven sharp", "call Bob", at(5, 6, 19)),
        ("call Bob at 5pm sharp", "call Bob", at(5, 6, 17)),
        ("call Bob at 7:30 on the dot", "call Bob", at(5, 7, 7, 30)),
        ("call Bob at exactly 5pm", "call Bob", at(5, 6, 17)),
        ("call Bob at about 5pm", "call Bob", at(5, 6, 17)),
        ("call Bob at around 5", "call Bob", at(5, 6, 17)),
        ("call Bob around 7", "call Bob", at(5, 6, 19)),
        ("call Bob around 7ish", "call Bob", at(5, 6, 19)),
        ("call Bob tomorrow around 9", "call Bob", at(5, 7, 9)),
        ("call Bob before 9", "call Bob", at(5, 7, 9)),
        ("call Bob by 5", "call Bob", at(5, 6, 17)),
        ("call Bob by 5 tomorrow", "call Bob", at(5, 7, 17)),
        ("call Bob tomorrow by 5", "call Bob", at(5, 7, 17)),
        ("call Bob by 5 in the evening", "call Bob", at(5, 6, 17)),
        ("call Bob by noon", "call Bob", at(5, 6, 12)),
        ("call Bob at 5 p.m.", "call Bob", at(5, 6, 17)),
        ("call Bob 8 am", "call Bob", at(5, 7, 8)),
        ("call Bob @ 9", "call Bob", at(5, 7, 9)),
        ("call Bob @9:15", "call Bob", at(5, 7, 9, 15)),
        ("raise the price by 5", "raise the price by 5", None),
        ("divide the bill by 4 tomorrow", "divide the bill by 4", day(5, 7)),
        ("buy 5 sharp knives", "buy 5 sharp knives", None),
        ("invite around 10 people", "invite around 10 people", None),
    ],
)
def test_ways_to_say_about_when(text: str, words: str, due: date | datetime | None) -> None:
    assert extract(text, NOW) == (words, due)


def test_hours_pass_on_the_day_the_clocks_change() -> None:
    before = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert extract("call Bob in 2 hours", before) == ("call Bob", at(3, 29, 4, 30))
    assert extract("call Bob in a day and 2 hours", before) == ("call Bob", at(3, 30, 3, 30))


def test_a_duration_in_seconds_is_never_cut_short() -> None:
    now = NOW.replace(second=50)
    assert extract("call Bob in 30 seconds", now) == ("call Bob", at(5, 6, 10, 32))
    assert extract("call Bob in 2 minutes", now) == ("call Bob", at(5, 6, 10, 32))
    assert extract("call Bob in 90 seconds", now) == ("call Bob", at(5, 6, 10, 33))


def test_where_the_month_comes_first() -> None:
    now = datetime(2026, 5, 6, 10, 30, tzinfo=ZoneInfo("America/New_York"))
    assert extract("pay 06/07/2026", now) == ("pay", day(6, 7))
    assert extract("pay 20/05/2026", now) == ("pay", day(5, 20))


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    words, _ = extract(text, NOW)
    assert len(words) <= 2 * len(text) + 20  # a time may be spelled out in what is left
