"""Who may talk to the assistant in a session, and which numbers are proved to be the owner's own."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StrictBool
from pydantic.alias_generators import to_camel

from exponential.core import clock
from exponential.core.http.routes import Router
from exponential.core.phone_numbers import E164
from exponential.gateway.access.policy import Groups, Mode, Policy
from exponential.gateway.access.rules import phone_number
from exponential.gateway.api.dependencies import Body, Caller, Use, iso

MAX_PEOPLE = 1000
router = Router()


def _number(value: str) -> str:
    if not E164.fullmatch(value):
        raise ValueError("each must be a phone number in international form, such as +4915112345678")
    return value


class AccessChange(Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    mode: Mode = "only_me"
    people: list[Annotated[str, AfterValidator(_number)]] = Field([], max_length=MAX_PEOPLE)
    groups: Groups = "off"
    reactions: StrictBool = False
    read_receipts: StrictBool = True


class SessionChange(Body):
    access: AccessChange


def as_json(policy: Policy) -> dict[str, Any]:
    """The policy as the owner sees and sets it."""
    return {
        "mode": policy.mode,
        "people": list(policy.people),
        "groups": policy.groups,
        "reactions": policy.reactions,
        "readReceipts": policy.read_receipts,
    }


@router.patch("/sessions/{session_id}")
async def change(session_id: str, body: SessionChange, caller: Caller, use: Use) -> dict[str, Any]:
    fields = body.access.model_dump(exclude_unset=True)
    if "people" in fields:
        fields["people"] = tuple(dict.fromkeys(fields["people"]))
    return {"access": as_json(await use.permissions.change(caller.user_id, session_id, fields))}


@router.post("/sessions/{session_id}/proofs", status_code=201)
async def prove(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    code, until = await use.permissions.prove(caller.user_id, session_id)
    return {"code": code, "expiresAt": iso(until)}


@router.get("/sessions/{session_id}/proofs")
async def proved(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    policy = await use.permissions.look(caller.user_id, session_id)
    until = datetime.fromtimestamp(policy.proof.until, UTC) if policy.proof else None
    return {
        "numbers": [
            {
                "id": number.id,
                "phoneNumber": phone_number(number.jid),
                "chat": number.jid or number.lid,
                "provedAt": number.proved_at,
            }
            for number in policy.own_numbers
        ],
        "openUntil": iso(until) if until and until > clock.now() else None,
    }


@router.delete("/sessions/{session_id}/proofs/{proof_id}")
async def disown(session_id: str, proof_id: str, caller: Caller, use: Use) -> dict[str, bool]:
    await use.permissions.disown(caller.user_id, session_id, proof_id)
    return {"success": True}
