"""The embedded Postgres that runs when no database URL is given: one server per data folder, Unix socket only.

Only the folder's owner and root get in. The socket lies in a folder that nobody else can open, and Postgres asks the
kernel who is at its other end (peer authentication), so there is no password to keep. Postgres refuses to run as root:
there the server runs as the system user `pgserver`, or as whoever owns the files already.
"""

import atexit
import contextlib
import fcntl
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.engine import URL

from exponential.core.errors import ConfigurationError
from exponential.core.postgres import programs
from exponential.core.settings import make_data_dir

PORT = 5432  # names the socket in its folder
LOCALE = "C.UTF-8"  # Postgres's own: the same on every machine, whatever is installed there
SYSTEM_USER = "pgserver"
_SOCKET = f".s.PGSQL.{PORT}"
_MAX_SOCKET_BYTES = 103  # of a socket's path, where least is allowed (macOS's sun_path)
_NEEDED = ("PATH", "LD_LIBRARY_PATH")  # all that a server gets of this process's environment
_HBA = "local all postgres peer map=exponential\n"
_IDENT = 'exponential "{}" postgres\n'


class EmbeddedPostgres:
    """A running server; it stops when the last process that holds one for this data folder stops or dies."""

    def __init__(self, cluster: "_Cluster", socket_folder: Path) -> None:
        self._cluster = cluster
        self._socket_folder = socket_folder
        self._hold: BinaryIO | None = cluster.hold()
        atexit.register(self.stop)

    def url(self, database: str) -> str:
        """URL of `database` on this server; the database need not exist yet (see database.prepare)."""
        where = {"host": str(self._socket_folder), "port": str(PORT)}  # without it, PGPORT would say which socket
        url = URL.create("postgresql", "postgres", database=database, query=where)
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        atexit.unregister(self.stop)
        hold, self._hold = self._hold, None
        if hold is None:
            return
        gone = contextlib.suppress(FileNotFoundError)  # a server whose files are deleted ends by itself
        used = contextlib.suppress(BlockingIOError)
        with hold, gone, self._cluster.locked(), used:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._cluster.stop(self._socket_folder)


def start(data_dir: Path) -> EmbeddedPostgres:
    """Start (or join) the server whose files are in `data_dir`/postgres. About a second the first time.

    Raises ConfigurationError.
    """
    try:
        make_data_dir(data_dir)
        cluster = _Cluster(data_dir.resolve())
        with cluster.locked():
            cluster.create_if_missing()
            return EmbeddedPostgres(cluster, cluster.running() or cluster.start())
    except (OSError, subprocess.SubprocessError) as error:
        as_whom = f" As root it runs as the system user {SYSTEM_USER}, who must be able to enter that folder."
        raise ConfigurationError(
            f"The embedded Postgres in {data_dir / 'postgres'} didn't start ({error}).{as_whom if _as_root() else ''} "
            "Its own log is the file `log` in that folder; or set DATABASE_URL to a Postgres of yours."
        ) from error


class _Cluster:
    """The server's files, and the programs that work on them as their owner."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = data_dir / "postgres"
        self._owner = _owner(self._folder)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else starts or stops the server meanwhile."""
        with self._lock_file("postgres.lock") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def hold(self) -> BinaryIO:
        """A file whose shared lock says, as long as it is open, that somebody uses the server."""
        file = self._lock_file("postgres.users")
        fcntl.flock(file, fcntl.LOCK_SH)
        return file

    def create_if_missing(self) -> None:
        if (self._folder / "PG_VERSION").exists():
            return
        new = self._data_dir / "postgres.new"  # a half-made one must not be taken for a database
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        os.chown(new, self._owner.pw_uid, self._owner.pw_gid)
        made_alike = ("--encoding=UTF8", "--locale-provider=builtin", f"--builtin-locale={LOCALE}", "--locale=C")
        self._run("initdb", "--username=postgres", "--auth=peer", *made_alike, folder=new)
        new.rename(self._folder)

    def running(self) -> Path | None:
        """Where the running server has its socket. One that others can reach, as earlier versions had, is stopped."""
        try:
            folder = Path((self._folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[4])
        except (FileNotFoundError, IndexError):
            return None
        if not _listens(folder):
            return None
        if self._is_private(folder) and all(path.read_text() == text for path, text in self._rules().items()):
            return folder
        self.stop(folder)
        return None

    def start(self) -> Path:
        """Start the server and wait until it answers; the folder of its socket."""
        if _as_root():
            self._hand_over()
        for path, text in self._rules().items():
            self._write(path, text)
        folder = self._socket_folder()
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(folder),
            "unix_socket_permissions": "0700",
        }
        words = shlex.join(f"--{name}={value}" for name, value in options.items())
        self._run("pg_ctl", "start", "--wait", "--log=log", f"--options={words}")
        return folder

    def stop(self, socket_folder: Path) -> None:
        if _listens(socket_folder):  # else the process of that number may be another by now
            self._run("pg_ctl", "stop", "--wait", "--mode=fast")
        if socket_folder != self._folder:
            with contextlib.suppress(OSError):
                socket_folder.rmdir()

    @cached_property
    def _programs(self) -> Path:
        return programs.reachable(self._data_dir, self._identity)

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """The owner, as subprocess's arguments."""
        account = self._owner
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if _as_root() else {}

    def _rules(self) -> dict[Path, str]:
        """Who may connect: the owner and root."""
        who = dict.fromkeys((self._owner.pw_name, pwd.getpwuid(0).pw_name))
        return {
            self._folder / "pg_hba.conf": _HBA,
            self._folder / "pg_ident.conf": "".join(_IDENT.format(name) for name in who),
        }

    def _socket_folder(self) -> Path:
        """The cluster's own folder, or a new one in /tmp when its path is not one for a socket's address."""
        if len(os.fsencode(self._folder / _SOCKET)) <= _MAX_SOCKET_BYTES and not set(str(self._folder)) & set(',"'):
            return self._folder
        folder = Path(tempfile.mkdtemp(prefix="exponential-", dir="/tmp"))
        os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        return folder

    def _is_private(self, folder: Path) -> bool:
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self._owner.pw_uid and not found.st_mode & 0o077

    def _hand_over(self) -> None:
        """Give the server what root owns here: a backup that root has put back."""
        if self._folder.stat().st_uid != self._owner.pw_uid:
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid, follow_symlinks=False)

    def _write(self, path: Path, text: str) -> None:
        """Replace a file of the owner's; never what a link at its place leads to."""
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            os.fchown(file.fileno(), self._owner.pw_uid, self._owner.pw_gid)
            file.write(text)
        new.replace(path)

    def _lock_file(self, name: str) -> BinaryIO:
        """Nobody but the data folder's owner and root can open it, so nobody else can hold us up."""
        descriptor = os.open(self._data_dir / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if _as_root():
            owner = self._data_dir.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return os.fdopen(descriptor, "r+b")

    def _run(self, name: str, *arguments: str, folder: Path | None = None) -> None:
        """Run one of Postgres's programs as the owner, in and on the cluster's folder."""
        folder = folder or self._folder
        environment = {key: os.environ[key] for key in _NEEDED if key in os.environ}
        with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server runs
            ended = subprocess.run(
                [self._programs / name, *arguments],
                cwd=folder,
                env=environment | {"LC_ALL": "C", "PGDATA": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **self._identity,
            )
            output.seek(0)
            said = output.read().decode(errors="replace").splitlines()
        if ended.returncode:
            errors = [line for line in said if "error:" in line or "could not" in line]
            raise subprocess.SubprocessError(next(iter([*errors, *said[-1:]]), f"{name} ended with {ended.returncode}"))


def _as_root() -> bool:
    return os.geteuid() == 0


def _owner(folder: Path) -> pwd.struct_passwd:
    """Whose server it is: whoever owns `folder`; for a new one this process's user, or as root the system user's."""
    user = os.geteuid()
    owner = folder.stat().st_uid if folder.exists() else user
    if user not in (0, owner):
        raise ConfigurationError(f"The database in {folder} is another user's. Run this as that user, or as root.")
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(owner) if owner else pwd.getpwnam(SYSTEM_USER)
    if user:
        raise ConfigurationError(
            f"The embedded Postgres needs a user with a name, and user {user} has none in /etc/passwd. "
            "Give it one, or set DATABASE_URL to a Postgres of yours."
        )
    with contextlib.suppress(OSError):
        make = ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(make, capture_output=True)
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise ConfigurationError(
            f"Postgres doesn't run as root, and the system user {SYSTEM_USER} could not be made for it. "
            "Make that user, run this as another user than root, or set DATABASE_URL to a Postgres of yours."
        ) from None


def _listens(socket_folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_folder / _SOCKET))
        except OSError:
            return False
        return True
