"""A phone's settings and address book."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class Settings:
    """All of it is kept in the state folder. Chats are named as in `Phone`."""

    name: str
    contacts: dict[str, str]  # number → name
    disappearing: dict[str, int] = field(default_factory=dict)  # chat → seconds
    self_chat_by_lid: bool = False  # WhatsApp has used both ways to address "Message yourself"
    addresses_by_number: bool = False  # WhatsApp's apps have addressed contacts by number, and do by LID
    wraps_ephemeral: bool = False  # WhatsApp's apps have sent what disappears with and without a wrapper
