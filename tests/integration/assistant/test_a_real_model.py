"""The road to a language model over HTTP: an OpenAI-compatible server on loopback plays the model."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from pydantic_ai.models import override_allow_model_requests
from stage import Story

from exponential.assistant.runtime import Runtime
from exponential.database import Database
from exponential.settings import AppSettings

Requests = list[dict[str, Any]]


@pytest.fixture
def server() -> Iterator[tuple[str, Requests]]:
    """(base URL, the requests it got): it calls create_task first, then says what the tool said."""
    requests: Requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append(request)
            answer = json.dumps(completion(request)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", requests
    server.shutdown()
    server.server_close()


def completion(request: dict[str, Any]) -> dict[str, Any]:
    last = request["messages"][-1]
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if last["role"] == "tool":
        message["content"] = "Der Server sagt: " + last["content"]
    else:
        function = {
            "name": "create_task",
            "arguments": json.dumps({"title": "Milch kaufen", "due": "2026-05-07T17:00"}),
        }
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "some-model",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


async def test_a_model_by_url(server: tuple[str, Requests], app_database: Database, story: Story, alice: UUID) -> None:
    url, requests = server
    settings = AppSettings(_env_file=None, model=f"{url}#some-model")
    with override_allow_model_requests(True):
        async with Runtime(app_database, settings) as runtime:
            result = await runtime.ask(alice, "morgen um fünf Milch kaufen")
    assert result.reply.startswith("Der Server sagt: ")
    assert result.tools[0]["result"]["task"]["due"] == "2026-05-07T17:00:00+00:00"
    assert await story.titles(alice) == ["Milch kaufen"]

    system, user = requests[0]["messages"]
    assert system["role"] == "system" and "alice" in system["content"] and "UTC" in system["content"]
    assert "morgen um fünf Milch kaufen" in json.dumps(user, ensure_ascii=False)
    assert requests[0]["model"] == "some-model"
    tools = {tool["function"]["name"]: tool["function"] for tool in requests[0]["tools"]}
    assert set(tools) == {"create_task", "list_tasks", "complete_task"}
    assert tools["create_task"]["parameters"]["required"] == ["title"]
    assert "ISO" in system["content"] and "2026-05-01T17:00" in json.dumps(tools["create_task"])
