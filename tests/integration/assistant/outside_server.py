"""Another MCP server, as a process of its own: `python outside_server.py FILE` on stdin and stdout.

It appends a line to FILE at each start and at each call.
"""

import os
import sys
import time
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

log = Path(sys.argv[1])
server = MCPServer("weather")


def note(words: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{words}\n")


@server.tool()
def forecast(city: str) -> dict[str, str]:
    """The weather in a city."""
    note(f"forecast {city}")
    if city == "Nowhere":
        raise ToolError("there is no such city")
    if city == "Limbo":
        time.sleep(60)
    if city == "Doom":
        os._exit(1)
    return {"city": city, "weather": "rain" if city != "Long" else "x" * 100_000}


note("start")
server.run()
