"""Long lists in pages: so many rows at once, with links to the rows before and after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Query
from sqlalchemy import Select, func
from sqlalchemy.ext.asyncio import AsyncSession

T = TypeVar("T")
R = TypeVar("R")
ROWS_PER_PAGE = 200
Number = Annotated[int, Query(ge=1, le=1_000_000)]


async def paged(
    session: AsyncSession, query: Select[R], wanted: int, rows: int = ROWS_PER_PAGE
) -> tuple["Page", Sequence[R]]:
    """The wanted page of what `query` finds."""
    counted = query.order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
    page = Page(wanted, (await session.execute(counted)).scalar_one(), rows)
    return page, (await session.scalars(query.offset(page.after).limit(rows))).all()


@dataclass(frozen=True)
class Page:
    """One of the pages that `total` rows fill; beyond the last one, that one."""

    wanted: int
    total: int
    rows: int = ROWS_PER_PAGE

    @property
    def number(self) -> int:
        """Counted from 1."""
        return max(1, min(self.wanted, self.last))

    @property
    def last(self) -> int:
        return -(-self.total // self.rows)

    @property
    def after(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * self.rows

    def of(self, everything: Sequence[T]) -> Sequence[T]:
        """What of a whole list it shows."""
        return everything[self.after : self.after + self.rows]
