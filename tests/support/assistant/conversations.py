"""What the tests of Paddy share: shorthand for telling a story, and a gateway of a real HTTP server on loopback."""

import json
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming, Received
from exponential.assistant.tables import Message
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.database import Database
from exponential.workspace import tasks
from support.waiting import until

SECRET = "a secret that is long enough for HS256, really"


class Story:
    """Shorthand of the tests: what people say, and what can be seen of it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def account(self, name: str) -> UUID:
        async with self.database.transaction() as session:
            user = User(email=f"{name}@example.org", name=name)
            session.add(user)
        return user.id

    async def say(self, *incoming: Incoming) -> list[Received]:
        """All in one transaction, so that they arrive together."""
        async with self.database.transaction() as session:
            return [await conversation.receive(session, message) for message in incoming]

    async def messages(self, chat_id: UUID) -> list[Message]:
        async with self.database.transaction() as session:
            return await conversation.history(session, chat_id)

    async def replies(self, chat_id: UUID, count: int = 1, seconds: float = 60.0) -> list[str]:
        """Paddy's messages of a chat, once there are at least `count`, and nothing more to answer."""

        async def answered() -> list[str]:
            async with self.database.transaction() as session:
                if await conversation.is_answering(session, chat_id):
                    return []
                found = await conversation.history(session, chat_id)
            texts = [message.text for message in found if message.role == "assistant"]
            return texts if len(texts) >= count else []

        replies: list[str] = await until(answered, seconds)
        return replies

    async def titles(self, user_id: UUID, status: tasks.Status = "open") -> list[str]:
        async with self.database.transaction() as session:
            return [task.title for task in await tasks.list_tasks(session, user_id, status)]


class StageGateway:
    """Takes messages as the real one does: a key that it has seen is accepted and not sent again."""

    def __init__(self) -> None:
        self.refusals: list[int] = []  # status codes to answer posted messages with, before it accepts
        self.gone: set[str] = set()  # sessions that no longer exist
        self.unlinked: set[str] = set()  # sessions that were logged out
        self.sessions = ["s1"]  # all of the user's, oldest first
        self.proved: dict[str, list[str]] = {}  # chats of numbers that are proved to be the owner's, in a session
        self.guests: set[str] = set()  # chats that it may write in, and that aren't the owner's
        self.posts: list[tuple[str, str, str]] = []  # (session, chat, key), accepted or not
        self.sent: dict[str, tuple[str, str, str]] = {}  # key → (session, chat, text)
        self.left: dict[str, datetime] = {}  # key → when it left for WhatsApp
        self.typing: list[tuple[str, bool]] = []  # (chat, on)
        self.read: list[tuple[str, list[str]]] = []  # (chat, message ids)
        self.reactions: list[tuple[str, str, str]] = []  # (chat, message id, emoji)
        self.quoted: list[str | None] = []  # of each accepted message, the one that it quotes
        self.paused: set[str] = set()  # chats in which a human answers by hand
        self.holds = threading.Event()  # while it isn't set, whoever posts a message waits
        self.holds.set()
        self.slow = False  # what it has taken waits: nothing leaves for WhatsApp
        self.session: dict[str, Any] = {  # what any session is
            **{"sessionId": "s1", "phoneNumber": "+4915110000001", "connected": True, "status": "connected"},
            **{"statusReason": None, "createdAt": "2026-01-01T00:00:00+00:00", "connectedAt": None},
        }
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def start(self) -> str:
        """Listen (again, on the same port); the address."""
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self._body()
                if self.path.endswith("/reactions"):
                    gateway.reactions.append((self._chat(), body["messageId"], body["emoji"]))
                    self._answer(200, {"shown": True})
                else:
                    self._answer(*gateway._post(self.path, body, self.headers["Idempotency-Key"]))

            def do_GET(self) -> None:
                self._answer(*gateway._get(unquote(self.path)))

            def do_PUT(self) -> None:
                body = self._body()
                if self.path.endswith("/read"):
                    gateway.read.append((self._chat(), body["messageIds"]))
                else:
                    gateway.typing.append((self._chat(), body["typing"]))
                self._answer(200, {"shown": True})

            def _chat(self) -> str:
                return unquote(self.path.split("/")[4])

            def _body(self) -> Any:
                return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, status: int, answer: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/sessions":
            return 200, {"sessions": [self._session(each) for each in self.sessions if each not in self.gone]}
        session, *below = path.split("/")[2:]
        if session in self.gone:
            return 404, {"error": "There is no such session.", "code": "session_not_found"}
        if below == ["proofs"]:
            proved = [
                {"id": chat, "phoneNumber": None, "chat": chat, "provedAt": f"2026-01-0{day}T00:00:00+00:00"}
                for day, chat in enumerate(self.proved.get(session, []), start=1)
            ]
            return 200, {"numbers": proved}
        if below:
            key = below[-1]
            if self.sent.get(key, ("",))[0] != session:
                return 404, {"error": "There is no such message in this session.", "code": "message_not_found"}
            sent_at = self.left.get(key)
            status, moment = ("sent", sent_at.isoformat()) if sent_at else ("queued", None)
            return 200, {"messageId": key, "status": status, "sentAt": moment}
        return 200, self._session(session)

    def _session(self, session: str) -> dict[str, Any]:
        return {**self.session, "sessionId": session} | (
            {"connected": False, "status": "disconnected"} if session in self.unlinked else {}
        )

    def _post(self, path: str, body: dict[str, str], key: str) -> tuple[int, dict[str, str]]:
        path, _, query = path.partition("?")
        session = path.split("/")[2]
        self.posts.append((session, body["chat"], key))
        self.holds.wait()
        if session in self.gone:
            return 404, {"error": "There is no such session.", "code": "session_not_found"}
        if session in self.unlinked:
            return 409, {"error": "This session is not linked.", "code": "not_linked"}
        if self.refusals:
            return self.refusals.pop(0), {"error": "Not now.", "code": "unavailable"}
        if body["chat"] in self.guests and "ownerOnly=true" in query:
            return 422, {"error": "This chat isn't the owner's.", "code": "chat_not_allowed"}
        if body["chat"] in self.paused:
            return 409, {"error": "Somebody answers here by hand.", "code": "chat_paused"}
        self.quoted.append(body.get("replyTo"))
        self.sent.setdefault(key, (session, body["chat"], body["text"]))
        if not self.slow:
            self.left.setdefault(key, clock.now())
        return 202, {"messageId": key, "status": "queued"}
