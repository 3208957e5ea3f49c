"""The player of scenarios: one step after the other, in time or on conditions."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from exponential.loopback.phones.phone import Phone
from exponential.loopback.scenarios.scenario import (
    Expect,
    Fault,
    Scenario,
    ScenarioError,
    Send,
    Step,
    Until,
    Wait,
    load,
)
from exponential.loopback.server.whatsapp import WhatsApp

Restart = Callable[[float], Awaitable[None]]
LOOK_AGAIN_SECONDS = 0.02  # nothing tells of connections that come and go


async def play(server: WhatsApp, restart: Restart, path: Path) -> None:
    """Check the file as a whole, then go through it. Raises ConfigurationError before, ScenarioError during.

    `restart` lets the server be away for so many seconds.
    """
    await _Player(server, restart, path.name, load(path)).play()


class _Player:
    def __init__(self, server: WhatsApp, restart: Restart, file: str, scenario: Scenario) -> None:
        self._server = server
        self._restart = restart
        self._file = file
        self._scenario = scenario
        known = {phone.number: phone for phone in server.phones}
        self._phones = {
            name: known.get(entry.number) or server.add_phone(entry.number, entry.name or name)
            for name, entry in scenario.phones.items()
        }

    async def play(self) -> None:
        begun = self._server.loop.time()
        for number, step in enumerate(self._scenario.steps, 1):
            if step.at is not None:
                await asyncio.sleep(begun + step.at - self._server.loop.time())
            await asyncio.sleep(step.after)
            try:
                await self._do(step)
            except (LookupError, TimeoutError) as error:
                raise ScenarioError(f"{self._file}, step {number}: {error}.") from None

    async def _do(self, step: Step) -> None:
        name, value = step.action
        act = getattr(self, f"_{name}")
        await act(value)

    async def _send(self, send: Send) -> None:
        for number in range(1, send.times + 1):
            self._phones[send.sender].send_text(self._chat(send.to), send.text.replace("{n}", str(number)))
            await asyncio.sleep(0)

    async def _wait(self, wait: Wait) -> None:
        phone = self._phones[wait.phone]
        try:
            await phone.wait_for(wait.text, chat=self._chat(wait.chat), timeout=wait.within)
        except TimeoutError:
            where = f"{wait.phone}'s chat {wait.chat!r}"
            raise TimeoutError(f"no line with {wait.text!r} came into {where} within {wait.within:g} s") from None

    async def _until(self, until: Until) -> None:
        try:
            async with asyncio.timeout(until.within):
                while not self._is(until):
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        except TimeoutError:
            state = "was not connected" if until.connected else "was still connected"
            raise TimeoutError(f"a device of {until.phone} {state} after {until.within:g} s") from None

    def _is(self, until: Until) -> bool:
        devices = self._phones[until.phone].linked_devices
        lines = [self._server.connection(device) is not None for device in devices]
        return (bool(lines) and all(lines)) if until.connected else not any(lines)

    async def _expect(self, expect: Expect) -> None:
        phone, end = self._phones[expect.phone], self._server.loop.time() + expect.within
        while problem := self._problem(expect):
            try:
                async with asyncio.timeout_at(end):
                    await phone.changed()
            except TimeoutError:
                raise LookupError(problem) from None

    def _problem(self, expect: Expect) -> str:
        """What is not as expected, if anything."""
        chat = self._phones[expect.phone].messages(self._chat(expect.chat))
        lines = [line for line in chat if expect.text in line.text]
        where = f"{expect.phone}'s chat {expect.chat!r}"
        if len(lines) != expect.lines:
            return f"{len(lines)} lines with {expect.text!r} in {where}, not {expect.lines}"
        others = [line.status for line in lines if expect.status not in (None, line.status)]
        return f"a line with {expect.text!r} in {where} is {others[0]}, not {expect.status}" if others else ""

    async def _fault(self, fault: Fault) -> None:
        arguments: dict[str, Any] = dict(fault.arguments)
        if fault.phone:
            devices = {device.id: device for device in self._phones[fault.phone].linked_devices}
            if fault.device not in devices:
                raise LookupError(f"{fault.phone} has no linked device {fault.device}")
            arguments["device"] = devices[fault.device]
        getattr(self._server.faults, fault.name)(**arguments)

    async def _offline(self, phone: str) -> None:
        self._phones[phone].go_offline()

    async def _online(self, phone: str) -> None:
        self._phones[phone].go_online()

    async def _unlink(self, phone: str) -> None:
        for device in self._phones[phone].linked_devices:
            self._phones[phone].unlink(device)

    def _chat(self, name: str) -> Phone | str:
        return "me" if name == "me" else self._phones[name]
