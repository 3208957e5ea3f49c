"""An OpenAI-compatible server on loopback that plays a language model: it answers each request by a script."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from exponential.assistant.runtime import Runtime

HUNG = 30.0  # seconds that a request hangs at most, so that no test waits for ever


@dataclass(frozen=True)
class Say:
    """An answer in `pieces` when it is streamed. `usage`: (read, written); None: it tells nothing of it."""

    text: str
    usage: tuple[int, int] | None = (100, 10)
    pieces: int = 4
    pause: float = 0.0  # seconds between two pieces
    gate: threading.Event | None = None  # waited for before the last piece


@dataclass(frozen=True)
class Call:
    """Tool calls, (name, arguments) each; arguments as a string are sent as they are."""

    calls: tuple[tuple[str, Any], ...]
    usage: tuple[int, int] | None = (100, 10)
    ids: str = "call_{request}_{number}"


@dataclass(frozen=True)
class Fail:
    """An HTTP status; `retry_after` in seconds."""

    status: int
    retry_after: str | None = None
    message: str = "scripted"


@dataclass(frozen=True)
class Body:
    """This body, whatever it is, with status 200."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True)
class Break:
    """The beginning of an answer; then the connection is closed in the middle of it."""

    text: str


@dataclass(frozen=True)
class Hang:
    """No answer; with `text`, its beginning, and then nothing more."""

    text: str = ""


Step = Say | Call | Fail | Body | Break | Hang
Talking = Callable[..., AbstractAsyncContextManager[Runtime]]  # Paddy thinks with the server's model


def call(name: str, **arguments: Any) -> Call:
    return Call(((name, arguments),))


@dataclass
class ModelServer:
    """`script` is played from the front; when it is over, `default` answers. `requests`: the bodies it got."""

    script: list[Step] = field(default_factory=list)
    default: Step = Fail(500, message="the script is over")
    requests: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def next(self, request: dict[str, Any]) -> Step:
        self.requests.append(request)
        self.times.append(time.monotonic())
        return self.script.pop(0) if self.script else self.default

    @property
    def model(self) -> str:
        """For EXPONENTIAL_MODEL."""
        return f"{self.url}#some-model"


class _Handler(BaseHTTPRequestHandler):
    model: ModelServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        step = self.model.next(request)
        try:
            self._play(step, bool(request.get("stream")))
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has given up

    def _play(self, step: Step, stream: bool) -> None:
        if isinstance(step, Fail):
            body = json.dumps({"error": {"message": step.message, "type": "scripted", "code": None}}).encode()
            self._head(step.status, "application/json", len(body), retry_after=step.retry_after)
            self.wfile.write(body)
        elif isinstance(step, Body):
            self._head(200, step.content_type, len(step.body))
            self.wfile.write(step.body)
        elif isinstance(step, Say | Call):
            (self._stream if stream else self._whole)(step)
        else:
            self._half(step)

    def _half(self, step: Break | Hang) -> None:
        if step.text or isinstance(step, Break):
            self._head(200, "text/event-stream", None)
            self._event({"delta": {"role": "assistant", "content": step.text}})
        if isinstance(step, Hang):
            self.model.over.wait(HUNG)
        self.close_connection = True

    def _whole(self, step: Say | Call) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        if isinstance(step, Say):
            message["content"] = step.text
        else:
            message["tool_calls"] = [{"id": i, "type": "function", "function": f} for i, f in self._calls(step)]
        answer = {**self._frame("chat.completion"), "choices": [{"index": 0, "message": message}]}
        answer["choices"][0]["finish_reason"] = "stop" if isinstance(step, Say) else "tool_calls"
        if step.usage:
            answer["usage"] = self._usage(step.usage)
        body = json.dumps(answer).encode()
        self._head(200, "application/json", len(body))
        self.wfile.write(body)

    def _stream(self, step: Say | Call) -> None:
        self._head(200, "text/event-stream", None)
        self._event({"delta": {"role": "assistant", "content": ""}})
        if isinstance(step, Say):
            size = max(1, -(-len(step.text) // step.pieces))
            pieces = [step.text[start : start + size] for start in range(0, len(step.text), size)]
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(step.pause)
                if step.gate is not None and number == len(pieces) - 1:
                    step.gate.wait(HUNG)
                self._event({"delta": {"content": piece}})
        else:
            for number, (call_id, function) in enumerate(self._calls(step)):
                begun = {"index": number, "id": call_id, "type": "function"}
                named = {**begun, "function": {"name": function["name"], "arguments": ""}}
                self._event({"delta": {"tool_calls": [named]}})
                more = {"index": number, "function": {"arguments": function["arguments"]}}
                self._event({"delta": {"tool_calls": [more]}})
        self._event({"delta": {}, "finish_reason": "stop" if isinstance(step, Say) else "tool_calls"})
        if step.usage:
            self._data({**self._frame("chat.completion.chunk"), "choices": [], "usage": self._usage(step.usage)})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _calls(self, step: Call) -> Iterator[tuple[str, dict[str, str]]]:
        for number, (name, arguments) in enumerate(step.calls):
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            yield (
                step.ids.format(request=len(self.model.requests), number=number),
                {"name": name, "arguments": written},
            )

    def _usage(self, usage: tuple[int, int]) -> dict[str, int]:
        return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": "x", "object": kind, "created": 1, "model": "some-model"}

    def _event(self, choice: dict[str, Any]) -> None:
        choice = {"index": 0, "finish_reason": None, **choice}
        self._data({**self._frame("chat.completion.chunk"), "choices": [choice]})

    def _data(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()

    def _head(self, status: int, kind: str, length: int | None, retry_after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving_a_model() -> Iterator[ModelServer]:
    model = ModelServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": model}))
    server.daemon_threads = True
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield model
    finally:
        model.over.set()
        server.shutdown()
        server.server_close()
