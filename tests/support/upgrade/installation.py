"""An installation as an operator runs it: a simulated WhatsApp, the gateway and the app, each by its own command.

Everything goes through commands, HTTP and the files of the data folder, so nothing here depends on how a version is
built inside: record.py and test_upgrade.py share it.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from benchmarks.ports import free_port
from exponential.core.postgres import embedded, programs
from support.environment import bare

Answer = TypeVar("Answer")
ADA, BEN = "+4915112345601", "+4915112345602"  # who have an account here
BENS_OTHER_PHONE = "+4915112345603"
CARA, DAN, EVA = "+4915112345604", "+4915112345605", "+4915112345606"  # a guest, a stranger, Ada's old phone
DATABASES = ("exponential_app", "exponential_gateway")
PATIENCE_SECONDS = 60.0  # generous: only a test that fails ever waits this long
STOP_SECONDS = 30.0


def until(condition: Callable[[], Answer | None], *, seconds: float = PATIENCE_SECONDS) -> Answer:
    """Wait until `condition` returns something true, and return that. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{getattr(condition, '__qualname__', condition)} was not true within {seconds:g} s")
        time.sleep(0.05)


class Command:
    """`exponential WORDS` as a process, which writes its log to a file."""

    def __init__(self, words: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "exponential", *words],
                env=bare(**environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                encoding="utf-8",
            )

    def first_line(self) -> str:
        """What it prints first."""
        assert self._process.stdout
        return self._process.stdout.readline()

    def until_healthy(self, url: str) -> None:
        """Wait until its /health answers. Raises AssertionError with the log when the process ended instead."""

        def is_healthy() -> bool:
            assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
            try:
                return httpx.get(f"{url}/health", trust_env=False).is_success
            except httpx.TransportError:
                return False

        until(is_healthy)

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP); only `kill` ends it then."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        finally:
            self.kill()


class Phones:
    """The simulated phones, by the control URL of `exponential loopback`. Lines are those of its messages route."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.Client(base_url=f"{control_url}/api", trust_env=False, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._http.close()

    def add(self, number: str, name: str) -> None:
        self._post("/phones", json={"number": number, "name": name})

    def photograph(self, number: str, code: bytes) -> None:
        """Link a device by the picture of its QR code."""
        self._post(f"/phones/{number}/photo", files={"picture": ("code.png", code, "image/png")})

    def enter(self, number: str, code: str) -> None:
        """Link a device by its pairing code."""
        self._post(f"/phones/{number}/code", json={"code": code})

    def unlink(self, number: str) -> None:
        """Log its first linked device out."""
        self._http.delete(f"/phones/{number}/devices/1").raise_for_status()

    def create_group(self, number: str, subject: str, members: list[str]) -> str:
        return str(self._post(f"/phones/{number}/groups", json={"subject": subject, "members": members})["id"])

    def send(self, number: str, chat: str, text: str, **more: Any) -> str:
        return str(self._post(f"/phones/{number}/messages", json={"to": chat, "text": text, **more})["id"])

    def send_file(self, number: str, chat: str, kind: str, file: tuple[str, bytes, str], text: str = "") -> str:
        form = {"to": chat, "kind": kind, "text": text, "seconds": "2"}
        return str(self._post(f"/phones/{number}/files", data=form, files={"file": file})["id"])

    def read(self, number: str, chat: str) -> None:
        """Turn the other side's ticks blue."""
        self._post(f"/phones/{number}/read/{chat}")

    def lines(self, number: str, chat: str) -> list[dict[str, Any]]:
        """All lines of a chat, oldest first."""
        answer = self._http.get(f"/phones/{number}/messages/{chat}").raise_for_status()
        return list(answer.json())

    def answers(self, number: str, chat: str = "me") -> list[str]:
        """What others and Paddy wrote in a chat: all but what was typed on this phone."""
        return [line["text"] for line in self.lines(number, chat) if not line["from_me"] or line["device"]]

    def ask(self, number: str, text: str, answer: str, *, chat: str = "me", **more: Any) -> str:
        """Send a text and wait for an answer with these words, however they are emphasised."""
        before = len(self.answers(number, chat))
        self.send(number, chat, text, **more)
        return self.answer(number, answer, chat=chat, after=before)

    def answer(self, number: str, words: str, *, chat: str = "me", after: int = 0) -> str:
        """The first answer with these words behind the first `after` answers of the chat, as soon as it is there."""

        def found() -> str:
            answers = self.answers(number, chat)[after:]
            return next((text for text in answers if words in text.replace("*", "")), "")

        try:
            return until(found)
        except TimeoutError:
            raise AssertionError(f"no answer with {words!r} in {self.answers(number, chat)[after:]}") from None

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(path, **body)
        assert answer.is_success, f"{path}: {answer.text}"
        return dict(answer.json()) if answer.content else {}


class Installation:
    """Everything on one data folder: database and WhatsApp from the beginning, the services when they are started.

    `close` ends what still runs.
    """

    def __init__(self, data: Path, logs: Path) -> None:
        self.data = data
        self._logs = logs
        self._running: dict[str, Command] = {}
        self.app_url, self.gateway_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._postgres = embedded.start(data)
        self._environment: dict[str, str] = {
            "EXPONENTIAL_DATA": str(data),
            "EXPONENTIAL_APP_PORT": self.app_url.rpartition(":")[2],
            "EXPONENTIAL_APP_URL": self.app_url,
            "WHATSAPP_GATEWAY_PORT": self.gateway_url.rpartition(":")[2],
            "WHATSAPP_GATEWAY_URL": self.gateway_url,
        }
        told = json.loads(self._start("loopback", "--state", str(data / "whatsapp")).first_line())
        self.phones = Phones(told["control_url"])
        self._environment |= {
            "WHATSAPP_MODE": "loopback",
            "WHATSAPP_PROXY_URL": told["proxy_url"],
            "WHATSAPP_LOOPBACK_CA": told["ca_path"],
            "WHATSAPP_LOOPBACK_NOISE_ROOT": told["noise_root"],
        }

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)
        self.phones.close()
        self._postgres.stop()

    def start_gateway(self, **settings: str) -> None:
        self._start("gateway", **settings).until_healthy(self.gateway_url)

    def start_app(self, **settings: str) -> None:
        self._start("app", **settings).until_healthy(self.app_url)

    def _start(self, *words: str, **settings: str) -> Command:
        command = Command([*words], self._logs / f"{words[0]}.log", self._environment | settings)
        self._running[words[0]] = command
        return command

    def stop(self, name: str) -> None:
        self._running.pop(name).stop()

    def kill(self, name: str) -> None:
        self._running.pop(name).kill()

    def freeze(self, name: str) -> None:
        self._running[name].freeze()

    def run(self, *words: str) -> str:
        """What a command prints that ends by itself."""
        ended = subprocess.run(
            [sys.executable, "-m", "exponential", *words],
            env=bare(**self._environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def browser(self) -> httpx.Client:
        """A browser that is not signed in yet. The caller closes it."""
        return httpx.Client(
            base_url=self.app_url,
            headers={"Origin": self.app_url},
            follow_redirects=True,
            trust_env=False,
            timeout=PATIENCE_SECONDS,
        )

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self._postgres.url(database), autocommit=True)

    def stored(self, database: str) -> dict[str, bytes]:
        """What the files of each table hold, rows that nobody sees any more included."""
        with self.connect(database) as connection:
            connection.execute("checkpoint")
            (folder,) = connection.execute("show data_directory").fetchone() or ("",)
            tables = connection.execute(
                "select relname, pg_relation_filepath(oid) from pg_class"
                " where relkind = 'r' and relnamespace = 'public'::regnamespace"
            ).fetchall()
        return {table: Path(folder, file).read_bytes() for table, file in tables}

    def dump(self, database: str, file: Path) -> None:
        """Write everything in a database to `file`, in pg_dump's custom format."""
        _postgres_tool("pg_dump", "--format=custom", "--no-owner", f"--file={file}", self._postgres.url(database))

    def restore(self, database: str, file: Path) -> None:
        """Create a database with everything that `dump` wrote."""
        with self.connect("postgres") as connection:
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(database)))
        url = self._postgres.url(database)
        _postgres_tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(file))


def _postgres_tool(name: str, *arguments: str) -> None:
    """Run one of the programs that come with the embedded Postgres."""
    ended = subprocess.run([programs.find(name), *arguments], capture_output=True, text=True, encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
