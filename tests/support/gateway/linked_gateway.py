"""A gateway with the real client, linked to Ada's phone on the loopback server, and an app that takes its messages."""

from dataclasses import dataclass
from typing import Any

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.protocol.binary import Node
from support.gateways import ADA, SECRET, App, Gateway, StartGateway, link
from support.waiting import until

ADAS_CHAT = "4915112345678@s.whatsapp.net"
BOBS_CHAT = "4915187654321@s.whatsapp.net"
CAST = ("+4915112345678", "Ada"), ("+4915187654321", "Bob"), ("+4915100000666", "Mallory")


class Tap:
    """Everything that clients sent to the server, however much it is."""

    def __init__(self, whatsapp: Loopback) -> None:
        self.stanzas: list[Node] = []
        add = whatsapp.wire.add

        def note(direction: Any, device: str, stanza: Node) -> None:
            if direction == "in":
                self.stanzas.append(stanza)
            add(direction, device, stanza)

        whatsapp.wire.add = note  # type: ignore[method-assign]

    def to(self, *phones: Phone) -> list[Node]:
        """What was addressed to these accounts, under number or LID."""
        users = {jid.user for phone in phones for jid in (phone.account.jid, phone.account.lid)}
        return [stanza for stanza in self.stanzas if (to := stanza.jid("to")) and to.user in users]


@dataclass
class World:
    """Ada has linked her account; Bob is a friend of hers, Mallory a stranger."""

    whatsapp: Loopback
    app: App
    start: StartGateway
    ada: Phone
    bob: Phone
    mallory: Phone
    tap: Tap
    gateway: Gateway
    session: str = ""

    @classmethod
    def around(cls, gateway: Gateway, whatsapp: Loopback, app: App, start: StartGateway) -> "World":
        """The cast of a running gateway, nobody linked yet."""
        ada, bob, mallory = (whatsapp.add_phone(number, name) for number, name in CAST)
        return cls(whatsapp, app, start, ada, bob, mallory, Tap(whatsapp), gateway)

    async def link(self) -> None:
        """Link Ada's account to the running gateway."""
        self.session, _ = await link(self.gateway, self.ada)

    @property
    def ids(self) -> tuple[Identity, str]:
        return ADA, self.session

    async def call(self, method: str, path: str, expected: int = 200, **body: Any) -> Any:
        """A request as Ada's; the answer's JSON. The path is below the session."""
        token = service_tokens.issue(ADA, secret=SECRET, audience=service_tokens.GATEWAY)
        answer = await self.gateway.http.request(
            method, f"/sessions/{self.session}{path}", json=body or None, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def allow(self, **access: Any) -> dict[str, Any]:
        """Change who may talk; the access that holds now."""
        changed: dict[str, Any] = (await self.call("PATCH", "", access=access))["access"]
        return changed

    async def hears(self, count: int) -> list[dict[str, Any]]:
        """What the app has got, once these are `count` messages."""
        await until(lambda: len(self.app.taken) >= count)
        assert len(self.app.taken) == count, self.app.texts
        return self.app.taken

    async def only_me_works(self, words: str) -> None:
        """Ada writes to herself, and that alone is heard: what was sent before has passed through the client."""
        heard = len(self.app.taken)
        self.ada.send_text("me", words)
        await until(lambda: words in self.app.texts)
        assert len(self.app.taken) == heard + 1, self.app.texts
