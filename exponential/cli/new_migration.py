"""Migration writer, for developers: compares the models with a database at head and writes what is missing.

`uv run python -m exponential.cli.new_migration "add colour to tasks" --service app`
"""

import importlib
import logging
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from alembic.autogenerate import produce_migrations
from alembic.autogenerate.api import AutogenContext, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine
from sqlalchemy.types import TypeDecorator, TypeEngine

from exponential.core import database, encryption
from exponential.core.database import VERSION_TABLE, AppBase, GatewayBase, Part
from exponential.core.encryption import BlindIndex
from exponential.core.errors import BadInput, ExponentialError
from exponential.core.postgres import embedded

MAX_NAME_CHARS = 60  # of the file's name after its number
_BASES = {"app": AppBase, "gateway": GatewayBase}
_STYLE = Path(__file__).parents[2] / "pyproject.toml"
_MESSAGE = re.compile(r"[\w ,.:;()'/-]+")
_FILE = '''"""{sentence}"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
{body}
'''
_UNSEEN = "Nothing here sees CHECK constraints, triggers, or what rows that exist should hold: add these by hand."


@dataclass(frozen=True)
class Migration:
    """A file that was written, and what to check in it, in sentences."""

    path: Path
    checks: tuple[str, ...]


def write(message: str, part: Part, url: str, metadata: MetaData) -> Migration | None:
    """Bring the database at `url` to head and write the migration from there to `metadata`; None when there is nothing
    to do. The key ring must be set.

    Raises BadInput (the message), ConfigurationError as database.prepare does.
    """
    name = _name(message)
    folder = database.MIGRATIONS / part
    before = ScriptDirectory(str(database.MIGRATIONS), version_locations=[str(folder)]).get_current_head()
    assert before is not None
    database.prepare(part, url)
    changes, code = _compare(url, metadata)
    if not changes:
        return None
    revision = f"{int(before[:4]) + 1:04}"
    path = folder / f"{revision}_{name}.py"
    text = _FILE.format(
        sentence=f"{message[0].upper()}{message[1:].rstrip('.')}.",
        revision=revision,
        before=before,
        body="\n".join(f"    {line}" for line in code if not line.startswith("# ###")),
    )
    path.write_text(text, encoding="utf-8")
    for arguments in (("check", "--quiet", "--select=F401", "--fix"), ("format", "--quiet")):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, f"--config={_STYLE}", str(path)], check=True)
    return Migration(path, (*dict.fromkeys(_checks(changes)), _UNSEEN))


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic is to look at this: not at procrastinate's tables, nor at its own."""
    return kind != "table" or not (name or "").startswith(("procrastinate_", VERSION_TABLE))


COMPARISON = {"compare_type": True, "compare_server_default": True, "include_name": _is_ours}  # of models and database


def _name(message: str) -> str:
    if not _MESSAGE.fullmatch(message) or not any(map(str.isalnum, message)):
        raise BadInput('Say in a few plain words what changes, such as "add colour to tasks".', code="message_invalid")
    return re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:MAX_NAME_CHARS].rstrip("_") or "change"


def _compare(url: str, metadata: MetaData) -> tuple[list[ops.MigrateOperation], list[str]]:
    """What differs, and the lines of code that bring it about."""
    engine = create_engine(database.parse_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=COMPARISON)
            upgrade = produce_migrations(context, metadata).upgrade_ops
            assert upgrade is not None
            code = render_python_code(upgrade, render_item=_render, migration_context=context)
    finally:
        engine.dispose()
    return list(_flat(upgrade)), [line.removeprefix("    ") for line in code.splitlines()]


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """What the database holds of our own column types: their plain type, since the code of a migration never changes,
    and that of a column type may."""
    if kind != "type" or not type(item).__module__.startswith("exponential."):
        return False
    plain: TypeEngine[Any] = item.impl_instance if isinstance(item, TypeDecorator) else item
    base = next(each for each in type(plain).__mro__ if each.__module__.startswith("sqlalchemy."))
    return f"sa.{base.__name__}()"


def _flat(group: ops.OpContainer) -> Iterator[ops.MigrateOperation]:
    for each in group.ops:
        if isinstance(each, ops.OpContainer):
            yield from _flat(each)
        else:
            yield each


def _checks(changes: list[ops.MigrateOperation]) -> Iterator[str]:
    added = {change.table_name for change in changes if isinstance(change, ops.AddColumnOp)}
    for change in changes:
        match change:
            case ops.AddColumnOp():
                yield from _checks_of_column(f"{change.table_name}.{change.column.name}", change)
            case ops.DropColumnOp():
                renamed = " If it was renamed, use op.alter_column(…, new_column_name=…)."
                yield (
                    f"{change.table_name}.{change.column_name} goes, with what it holds."
                    f"{renamed if change.table_name in added else ''}"
                )
            case ops.DropTableOp():
                yield f"{change.table_name} goes, with what it holds."
            case ops.AlterColumnOp() if change.modify_type is not None:
                yield (
                    f"{change.table_name}.{change.column_name} changes its type: say how its values do "
                    "(postgresql_using=…). Text that is to be encrypted: columns.encrypt, as in app/0016."
                )
            case ops.AlterColumnOp() if change.modify_nullable is False:
                yield f"{change.table_name}.{change.column_name} can't be null any more: fill it before that."


def _checks_of_column(name: str, change: ops.AddColumnOp) -> Iterator[str]:
    column = change.column
    if isinstance(column.type, BlindIndex):
        yield f"{name} is a blind index: fill it for the rows that exist, with columns.write and columns.blinded."
    elif not column.nullable and column.server_default is None:
        yield (
            f"{name} can't be null: give the rows that exist a value (a server_default that is taken away again, as in "
            "app/0010)."
        )


@contextmanager
def _fresh_database() -> Iterator[str]:
    """The URL of one that doesn't exist yet, on an embedded server of its own."""
    with tempfile.TemporaryDirectory(prefix="exponential-migration-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # root's server runs as a user of its own
        server = embedded.start(Path(folder))
        try:
            yield server.url("exponential")
        finally:
            server.stop()


def main(
    message: Annotated[str, typer.Argument(help='What changes: "add colour to tasks". It names the file.')],
    service: Annotated[Literal["app", "gateway"], typer.Option(help="Whose database.")] = "app",
) -> None:
    """Write the migration that brings a database from the last migration to today's models."""
    importlib.import_module(f"exponential.{service}.service")  # with a service come all its tables
    logging.getLogger("alembic").setLevel(logging.WARNING)  # the WhatsApp client has the log say everything
    encryption.use_keys((secrets.token_bytes(32),))
    try:
        with _fresh_database() as url:
            written = write(message, service, url, _BASES[service].metadata)
    except ExponentialError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if written is None:
        typer.echo(f"Nothing to do: the migrations of the {service} make what its models say.")
        return
    typer.echo(f"Wrote {written.path}")
    for check in written.checks:
        typer.echo(f"- {check}")


if __name__ == "__main__":
    typer.run(main)
