"""What passwords may be, and what their hashes cost whoever steals them."""

import time

import pytest

from exponential.auth import passwords, users
from exponential.core.database import Database
from exponential.core.errors import BadInput

GOOD = "correct horse battery staple"


async def test_hashes_are_argon2id_and_salted(app_database: Database) -> None:
    stored = []
    for email in ("alice@example.org", "bob@example.org"):
        async with app_database.transaction() as session:
            user = await users.add(session, email=email, name="One of two")
            await passwords.change(session, user.id, await passwords.hash_password(GOOD, email, "somebody"))
            stored.append(user.password_hash)
    assert all(each.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for each in stored)  # RFC 9106, section 4
    assert stored[0] != stored[1]
    assert await passwords.check(GOOD, stored[0])
    assert not await passwords.check(GOOD + " ", stored[0])


async def test_an_account_that_is_not_there_takes_as_long() -> None:
    hashed = passwords._hasher.hash(GOOD)
    took = []
    for stored in (hashed, None) * 3:
        began = time.monotonic()
        assert not await passwords.check("a wrong guess", stored)
        took.append(time.monotonic() - began)
    known, unknown = min(took[::2]), min(took[1::2])
    assert unknown > known / 20  # a look-up alone would be a thousand times faster
    assert not await passwords.check("x" * 1_000_000, hashed)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "10 to 200"),
        ("x" * 201, "10 to 200"),
        ("1234567890123", "too easy to guess. (Sequences like abc|This is similar)"),  # both are true; it varies
        ("aaaaaaaaaaab", "too easy to guess. Sequences like abc"),
        ("Password123!", "too easy to guess. This is similar to a commonly used password"),
        ("Passw0rd2024!", "too easy to guess. This is similar to a commonly used password"),
        ("qwertyuiop12", "too easy to guess. This is similar to a commonly used password"),
        ("iloveyou1234", "easy to guess"),
        ("hunter2hunter2", "too easy to guess. Repeats like"),
        ("alice@example.org", "easy to guess"),
        ("exponential1", "easy to guess"),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(password: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        passwords.require_good(password, "alice@example.org")


@pytest.mark.parametrize(
    "password", [GOOD, "a new one to remember", "quiet meadow lamp", "x7#Lq9!vTz2p", "хороший пароль дня"]
)
def test_strong_passwords_are_taken(password: str) -> None:
    passwords.require_good(password, "alice@example.org")
