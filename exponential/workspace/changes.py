"""Changing a record: what isn't named stays, and None takes a value away."""

from enum import Enum, auto
from typing import Final, TypeVar

T = TypeVar("T")


class Unchanged(Enum):
    """That a value stays as it is."""

    UNCHANGED = auto()


UNCHANGED: Final = Unchanged.UNCHANGED


def named(value: T | None) -> T | Unchanged:
    """`value`, where None means that nothing was said of it."""
    return UNCHANGED if value is None else value
