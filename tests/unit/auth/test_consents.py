"""The warning's version and its text belong together: whoever changes the text, changes the version."""

import hashlib

from exponential.app.core.rendering import STATIC
from exponential.auth import consents

TEXTS = {
    "2026-11-25": "ca78c8e1da06be22406c74ecb329436f51f05f102968bc8b0fcedff4310ca405",
    "2026-11-30": "8a3afb3014e4c8b4d2cc7db526bd6b09b835d857d16d3635ebab8a7ac6bf7008",
}


def test_the_version_names_this_very_text() -> None:
    text = (STATIC.parent / "templates" / "_warning.html").read_text(encoding="utf-8")
    now = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
    assert TEXTS.get(consents.WHATSAPP_VERSION) == now, "a new text is a new version in auth/consents.py and here"
