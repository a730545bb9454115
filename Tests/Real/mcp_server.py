#!/usr/bin/env python3
"""One small MCP server on the real SDK, whichever generation is installed: mcp_server.py stdio|http|sse [docker]

Under mcp 1.x it speaks the protocol of 2025-11-25 and before, under 2.x also that of 2026-07-28. Over HTTP it has a free
port, and prints `serving ADDRESS` when it listens. Its tools are those that a client can get wrong: a result without
content, one that is an error, one that reports progress, one with a nested schema. With `docker` it is mcp-server-docker that is served.
"""
import asyncio, socket, sys
from typing import Literal

from pydantic import BaseModel

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver import Context
    MODERN = True
except ImportError:
    from mcp.server.fastmcp import Context, FastMCP as MCPServer
    MODERN = False
from mcp.types import ToolAnnotations

LOOK = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)
app = MCPServer("workshop", **({} if MODERN else {"log_level": "ERROR"}))
done = []


class Item(BaseModel):
    name: str
    colour: Literal["red", "green"] = "red"


@app.tool(annotations=LOOK)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@app.tool(annotations=LOOK)
def nothing() -> list[str]:
    """List what there is, which is nothing."""
    return []


@app.tool()
def store(item: Item) -> dict:
    """Keep an item. Says how many are kept."""
    done.append(item)
    return {"name": item.name, "colour": item.colour, "kept": len(done)}


@app.tool()
def broken(reason: str) -> str:
    """Fail, for the reason given."""
    raise ValueError(reason)


@app.tool(annotations=LOOK)
async def steps(count: int, ctx: Context) -> str:
    """Take some steps, and report each."""
    for step in range(count):
        await ctx.report_progress(step + 1, count, f"step {step + 1}")
        await asyncio.sleep(0.01)
    return f"{count} steps"


def serve(app, transport):
    """Over HTTP, on a free port."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            print(f"serving http://127.0.0.1:{sockets[0].getsockname()[1]}/{'mcp' if transport == 'http' else 'sse'}", flush=True)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    web = app.streamable_http_app() if transport == "http" else app.sse_app()
    Server(uvicorn.Config(web, log_level="error")).run(sockets=[listening])


if sys.argv[2:] == ["docker"]:
    from mcp_server_docker import app
if sys.argv[1] == "stdio":
    app.run("stdio")
else:
    serve(app, sys.argv[1])
