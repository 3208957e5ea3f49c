"""The pytest plugin as another project uses it: in a run of its own, with a test file of its own."""

import asyncio
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]
PASSING = """
    import pytest
    from exponential.loopback.testing import until

    async def test_two_phones_talk(whatsapp, phone):
        alice, bob = phone("Alice"), phone("Bob", number="+4915119999999")
        assert (alice.number, bob.number) == ("+4915110000001", "+4915119999999")
        sent = bob.send_text(alice, "hello")
        await alice.wait_for("hello", chat=bob)
        await until(bob, lambda: sent.status == "delivered")
        with pytest.raises(TimeoutError):
            await until(bob, lambda: sent.status == "read", timeout=0.01)

    async def test_what_no_phone_shows_is_waited_for_too(whatsapp, phone):
        alice, elsewhere = phone("Alice"), []
        whatsapp.loop.call_later(0.2, elsewhere.append, "done")
        assert await until(alice, lambda: elsewhere) == ["done"]

    async def test_each_test_has_its_own_server(whatsapp, phone):
        phone("Alice", number="+4915110000001")
        assert len(whatsapp.phones) == 1
"""
FAILING = """
    async def test_a_linked_client(linked, alice, bob, whatsapp):
        bob.send_text(alice, "ping")
        await whatsapp.wire.until("in", "message")
        assert not "this fails"
"""


async def run_pytest(folder: Path, test: str, *options: str) -> tuple[int, str]:
    lines = [line[4:] for line in test.splitlines()]
    (folder / "test_other_project.py").write_text("\n".join(lines), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir=.", "-p", "no:cacheprovider"),
        *("-p", "exponential.loopback.testing", *options),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_a_project_with_explicit_asyncio_marks(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = strict\n", encoding="utf-8")
    marked = PASSING.replace("async def", "@pytest.mark.asyncio\n    async def")
    code, output = await run_pytest(tmp_path, marked)
    assert code == 0, output
    assert "3 passed" in output
    assert "WhatsApp wire" not in output


async def test_a_failing_test_prints_what_went_over_the_wire(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    code, output = await run_pytest(tmp_path, FAILING, "-p", "support.loopback.real_client")
    assert code == 1
    wire = output.partition(" WhatsApp wire ")[2]
    assert "unlinked ← server\n            <iq " in wire, output
    assert "<pair-device>\n" in wire
    assert '<stream:error code="515"/>' in wire
    assert "4915110000001:1@s.whatsapp.net → server\n            <message " in wire
