"""Phone numbers as people write them, and as WhatsApp knows them."""

import pytest

from exponential.core import phone_numbers
from exponential.core.errors import BadInput


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+49 151 123-45678", "+4915112345678"),
        ("0049 (0)151 12345678", "+4915112345678"),  # the 0 is for calls inside the country
        ("39 06 1234 5678", "+390612345678"),  # this one belongs to the number
        ("+52 1 55 1234 5678", "+5215512345678"),  # no longer a number there, but what WhatsApp has
        ("+999 1234 5678", "+99912345678"),  # no country's
        ("+683 4001", "+6834001"),
    ],
)
def test_numbers_become_those_of_whatsapp(written: str, number: str) -> None:
    assert phone_numbers.to_e164(written) == number


def test_a_plus_can_be_asked_for() -> None:
    assert phone_numbers.to_e164("00 49 151 12345678", plus=True) == "+4915112345678"
    with pytest.raises(BadInput, match="has no \\+ before its country code"):
        phone_numbers.to_e164("151 12345678", plus=True)
