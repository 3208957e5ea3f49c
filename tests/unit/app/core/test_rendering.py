from datetime import date

import pytest

from exponential.app.core.rendering import code_spans, day_name

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 11, 26), "Today"),
        (date(2026, 11, 27), "Tomorrow"),
        (date(2026, 11, 25), "Yesterday"),
        (date(2026, 12, 2), "Wednesday"),
        (date(2026, 12, 3), "3 December"),
        (date(2026, 11, 20), "20 November"),
        (date(2027, 1, 2), "2 January 2027"),
    ],
)
def test_days_have_the_names_that_people_use(day: date, name: str) -> None:
    assert day_name(day, THURSDAY) == name


def test_commands_in_advice_show_as_code_and_nothing_else_becomes_markup() -> None:
    assert code_spans("Run `exponential link` <now>") == "Run <code>exponential link</code> &lt;now&gt;"
