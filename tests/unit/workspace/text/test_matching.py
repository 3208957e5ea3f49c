import pytest

from exponential.core.errors import Conflict
from exponential.workspace.text.matching import CLOSE_ENOUGH, RecordKind, one, score

TASK = RecordKind[str]("task", lambda title: title)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("buy milk", "Buy milk"),
        ("milk", "Buy milk"),
        ("Milk!", "Buy milk"),
        ("the dentist", "Call the dentist"),
        ("dentst", "Call the dentist"),
        ("milk buy", "Buy milk"),
        ("pay rent", "Pay the rent"),
        ("Zahnarzt", "Beim Zahnarzt anrufen"),
        ("mueller", "Müller anrufen"),
        ("muller", "Müller anrufen"),
        ("Müller", "Call Mueller about the lease"),
        ("strasse", "Straße fegen"),
        ("cafe", "Book the café"),
        ("launch", "Launch 🚀"),
        ("🚀", "🚀"),
        ("mark", "Marketing site"),
        ("websit relaunch", "Website Relaunch 2026"),
        ("buying milk", "Buy milk"),
        ("book the dentist", "Dentist"),
        ("finished invoices", "Finish the invoice"),
    ],
)
def test_close_enough(name: str, title: str) -> None:
    assert score(name, title) >= CLOSE_ENOUGH


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("call mom", "Call the dentist"),
        ("report", "Rapport"),
        ("tea", "Steam the rice"),
        ("x", "Buy milk"),
        ("buy", "Call Bo"),
        ("call the dentist about the bill of Anna", "Anna"),
        ("", "Buy milk"),
        ("milk", "🥛"),
    ],
)
def test_something_else(name: str, title: str) -> None:
    assert score(name, title) < CLOSE_ENOUGH


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("alpha", ["Alpha website", "Alpha shop"]),
        ("mark", ["Marketing", "Market research"]),
        ("Müller", ["Call Mueller", "Write to Müller"]),
        ("reprot", ["Sales report", "Tax report"]),
    ],
)
def test_of_two_alike_both_are_listed(name: str, titles: list[str]) -> None:
    with pytest.raises(Conflict) as asked:
        one(name, TASK, titles)
    assert asked.value.code == "ambiguous"
    assert all(title in str(asked.value) for title in titles)


@pytest.mark.parametrize("name", ["buy mlk", "buying milk", "mil", "get the buy milk"])
def test_what_only_resembles_a_title_is_not_sure(name: str) -> None:
    assert one(name, TASK, ["Buy milk", "Call mom"]) == "Buy milk"
    with pytest.raises(Conflict) as asked:
        one(name, TASK, ["Buy milk", "Call mom"], sure=True)
    assert asked.value.code == "unsure"
