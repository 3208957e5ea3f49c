"""Linking: a session is begun, its QR code shown, a code to type made, its progress told, its codes renewed."""

import io

from fastapi import Response

from exponential.core.http.routes import Router
from exponential.gateway.api.dependencies import Caller, Use
from exponential.gateway.api.sessions import state
from exponential.gateway.schema import (
    Done,
    LoginStatus,
    PairingCode,
    PairingRequest,
    Passkey,
    PasskeyAnswer,
    SessionId,
)
from exponential.gateway.sessions import sessions
from exponential.gateway.sessions.sessions import Session

QR_PIXELS_PER_MODULE = 8
router = Router()


def status_of(session: Session) -> LoginStatus:
    return LoginStatus(
        **dict(state(session)),
        qr_available=session.qr_live,
        qr_expires_at=session.qr_expires_at if session.qr_live else None,
        passkey_required=session.passkey_step is not None,
    )


def passkey_of(session: Session) -> Passkey:
    passkey = session.passkey or {}
    return Passkey(
        step=session.passkey_step,
        options=passkey.get("options"),
        code=passkey.get("code"),
        expires_at=session.passkey_expires_at if session.passkey_step == sessions.SIGN else None,
    )


@router.post("/login")
async def login(caller: Caller, use: Use) -> SessionId:
    return SessionId(session_id=await use.login(caller.user_id))


@router.get("/login/{session_id}/qr")
async def qr(session_id: str, caller: Caller, use: Use) -> Response:
    async with use.database.transaction() as db:
        code = sessions.current_code(await sessions.owned(db, caller.user_id, session_id))
    return Response(_png(code), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.get("/login/{session_id}/status")
async def login_status(session_id: str, caller: Caller, use: Use) -> LoginStatus:
    async with use.database.transaction() as db:
        return status_of(await sessions.owned(db, caller.user_id, session_id))


@router.post("/login/{session_id}/restart")
async def restart(session_id: str, caller: Caller, use: Use) -> Done:
    await use.restart(caller.user_id, session_id)
    return Done()


@router.post("/login/{session_id}/code")
async def pairing_code(session_id: str, body: PairingRequest, caller: Caller, use: Use) -> PairingCode:
    code = await use.pairing_codes.pairing_code(caller.user_id, session_id, body.phone_number)
    return PairingCode(code=code.code, expires_at=code.expires_at)


@router.get("/login/{session_id}/passkey")
async def passkey(session_id: str, caller: Caller, use: Use) -> Passkey:
    return passkey_of(await use.passkeys.waiting(caller.user_id, session_id))


@router.post("/login/{session_id}/passkey")
async def answer_passkey(session_id: str, body: PasskeyAnswer, caller: Caller, use: Use) -> Done:
    if body.codes_match:
        await use.passkeys.confirm(caller.user_id, session_id)
    else:
        await use.passkeys.answer(caller.user_id, session_id, body.credential)
    return Done()


def _png(code: str) -> bytes:
    import segno

    picture = io.BytesIO()
    segno.make_qr(code, error="l").save(picture, kind="png", scale=QR_PIXELS_PER_MODULE, border=4)
    return picture.getvalue()
