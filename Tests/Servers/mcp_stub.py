#!/usr/bin/env python3
"""A small MCP server over standard streams, for tests: both eras of the protocol, and faults by name.

    mcp_stub.py [--era both|legacy|modern] [--log FILE] [--pids FILE] [FAULT ...]

Without a fault it behaves. Its tools:
  echo(text)      the text                     add(a, b)       {"result": a + b} and no text
  key()           the idempotency key          env()           its environment
  json()          a value as text only         nothing()       an empty list, and no content
  fail()          an error whose cause is on standard error only
  steps(n)        n reports of progress        ask(subject)    asks for a name before it answers (modern)
  hold()          tells that it holds on, and never answers
  promise()       what its outputSchema does not allow

Faults:
  silent          never answers anything       deaf-to-new     never answers what is not of the legacy era
  exit            ends with 3 at once, after words on standard error
  no-package      ends as npx does when there is no such package
  die             is killed by a call          half            as die, in the middle of an answer
  stop-reading    reads nothing after the first tools/list
  close-output    closes its standard output at a call, and lives on
  banner          prints lines that are no messages
  long            an answer of 20 MiB          deep            an answer nested 200 deep
  questions       asks the client things before it answers, and tells what it got
  pages           three pages of tools, one cursor empty
  circle          pages that lead back         crowd           1001 tools
  news            says after the first call that its tools changed; they have
  turncoat        says that its tools stay for an hour; after the first call they are others, without a word
  late            answers a call after the next message came
  list            answers come in lists        other           speaks 1999-01-01 only
  leave           leaves a child behind that is in no group of its own
  stubborn        ignores TERM and the end of its input
  flood           floods standard error
  strange         descriptions that must not be used
  again           wants to be asked again seven times before it asks what it asks
  stale           fails at the first answer to what it asks: its state is of yesterday
  null-error      says beside each result that the error is null
  garbled         answers a call with a line that is no UTF-8, its id at the end
  babble          as garbled, and without an id
  spelled         answers a call with its id as a text
  astray          answers a call with an id that no request has, after words on standard error
  refuse          answers a call with an error about what could not be read, which has no id
"""
import argparse
import json
import os
import signal
import subprocess
import sys

META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]


def schema(**properties):
    kinds = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": kinds, "required": list(properties)}


def tool(name, arguments=None, **more):
    return {"name": name, "description": f"Does {name}.", "inputSchema": arguments or schema(), **more}


READS = {"readOnlyHint": True}

TOOLS = [
    tool("echo", schema(text="string"), annotations=READS, title="Echo"),
    tool("add", {
        "type": "object", "$defs": {"number": {"type": "number"}}, "required": ["a", "b"],
        "properties": {"a": {"$ref": "#/$defs/number"}, "b": {"anyOf": [{"$ref": "#/$defs/number"}, {"type": "null"}]}},
    }, annotations={"idempotentHint": True}, outputSchema=schema(result="number")),
    tool("key"), tool("env"), tool("json"), tool("nothing"), tool("fail"),
    tool("steps", schema(n="integer")), tool("ask", schema(subject="string")), tool("hold"),
    tool("promise", outputSchema=schema(count="integer")),
]

STRANGE = [
    tool("echo"), tool("../../etc/passwd; rm -rf ~"), tool("far", {"$ref": "http://169.254.169.254/"}),
    tool("huge", {"anyOf": [{"pattern": "(a+)+$"}] * 20000}), tool("list", {"type": "array"}), {"name": 7},
    tool("odd", {"type": "object", "made-up": 1, "properties": {"x": {"pattern": "(?<=a)b"}}}),
]


def text(value):
    return {"content": [{"type": "text", "text": value}], "isError": False}


class Server:
    def __init__(self, options):
        self.options = options
        self.faults = set(options.faults)
        self.calls = 0
        self.late = []
        self.answers = []
        self.asked = 0

    def send(self, message):
        message = {"jsonrpc": "2.0", **message}
        sys.stdout.write(json.dumps([message] if "list" in self.faults else message) + "\n")
        sys.stdout.flush()

    def result(self, rid, result, modern):
        if modern:
            result = {"resultType": "complete", **result}
        more = {"error": None} if "null-error" in self.faults else {}
        self.send({"id": rid, "result": result, **more})

    def error(self, rid, code, message, **data):
        self.send({"id": rid, "error": {"code": code, "message": message, **data}})

    # The handshake

    def handle(self, message):
        method, rid = message.get("method"), message.get("id")
        if method is None:
            return self.answers.append(message)
        if "banner" in self.faults:
            sys.stdout.write("Listening on standard input ...\r\n\n")
        if rid is None or "silent" in self.faults:
            return None
        params = message.get("params") or {}
        version = (params.get("_meta") or {}).get(META + "protocolVersion")
        era = self.options.era
        if method == "initialize":
            return self.initialize(rid, params, era)
        if version is not None and era == "legacy":
            if "deaf-to-new" in self.faults:
                return None
            return self.error(rid, -32602, "Invalid request parameters")
        if version is not None and (version != MODERN or "other" in self.faults):
            return self.error(rid, -32022, "Unsupported protocol version", data={"supported": ["1999-01-01"]})
        return self.serve(rid, method, params, version is not None)

    def initialize(self, rid, params, era):
        if era == "modern":
            return self.error(rid, -32022, "This connection is serving 2026-07-28", data={"supported": [MODERN]})
        asked = params.get("protocolVersion")
        version = asked if asked in LEGACY else LEGACY[0]
        if "other" in self.faults:
            version = "1999-01-01"
        return self.result(rid, {"protocolVersion": version, "capabilities": {"tools": {"listChanged": True}},
                                 "serverInfo": {"name": "stub", "version": "1"}}, False)

    def serve(self, rid, method, params, modern):
        if method == "server/discover":
            return self.result(rid, {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, "ttlMs": 0}, True)
        if method == "tools/list":
            self.list(rid, params, modern)
            if "stop-reading" in self.faults:
                signal.pause()
            return None
        if method == "tools/call":
            return self.call(rid, params, modern)
        return self.error(rid, -32601, "Method not found")

    # The tools

    def list(self, rid, params, modern):
        tools = TOOLS + (STRANGE if "strange" in self.faults else [])
        if "crowd" in self.faults:
            tools = [tool(f"t{i}") for i in range(1001)]
        if self.faults & {"news", "turncoat"} and self.calls:
            tools = [dict(TOOLS[0], description="Changed.")] + TOOLS[1:]
        if "circle" in self.faults:
            return self.result(rid, {"tools": tools[:1], "nextCursor": "again"}, modern)
        if "pages" not in self.faults:
            stay = {"ttlMs": 3_600_000} if "turncoat" in self.faults else {}
            return self.result(rid, {"tools": tools, **stay}, modern)
        page = {None: 0, "": 1, "last": 2}[params.get("cursor")]
        answer = {"tools": [tools[:3], tools[3:6], tools[6:]][page]}
        if page < 2:
            answer["nextCursor"] = ["", "last"][page]
        return self.result(rid, answer, modern)

    def call(self, rid, params, modern):
        self.calls += 1
        self.misbehave(rid)
        if "refuse" in self.faults:
            return self.error(None, -32700, "Parse error")
        if "spelled" in self.faults:
            rid = str(rid)
        if "astray" in self.faults:
            sys.stderr.write("busy\n")
            sys.stderr.flush()
            rid += 1000
        if self.faults & {"garbled", "babble"}:
            end = f',"id":{rid}' if "garbled" in self.faults else ""
            line = '{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"' + "x" * 500
            sys.stdout.buffer.write(line.encode() + b'\xe9"}]}' + end.encode() + b"}\n")
            return sys.stdout.buffer.flush()
        if "late" in self.faults:
            self.late.append((rid, params, modern))
            return None
        if "news" in self.faults:
            self.send({"method": "notifications/tools/list_changed"})
        return self.answer(rid, params, modern)

    def answer(self, rid, params, modern):
        arguments = params.get("arguments") or {}
        result = getattr(self, "do_" + params["name"])(arguments, params)
        return None if result is None else self.result(rid, result, modern)

    def misbehave(self, rid):
        start = f'{{"jsonrpc":"2.0","id":{rid},"result":{{"content":[],"structuredContent":'
        if "half" in self.faults:
            sys.stdout.write(start)
            sys.stdout.flush()
        if self.faults & {"half", "die"}:
            os.kill(os.getpid(), signal.SIGKILL)
        if "close-output" in self.faults:
            sys.stdout.flush()
            os.close(1)
            signal.pause()
        if "long" in self.faults:
            sys.stdout.write(start + '"' + "A" * (20 << 20) + '"}}\n')
            sys.stdout.flush()
        if "deep" in self.faults:
            sys.stdout.write(start + '{"v":' * 200 + "1" + "}" * 200 + "}}\n")
            sys.stdout.flush()
        if "questions" in self.faults:
            for number, method in enumerate(["ping", "roots/list", "sampling/createMessage", "elicitation/create"]):
                self.send({"id": rid if number == 0 else f"q{number}", "method": method, "params": {}})
            while len(self.answers) < 4:
                self.handle(json.loads(sys.stdin.readline()))

    def do_echo(self, arguments, params):
        if "questions" in self.faults:
            codes = [a.get("error", {}).get("code", a.get("result")) for a in self.answers]
            return text(json.dumps([codes[0], *codes[1:]]))
        return text(arguments["text"])

    def do_add(self, arguments, params):
        return {"content": [], "structuredContent": {"result": arguments["a"] + arguments["b"]}}

    def do_key(self, arguments, params):
        return text(params["_meta"]["graphrun/idempotencyKey"])

    def do_env(self, arguments, params):
        return {"content": [], "structuredContent": dict(os.environ)}

    def do_json(self, arguments, params):
        return text('{"a": [1, 2]}')

    def do_nothing(self, arguments, params):
        return {"content": [], "structuredContent": {"result": []}, "isError": False}

    def do_fail(self, arguments, params):
        sys.stderr.write("Traceback (most recent call last):\nNotFound: no such container\n")
        sys.stderr.flush()
        return {"content": [{"type": "text", "text": "Error executing tool fail"}], "isError": True}

    def do_steps(self, arguments, params):
        token = params["_meta"]["progressToken"]
        for number in range(arguments["n"]):
            self.send({"method": "notifications/progress", "params": {
                "progressToken": token, "progress": number + 1.0, "total": arguments["n"], "message": "step"}})
        return text("done")

    def do_ask(self, arguments, params):
        given = (params.get("inputResponses") or {}).get("who")
        self.asked += 1
        if "again" in self.faults and self.asked <= 7:
            return {"resultType": "input_required", "requestState": f"a{self.asked}"}
        if "stale" in self.faults and self.asked == 2:
            return {"content": [{"type": "text", "text": "the state expired, begin again"}], "isError": True}
        if given is None:
            question = {"mode": "form", "message": "Who?", "requestedSchema": schema(name="string")}
            return {"resultType": "input_required", "requestState": "s1",
                    "inputRequests": {"who": {"method": "elicitation/create", "params": question}}}
        return text(json.dumps([arguments["subject"], given, params.get("requestState")]))

    def do_hold(self, arguments, params):
        token = params["_meta"].get("progressToken")
        self.send({"method": "notifications/progress", "params": {"progressToken": token, "message": "holding"}})
        return None

    def do_promise(self, arguments, params):
        return {"content": [], "structuredContent": {"count": "many"}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--era", choices=["both", "legacy", "modern"], default="both")
    parser.add_argument("--log", help="append every line that comes here")
    parser.add_argument("--pids", help="append the pid here")
    parser.add_argument("faults", nargs="*")
    options = parser.parse_args()
    server = Server(options)
    faults = server.faults
    if options.pids:
        with open(options.pids, "a") as pids:
            pids.write(f"{os.getpid()}\n")
    if "exit" in faults:
        sys.stderr.write("DockerException: Error while fetching server API version\n")
        sys.exit(3)
    if "no-package" in faults:
        sys.stderr.write("npm error code E404\nnpm error 404 Not Found - GET https://registry.npmjs.org/nope\n")
        sys.exit(1)
    if "stubborn" in faults:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "leave" in faults:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    if "flood" in faults:
        sys.stderr.write("noise " * 200_000 + "\nlast words\n")
        sys.stderr.flush()
    for line in sys.stdin:
        if options.log:
            with open(options.log, "a") as log:
                log.write(line)
        message = json.loads(line)
        server.handle(message)
        if server.late and message.get("method") != "tools/call":
            for rid, params, modern in server.late:
                server.answer(rid, params, modern)
            server.late = []
    while "stubborn" in faults:
        signal.pause()


if __name__ == "__main__":
    main()
