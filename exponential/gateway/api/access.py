"""Who may talk to the assistant in a session, and which numbers are proved to be the owner's own."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool

from exponential.core import clock
from exponential.core.http.routes import Router
from exponential.core.phone_numbers import E164
from exponential.gateway.access.policy import Groups, Mode, Policy
from exponential.gateway.access.rules import phone_number
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.schema import Access, AccessNow, Done, OwnNumber, OwnNumbers, Proof, Request

MAX_PEOPLE = 1000
router = Router()


def _number(value: str) -> str:
    if not E164.fullmatch(value):
        raise ValueError("each must be a phone number in international form, such as +4915112345678")
    return value


class AccessChange(Request):
    """What is left out stays as it is."""

    mode: Mode = "only_me"
    people: list[Annotated[str, AfterValidator(_number)]] = Field([], max_length=MAX_PEOPLE)
    groups: Groups = "off"
    reactions: StrictBool = False
    read_receipts: StrictBool = True


class SessionChange(Request):
    access: AccessChange


def of(policy: Policy) -> Access:
    """The policy as the owner sees and sets it."""
    return Access(
        mode=policy.mode,
        people=list(policy.people),
        groups=policy.groups,
        reactions=policy.reactions,
        read_receipts=policy.read_receipts,
    )


@router.patch("/sessions/{session_id}")
async def change(session_id: str, body: SessionChange, caller: Caller, use: Use) -> AccessNow:
    fields = body.access.model_dump(exclude_unset=True)
    if "people" in fields:
        fields["people"] = tuple(dict.fromkeys(fields["people"]))
    return AccessNow(access=of(await use.permissions.change(caller.user_id, session_id, fields)))


@router.post("/sessions/{session_id}/proofs", status_code=201)
async def prove(session_id: str, caller: Caller, use: Use) -> Proof:
    code, until = await use.permissions.prove(caller.user_id, session_id)
    return Proof(code=code, expires_at=until)


@router.get("/sessions/{session_id}/proofs")
async def proved(session_id: str, caller: Caller, use: Use) -> OwnNumbers:
    policy = await use.permissions.look(caller.user_id, session_id)
    until = datetime.fromtimestamp(policy.proof.until, UTC) if policy.proof else None
    numbers = [
        OwnNumber(
            id=number.id,
            phone_number=phone_number(number.jid),
            chat=number.jid or number.lid,
            proved_at=datetime.fromisoformat(number.proved_at),
        )
        for number in policy.own_numbers
    ]
    return OwnNumbers(numbers=numbers, open_until=until if until and until > clock.now() else None)


@router.delete("/sessions/{session_id}/proofs/{proof_id}")
async def disown(session_id: str, proof_id: str, caller: Caller, use: Use) -> Done:
    await use.permissions.disown(caller.user_id, session_id, proof_id)
    return Done()
