"""Results of pure functions, kept while a block runs and forgotten when it ends: what was read stays nowhere."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_results: ContextVar[dict[Hashable, Any] | None] = ContextVar("results", default=None)


@contextmanager
def kept() -> Iterator[None]:
    """Within it (and this thread or task) a memoised function runs once for the same arguments."""
    token = _results.set({})
    try:
        yield
    finally:
        _results.reset(token)


def memoised(function: Callable[P, T]) -> Callable[P, T]:
    """For a pure function of hashable arguments. Outside of `kept` it only runs."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        results = _results.get()
        if results is None:
            return function(*args, **kwargs)
        key = (function, args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(*args, **kwargs)
        found: T = results[key]
        return found

    return call
