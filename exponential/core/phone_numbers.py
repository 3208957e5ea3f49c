"""Phone numbers in E.164: a plus, the country code, 7 to 15 digits in all."""

import contextlib
import re

import phonenumbers

from exponential.core.errors import BadInput

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PREFIX = re.compile(r"^(?:\+|00)")
_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]")


def to_e164(text: str, *, plus: bool = False) -> str:
    """ "+49 (0)151 123-45678" → "+4915112345678"; with `plus`, "+" or "00" must stand before it. A number that fits no
    country's plan is taken as it is: plans change, and WhatsApp keeps older forms. Raises BadInput."""
    written = _PUNCTUATION.sub("", text)
    digits = _PREFIX.sub("", written)
    if not digits:
        problem = "is missing"
    elif not (digits.isascii() and digits.isdecimal()):
        problem = "has characters that no phone number has"
    elif digits.startswith("0"):
        problem = "begins with 0 instead of its country code"
    elif plus and digits == written:
        problem = "has no + before its country code"
    elif not E164.fullmatch(f"+{digits}"):
        problem = f"has {len(digits)} digits; with the country code it has 7 to 15"
    else:
        with contextlib.suppress(phonenumbers.NumberParseException):
            known = phonenumbers.parse(f"+{digits}")
            if phonenumbers.is_possible_number(known):
                return phonenumbers.format_number(known, phonenumbers.PhoneNumberFormat.E164)
        return f"+{digits}"
    raise BadInput(
        f"The phone number {problem}. Write it in international form, such as +49 151 12345678.", code="phone_invalid"
    )
