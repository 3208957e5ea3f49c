"""No regular expression that sees what others wrote takes longer than in proportion to it.

Each pattern of the package is given long runs of each character and each word that stands in it. The offline model's
patterns see tidied messages of at most MAX_REQUEST characters; they are tried as a whole in test_phrasings.py.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cpu_time import TooSlow, limited

import exponential

CPU_SECONDS = 3.0  # for one run; in proportion it takes milliseconds, and a quadratic pattern some minutes
LENGTHS = (4_000, 65_000)
ELSEWHERE = ("exponential.loopback", "exponential.migrations", "exponential.assistant.offline", "exponential.__main__")
# Parts of the offline model that see messages as they came.
UNTIDIED = tuple(f"exponential.assistant.offline.{name}" for name in ("guests", "pasting", "files"))
CALLS = ("match", "search", "fullmatch", "sub", "split", "findall", "finditer")


def compiled(value: Any, depth: int = 4) -> Iterator[re.Pattern[str]]:
    """The patterns of text in a module's value, also inside tuples, dictionaries and objects of ours."""
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif depth and isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from compiled(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from compiled(item, depth - 1)
    elif depth and type(value).__module__.startswith("exponential") and hasattr(value, "__dict__"):
        yield from compiled(vars(value), depth - 1)


def on_the_spot(source: str) -> Iterator[str]:
    """Patterns that are given to `re.sub` and its like where they are used."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "re":
                assert isinstance(node.args[0], ast.Constant), f"give a name to {ast.unparse(node.args[0])}"
                yield node.args[0].value


def patterns() -> dict[str, re.Pattern[str]]:
    found: dict[str, re.Pattern[str]] = {}
    for module in pkgutil.walk_packages(exponential.__path__, "exponential."):
        if module.name.startswith(ELSEWHERE) and module.name not in UNTIDIED:
            continue
        loaded = importlib.import_module(module.name)
        here = [*compiled(vars(loaded)), *map(re.compile, on_the_spot(Path(str(loaded.__file__)).read_text("utf-8")))]
        for pattern in here:
            found.setdefault(f"{module.name.removeprefix('exponential.')} {pattern.pattern[:40]}", pattern)
    return found


PATTERNS = patterns()


def units(pattern: str) -> set[str]:
    """What a run is made of: the pattern's signs, the usual ones, its words, and what stands at its beginning."""
    words = re.findall(r"[A-Za-z]{2,}", pattern)
    return {*pattern, *" \n\t\u00a0aA1Ä.,:;<(-\"'", *(f"{word} " for word in words[:20]), "a b ", "A. ", "1:1 ", "<v "}


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_long_runs(name: str) -> None:
    pattern = PATTERNS[name]
    for unit in sorted(units(pattern.pattern)):
        for length in LENGTHS:
            for text in ((unit * length)[:length], f"{unit * 3}{(unit * length)[:length]}\x00"):
                try:
                    with limited(CPU_SECONDS):
                        pattern.search(text)
                except TooSlow:
                    pytest.fail(f"{length:,} characters of {unit!r} take too long in {pattern.pattern}")
