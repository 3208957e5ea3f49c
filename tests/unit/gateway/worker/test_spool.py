import itertools
import os
import secrets
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exponential.gateway.worker import spool

KEY = secrets.token_bytes(32)


def test_what_is_appended_is_read_in_order_until_it_is_trimmed(tmp_path: Path) -> None:
    writer, reader = spool.SpoolWriter(tmp_path, KEY), spool.SpoolReader(tmp_path, [KEY])
    writer.append(b"one")
    writer.append(b"two")
    assert reader.read() == [b"one", b"two"]
    assert reader.read() == [b"one", b"two"]
    reader.trim()
    assert reader.read() == []
    assert (tmp_path / spool.FILE_NAME).stat().st_size == 0


def test_what_arrives_between_read_and_trim_is_kept(tmp_path: Path) -> None:
    writer, reader = spool.SpoolWriter(tmp_path, KEY), spool.SpoolReader(tmp_path, [KEY])
    writer.append(b"one")
    reader.read()
    writer.append(b"two")
    reader.trim()
    assert reader.read() == [b"two"]
    reader.trim()
    writer.append(b"three")
    assert reader.read() == [b"three"]


def test_a_reader_that_never_trimmed_leaves_all_to_the_next(tmp_path: Path) -> None:
    spool.SpoolWriter(tmp_path, KEY).append(b"one")
    reader = spool.SpoolReader(tmp_path, [KEY])
    reader.read()
    reader.close()
    assert spool.SpoolReader(tmp_path, [KEY]).read() == [b"one"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(payloads=st.lists(st.binary(max_size=40), min_size=1, max_size=5), cut=st.integers(min_value=0))
def test_a_torn_tail_is_cut_off_and_nothing_before_it(tmp_path: Path, payloads: list[bytes], cut: int) -> None:
    file = tmp_path / spool.FILE_NAME
    file.unlink(missing_ok=True)
    writer = spool.SpoolWriter(tmp_path, KEY)
    ends = []
    for payload in payloads:
        writer.append(payload)
        ends.append(file.stat().st_size)
    writer.close()
    keep = cut % (ends[-1] + 1)
    os.truncate(file, keep)

    spool.SpoolWriter(tmp_path, KEY).append(b"afterwards")

    whole = [payload for payload, end in zip(payloads, ends, strict=True) if end <= keep]
    assert spool.SpoolReader(tmp_path, [KEY]).read() == [*whole, b"afterwards"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=40), min_size=1, max_size=6),
    place=st.floats(min_value=0, max_value=1),
    damage=st.one_of(st.binary(min_size=1, max_size=120), st.integers(1, 120).map(bytes)),
    cut=st.booleans(),
)
def test_damage_anywhere_costs_only_the_records_it_hit(
    tmp_path: Path, payloads: list[bytes], place: float, damage: bytes, cut: bool
) -> None:
    file = tmp_path / spool.FILE_NAME
    file.unlink(missing_ok=True)
    writer = spool.SpoolWriter(tmp_path, KEY, spool.SpoolRules("off"))
    ends = [0]
    for payload in payloads:
        writer.append(payload)
        ends.append(file.stat().st_size)
    writer.close()
    before = file.read_bytes()
    at = round(place * len(before))  # at the very end: garbage after the last record, as a power cut leaves it
    file.write_bytes(before[:at] + damage + (b"" if cut else before[at + len(damage) :]))
    after = file.read_bytes()
    spans = itertools.pairwise(ends)
    whole = [payload for payload, (a, b) in zip(payloads, spans, strict=True) if after[a:b] == before[a:b]]

    assert spool.SpoolReader(tmp_path, [KEY]).read() == whole
    spool.SpoolWriter(tmp_path, KEY, spool.SpoolRules("off")).append(b"afterwards")
    assert spool.SpoolReader(tmp_path, [KEY]).read() == [*whole, b"afterwards"]


def test_it_takes_no_more_than_it_may_hold_until_somebody_empties_it(tmp_path: Path) -> None:
    writer, reader = spool.SpoolWriter(tmp_path, KEY, spool.SpoolRules(limit=300)), spool.SpoolReader(tmp_path, [KEY])
    writer.append(b"x" * 1000)  # one message always fits
    with pytest.raises(spool.SpoolFull):
        writer.append(b"two")
    assert reader.read() == [b"x" * 1000]
    with pytest.raises(spool.SpoolFull):
        writer.append(b"two")
    reader.trim()
    writer.append(b"two")
    assert reader.read() == [b"two"]


def test_on_a_full_disk_nothing_half_is_left_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path; from exponential.gateway.worker import spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "writer = spool.SpoolWriter(Path(sys.argv[1]), bytes.fromhex(sys.argv[2])); writer.append(b'one')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))\n"
        "try:\n    writer.append(b'x' * 500)\n"
        "except OSError as error:\n    print(spool.explain(error))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "writer.append(b'two')"
    )
    said = subprocess.run([sys.executable, "-c", program, tmp_path, KEY.hex()], capture_output=True, text=True).stdout
    assert "disk is full" in said and "WhatsApp keeps new messages" in said
    assert spool.SpoolReader(tmp_path, [KEY]).read() == [b"one", b"two"]


@pytest.mark.parametrize("fsync, at_once", [("always", 1), ("interval", 0), ("off", 0)])
def test_what_is_appended_reaches_the_disk_when_the_rules_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: spool.Fsync, at_once: int
) -> None:
    synced, reached = [], threading.Event()
    real = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_size)
        reached.set()

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    writer = spool.SpoolWriter(tmp_path, KEY, spool.SpoolRules(fsync), interval=0.05)
    writer.append(b"one")
    assert len(synced) == at_once
    if fsync == "interval":
        assert reached.wait(10) and synced == [(tmp_path / spool.FILE_NAME).stat().st_size]
        writer.append(b"two")
    writer.close()
    assert len(synced) == {"always": 1, "interval": 2, "off": 0}[fsync]


def test_rules_reach_a_worker_by_its_environment() -> None:
    rules = spool.SpoolRules("interval", 12345)
    assert spool.SpoolRules.from_environment(rules.as_environment()) == rules
    assert spool.SpoolRules.from_environment({}) == spool.SpoolRules()


def test_a_killed_writer_loses_nothing_it_reported(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from exponential.gateway.worker.spool import SpoolWriter\n"
        "writer = SpoolWriter(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))\n"
        "for number in range(10**6):\n    writer.append(b'%d' % number); print(number, flush=True)"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, tmp_path, KEY.hex()], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    reported = -1
    while reported < 200:
        reported = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    reported = int((writer.stdout.read().split() or [reported])[-1])
    writer.stdout.close()
    writer.wait()
    kept = [int(payload) for payload in spool.SpoolReader(tmp_path, [KEY]).read()]
    assert kept == list(range(len(kept)))
    assert kept[-1] >= reported - 1  # a number cut off by the kill itself reads smaller


def test_it_is_private_and_unreadable_without_its_key(tmp_path: Path) -> None:
    spool.SpoolWriter(tmp_path, KEY).append(b"buy milk")
    file = tmp_path / spool.FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"milk" not in file.read_bytes()
    with pytest.raises(ValueError, match="EXPONENTIAL_ENCRYPTION_KEY"):
        spool.SpoolReader(tmp_path, [secrets.token_bytes(32)]).read()


def test_after_a_key_change_old_records_still_open(tmp_path: Path) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    before, after = spool.derive_keys([old]), spool.derive_keys([new, old])
    spool.SpoolWriter(tmp_path, before[0]).append(b"old")
    spool.SpoolWriter(tmp_path, after[0]).append(b"new")
    assert spool.SpoolReader(tmp_path, after).read() == [b"old", b"new"]
