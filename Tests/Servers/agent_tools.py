#!/usr/bin/env python3
"""An MCP server over standard streams for tests of agents: what its tools did can be counted.

    agent_tools.py FOLDER

Every call that has an effect adds a line to FOLDER/effects: {"tool", "arguments", "key"}. Its tools:
  look(at)          reads, and says what it saw        mark(name, hold?)  an effect; then it takes `hold` seconds
  wipe(path)        a destructive effect               fail(why)          an error
  much(bytes)       a long text                        die(name)          an effect, then the server is killed
  ask(subject)      asks for a name before it answers
  meet(name, of)    an effect; then it waits until `of` such calls are made

FOLDER/description, where there is one, is what `look` is described by: it may change while the server runs.
"""
import json
import os
import signal
import sys
import threading
import time

META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
folder = sys.argv[1]
writing = threading.Lock()


def schema(required, **properties):
    kinds = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": kinds, "required": required, "additionalProperties": False}


def tools():
    path = os.path.join(folder, "description")
    described = open(path).read() if os.path.exists(path) else "Looks at something."
    return [
        {"name": "look", "description": described, "inputSchema": schema(["at"], at="string"),
         "annotations": {"readOnlyHint": True}},
        {"name": "mark", "description": "Marks.", "inputSchema": schema(["name"], name="string", hold="number")},
        {"name": "wipe", "description": "Wipes.", "inputSchema": schema(["path"], path="string"),
         "annotations": {"destructiveHint": True}},
        {"name": "fail", "description": "Fails.", "inputSchema": schema(["why"], why="string")},
        {"name": "much", "description": "Much.", "inputSchema": schema(["bytes"], bytes="integer"),
         "annotations": {"readOnlyHint": True}},
        {"name": "die", "description": "Dies.", "inputSchema": schema(["name"], name="string")},
        {"name": "meet", "description": "Meets.", "inputSchema": schema(["name", "of"], name="string", of="integer")},
        {"name": "ask", "description": "Asks.", "inputSchema": schema(["subject"], subject="string")},
    ]


def text(value, **more):
    return {"content": [{"type": "text", "text": value}], **more}


def effect(tool, arguments, params):
    line = {"tool": tool, "arguments": arguments, "key": params["_meta"].get("graphrun/idempotencyKey")}
    with writing, open(os.path.join(folder, "effects"), "a") as file:
        file.write(json.dumps(line) + "\n")


def call(tool, arguments, params):
    if tool == "look":
        return text("saw " + arguments["at"])
    if tool == "much":
        return text("x" * arguments["bytes"])
    if tool == "fail":
        return text(arguments["why"], isError=True)
    if tool == "ask":
        given = (params.get("inputResponses") or {}).get("who")
        if given is None:
            question = {"mode": "form", "message": "Who?", "requestedSchema": schema(["name"], name="string")}
            return {"resultType": "input_required", "requestState": "state",
                    "inputRequests": {"who": {"method": "elicitation/create", "params": question}}}
    effect(tool, arguments, params)
    if tool == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if tool == "meet":
        until = time.monotonic() + 20
        while sum(1 for _ in open(os.path.join(folder, "effects"))) < arguments["of"]:
            if time.monotonic() > until:
                return text("nobody came", isError=True)
            time.sleep(0.02)
    time.sleep(arguments.get("hold", 0))
    return text(f"{tool} done")


def send(rid, result, modern):
    if modern:
        result = {"resultType": "complete", **result}
    with writing:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": rid, "result": result}) + "\n")
        sys.stdout.flush()


def serve(message):
    rid, method, params = message["id"], message["method"], message.get("params") or {}
    modern = META + "protocolVersion" in (params.get("_meta") or {})
    if method == "server/discover":
        send(rid, {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, "ttlMs": 0}, True)
    elif method == "initialize":
        send(rid, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                   "serverInfo": {"name": "agent-tools", "version": "1"}}, False)
    elif method == "tools/list":
        send(rid, {"tools": tools()}, modern)
    else:
        send(rid, call(params["name"], params.get("arguments") or {}, params), modern)


for line in sys.stdin:
    message = json.loads(line)
    if "method" in message and "id" in message:
        threading.Thread(target=serve, args=(message,), daemon=True).start()
