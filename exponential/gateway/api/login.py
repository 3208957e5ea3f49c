"""Linking: a session is begun, its QR code shown, a code to type made, its progress told, its codes renewed."""

import io
from typing import Any

from fastapi import Response
from pydantic import Field

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Body, Caller, Use, iso
from exponential.gateway.sessions import reasons, sessions
from exponential.gateway.sessions.sessions import Session

QR_PIXELS_PER_MODULE = 8
router = Router()


class PairingRequest(Body):
    phone: str = Field(alias="phoneNumber", max_length=40)


class PasskeyAnswer(Body):
    """One of the two: the browser's PublicKeyCredential.toJSON(), or that the codes are the same."""

    credential: Any = None
    codes_match: bool = Field(False, alias="codesMatch")


def login_status_of(session: Session) -> dict[str, Any]:
    return {
        "connected": session.status == sessions.CONNECTED,
        "phoneNumber": session.phone,
        "qrAvailable": session.qr_live,
        "status": session.status,
        "statusReason": session.reason,
        "statusCode": reasons.code_of(session.reason),
        "statusSince": iso(session.since),
        "qrExpiresAt": iso(session.qr_expires_at) if session.qr_live else None,
        "passkeyRequired": session.passkey_step is not None,
    }


def passkey_of(session: Session) -> dict[str, Any]:
    """How far confirming with a passkey is: what to sign, and until when; or the code to compare."""
    passkey = session.passkey or {}
    return {
        "step": session.passkey_step,
        "options": passkey.get("options"),
        "code": passkey.get("code"),
        "expiresAt": iso(session.passkey_expires_at) if session.passkey_step == sessions.SIGN else None,
    }


@router.post("/login")
async def login(caller: Caller, use: Use) -> dict[str, str]:
    return {"sessionId": await use.login(caller.user_id)}


@router.get("/login/{session_id}/qr")
async def qr(session_id: str, caller: Caller, use: Use) -> Response:
    async with use.database.transaction() as db:
        code = sessions.current_code(await sessions.owned(db, caller.user_id, session_id))
    return Response(_png(code), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.get("/login/{session_id}/status")
async def login_status(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    async with use.database.transaction() as db:
        return login_status_of(await sessions.owned(db, caller.user_id, session_id))


@router.post("/login/{session_id}/restart")
async def restart(session_id: str, caller: Caller, use: Use) -> dict[str, bool]:
    await use.restart(caller.user_id, session_id)
    return {"success": True}


@router.post("/login/{session_id}/code")
async def pairing_code(session_id: str, body: PairingRequest, caller: Caller, use: Use) -> dict[str, Any]:
    code = await use.pairing_codes.pairing_code(caller.user_id, session_id, body.phone)
    return {"code": code.code, "expiresAt": iso(code.expires_at)}


@router.get("/login/{session_id}/passkey")
async def passkey(session_id: str, caller: Caller, use: Use) -> dict[str, Any]:
    return passkey_of(await use.passkeys.waiting(caller.user_id, session_id))


@router.post("/login/{session_id}/passkey")
async def answer_passkey(session_id: str, body: PasskeyAnswer, caller: Caller, use: Use) -> dict[str, bool]:
    if body.codes_match:
        await use.passkeys.confirm(caller.user_id, session_id)
    else:
        await use.passkeys.answer(caller.user_id, session_id, body.credential)
    return {"success": True}


def _png(code: str) -> bytes:
    import segno

    picture = io.BytesIO()
    segno.make_qr(code, error="l").save(picture, kind="png", scale=QR_PIXELS_PER_MODULE, border=4)
    return picture.getvalue()
