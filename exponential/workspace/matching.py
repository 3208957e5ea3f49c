"""Which task someone means when they name it in their own words: exact, part of the title, or close enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, utils

from exponential.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:
    from exponential.workspace.tasks import Task

CLOSE_ENOUGH = 80.0  # of 100; below that a name is not taken for a title
CLEARLY_BETTER = 8.0  # the best match wins alone when the next one scores this much less
MAX_LISTED = 5


def one(name: str, tasks: Sequence[Task]) -> Task:
    """The one task of `tasks` that `name` means; open tasks win over done ones.

    Raises BadInput (no name), NotFound, or Conflict `ambiguous` listing the candidates.
    """
    if not utils.default_process(name):
        raise BadInput("Which task is done? Name it, or part of its title.", code="task_unnamed")
    for group in ([task for task in tasks if task.done_at is None], [task for task in tasks if task.done_at]):
        candidates = _candidates(name, group)
        if candidates:
            return _decide(name, candidates)
    raise NotFound(f"I found no task like “{name}” in your workspace. Ask for your tasks to see them all.")


def score(name: str, title: str) -> float:
    """How well `name` fits `title`, 0 to 100; the same words in the same order are 100."""
    asked, known = utils.default_process(name), utils.default_process(title)
    if asked == known:
        return 100.0
    words = f" {known} "
    if f" {asked} " in words:
        return 95.0
    return min(94.0, max(fuzz.ratio(asked, known), fuzz.token_sort_ratio(asked, known), _all_words_in(asked, known)))


def _all_words_in(asked: str, known: str) -> float:
    """92 when each asked word stands in the title, allowing for typing errors ("dentst")."""
    known_words = known.split()
    worst = min(max(fuzz.ratio(word, other) for other in known_words) if known_words else 0.0 for word in asked.split())
    return 92.0 if worst >= CLOSE_ENOUGH else 0.0


def _candidates(name: str, tasks: Sequence[Task]) -> list[tuple[float, Task]]:
    scored = [(score(name, task.title), task) for task in tasks]
    return sorted((item for item in scored if item[0] >= CLOSE_ENOUGH), key=lambda item: -item[0])


def _decide(name: str, candidates: list[tuple[float, Task]]) -> Task:
    best, task = candidates[0]
    if best == 100.0:
        rivals = [other for value, other in candidates if value == 100.0]
    else:
        rivals = [other for value, other in candidates if best - value < CLEARLY_BETTER]
    alike = {(other.title.casefold(), other.due_on, other.due_at) for other in rivals}
    if len(alike) == 1:
        # Nobody can tell such twins apart: the one made first is meant, or, among done ones, the one done last.
        if task.done_at is None:
            return min(rivals, key=lambda other: other.id)
        return max(rivals, key=_done)
    listed = ", ".join(f"“{other.title}”{_due(other)}" for other in rivals[:MAX_LISTED])
    more = f" and {len(rivals) - MAX_LISTED} more" if len(rivals) > MAX_LISTED else ""
    raise Conflict(f"“{name}” could be one of several tasks: {listed}{more}. Which one?", code="ambiguous")


def _done(task: Task) -> datetime:
    assert task.done_at is not None
    return task.done_at


def _due(task: Task) -> str:
    return f" (due {task.due_on.isoformat()})" if task.due_on else ""
