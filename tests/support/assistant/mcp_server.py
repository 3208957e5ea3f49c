"""Another MCP server, as a process of its own: `python mcp_server.py FILE` on stdin and stdout.

It appends a line to FILE at each start and at each call.
"""

import json
import os
import sys
import time
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

log = Path(sys.argv[1])
server = MCPServer("weather")
line_out = os.dup(1)  # what the server itself speaks over: it puts something else in its place


def note(words: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{words}\n")


@server.tool()
def forecast(city: str) -> dict[str, str]:
    """The weather in a city."""
    note(f"forecast {city}")
    if city == "Nowhere":
        raise ToolError("there is no such city")
    if city == "Chatty":
        said = {"level": "error", "logger": "s3cret", "data": "s3cret"}
        for line in (json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": said}), "s3cret"):
            os.write(line_out, f"{line}\n".encode())
    if city == "Limbo":
        time.sleep(60)
    if city == "Doom":
        os._exit(1)
    return {"city": city, "weather": "rain" if city != "Long" else "x" * 100_000}


note("start")
server.run()
