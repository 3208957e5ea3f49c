"""Postgres: engine, transactions, blind indexes, LISTEN/NOTIFY, migrations. Each service owns one database."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg
from sqlalchemy import MetaData, SmallInteger, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, Session, UOWTransaction, mapped_column

from exponential.core import encryption, log
from exponential.core.encryption import BlindIndex, EncryptedBytes
from exponential.core.errors import BadInput, ConfigurationError, Unavailable

Part = Literal["app", "gateway"]
MIGRATIONS = Path(__file__).parent.parent / "migrations"
VERSION_TABLE = "schema_version"  # in which Alembic notes how far a database is
LISTEN_AGAIN_SECONDS = 1.0  # after a connection that listened was lost
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
# Unless the URL says otherwise, and whatever server and environment would have: text in UTF-8, moments in UTC.
_CONNECTION_DEFAULTS = {"client_encoding": "utf8", "options": "-ctimezone=UTC"}
# The advisory lock of who migrates a database, or reads across its tables before that: several processes may start at
# once, and would wait for each other's tables.
PREPARING = "hashtext('exponential migrations')"
_log = log.get(__name__)
_INDEX_KEY = "index_key"  # where a session keeps the key of its database's blind indexes


class AppBase(DeclarativeBase):
    """Tables of the app's database: auth, workspace, assistant."""

    metadata = MetaData(naming_convention=_NAMES)


class GatewayBase(DeclarativeBase):
    """Tables of the gateway's database."""

    metadata = MetaData(naming_convention=_NAMES)


class _IndexKey:
    """The key of this database's blind indexes, random, made once by a migration: the table's only row.

    The ring seals it, so that changing the ring's keys changes no index.
    """

    __tablename__ = "index_key"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    key: Mapped[bytes] = mapped_column(EncryptedBytes)


class AppIndexKey(_IndexKey, AppBase):
    """That of the app's database."""


class GatewayIndexKey(_IndexKey, GatewayBase):
    """That of the gateway's database."""


class Database:
    """One service's connection pool. `url` is any Postgres URL; the psycopg 3 driver is always used.

    The database must be prepared, and the key ring set, before the first transaction.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = parse_url(url)
        self._engine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=10,
            pool_pre_ping=True,
            hide_parameters=True,  # errors and their tracebacks reach the log; what people wrote must not
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._index_key = b""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes commit when the block ends and roll back when it raises."""
        async with self._sessions() as session, session.begin():
            if not self._index_key:
                sealed = (await session.execute(text("select key from index_key"))).scalar_one()
                self._index_key = encryption.decrypt(bytes(sealed))
            session.info[_INDEX_KEY] = self._index_key
            yield session

    async def ping(self) -> None:
        """Raises SQLAlchemyError when the database does not answer."""
        async with self._sessions() as session:
            await session.execute(text("select 1"))

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """Inside the block, iterate (channel, payload) of each NOTIFY that was committed since the block began."""
        connection = await psycopg.AsyncConnection.connect(self.libpq, autocommit=True)
        try:
            for channel in channels:
                await connection.execute(psycopg.sql.SQL("listen {}").format(psycopg.sql.Identifier(channel)))

            async def notices() -> AsyncIterator[tuple[str, str]]:
                async for notice in connection.notifies():
                    yield notice.channel, notice.payload

            yield notices()
        finally:
            await connection.close()  # its own context manager would wait for a lock that a half-read iterator holds

    async def follow(self, *channels: str) -> AsyncGenerator[tuple[str, str] | None]:
        """For ever, through restarts of the database: (channel, payload) of each NOTIFY, and None whenever some may
        have been missed, which is at the beginning and after each gap."""
        while True:
            try:
                async with self.listen(*channels) as notices:
                    yield None
                    async for notice in notices:
                        yield notice
            except psycopg.Error as error:
                if (task := asyncio.current_task()) and task.cancelling():
                    raise asyncio.CancelledError from None  # psycopg's answer to a cancellation
                _log.warning("listen_lost", error=error)
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    @property
    def libpq(self) -> str:
        """See `libpq` of this module."""
        return libpq(self.url.render_as_string(hide_password=False))

    async def close(self) -> None:
        await self._engine.dispose()


def blind(session: AsyncSession, index: str, text: str) -> bytes:
    """`encryption.blind` under the key of this transaction's database."""
    return encryption.blind(session.info[_INDEX_KEY], index, text)


@event.listens_for(Session, "before_flush")
def _index(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Keep the blind indexes of new and changed records right."""
    for record in [*session.new, *session.dirty]:
        state = inspect(record)
        for name, of in _indexes(state.mapper).items():
            for value in state.attrs[of].history.added:
                index = f"{record.__tablename__}.{of}"
                setattr(record, name, value and encryption.blind(session.info[_INDEX_KEY], index, value))


@cache
def _indexes(mapper: Mapper[Any]) -> dict[str, str]:
    """A model's blind indexes, each with the attribute it is of."""
    columns = {attribute.key: attribute.columns[0].type for attribute in mapper.column_attrs}
    return {name: kind.of for name, kind in columns.items() if isinstance(kind, BlindIndex)}


async def notify(session: AsyncSession, channel: str, payload: str = "") -> None:
    """NOTIFY `channel` when this transaction commits. `payload` holds ids, or what is sealed; never message text."""
    await session.execute(text("select pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload})


def refused(error: Exception) -> BadInput | None:
    """What to say when `error` means that Postgres holds no such value (NUL in a text, a number too large for its
    column); None when it means anything else."""
    cause = error.orig if isinstance(error, StatementError) else error
    if not isinstance(cause, psycopg.DataError | UnicodeEncodeError):
        return None
    return BadInput("The request has a text or number in it that can't be kept. Correct it, then try again.")


def outage(error: BaseException) -> Unavailable | None:
    """What to say when `error` means that the database can't do its work right now; None when it means anything
    else."""
    cause = error.orig if isinstance(error, StatementError) else error
    if isinstance(cause, psycopg.errors.DiskFull):
        return Unavailable(
            "The database's disk is full, so nothing new can be kept. What was saved is safe. Whoever runs this must "
            "make room.",
            code="disk_full",
        )
    if isinstance(error, PoolTimeout):
        return Unavailable("There is too much to do at once right now. Try again in a moment.", code="too_busy")
    too_complex = isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith("54")  # and ever will be
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or (isinstance(cause, psycopg.OperationalError) and not too_complex):
        sentence = "The database can't be reached. What was saved is safe; try again in a moment."
        return Unavailable(sentence, code="database_unavailable")
    return None


async def raw_connection(session: AsyncSession) -> psycopg.AsyncConnection:
    """The psycopg connection beneath this transaction, for procrastinate's `connection=`."""
    raw = await (await session.connection()).get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver


def parse_url(url: str) -> URL:
    """Accept postgres://, postgresql:// and postgresql+psycopg://. Raises ConfigurationError for all else."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError:
        raise ConfigurationError("The database URL can't be read; it looks like postgresql://user@host/name.") from None
    if parsed.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ConfigurationError(f"The database must be Postgres, not {parsed.drivername}; see docs/settings.md.")
    return parsed.set(drivername="postgresql+psycopg", query={**_CONNECTION_DEFAULTS, **parsed.query})


def libpq(url: str) -> str:
    """The URL as libpq (psycopg, procrastinate) wants it, password included: never log it."""
    rendered = parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    # Spaces: SQLAlchemy leaves them in passwords and writes them "+" in the query; libpq takes neither.
    where, mark, query = rendered.partition("?")
    return where.replace(" ", "%20") + mark + query.replace("+", "%20")


def named(url: str, name: str) -> str:
    """The URL under which this server lists our connections as `name` (application_name, at most 63 characters)."""
    return parse_url(url).update_query_dict({"application_name": name}).render_as_string(hide_password=False)


def prepare(part: Part, url: str, revision: str = "head") -> None:
    """Create the database if it is missing and bring its tables up to date, or to an older `revision`. Blocking; safe
    to run in parallel.

    The key ring must be set: a migration may encrypt. Raises ConfigurationError, in one sentence, when the server can't
    be reached.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    parsed = parse_url(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / part))
    config.set_main_option("path_separator", "os")
    config.attributes.update(url=parsed, part=part)
    with refusals(part, url):
        _create_if_missing(parsed)
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise ConfigurationError(
                f"A newer version of Exponential has used the {part}'s database: {error}. Nothing was changed. Start "
                "that version or a later one, or restore a backup that this one made."
            ) from None


@contextmanager
def refusals(part: Part, url: str) -> Iterator[None]:
    """What Postgres refuses inside is a ConfigurationError, in one sentence."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.ProgrammingError, SQLAlchemyError) as error:
        parsed = parse_url(url)
        cause = error.orig if isinstance(error, SQLAlchemyError) and hasattr(error, "orig") else error
        where = f"{parsed.host or parsed.query.get('host') or 'the local socket'}"
        match cause:
            case psycopg.errors.DiskFull():
                advice = "Make room on the database's disk"
            case psycopg.errors.InsufficientPrivilege():
                advice = f"Give the role {parsed.username} that right, or create the database {parsed.database} for it"
            case _:
                advice = "Start Postgres or correct the URL"
        raise ConfigurationError(
            f"The {part}'s database at {where} can't be used ({_first_line(cause)}). {advice}, then start again."
        ) from None


def connect(url: str) -> psycopg.Connection | None:
    """A plain connection; None when the database doesn't exist. Raises psycopg.OperationalError."""
    try:
        return psycopg.connect(libpq(url), connect_timeout=10)
    except psycopg.OperationalError as error:
        name = parse_url(url).database
        if name and f'database "{name}" does not exist' in str(error):
            return None
        raise


def _create_if_missing(url: URL) -> None:
    if connection := connect(url.render_as_string(hide_password=False)):
        connection.close()
        return
    assert url.database  # a connection without one would have been refused for another reason
    admin = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(libpq(admin), autocommit=True, connect_timeout=10) as connection:
        try:
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(url.database)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            pass  # another process got there first


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


async def prepare_async(part: Part, url: str) -> None:
    """`prepare` off the event loop."""
    await asyncio.to_thread(prepare, part, url)
