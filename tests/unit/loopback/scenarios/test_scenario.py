"""Scenario files are checked as a whole; errors name the file, the step and what is wrong."""

from pathlib import Path
from typing import get_args

import pytest

from exponential.core.errors import ConfigurationError
from exponential.loopback.scenarios import scenario
from exponential.loopback.scenarios.scenario import ScenarioError
from exponential.loopback.server.faults import FaultName, Faults
from exponential.loopback.server.server import Loopback

PHONES = """
[phones]
alice = { number = "+4915110000001" }
bob = { number = "+4915110000002", name = "Bob" }
"""
GOOD = '[[steps]]\nsend = { from = "alice", to = "bob", text = "hello" }\n'


@pytest.mark.parametrize("name", scenario.shipped())
def test_what_is_shipped_is_right(name: str) -> None:
    assert scenario.load(scenario.find(name)).title


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('send = { from = "carla", to = "bob", text = "x" }', "there is no phone 'carla', only alice, bob."),
        ('send = { from = "alice", to = "bob" }', "send.text is missing."),
        ('send = { from = "alice", to = "bob", text = "x", color = 1 }', "nothing is called send.color here."),
        ('shout = "x"', "nothing is called shout here."),
        (
            "at = 1",
            "a step does one of send, wait, until, expect, fault, restart, offline, online, unlink, this one none",
        ),
        ('offline = "bob"\nonline = "bob"', "this one offline and online."),
        ('wait = { phone = "bob", text = "x", within = "long" }', "wait.within: Input should be a valid number."),
        ('fault = { name = "earthquake" }', "fault.name: Input should be 'drop', "),
        ('fault = { name = "stall" }', "the fault stall: missing a required argument: 'seconds'."),
        ('fault = { name = "stall", with = { seconds = "x" } }', "the fault stall: seconds can't be 'x'."),
        ('fault = { name = "refuse", with = { reason = 402, code = 101 } }', "the fault refuse: code can't be 101."),
        ('fault = { name = "drop", phone = "dora" }', "there is no phone 'dora'"),
        ('fault = { name = "clear", phone = "bob" }', "the fault clear: got an unexpected keyword argument 'device'."),
        ("restart = -1", "restart: Input should be greater than or equal to 0."),
    ],
)
async def test_a_wrong_step_is_named_before_anything_is_done(tmp_path: Path, step: str, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f"{PHONES}\n{GOOD}[[steps]]\n{step}\n", encoding="utf-8")
    async with Loopback() as whatsapp:
        with pytest.raises(ConfigurationError) as raised:
            await whatsapp.play(file)
        assert str(raised.value).startswith("wrong.toml, step 2: ")
        assert said in str(raised.value)
        assert not whatsapp.phones


def test_files_that_are_no_scenarios(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml can't be read: No such file"):
        scenario.load(tmp_path / "none.toml")
    file = tmp_path / "some.toml"
    for text, said in (
        ("[phones", r"^some\.toml isn't TOML: "),
        ("", r"^some\.toml: phones is missing\.\nsome\.toml: steps is missing\.$"),
        (f"steps = []{PHONES}", r"^some\.toml: steps: List should have at least 1 item"),
        ('phones.a.number = "12"\nsteps = [{ online = "a" }]', r"^some\.toml: phones\.a\.number: String should match"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=said):
            scenario.load(file)


async def test_steps_are_done_in_order_and_failures_say_where(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    good = """
        [[steps]]
        send = { from = "alice", to = "bob", text = "number {n}", times = 3 }
        [[steps]]
        wait = { phone = "bob", chat = "alice", text = "number 3" }
        [[steps]]
        expect = { phone = "bob", chat = "alice", text = "number", lines = 3 }
        [[steps]]
        send = { from = "bob", to = "me", text = "note" }
        [[steps]]
        at = 0.05
        offline = "bob"
        [[steps]]
        fault = { name = "set_clock", with = { ahead = 60 } }
        """
    async with Loopback() as whatsapp:
        alice = whatsapp.add_phone("+4915110000001", "Alice")
        file.write_text(PHONES + good, encoding="utf-8")
        begun = whatsapp.loop.time()
        await whatsapp.play(file)
        assert whatsapp.loop.time() - begun >= 0.05
        assert [phone.name for phone in whatsapp.phones] == ["Alice", "Bob"], "a phone that is there is used"
        assert (whatsapp.faults.clock_skew, whatsapp.phones[1].online) == (60, False)
        assert [line.text for line in alice.messages("+4915110000002")] == ["number 1", "number 2", "number 3"]
        for step, said in (
            ('expect = { phone = "bob", text = "note", lines = 2 }', "1 lines with 'note' in bob's chat 'me', not 2"),
            (
                'expect = { phone = "alice", chat = "bob", text = "3", status = "read", within = 0.1 }',
                "a line with '3' in alice's chat 'bob' is delivered, not read",
            ),
            ('fault = { name = "drop", phone = "bob" }', "bob has no linked device 1"),
            (
                'until = { phone = "bob", connected = true, within = 0.1 }',
                "a device of bob was not connected after 0.1 s",
            ),
        ):
            file.write_text(f"{PHONES}[[steps]]\nonline = 'bob'\n[[steps]]\n{step}", encoding="utf-8")
            with pytest.raises(ScenarioError) as raised:
                await whatsapp.play(file)
            assert str(raised.value) == f"some.toml, step 2: {said}."


def test_every_fault_can_be_named() -> None:
    public = {name for name, value in vars(Faults).items() if callable(value) and not name.startswith("_")}
    assert set(get_args(FaultName)) == public - {"refusal", "withholds", "deliver"}
