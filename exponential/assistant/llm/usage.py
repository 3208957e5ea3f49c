"""What language models use and cost: kept with each answer, summed per user, turn and day; and the daily limit."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.usage import RequestUsage
from sqlalchemy import Date, DateTime, ForeignKey, Index, Numeric, String, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from exponential.assistant.tables import Chat, Turn
from exponential.auth import users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import AppBase
from exponential.workspace.text.zones import today_of, zone_of

Purpose = Literal["answer", "summary", "transcription"]
Prices = tuple[Decimal, Decimal]  # US dollars for a million tokens, read and written
GUESTS_SHARE = 3  # guests together may use one in so many of the day's tokens
OFFLINE = "offline"  # the offline model's name; it costs nothing
_MILLION = Decimal(1_000_000)


class ModelUsage(AppBase):
    """One request to a language model. `turn_id` of a summary is the last turn that it sums up. `input_tokens` include
    `cached_tokens`, which the provider had read before; `cost` in US dollars, null when the model's price isn't known;
    `estimated`: the provider didn't count, we did."""

    __tablename__ = "model_usage"
    __table_args__ = (
        Index("ix_model_usage_user_id_created_at", "user_id", "created_at"),
        Index("ix_model_usage_turn_id", "turn_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    turn_id: Mapped[UUID | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"))
    purpose: Mapped[str] = mapped_column(String(16), default="answer")
    model: Mapped[str] = mapped_column(String(200))
    input_tokens: Mapped[int] = mapped_column()
    cached_tokens: Mapped[int] = mapped_column(default=0)
    output_tokens: Mapped[int] = mapped_column()
    cost: Mapped[Decimal | None] = mapped_column(Numeric(14, 8))
    estimated: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


@dataclass(frozen=True)
class Spent:
    """Sums over `requests` to language models. `cost` is in US dollars, of those whose price is known; `unpriced` and
    `estimated` count the requests whose price, or use of tokens, is not."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    estimated: int = 0

    @property
    def tokens(self) -> int:
        """Read and written: what the daily limit counts."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class UsageSummary:
    """`days`: the user's days on which something was used, the first one first."""

    total: Spent = Spent()
    days: dict[date, Spent] = field(default_factory=dict)


async def record(
    session: AsyncSession,
    user_id: UUID,
    turn_id: UUID | None,
    messages: Iterable[ModelMessage],
    *,
    prices: Prices | None = None,
    purpose: Purpose = "answer",
) -> None:
    """Keep what the models' responses among `messages` used. `prices`, if given, win over the provider's known ones."""
    for message in messages:
        if isinstance(message, ModelResponse) and message.model_name not in (None, OFFLINE):
            session.add(_row(user_id, turn_id, purpose, message, prices))


async def record_lost(
    session: AsyncSession,
    user_id: UUID,
    turn_id: UUID | None,
    model: str,
    lost: Iterable[RequestUsage],
    *,
    prices: Prices | None = None,
) -> None:
    """Keep what answers used that broke off or were stopped."""
    for usage in lost:
        await record(session, user_id, turn_id, [ModelResponse(parts=[], model_name=model, usage=usage)], prices=prices)


async def summary(session: AsyncSession, user_id: UUID, since: datetime | None = None) -> UsageSummary:
    """What a user has used, since then or ever. Raises NotFound."""
    user = await users.get(session, user_id)
    day = cast(func.timezone(zone_of(user).key, ModelUsage.created_at), Date)
    query = select(day, *_sums()).where(ModelUsage.user_id == user_id).group_by(day).order_by(day)
    if since is not None:
        query = query.where(ModelUsage.created_at >= since)
    days = {row[0]: _spent(row[1:]) for row in await session.execute(query)}
    return UsageSummary(_total(days.values()), days)


async def today(session: AsyncSession, user: User, *, guests: bool = False) -> Spent:
    """What a user's Paddy has used since midnight, where they are; with `guests`, only what it used for these."""
    midnight = datetime.combine(today_of(user), datetime.min.time(), zone_of(user))
    query = select(*_sums()).where(
        ModelUsage.user_id == user.id,
        ModelUsage.created_at >= midnight,
        ModelUsage.created_at < midnight + timedelta(days=1),
    )
    if guests:
        query = query.join(Turn, Turn.id == ModelUsage.turn_id).join(Chat).where(Chat.kind == "contact")
    return _spent((await session.execute(query)).one())


async def is_used_up(session: AsyncSession, user: User, limit: int, *, guest: bool = False) -> bool:
    """Whether the user has reached the daily limit (tokens; 0: there is none), or their guests their part of it."""
    if not limit:
        return False
    if guest and (await today(session, user, guests=True)).tokens >= limit // GUESTS_SHARE:
        return True
    return (await today(session, user)).tokens >= limit


def _row(
    user_id: UUID, turn_id: UUID | None, purpose: Purpose, response: ModelResponse, prices: Prices | None
) -> ModelUsage:
    used = response.usage
    return ModelUsage(
        user_id=user_id,
        turn_id=turn_id,
        purpose=purpose,
        model=str(response.model_name)[:200],
        input_tokens=used.input_tokens,
        cached_tokens=used.cache_read_tokens,
        output_tokens=used.output_tokens,
        cost=_cost(response, prices),
        estimated=bool(used.details.get("estimated")),
        created_at=clock.now(),
    )


def _cost(response: ModelResponse, prices: Prices | None) -> Decimal | None:
    if prices is not None:
        read, written = prices
        return (response.usage.input_tokens * read + response.usage.output_tokens * written) / _MILLION
    try:
        return Decimal(response.cost().total_price)
    except (LookupError, ValueError):
        return None  # nobody knows this model's price


def _sums() -> tuple[Any, ...]:
    return (
        func.count(),
        func.coalesce(func.sum(ModelUsage.input_tokens), 0),
        func.coalesce(func.sum(ModelUsage.output_tokens), 0),
        func.coalesce(func.sum(ModelUsage.cost), 0),
        func.count().filter(ModelUsage.cost.is_(None)),
        func.count().filter(ModelUsage.estimated),
    )


def _spent(row: Any) -> Spent:
    requests, read, written, cost, unpriced, estimated = row
    return Spent(requests, int(read), int(written), Decimal(cost), unpriced, estimated)


def _total(parts: Iterable[Spent]) -> Spent:
    total = Spent()
    for part in parts:
        total = Spent(
            total.requests + part.requests,
            total.input_tokens + part.input_tokens,
            total.output_tokens + part.output_tokens,
            total.cost + part.cost,
            total.unpriced + part.unpriced,
            total.estimated + part.estimated,
        )
    return total
