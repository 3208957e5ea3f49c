"""Tables that know what has changed in them, and what of a dataclass is kept: how classes say what their state is."""

from collections import UserDict
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar, get_type_hints

K = TypeVar("K")
V = TypeVar("V")
# For `field(metadata=…)` of a dataclass: it is kept in a table of its own, or passes with the process.
OMITTED = {"omitted": True}


def kept(of: type[Any]) -> Mapping[str, Any]:
    """The attributes of a dataclass that are kept with it, and their types: all but those that are OMITTED."""
    hints = get_type_hints(of)
    return {field.name: hints[field.name] for field in fields(of) if "omitted" not in field.metadata}


class Row:
    """A value of Rows that changes inside: setting any attribute marks it. What an attribute holds is replaced whole,
    never changed in place."""

    _changed: Any = None  # what to call, once it is in a table

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if self._changed:
            self._changed()


class Rows(UserDict[K, V]):
    """A dictionary that remembers which keys were set, removed or marked since `all_saved`."""

    def __init__(self, rows: dict[K, V] | None = None) -> None:
        # In order; None until a state folder has asked: without one nothing is remembered.
        self._unsaved: dict[K, None] | None = None
        super().__init__(rows)

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.mark(key)
        if isinstance(value, Row):
            object.__setattr__(value, "_changed", partial(self.mark, key))

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        self.mark(key)

    def mark(self, key: K) -> None:
        """Say that the value of `key` has changed inside."""
        if self._unsaved is not None:
            self._unsaved[key] = None

    def unsaved(self) -> Collection[K]:
        """The keys that have changed, in order; what is gone is among them. All keys before the first `all_saved`."""
        return self.data if self._unsaved is None else self._unsaved

    def all_saved(self) -> None:
        """What there is now has been written."""
        self._unsaved = {}
