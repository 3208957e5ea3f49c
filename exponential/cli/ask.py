"""Talking to Paddy in the terminal: what `exponential ask` does."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from exponential.assistant.runtime import Runtime
from exponential.auth import users
from exponential.cli import installation
from exponential.cli.user import say
from exponential.core import key_check, log
from exponential.core.errors import ExponentialError


async def ask(data: Path | None, requests: Iterator[str], *, as_json: bool) -> int:
    """Put each request to Paddy as the local user and print the answer. Returns the exit code."""
    settings = installation.app_settings(data)
    log.configure(settings.log_level, service="ask")
    failed = False
    async with key_check.opened("app", settings.database_url, settings.encryption_keys) as db:
        async with Runtime(db, settings) as paddy:
            async with db.transaction() as session:
                user = await users.local_user(session)
            while text := await asyncio.to_thread(next, requests, None):
                try:
                    answer = await paddy.ask(user.id, text)
                except ExponentialError as error:
                    failed = True
                    say(json.dumps(error.as_json()) if as_json else str(error), err=not as_json)
                    continue
                say(
                    json.dumps({"reply": answer.reply, "tools": answer.tools}, default=str) if as_json else answer.reply
                )
    return int(failed)
