"""One's own data: all of it as a zip of JSON files, and erasing the account with everything in it."""

import json
import zipfile
from typing import IO, Annotated, Any, cast

from fastapi import Form, Request
from fastapi.responses import Response, StreamingResponse

from exponential import clock, log
from exponential.app import whatsapp
from exponential.app.settings_pages import settings_page
from exponential.app.signing import let_out
from exponential.app.state import SignedIn, State, TheState
from exponential.auth import belongings, users
from exponential.auth.users import User
from exponential.encryption import TemporaryFile
from exponential.errors import BadInput, Conflict, ExponentialError, Unavailable
from exponential.http.routes import Router

router = Router(prefix="/settings/data")
README = """What Exponential keeps of you, as of {when} (UTC).

Each *.json file is a list of records of one kind, decrypted; times are in UTC. Files of messages are in files/.
whatsapp.json lists your WhatsApp sessions as the gateway tells them; their credentials never leave the gateway.
Hashes of passwords and sign-in tokens are left out.
"""
_log = log.get(__name__)


@router.get("")
async def data_page(request: Request, state: TheState, user: SignedIn) -> Response:
    return await _page(request, state)


async def _page(request: Request, state: State, error: ExponentialError | None = None) -> Response:
    return await settings_page(
        request,
        "settings-data.html",
        status=error.status if error else 200,
        error=str(error) if error else "",
        retention=state.settings.retention_days,
    )


@router.get("/export")
async def export(state: TheState, user: SignedIn) -> Response:
    """Everything as a zip file."""
    file = TemporaryFile()
    try:
        await _write(state, user, file)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="exponential-{clock.now():%Y-%m-%d}.zip"',
        "Content-Length": str(file.size),
    }
    return StreamingResponse(file.chunks(), media_type="application/zip", headers=headers)


@router.post("/erase")
async def erase(request: Request, state: TheState, user: SignedIn, confirm: Annotated[str, Form()] = "") -> Response:
    """Unlink all WhatsApp accounts, then delete the account and everything in it. `confirm` is the user's address."""
    try:
        if users.normalize_email(confirm) != user.email:
            raise BadInput(f"To erase everything, type your e-mail address exactly: {user.email}", code="not_confirmed")
        await erase_account(state, user)
    except (BadInput, Conflict, Unavailable) as error:
        return await _page(request, state, error)
    return let_out(request, "/erased")


async def erase_account(state: State, user: User) -> None:
    """Raises Conflict (the last admin of other people), Unavailable: then nothing was deleted here."""
    async with state.database.transaction() as session:
        await users.may_be_erased(session, user)
    if state.gateway is not None:
        try:
            with whatsapp.own_refusals():
                for found in await state.gateway.sessions(user.identity):
                    await state.gateway.disconnect(user.identity, found.session_id)
        except Unavailable as error:
            raise Unavailable(
                f"Your WhatsApp accounts could not be unlinked, so nothing was erased here. {error} Then try again.",
                code="not_unlinked",
            ) from None
    async with state.database.transaction() as session:
        await users.may_be_erased(session, user)
        await belongings.erase(session, user.id)
    _log.info("account_erased", user=str(user.id))


async def _write(state: State, user: User, file: TemporaryFile) -> None:
    with zipfile.ZipFile(cast(IO[bytes], file), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(when=f"{clock.now():%Y-%m-%d %H:%M}"))
        for table in belongings.tables():
            attached: list[tuple[str, bytes]] = []
            async with state.database.transaction() as session:
                with archive.open(f"{table.name}.json", "w") as entry:
                    entry.write(b"[")
                    first = True
                    async for row in belongings.rows(session, user.id, table):
                        files = {key: value for key, value in row.items() if isinstance(value, bytes)}
                        for key, value in files.items():
                            row[key] = f"files/{table.name}-{row.get('id', len(attached))}-{key}"
                            attached.append((row[key], value))
                        entry.write(b"\n" if first else b",\n")
                        entry.write(json.dumps(row, ensure_ascii=False).encode())
                        first = False
                    entry.write(b"\n]\n")
            for name, value in attached:
                archive.writestr(name, value)
        archive.writestr("whatsapp.json", json.dumps(await _sessions(state, user), ensure_ascii=False, indent=1))


async def _sessions(state: State, user: User) -> list[dict[str, Any]]:
    """What the gateway keeps; that it can't be reached is said instead."""
    if state.gateway is None:
        return []
    try:
        with whatsapp.own_refusals():
            found = await state.gateway.sessions(user.identity)
            return [
                {
                    **whatsapp.Session.model_validate(each).model_dump(mode="json", by_alias=True),
                    "access": await state.gateway.access(user.identity, each.session_id),
                }
                for each in found
            ]
    except ExponentialError as error:
        return [{"error": str(error)}]
