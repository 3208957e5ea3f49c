import pytest

from exponential.workspace.matching import CLOSE_ENOUGH, score


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
    ],
)
def test_close_enough(name: str, title: str) -> None:
    assert score(name, title) >= CLOSE_ENOUGH


@pytest.mark.parametrize(
    ("name", "title"),
    [("call mom", "Call the dentist"), ("report", "Rapport"), ("tea", "Steam the rice"), ("x", "Buy milk")],
)
def test_something_else(name: str, title: str) -> None:
    assert score(name, title) < CLOSE_ENOUGH
