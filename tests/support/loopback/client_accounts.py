"""The real client's side of accounts and presence, as in client_messages.py: commands, and what it reports.

presence CHAT AVAILABLE LAST_SEEN     (0 when it isn't told)
"""

import base64
from typing import Any

from neonize.client import NewClient
from neonize.events import MessageEv, PresenceEv
from neonize.utils.enum import Presence
from neonize.utils.jid import build_jid


def jid(text: str) -> Any:
    user, _, server = text.partition("@")
    return build_jid(user, server)


def written(jid: Any) -> str:
    return f"{jid.User}:{jid.Device}@{jid.Server}" if jid.Device else f"{jid.User}@{jid.Server}"


class Accounts:
    """Commands about who somebody is and whether they are there."""

    def __init__(self, client: NewClient) -> None:
        self._client = client
        self._heard: dict[str, MessageEv] = {}

        @client.event(PresenceEv)
        def presence(_: object, event: PresenceEv) -> None:
            print("presence", written(event.From), not event.Unavailable, max(event.LastSeen, 0), flush=True)

    def name(self, id: str) -> str:
        """The push name that came with a message, as base64."""
        return base64.b64encode(self._heard[id].Info.Pushname.encode()).decode()

    def sender(self, id: str) -> str:
        source = self._heard[id].Info.MessageSource
        return f"{written(source.Sender)} {written(source.SenderAlt)}"

    def lid(self, number: str) -> str:
        return written(self._client.get_lid_from_pn(jid(number)))

    def number(self, lid: str) -> str:
        return written(self._client.get_pn_from_lid(jid(lid)))

    def lookup(self, number: str) -> str:
        """Ask the server whether a number is on WhatsApp."""
        (found,) = self._client.is_on_whatsapp(number)
        return f"{found.IsIn} {written(found.JID)}"

    def appear(self, state: str) -> str:
        self._client.send_presence(Presence[state])
        return ""

    def watch(self, chat: str) -> str:
        return str(self._client.subscribe_presence(jid(chat)))
