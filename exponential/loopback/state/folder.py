"""A simulated WhatsApp's state in a folder, so that another process can be the same server: an SQLite file of rows.

Each row is one small thing (an account, a key, a session, a line, a waiting stanza) as JSON, and what has changed since
the last save is written in one transaction. The server saves before anything leaves it: see `Loopback.save`. What is
kept is in schema.py.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exponential.core.errors import ConfigurationError
from exponential.loopback.server.whatsapp import WhatsApp
from exponential.loopback.state.json_values import Reader, attributes, plain
from exponential.loopback.state.rows import Rows
from exponential.loopback.state.schema import PARTS, Key, Part, Table, find_phone, row_key
from exponential.protocol.binary import JID, DecodeError

FORMAT = 1
FILE = "whatsapp.sqlite"
Name = tuple[str, Key]  # a part with the key of a row, or with whose a table is
Change = tuple[str, str, str | None]  # part, key, and the row's text or None when it is gone


class State:
    """The state in `folder`, which is made when it isn't there. One process at a time. Raises ConfigurationError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._saved: dict[Name, str] = {}  # the texts of the rows of parts
        self._tables: dict[Name, Rows[Any, Any]] = {}  # whose rows are in the file
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.close(os.open(folder / FILE, os.O_CREAT | os.O_RDWR, 0o600))  # it holds keys
            self._file = sqlite3.connect(folder / FILE, isolation_level=None, timeout=0)
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"The simulated WhatsApp's state in {folder} can't be opened ({error}). "
                "Stop what else uses that folder, or name another one."
            ) from None

    def _prepare(self) -> None:
        [(found,)] = self._file.execute("PRAGMA user_version").fetchall()
        if found not in (0, FORMAT):
            raise ConfigurationError(
                f"The simulated WhatsApp's state in {self.folder} is of another version. Remove it to start anew."
            )
        self._file.execute("BEGIN EXCLUSIVE")
        self._file.execute("CREATE TABLE IF NOT EXISTS kept (part TEXT, key TEXT, value TEXT, PRIMARY KEY (part, key))")
        self._file.execute(f"PRAGMA user_version = {FORMAT}")
        self._file.execute("COMMIT")

    def load(self, server: WhatsApp) -> None:
        """Make `server`, which is new, what it was. Raises ConfigurationError for what isn't its state."""
        reader = Reader(lambda number: find_phone(server, number).account, lambda jid: server.groups[JID.parse(jid)])
        try:
            for part in PARTS:
                self._load(part, reader, server)
        except (ValueError, KeyError, TypeError, StopIteration, DecodeError) as error:
            raise ConfigurationError(
                f"The simulated WhatsApp's state in {self.folder} can't be read ({type(error).__name__}: {error}). "
                "Remove it to start anew."
            ) from None
        for phone in server.phones:
            if phone.online:
                phone.go_online()  # it takes what has waited for it

    def _load(self, part: Part | Table, reader: Reader, server: WhatsApp) -> None:
        rows = self._file.execute("SELECT key, value FROM kept WHERE part = ? ORDER BY rowid", (part.name,))
        for key_text, text in rows.fetchall():
            key, data = tuple(json.loads(key_text)), json.loads(text)
            by_attribute = isinstance(part.kind, dict)
            part.put(server, key, reader.attributes(part.kind, data) if by_attribute else reader.read(part.kind, data))
            if isinstance(part, Part):
                self._saved[part.name, key] = text
        if isinstance(part, Table):
            for owner, table in part.tables(server):
                table.all_saved()
                self._tables[part.name, owner] = table

    def save(self, server: WhatsApp) -> None:
        """Write what has changed since the last time, all of it or nothing.

        It costs what has changed, plus a look at each phone, device and group.
        """
        rows = {
            (part.name, key): _text(part, row)
            for part in PARTS
            if isinstance(part, Part)
            for key, row in part.rows(server)
        }
        tables = {
            (part.name, owner): table
            for part in PARTS
            if isinstance(part, Table)
            for owner, table in part.tables(server)
        }
        changes = [*self._changed_rows(rows), *self._changed_in(tables)]
        left = [name for name, table in self._tables.items() if tables.get(name) is not table]
        if changes or left:
            self._write(left, changes)
        self._saved, self._tables = rows, tables
        for table in tables.values():
            table.all_saved()

    def _changed_rows(self, rows: dict[Name, str]) -> Iterator[Change]:
        for (name, key), text in rows.items():
            if text != self._saved.get((name, key)):
                yield name, json.dumps(key), text
        for name, key in self._saved.keys() - rows.keys():
            yield name, json.dumps(key), None

    def _changed_in(self, tables: dict[Name, Rows[Any, Any]]) -> Iterator[Change]:
        kinds = {part.name: part for part in PARTS}
        for (name, owner), table in tables.items():
            known = self._tables.get((name, owner)) is table
            for key in table.unsaved() if known else table:
                text = _text(kinds[name], table[key]) if key in table else None
                yield name, json.dumps(row_key(owner, key)), text

    def _write(self, left: list[Name], changes: list[Change]) -> None:
        """`left`: tables whose owner is no more; all their rows go."""
        self._file.execute("BEGIN")
        for name, owner in left:
            beginning = json.dumps(owner)[:-1] + ", "
            self._file.execute(
                "DELETE FROM kept WHERE part = ? AND substr(key, 1, ?) = ?", (name, len(beginning), beginning)
            )
        self._file.executemany(
            "DELETE FROM kept WHERE part = ? AND key = ?", [(name, key) for name, key, text in changes if text is None]
        )
        self._file.executemany(
            "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [change for change in changes if change[2] is not None],
        )
        self._file.execute("COMMIT")

    def close(self) -> None:
        self._file.close()


def _text(part: Part | Table, row: Any) -> str:
    return json.dumps(attributes(row, part.kind) if isinstance(part.kind, dict) else plain(row))
