"""Key rotation: everything that was sealed under an older key of the ring is sealed anew under the newest one.

Row by row and store by store, each in a transaction of its own: it may be interrupted anywhere and run again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, and_, bindparam, func, or_, select, type_coerce, update

from exponential.app import service as _app  # noqa: F401  with each service come all its tables
from exponential.cli.installation import Installation
from exponential.core import encryption, key_check
from exponential.core.database import AppBase, Database, GatewayBase, Part
from exponential.core.encryption import EncryptedBytes, EncryptedJSON, EncryptedText
from exponential.gateway import service as _gateway  # noqa: F401
from exponential.gateway.credentials.credential_store import CheckoutLost, CredentialStore, StoreLocked, StoreRow
from exponential.gateway.sessions.sessions import ACTIVE, Session

BATCH_ROWS = 500  # rows a transaction
BATCH_FILE_ROWS = 4  # the same where a row holds a file


@dataclass(frozen=True)
class Outcome:
    """What one run did. `waiting` stores have a client and are sealed anew when the gateway next starts it.

    `locked` stores can't be opened with any key of the ring.
    """

    rows: int = 0
    stores: int = 0
    waiting: int = 0
    locked: int = 0

    @property
    def is_complete(self) -> bool:
        """Nothing needs another key than the newest any more."""
        return not (self.waiting or self.locked)

    def sentence(self) -> str:
        """For people: what was done, and what to do next."""
        done = f"Encrypted anew: {self.rows} rows and {self.stores} sessions' credentials."
        if self.locked:
            return (
                f"{done} The credentials of {self.locked} sessions can't be opened with any key of "
                "EXPONENTIAL_ENCRYPTION_KEY. Add the missing key or disconnect these sessions, then run this again."
            )
        if self.waiting:
            return (
                f"{done} {self.waiting} linked sessions still use an older key: restart the gateway with the new key "
                "first in EXPONENTIAL_ENCRYPTION_KEY, then run this again."
            )
        return f"{done} Nothing needs the older keys any more."


async def rotate_installation(place: Installation) -> Outcome:
    """`rotate` for the databases and keys of an installation, brought up to date first. Raises ConfigurationError."""
    keys = place.gateway.encryption_keys
    urls: dict[Part, str] = {"app": place.app.database_url, "gateway": place.gateway.database_url}
    async with (
        key_check.opened("app", urls["app"], keys) as app,
        key_check.opened("gateway", urls["gateway"], keys) as gateway,
    ):
        outcome = await rotate(app, gateway, keys)
    if outcome.is_complete:
        for part, url in urls.items():
            await asyncio.to_thread(key_check.forget_older, part, url, keys[0])
    return outcome


async def rotate(app: Database, gateway: Database, keys: Sequence[bytes]) -> Outcome:
    """Seal both services' data under `keys[0]`, which this process's ring must have first too.

    Raises ConfigurationError at a row that no key of the ring opens; what was done until then stays done.
    """
    rows = sum([await _columns(app, table) for table in AppBase.metadata.sorted_tables])
    rows += sum([await _columns(gateway, table) for table in GatewayBase.metadata.sorted_tables])
    stores, waiting, locked = await _stores(gateway, keys)
    return Outcome(rows, stores, waiting, locked)


async def _columns(database: Database, table: Table) -> int:
    """Seal a table's encrypted columns anew; the number of rows that needed it."""
    sealed = [
        column for column in table.columns if isinstance(column.type, EncryptedText | EncryptedJSON | EncryptedBytes)
    ]
    if not sealed:
        return 0
    raw = [type_coerce(column, LargeBinary).label(column.name) for column in sealed]
    stale = or_(*(and_(column.is_not(None), func.substr(column, 1, 5) != encryption.newest()) for column in raw))
    keys = list(table.primary_key.columns)
    at_once = BATCH_FILE_ROWS if any(isinstance(column.type, EncryptedBytes) for column in sealed) else BATCH_ROWS
    batch = select(*keys, *raw).where(stale).limit(at_once).with_for_update()
    done = 0
    while True:
        async with database.transaction() as db:
            found = (await db.execute(batch)).mappings().all()
            for row in found:
                await db.execute(_rewrite(table, keys, sealed), dict(_anew(row, keys, sealed)))
        done += len(found)
        if len(found) < at_once:
            return done


def _rewrite(table: Table, keys: Sequence[Column[Any]], sealed: Sequence[Column[Any]]) -> Any:
    values = {column.name: bindparam(f"new_{column.name}", type_=LargeBinary) for column in sealed}
    return update(table).where(*(column == bindparam(f"old_{column.name}") for column in keys)).values(values)


def _anew(row: Any, keys: Sequence[Column[Any]], sealed: Sequence[Column[Any]]) -> Iterator[tuple[str, Any]]:
    for column in keys:
        yield f"old_{column.name}", row[column.name]
    for column in sealed:
        value = row[column.name]
        yield f"new_{column.name}", None if value is None else encryption.encrypt(encryption.decrypt(bytes(value)))


async def _stores(gateway: Database, keys: Sequence[bytes]) -> tuple[int, int, int]:
    credentials = CredentialStore(gateway, keys)
    async with gateway.transaction() as db:
        running = or_(Session.status.in_(ACTIVE), Session.unlink_since.is_not(None))
        stale = select(StoreRow.session_id, running).join(Session, Session.id == StoreRow.session_id)
        found = (await db.execute(stale.where(StoreRow.key_id != credentials.newest))).all()
    done = waiting = locked = 0
    for session_id, has_client in found:
        if has_client:
            waiting += 1
            continue
        try:
            done += await credentials.reseal(session_id)
        except StoreLocked:
            locked += 1
        except CheckoutLost:  # removed meanwhile
            continue
    return done, waiting, locked
