"""Who may talk to the assistant. "Only me": the account's own "Message yourself" chat and nothing else.

Asked in the worker before anything is kept, and in the API before anything is sent.
"""

from exponential.gateway.wire import Account, Inbound

REPLY_PREFIX = "🤖 *Paddy:*"  # how the assistant's replies begin in the owner's own chat


def bare(jid: str) -> str:
    """A JID without its device part: "49123:7@s.whatsapp.net" → "49123@s.whatsapp.net"."""
    user, _, server = jid.partition("@")
    return f"{user.partition(':')[0]}@{server}"


def phone_number(jid: str) -> str | None:
    """ "49123@s.whatsapp.net" → "+49123"; None for a LID or a group."""
    user, _, server = bare(jid).partition("@")
    return f"+{user}" if server == "s.whatsapp.net" and user.isdecimal() else None


def is_own_chat(account: Account, chat: str) -> bool:
    """Whether `chat` is the account's "Message yourself" chat, under its phone number or its LID."""
    return bare(chat) in {jid for jid in (account.jid, account.lid) if jid}


def accepts(account: Account, message: Inbound) -> bool:
    """Whether this message may reach the assistant. What isn't accepted is kept nowhere and never answered."""
    if not (message.from_me and is_own_chat(account, message.chat)):
        return False
    return not message.text.startswith(REPLY_PREFIX)
