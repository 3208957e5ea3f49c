"""WhatsApp, by way of the gateway. An account is a session's id, an address a JID."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from exponential.assistant.channels.base import OWN_CHAT, Channel, Place, Reply, Sent
from exponential.assistant.channels.gateway_mode import GatewayMode
from exponential.assistant.channels.markdown import FENCE, MARKDOWN, chunks
from exponential.auth.users import User
from exponential.core import log
from exponential.core.errors import BadInput, Conflict, ExponentialError, NotFound, Unavailable
from exponential.core.settings import AppSettings
from exponential.gateway.client import GatewayClient, own_refusals
from exponential.gateway.reply_prefix import REPLY_PREFIX
from exponential.gateway.schema import SessionInfo

MAX_CHUNK_CHARS = 4_000  # WhatsApp takes 4,096, and some of them may count twice there
# Conflicts that another try won't mend: the account's human answers in this chat; the account isn't linked any more; it
# was to go to another chat of this session before, and that failed.
_GONE = ("chat_paused", "not_linked", "idempotency_key_reused")
_LINKED = ("connected", "reconnecting")  # status of sessions through which a message goes out, now or soon
_MARKS = {"strong": "*", "em": "_", "s": "~"}

_log = log.get(__name__)


class WhatsApp(Channel):
    """`gateway` None: there is none here, and what is to be sent waits until there is."""

    name = "whatsapp"
    label = "WhatsApp"
    icon = "whatsapp"

    def __init__(self, gateway: GatewayClient | None) -> None:
        self._client = gateway
        self._mode = GatewayMode(gateway)

    @classmethod
    def connect(cls, settings: AppSettings) -> "WhatsApp":
        return cls(gateway_of(settings))

    def render(self, markdown: str) -> list[str]:
        return to_whatsapp(markdown)

    async def send(self, reply: Reply) -> Sent | None:
        """The first text begins with the reply prefix.

        A session or chat that no longer exists is given up, and so are a session that isn't linked any more (the
        gateway, too, gives up what it had queued there) and a chat in which a human answers by hand now.
        """
        who, session_id, chat, sent = reply.user.identity, reply.place.account, reply.place.address, None
        try:
            if chat == OWN_CHAT:
                chat = _own_chat(await self._gateway.session(who, session_id))
            for number, (text, key) in enumerate(zip(reply.texts, reply.keys, strict=True)):
                sent = await self._gateway.send(
                    who,
                    session_id,
                    chat,
                    text,
                    key=key,
                    prefixed=number == 0,
                    reply_to=reply.quoted,
                    owner_only=reply.private,
                )
        except (NotFound, BadInput, Conflict) as error:
            if isinstance(error, Conflict) and error.code not in _GONE:
                raise
            _log.warning("reply_given_up", key=reply.keys[0], session=session_id, code=error.code)
        return Sent(sent) if sent else None

    async def sent_at(self, user: User, place: Place, message_id: str) -> datetime | None:
        return await self._gateway.sent_at(user.identity, place.account, message_id)

    async def typing(self, user: User, place: Place, on: bool) -> None:
        if self._client is not None:
            await self._client.typing(user.identity, place.account, place.address, on)

    async def read(self, user: User, place: Place, message_ids: Sequence[str]) -> None:
        """The gateway knows whether the owner wants read receipts, and reactions."""
        if self._client is not None:
            await self._client.read(user.identity, place.account, place.address, [*message_ids])

    async def react(self, user: User, place: Place, message_id: str, emoji: str) -> bool:
        if self._client is None:
            return False
        return await self._client.react(user.identity, place.account, place.address, message_id, emoji)

    async def accounts(self, user: User) -> Sequence[str]:
        return [each.session_id for each in await self._gateway.sessions(user.identity) if each.status in _LINKED]

    async def own_places(self, user: User, account: str) -> Sequence[Place]:
        """The chats of numbers that are proved to be the user's, the latest first."""
        try:
            numbers = await self._gateway.proved(user.identity, account)
        except NotFound:
            return ()  # removed meanwhile; or the original gateway, which knows of none
        numbers.sort(key=lambda number: number.proved_at, reverse=True)
        return [Place(self.name, account, number.chat) for number in numbers if number.chat]

    async def export(self, user: User) -> Sequence[Any] | None:
        """The user's sessions as the gateway tells them, with their rules of access."""
        if self._client is None:
            return ()
        try:
            with own_refusals():
                found = await self._client.sessions(user.identity)
                return [
                    {**each.as_json(), "access": await self._client.access(user.identity, each.session_id)}
                    for each in found
                ]
        except ExponentialError as error:
            return [{"error": str(error)}]

    async def erase(self, user: User) -> None:
        """Unlink all sessions of the user."""
        if self._client is None:
            return
        try:
            with own_refusals():
                for found in await self._client.sessions(user.identity):
                    await self._client.disconnect(user.identity, found.session_id)
        except Unavailable as error:
            raise Unavailable(
                f"Your WhatsApp accounts could not be unlinked, so nothing was erased here. {error} Then try again.",
                code="not_unlinked",
            ) from None

    async def is_simulated(self) -> bool:
        return await self._mode.is_loopback()

    async def close(self) -> None:
        await self._mode.close()
        if self._client is not None:
            await self._client.close()

    @property
    def _gateway(self) -> GatewayClient:
        if self._client is None:
            raise Unavailable("WHATSAPP_GATEWAY_URL is not set, so nothing can be sent.", code="gateway_unconfigured")
        return self._client


def gateway_of(settings: AppSettings) -> GatewayClient | None:
    """A client of the gateway that the settings name; None where they name none."""
    return GatewayClient(settings.gateway_url, settings.auth_secret) if settings.gateway_url else None


def is_group(jid: str) -> bool:
    return jid.endswith("@g.us")


def phone_number(*jids: str) -> str | None:
    """The first phone number among the JIDs, as people write it: WhatsApp also has ids that aren't one."""
    for user, _, server in (jid.partition("@") for jid in jids):
        if server == "s.whatsapp.net" and user.isdigit():
            return f"+{user}"
    return None


def to_whatsapp(markdown: str) -> list[str]:
    """The reply in WhatsApp's formatting, cut into chunks of at most MAX_CHUNK_CHARS characters; the first one leaves
    room for the reply prefix."""
    text = REPLY_PREFIX + _blocks(SyntaxTreeNode(MARKDOWN.parse(markdown)))
    first, *others = chunks(text, MAX_CHUNK_CHARS)
    return [first.removeprefix(REPLY_PREFIX), *others]


def _own_chat(session: SessionInfo) -> str:
    """The JID of an account's "Message yourself". Raises NotFound while the gateway doesn't know its number."""
    if not session.phone_number:
        raise NotFound("This session has no phone number.", code="unknown_session")
    return f"{session.phone_number.removeprefix('+')}@s.whatsapp.net"


def _block(node: SyntaxTreeNode) -> str:
    """One block of Markdown as WhatsApp text, without blank lines around it."""
    kind = node.type
    if kind in ("bullet_list", "ordered_list"):
        return _list(node)
    if kind == "heading":
        return f"*{_inline(node).replace('*', '')}*"
    if kind in ("paragraph", "th", "td"):
        return _inline(node)
    if kind in ("fence", "code_block"):
        return f"{FENCE}\n{node.content.rstrip()}\n{FENCE}"
    if kind == "blockquote":
        return "\n".join(f"> {line}" for line in _blocks(node).split("\n"))
    if kind == "table":
        rows = [row for part in node.children for row in part.children]
        return "\n".join(" · ".join(_block(cell) for cell in row.children) for row in rows)
    return "———" if kind == "hr" else _blocks(node)


def _blocks(node: SyntaxTreeNode) -> str:
    return "\n\n".join(_block(child) for child in node.children)


def _list(node: SyntaxTreeNode) -> str:
    items = []
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start=first):
        marker = f"{number}. " if node.type == "ordered_list" else "- "
        body = "\n".join(_block(child) for child in item.children)
        items.append(marker + body.replace("\n", "\n" + " " * len(marker)))
    return "\n".join(items)


def _inline(node: SyntaxTreeNode) -> str:
    kind = node.type
    if kind in ("text", "html_inline"):
        return node.content
    if kind in ("softbreak", "hardbreak"):
        return "\n"
    if kind == "code_inline":
        return f"`{node.content}`"
    inner = "".join(_inline(child) for child in node.children)
    if kind in _MARKS and inner.strip():
        return f"{_MARKS[kind]}{inner.strip()}{_MARKS[kind]}"
    if kind == "image":
        return f"{node.content} ({node.attrs['src']})".lstrip()
    if kind == "link":
        address = str(node.attrs["href"])
        return inner if inner in (address, address.removeprefix("mailto:")) else f"{inner} ({address})"
    return inner
