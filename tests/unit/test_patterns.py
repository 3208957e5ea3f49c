"""No regular expression that sees what others wrote takes longer than in proportion to it.

Each pattern of the package is given long runs of the signs and words that stand in it, behind each of them, and with
an end that seldom fits. The offline model's patterns see tidied messages of at most MAX_CHARS characters; they are
tried as a whole in test_safety.py.
"""

import ast
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cpu_time import TooSlow, limited

import exponential

CPU_SECONDS = 3.0  # for one text; in proportion it takes milliseconds, and a quadratic pattern some minutes
SHORT, LONG = 100, 65_000  # characters of a run: to find what is slowest around it, and to try that
ENDS = ("\x00", "\n\x00")
_SYNTAX = re.compile(r"\\[A-Za-z]|\(\?P?<\w+>|(?<!\\)[|?*+{}()^$\[\]]")
ELSEWHERE = ("exponential.loopback", "exponential.migrations", "exponential.assistant.offline", "exponential.__main__")
# Parts of the offline model that see messages as they came.
UNTIDIED = tuple(f"exponential.assistant.offline.{name}" for name in ("guests", "transcripts", "files"))
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


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Each pattern with its module's name."""
    for module in pkgutil.walk_packages(exponential.__path__, "exponential."):
        if module.name.startswith(ELSEWHERE) and module.name not in UNTIDIED:
            continue
        loaded = importlib.import_module(module.name)
        here = [*compiled(vars(loaded)), *map(re.compile, on_the_spot(Path(str(loaded.__file__)).read_text("utf-8")))]
        yield from ((module.name.removeprefix("exponential."), pattern) for pattern in here)


PATTERNS = {pattern: f"{module} {pattern.pattern[:40]}" for module, pattern in patterns()}


def units(pattern: str) -> tuple[list[str], list[str]]:
    """What texts begin with, and what their runs are made of: usual signs, the pattern's own, and its words."""
    own = _SYNTAX.sub(" ", pattern)
    words = [f"{word} " for word in dict.fromkeys(re.findall(r"[^\W\d_]{2,}", own))]
    signs = sorted({*re.findall(r"[^\w\s]", own), *" aA1Ä.,:;!?<([-\"'"})
    pairs = ["a b ", "A. ", "1:1 ", "<v "]
    return ["", *signs, *words[:20], *pairs], [*signs, *"\n\t\u00a0", *words[:8], *pairs]


def seconds(pattern: re.Pattern[str], text: str) -> float:
    """The processor time in which everything that fits is found in a text. Raises TooSlow."""
    start = time.process_time()
    with limited(CPU_SECONDS):
        for _ in pattern.finditer(text):
            pass
    return time.process_time() - start


@pytest.mark.parametrize("pattern", PATTERNS, ids=PATTERNS.values())
def test_long_runs(pattern: re.Pattern[str]) -> None:
    beginnings, runs = units(pattern.pattern)
    for run in runs:
        short, long = ((run * length)[:length] for length in (SHORT, LONG))
        try:
            around = itertools.product(beginnings, ENDS)
            before, after = max(around, key=lambda ends: seconds(pattern, f"{ends[0]}{short}{ends[1]}"))
            seconds(pattern, f"{before}{long}{after}")
        except TooSlow:
            pytest.fail(f"{before!r}, a long run of {run!r}, then {after!r} takes too long in {pattern.pattern}")
