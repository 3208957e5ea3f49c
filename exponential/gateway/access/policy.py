"""Who may talk to the assistant in a session, as its owner set it. Worker and API decide by one and the same Policy.

It names people, so the database holds it encrypted; the worker gets it over its private wire.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Mode = Literal["only_me", "people", "everyone"]
Groups = Literal["off", "mentions"]
PER_CONTACT, PER_SESSION = 60, 600  # messages an hour


@dataclass(frozen=True)
class OwnNumber:
    """A number that the owner has proved to be theirs: its JID and its LID, of which one may be unknown ("")."""

    id: str
    jid: str
    lid: str
    proved_at: str


@dataclass(frozen=True)
class Proof:
    """An open proof: who texts the code with this salted hash (`digest`, hex) is proved. Ends at Unix time `until`."""

    id: str
    salt: str
    digest: str
    until: float


@dataclass(frozen=True)
class Policy:
    """`people` are numbers such as "+49…" that count in the mode "people". `groups` goes on top of every mode.

    `per_contact` and `per_session` are the messages an hour that are heard of one contact and of all contacts together:
    the gateway's settings, not the owner's.
    """

    mode: Mode = "only_me"
    people: tuple[str, ...] = ()
    groups: Groups = "off"
    reactions: bool = False
    read_receipts: bool = True
    own_numbers: tuple[OwnNumber, ...] = ()
    proof: Proof | None = None
    per_contact: int = PER_CONTACT
    per_session: int = PER_SESSION

    def is_owner(self, addresses: set[str]) -> bool:
        """Whether these addresses (bare JIDs and LIDs of one person) belong to a number that was proved."""
        return any({number.jid, number.lid} & addresses for number in self.own_numbers)

    def admits(self, addresses: set[str]) -> bool:
        """Whether the person with these addresses may talk to the assistant at all."""
        if self.mode == "everyone" or self.is_owner(addresses):
            return True
        return self.mode == "people" and any(jid_of(number) in addresses for number in self.people)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any] | None) -> "Policy":
        """The reverse of `as_json`, also after JSON has made lists of tuples; None is the default policy."""
        if not fields:
            return cls()
        return cls(
            **{
                **fields,
                "people": tuple(fields["people"]),
                "own_numbers": tuple(OwnNumber(**number) for number in fields["own_numbers"]),
                "proof": Proof(**fields["proof"]) if fields["proof"] else None,
            }
        )


def jid_of(number: str) -> str:
    """ "+49123" → "49123@s.whatsapp.net"."""
    return f"{number.lstrip('+')}@s.whatsapp.net"
