"""A store for the client library with a device in it that the library didn't register itself.

The library makes the empty schema; we fill in what it would have (whatsmeow store/sqlstore: container.go PutDevice,
lidmap.go, store.go PutIdentity; pair.go handlePair), on a copy, with Python's SQLite.
"""

import sqlite3
from contextlib import closing

from exponential.gateway.linking.client import Linked
from exponential.gateway.linking.device import SIGNED_PRE_KEY_ID, NewDevice
from exponential.protocol.binary import JID
from exponential.protocol.protobufs import ADVSignedDeviceIdentity

_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html §1.3


class UnknownStore(Exception):
    """The library's schema isn't one that can be filled in; nothing was used."""


def check(empty: bytes) -> None:
    """Whether a device could be put into this store. Raises UnknownStore."""
    identity = ADVSignedDeviceIdentity(details=b"-", accountSignature=bytes(64), accountSignatureKey=bytes(32))
    identity.deviceSignature = bytes(64)
    filled(empty, Linked(NewDevice(), identity, JID("1", device=1), JID("1", "lid", 1), "", ""))


def filled(empty: bytes, linked: Linked) -> bytes:
    """The content of a store that the library made, with this device in it. Raises UnknownStore."""
    device, identity = linked.device, linked.identity
    if not empty.startswith(_MAGIC):
        raise UnknownStore("it is no database")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.deserialize(empty)
        try:
            db.execute("pragma foreign_keys = on")
            db.execute("begin")
            _insert(
                db,
                "whatsmeow_device",
                jid=str(linked.jid),
                lid=str(linked.lid),
                registration_id=device.registration_id,
                noise_key=device.noise.private,
                identity_key=device.identity.private,
                signed_pre_key=device.signed_pre_key.private,
                signed_pre_key_id=SIGNED_PRE_KEY_ID,
                signed_pre_key_sig=device.signature,
                adv_key=device.adv_secret,
                adv_details=identity.details,
                adv_account_sig=identity.accountSignature,
                adv_account_sig_key=identity.accountSignatureKey,
                adv_device_sig=identity.deviceSignature,
                platform=linked.platform,
                business_name=linked.business_name,
                push_name="",
            )
            # The phone itself, by its Signal address: LIDs are marked by an underscore and a 1 (types/jid.go).
            _insert(
                db,
                "whatsmeow_identity_keys",
                our_jid=str(linked.jid),
                their_id=f"{linked.lid.user}_1:0",
                identity=identity.accountSignatureKey,
            )
            _insert(db, "whatsmeow_lid_map", lid=linked.lid.user, pn=linked.jid.user)
            db.execute("commit")
            whole = db.execute("pragma integrity_check").fetchall() == [("ok",)]
        except sqlite3.Error as error:
            raise UnknownStore(str(error)) from None
        if not whole:
            raise UnknownStore("it is damaged")
        return db.serialize()


def _insert(db: sqlite3.Connection, table: str, **row: str | int | bytes) -> None:
    names, places = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"insert into {table} ({names}) values ({places})", list(row.values()))
