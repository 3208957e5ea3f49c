"""Passwords: what a good one is, and their Argon2id hashes (RFC 9106, second recommended option)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from uuid import UUID
from weakref import WeakKeyDictionary

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy.ext.asyncio import AsyncSession
from zxcvbn_rs_py import zxcvbn

from exponential.auth import users
from exponential.core.errors import BadInput, Unavailable
from exponential.core.limits.fair_semaphore import FairSemaphore

MIN_CHARS, MAX_CHARS = 10, 200  # characters
JUDGED_CHARS = 32  # of it; what follows makes it no weaker, and judging hostile ones of 200 takes seconds
MIN_GUESSES = 10**8  # zxcvbn's "safely unguessable"; it knows common passwords, names, dates and keyboards
MAX_CONCURRENT_HASHES = 4  # hashes that are computed at a time; each takes 64 MiB
MAX_WAITING = 400  # more that may wait
MAX_PER_NETWORK, MAX_PER_PERSON = 8, 2  # of all these

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_hashers = ThreadPoolExecutor(MAX_CONCURRENT_HASHES, "password")
_places: Counter[str] = Counter()  # taken, by network or person
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, FairSemaphore] = WeakKeyDictionary()
_NOBODYS = (  # of a random text that nobody knows
    "$argon2id$v=19$m=65536,t=3,p=4$iOUpwzwVYO0JJpI2HzDrLQ$0JNpV0sQpL8ZbK/m67Ujz78m2iC+/ErxkosQoeA1LLM"
)


@asynccontextmanager
async def turn(whose: str, *, most: int = MAX_PER_NETWORK) -> AsyncIterator[None]:
    """A turn to `check` a password: networks and persons take turns, so each waits for one of every other's at a time.

    Raises Unavailable when `most` of this one's, or very many in all, have a turn or wait for one.
    """
    if _places.total() >= MAX_CONCURRENT_HASHES + MAX_WAITING or _places[whose] >= most:
        raise Unavailable(
            "Very many passwords are being checked right now. Wait a few seconds, then try again.",
            code="sign_in_busy",
            retry_after=5,
        )
    _places[whose] += 1
    try:
        async with _turns.setdefault(asyncio.get_running_loop(), FairSemaphore(MAX_CONCURRENT_HASHES)).slot(whose):
            yield
    finally:
        _places[whose] -= 1
        if not _places[whose]:
            del _places[whose]


async def check(password: str, stored: str | None) -> bool:
    """Whether `password` is the one of `stored`. Takes as long when there is none: nobody learns who has an account."""
    if len(password) > MAX_CHARS:
        return False
    fits = await asyncio.get_running_loop().run_in_executor(_hashers, _verify, password, stored or _NOBODYS)
    return fits and stored is not None


async def hash_password(password: str, email: str, whose: str) -> str:
    """The hash of a new password for the account with this address, for `change`. Takes its time: hold no transaction.

    `whose` is an id of who asks for it. Raises BadInput when it is not good enough, Unavailable when too many wait.
    """
    require_good(password, email)
    async with turn(whose, most=MAX_PER_PERSON):
        return await asyncio.get_running_loop().run_in_executor(_hashers, _hasher.hash, password)


async def change(session: AsyncSession, user_id: UUID, password_hash: str) -> None:
    """Set an account's password to one that was `hashed`. Raises NotFound."""
    (await users.get(session, user_id)).password_hash = password_hash


def require_good(password: str, email: str) -> None:
    """Raises BadInput, saying what is wrong, unless `password` may protect the account with this address."""
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise BadInput(
            f"A password has {MIN_CHARS} to {MAX_CHARS} characters. A few words that you can remember are good.",
            code="password_length",
        )
    judged = zxcvbn(password[:JUDGED_CHARS], [email, email.split("@")[0], "exponential", "paddy"])
    if judged.guesses < MIN_GUESSES:
        why = f"{judged.feedback.warning} " if judged.feedback and judged.feedback.warning else ""
        raise BadInput(
            f"This password is too easy to guess. {why}Take a few words that don't belong together.",
            code="password_weak",
        )


def _verify(password: str, stored: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
