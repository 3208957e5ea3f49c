"""Who may talk to the assistant, decided per message. The rules are the session's Policy.

Asked in the worker before anything is kept, and again by the gateway before anything is recorded.
"""

import re
from typing import Literal

from exponential.gateway.access.policy import Policy
from exponential.gateway.reply_prefix import REPLY_PREFIX
from exponential.gateway.worker.protocol import Account, Inbound

BY_HAND = "by_hand"  # kind of what is kept when the account's human writes to somebody: that they did, not what
PEOPLE, GROUP = ("s.whatsapp.net", "lid"), "g.us"
Role = Literal["owner", "guest"]
_MENTION = re.compile(r"@(\d+)")


def bare(jid: str) -> str:
    """A JID without its device part: "49123:7@s.whatsapp.net" → "49123@s.whatsapp.net"."""
    user, _, server = jid.partition("@")
    return f"{user.partition(':')[0]}@{server}"


def phone_number(jid: str) -> str | None:
    """ "49123@s.whatsapp.net" → "+49123"; None for a LID or a group."""
    user, _, server = bare(jid).partition("@")
    return f"+{user}" if server == "s.whatsapp.net" and user.isdecimal() else None


def is_group(chat: str) -> bool:
    return chat.endswith(f"@{GROUP}")


def is_person(chat: str) -> bool:
    """Whether this is somebody's chat: no group, no broadcast list, no status, no channel."""
    return chat.rpartition("@")[2] in PEOPLE


def is_own_chat(account: Account, chat: str) -> bool:
    """Whether `chat` is the account's "Message yourself" chat, under its phone number or its LID."""
    return bare(chat) in _own(account)


def addresses(message: Inbound) -> set[str]:
    """The bare number and LID, as far as known, of the person the message is from (of whom it is to, when we wrote)."""
    person = message.chat if message.from_me and not is_group(message.chat) else message.sender
    return {bare(jid) for jid in (person, message.alt) if jid}


def role(policy: Policy, account: Account, message: Inbound) -> Role | None:
    """As whom the assistant hears the sender; None when it may not hear this message at all.

    In a group everybody is a guest, the owner too: all members read the answer.
    """
    if message.from_me:
        return "owner" if is_own_chat(account, message.chat) else None
    who = addresses(message)
    if is_group(message.chat):
        meant = any(bare(jid) in _own(account) for jid in message.addressed)
        return "guest" if policy.groups == "mentions" and meant and policy.admits(who) else None
    if not is_person(message.chat) or not policy.admits(who):
        return None
    return "owner" if policy.is_owner(who) else "guest"


def to_keep(policy: Policy, account: Account, message: Inbound) -> Inbound | None:
    """What may be kept of a message: all of it; where the human wrote by hand, that this happened; or nothing."""
    if message.text.startswith(REPLY_PREFIX.rstrip()):
        return None
    if role(policy, account, message):
        return message
    if _pauses(policy, account, message):
        return message.about(BY_HAND)
    return None


def said_to(account: Account, message: Inbound) -> str:
    """A message's text; in a group without the account's own mention, unless nothing else is said."""
    if not is_group(message.chat):
        return message.text
    own = {jid.partition("@")[0] for jid in _own(account)}
    before, *parts = _MENTION.split(message.text)
    for number, part in zip(parts[::2], parts[1::2], strict=True):
        if number not in own:
            before += f"@{number}{part}"
        else:
            before = before.rstrip() + (part if before.strip() else part.lstrip(" \t\n,:"))
    return before.strip() or message.text


def _pauses(policy: Policy, account: Account, message: Inbound) -> bool:
    if not message.from_me or is_own_chat(account, message.chat):
        return False
    if is_group(message.chat):
        return policy.groups == "mentions"
    who = addresses(message)
    return is_person(message.chat) and policy.admits(who) and not policy.is_owner(who)


def _own(account: Account) -> set[str]:
    return {jid for jid in (account.jid, account.lid) if jid}
