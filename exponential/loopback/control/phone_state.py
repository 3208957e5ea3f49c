"""What a phone shows, as JSON: once, or as events whenever it changes."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from exponential.loopback.phones.phone import Phone

MAX_LINES = 200  # of a chat


def state(phone: Phone) -> dict[str, Any]:
    """Contacts, chats (the last lines of each), groups, who is typing, linked devices.

    `people` maps the LIDs that mentions name to numbers. `asked`: a computer waits for the account's passkey, with the
    code to compare, if there is one.
    """
    others = phone.known_phones()
    return {
        "number": phone.number,
        "name": phone.name,
        "online": phone.online,
        "passkey": phone.account.passkey,
        "asked": {"code": exchange.code} if (exchange := phone.exchange()) else None,
        "contacts": phone.contacts | {other.number: other.name for other in others},
        "people": {other.account.lid.user: other.number for other in [phone, *others]},
        "chats": {chat: [asdict(line) for line in lines[-MAX_LINES:]] for chat, lines in phone.chats.items()},
        "groups": {
            str(group.jid): {"subject": group.subject, "members": [f"+{member.number}" for member in group.members]}
            for group in phone.groups()
        },
        "disappearing": phone.disappearing,
        "typing": sorted(phone.typing),
        "devices": [{"id": device.id, "name": device.name} for device in phone.linked_devices],
    }


async def stream(phone: Phone) -> AsyncIterator[dict[str, Any]]:
    """The state now and after every change, as server-sent events."""
    while True:
        news = phone.news()
        yield {"data": json.dumps(state(phone))}
        await news.wait()
