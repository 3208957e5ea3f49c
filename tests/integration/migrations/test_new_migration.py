"""A changed model becomes a migration: written, in the house's style, and enough when it is applied."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, Index, MetaData, String
from sqlalchemy.dialects.postgresql import TSVECTOR

from exponential.app import service as _app  # noqa: F401  with each service come all its tables
from exponential.cli import new_migration
from exponential.cli.new_migration import Migration
from exponential.core import database
from exponential.core.database import AppBase, GatewayBase, Part
from exponential.core.encryption import BlindIndex, EncryptedJSON, EncryptedText
from exponential.core.errors import BadInput
from exponential.gateway import service as _gateway  # noqa: F401

MODELS = {"app": AppBase.metadata, "gateway": GatewayBase.metadata}
Writer = Callable[[str, MetaData], Migration | None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The app's migrations, a copy to write into."""
    copy = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(database, "MIGRATIONS", copy)
    return copy / "app"


@pytest.fixture
def write(folder: Path, database_url: Callable[[str], str]) -> Writer:
    url = database_url("app")
    return lambda message, models: new_migration.write(message, "app", url, models)


@pytest.fixture
def models() -> MetaData:
    """The app's tables as the models have them, to change."""
    changed = MetaData(naming_convention=AppBase.metadata.naming_convention)
    for table in AppBase.metadata.tables.values():
        table.to_metadata(changed)
    return changed


def next_number(folder: Path) -> str:
    return f"{max(int(path.name[:4]) for path in folder.glob('0*.py')) + 1:04}"


@pytest.mark.parametrize("part", ["app", "gateway"])
def test_there_is_nothing_to_write_today(folder: Path, database_url: Callable[[str], str], part: Part) -> None:
    before = set(folder.parent.rglob("*.py"))
    assert new_migration.write("nothing at all", part, database_url(part), MODELS[part]) is None
    assert set(folder.parent.rglob("*.py")) == before


def test_a_new_column_is_one_line_in_the_next_migration(folder: Path, write: Writer, models: MetaData) -> None:
    models.tables["tasks"].append_column(Column("colour", EncryptedText, nullable=True))
    number = next_number(folder)
    written = write("add colour to tasks", models)
    assert written is not None
    assert written.path == folder / f"{number}_add_colour_to_tasks.py"
    assert written.path.read_text(encoding="utf-8") == (
        '"""Add colour to tasks."""\n\n'
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        f'revision = "{number}"\ndown_revision = "{int(number) - 1:04}"\nbranch_labels = None\ndepends_on = None\n\n\n'
        "def upgrade() -> None:\n"
        '    op.add_column("tasks", sa.Column("colour", sa.LargeBinary(), nullable=True))\n'
    )
    assert write("add colour to tasks once more", models) is None  # applied by then, it was enough


def test_our_own_types_and_postgres_s_come_out_as_the_database_has_them(write: Writer, models: MetaData) -> None:
    tasks = models.tables["tasks"]
    for column in (
        Column("colour", EncryptedText, nullable=True),
        Column("colour_key", BlindIndex("colour"), nullable=True),
        Column("marks", EncryptedJSON, nullable=True),
        Column("words", TSVECTOR, nullable=True),
        Column("shade", String(20), nullable=True),
    ):
        tasks.append_column(column)
    Index("ix_tasks_colour_key", tasks.c.colour_key)
    written = write("Colours of tasks, and marks", models)
    assert written is not None
    assert written.path.name.endswith("_colours_of_tasks_and_marks.py")
    code = written.path.read_text(encoding="utf-8")
    assert code.count("sa.LargeBinary()") == 3
    assert "postgresql.TSVECTOR()" in code and "sa.String(length=20)" in code and "exponential" not in code
    assert any("tasks.colour_key is a blind index" in check for check in written.checks)
    assert write("again", models) is None


def test_it_says_what_a_person_has_to_look_at(write: Writer, models: MetaData) -> None:
    models.tables["tasks"].append_column(Column("colour", String(8), nullable=False))
    models.remove(models.tables["facts"])
    written = write("colours", models)
    assert written is not None
    told = " ".join(written.checks)
    assert "tasks.colour can't be null" in told
    assert "facts goes, with what it holds" in told
    assert "CHECK constraints" in told


@pytest.mark.parametrize("message", ["", " ,.", '"""\nimport os', "a\\b", "x\ny"])
def test_a_message_that_is_no_name_is_refused(write: Writer, models: MetaData, folder: Path, message: str) -> None:
    before = set(folder.glob("*.py"))
    with pytest.raises(BadInput, match="plain words"):
        write(message, models)
    assert set(folder.glob("*.py")) == before


def test_what_was_written_is_applied_with_all_the_others(
    write: Writer, models: MetaData, database_url: Callable[[str], str]
) -> None:
    models.tables["tasks"].append_column(Column("colour", EncryptedText, nullable=True))
    assert write("add colour to tasks", models) is not None
    url = database_url("another")
    database.prepare("app", url)
    with psycopg.connect(database.libpq(url)) as connection:
        found = connection.execute(
            "select data_type from information_schema.columns where (table_name, column_name) = ('tasks', 'colour')"
        ).fetchall()
    assert found == [("bytea",)]
