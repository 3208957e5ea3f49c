"""What the gateway itself has to say to people: that their number is proved, that they wrote too much."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from exponential.core import clock, log
from exponential.gateway.access import policies, rules
from exponential.gateway.access.policy import OwnNumber
from exponential.gateway.messages import outbox
from exponential.gateway.sessions import contacts
from exponential.gateway.worker.protocol import Inbound

WELCOME = "This number is yours now: write here, and Paddy answers as in “Message yourself”."
TOO_MUCH = "You have written more than Paddy can read in an hour; your last words are not kept. Please try again later."
TELL_EVERY = timedelta(hours=1)
_log = log.get(__name__)


async def welcome(db: AsyncSession, session_id: UUID, message: Inbound) -> None:
    """The sender's number is the owner's from now on, who is told so there. A proof that is over changes nothing."""
    policy = await policies.load_locked(db, session_id)
    if policy.proof is None or policy.proof.id != message.text:
        return
    who = rules.addresses(message)
    number = OwnNumber(
        policy.proof.id,
        jid=next((address for address in who if rules.phone_number(address)), ""),
        lid=next((address for address in who if address.endswith("@lid")), ""),
        proved_at=clock.now().isoformat(),
    )
    others = tuple(own for own in policy.own_numbers if not {own.jid, own.lid} & who)
    await policies.save(db, session_id, replace(policy, own_numbers=(*others, number), proof=None))
    contact = await contacts.meet(db, session_id, who)
    contact.heard_at, contact.paused_until = clock.now(), None
    await outbox.enqueue(db, session_id, f"proof {number.id}", contact.chat, WELCOME)
    _log.info("number_proved", session=str(session_id))


async def slow_down(db: AsyncSession, session_id: UUID, message: Inbound) -> None:
    """Tell somebody who is allowed, at most once an hour, that their messages are being dropped; never a group."""
    policy = await policies.load(db, session_id)
    who = rules.addresses(message)
    _log.warning("contact_over_limit", session=str(session_id))
    if rules.is_group(message.chat) or not policy.admits(who):
        return
    contact = await contacts.meet(db, session_id, who)
    if contact.paused or (contact.told_at and clock.now() - contact.told_at < TELL_EVERY):
        return
    contact.heard_at = contact.told_at = clock.now()
    await outbox.enqueue(db, session_id, f"too much {clock.new_id()}", contact.chat, TOO_MUCH)
