#!/usr/bin/env python3
"""One small MCP server on the real SDK, whichever generation is installed: mcp_server.py stdio | http PORT | sse PORT

Under mcp 1.x it speaks the protocol of 2025-11-25 and before, under 2.x also that of 2026-07-28. HTTP is served at
http://127.0.0.1:PORT/mcp, SSE at /sse. Its tools are those that a client can get wrong: a result without content, one
that is an error, one that reports progress, one with a nested schema.
"""
import asyncio, sys
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

TRANSPORT, PORT = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
LOOK = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)
app = MCPServer("workshop", **({} if MODERN else {"host": "127.0.0.1", "port": PORT, "log_level": "ERROR"}))
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


if TRANSPORT == "stdio":
    app.run("stdio")
else:
    app.run({"http": "streamable-http", "sse": "sse"}[TRANSPORT], **({"host": "127.0.0.1", "port": PORT} if MODERN else {}))
