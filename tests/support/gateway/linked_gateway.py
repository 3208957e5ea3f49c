"""A gateway with the real client, linked to Ada's phone on the loopback server, and an app that takes its messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from exponential.auth import service_tokens
from exponential.auth.service_tokens import Identity
from exponential.loopback import testing
from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.server import Loopback
from exponential.protocol.binary import Node
from support.gateways import ADA, SECRET, App, Gateway, SharedGateway, link
from support.waiting import until

CAST = ("+4915112345678", "Ada"), ("+4915187654321", "Bob"), ("+4915100000666", "Mallory")


class Tap:
    """Everything that clients sent to the server, however much it is."""

    def __init__(self, whatsapp: Loopback) -> None:
        self.stanzas: list[Node] = []
        self._wire = whatsapp.wire
        add = self._add = whatsapp.wire.add

        def note(direction: Any, device: str, stanza: Node) -> None:
            if direction == "in":
                self.stanzas.append(stanza)
            add(direction, device, stanza)

        whatsapp.wire.add = note  # type: ignore[method-assign]

    def remove(self) -> None:
        self._wire.add = self._add  # type: ignore[method-assign]

    def to(self, *phones: Phone) -> list[Node]:
        """What was addressed to these accounts, under number or LID."""
        users = {jid.user for phone in phones for jid in (phone.account.jid, phone.account.lid)}
        return [stanza for stanza in self.stanzas if (to := stanza.jid("to")) and to.user in users]


@dataclass
class World:
    """Ada has linked her account; Bob is a friend of hers, Mallory a stranger. `app` takes what is Ada's."""

    whatsapp: Loopback
    app: App
    ada: Phone
    bob: Phone
    mallory: Phone
    tap: Tap
    gateway: Gateway
    user: Identity = ADA
    session: str = ""

    @classmethod
    def around(cls, gateway: Gateway, whatsapp: Loopback, app: App) -> "World":
        """The cast of a running gateway, nobody linked yet."""
        ada, bob, mallory = (whatsapp.add_phone(number, name) for number, name in CAST)
        return cls(whatsapp, app, ada, bob, mallory, Tap(whatsapp), gateway)

    @classmethod
    def within(cls, shared: SharedGateway) -> "World":
        """A cast that nobody has met before, in a gateway that others use, too."""
        user, (ada, bob, mallory) = shared.user(), (shared.phone(name) for _, name in CAST)
        tap = Tap(shared.whatsapp)
        return cls(shared.whatsapp, shared.app.of(user), ada, bob, mallory, tap, shared.gateway, user)

    async def link(self) -> None:
        """Link Ada's account to the running gateway."""
        self.session, _ = await link(self.gateway, self.ada, who=self.user)

    @property
    def ids(self) -> tuple[Identity, str]:
        return self.user, self.session

    @property
    def adas_chat(self) -> str:
        return str(self.ada.account.jid)

    @property
    def bobs_chat(self) -> str:
        return str(self.bob.account.jid)

    async def call(self, method: str, path: str, expected: int = 200, **body: Any) -> Any:
        """A request as Ada's; the answer's JSON. The path is below the session."""
        token = service_tokens.issue(self.user, secret=SECRET, audience=service_tokens.GATEWAY)
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


@asynccontextmanager
async def linked_within(shared: SharedGateway, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """In the module's gateway: Ada's account is linked and online."""
    request.node.stash.setdefault(testing._servers, []).append(shared.whatsapp)  # a failure shows the wire
    world = World.within(shared)
    await world.link()
    yield world
    await world.gateway.client.disconnect(*world.ids)
    world.tap.remove()
