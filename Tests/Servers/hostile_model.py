#!/usr/bin/env python3
"""A model server that misbehaves, over Ollama's interface: the address is printed when it listens.

    hostile_model.py [--hold SECONDS] [--bytes N] [--log FILE]

Which way is named in the newest message as [[WAY]]; without one it behaves and says "echo: " and the message. The ways:
  good     ok  slow  thinking  utf8-split (characters are cut between chunks)  two-dones (goes on after its end)
           not-stream (one object, though a stream was asked for)  inject (shell, template and terminal as text)
           json-broken  fenced
  calls    tool-call  two-tools  loop-tool (for ever)  bad-tool (no such tool, and what is no call)
  silent   stall (after three words)  stall-first (before the header)  slow-loris (a byte a second)
  cut      reset  reset-first  close (without the last object)  length (by the model's own limit)
  status   400 401 404 429 500 502 503  redirect (to where secrets of clouds are)  html (of a proxy)
  stream   bad-line  error-line  bad-chunk  bad-utf8  wrong-type
  size     huge-line  gigantic  forever
  nothing  empty  no-message
"""
import argparse
import json
import re
import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INJECT = "$(touch pwned) `id`; rm -rf ~ ${{ $secrets.X }} \x1b]0;title\x07\x1b[2J '; DROP TABLE thread; --\n"
STATUS = {400: "invalid request", 401: "unauthorized", 404: "model 'script' not found", 429: "too many requests",
          500: "llama runner process has terminated", 502: "bad gateway", 503: "server busy, please try again"}
CUT = ["stall", "reset", "close", "bad-line", "error-line", "bad-chunk", "bad-utf8"]
BLOCK = "A" * 8192


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        model = {"name": "script:latest", "model": "script:latest", "capabilities": ["completion", "tools"]}
        self.json({"/api/version": {"version": "0.33.0"}, "/api/tags": {"models": [model]}}.get(self.path, {}))

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/show":
            return self.json({"capabilities": ["completion", "tools", "thinking"], "model_info": {}})
        said = " ".join(str(message.get("content")) for message in question["messages"] if message["role"] == "user")
        ways = re.findall(r"\[\[(.*?)\]\]", said)
        way = ways[-1] if ways else "ok"
        replies = sum(message["role"] == "assistant" for message in question["messages"])
        if self.server.options.log:
            with open(self.server.options.log, "a") as log:
                log.write(json.dumps({"way": way, "replies": replies, "headers": dict(self.headers)}) + "\n")
        try:
            self.answer(way, said, replies)
        except OSError:
            self.close_connection = True

    # Answers

    def answer(self, way, said, replies):
        if way.isdigit():
            more = {"Retry-After": "1"} if way in ("429", "503") else {}
            return self.json({"error": STATUS[int(way)]}, int(way), more)
        if way == "redirect":
            return self.json({}, 302, {"Location": "http://169.254.169.254/latest/meta-data/"})
        if way == "html":
            return self.body(200, "text/html", b"<html><body>Bad gateway</body></html>")
        if way in ("stall-first", "reset-first"):
            time.sleep(self.server.options.hold if way == "stall-first" else 0)
            return self.reset()
        time.sleep(1 if way == "slow" else 0)
        text, calls = self.content(way, said, replies)
        if way == "not-stream":
            return self.json(self.part(text, calls, done=True))
        self.stream(way, text, calls)

    def content(self, way, said, replies):
        call = {"function": {"name": "echo", "arguments": {"text": "hi"}}}
        calls = {"tool-call": [call], "two-tools": [call, call], "loop-tool": [call],
                 "bad-tool": [{"function": {"name": "no_such_tool; rm -rf ~", "arguments": "{not json"}}, {"function": None}]}
        if way in calls and (replies == 0 or way == "loop-tool"):
            return "", calls[way]
        texts = {"inject": INJECT, "empty": "", "no-message": "", "json-broken": '{"verdict": "pass", "score": 0.',
                 "fenced": '```json\n{"ok": true}\n```', "utf8-split": "h\u00e9llo \U0001f600 \u4e16\u754c " * 20}
        return texts.get(way, "echo: " + said), []

    def stream(self, way, text, calls):
        self.begin(200, {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"})
        words = re.findall(r"\S*\s*", text)[:-1] if text else []
        if way == "thinking":
            for word in ("let ", "me ", "think"):
                self.line({"message": {"role": "assistant", "content": "", "thinking": word}, "done": False})
        if way == "slow-loris":
            return self.in_pieces(json.dumps(self.part(text, [], done=True)).encode(), 1, 1)
        if way == "utf8-split":
            lines = [json.dumps(self.part(word, [], done=False), ensure_ascii=False) for word in words]
            self.in_pieces("".join(line + "\n" for line in lines).encode(), 7, 0)
            words = []
        if way in ("huge-line", "gigantic", "forever"):
            self.flood(way)
            words = []
        if way == "wrong-type":
            for bad in ({"message": ["x"], "done": False}, {"message": {"content": 42}, "done": "yes"}, [1], "s", None):
                self.line(bad)
        for word in words[:3] if way in CUT else words:
            self.line(self.part(word, [], done=False))
        self.end(way, calls)

    def end(self, way, calls):
        raw = {"bad-line": b'{"model":"script","message":{"role":"assist\n{{{]\n',
               "bad-utf8": b'{"message":{"role":"assistant","content":"\xff\xfe\xc3("},"done":false}\n'}
        if way in raw:
            self.chunk(raw[way])
        if way == "error-line":
            self.line({"error": "an error was encountered while running the model"})
        if way in ("stall", "reset"):
            time.sleep(self.server.options.hold if way == "stall" else 0)
            return self.reset()
        if way == "bad-chunk":
            self.close_connection = True
            return self.wfile.write(b"ZZZ\r\nnot a chunk\r\n")
        if way not in ("close", "error-line"):
            done = self.part("", calls, done=True)
            if way == "length":
                done["done_reason"] = "length"
            if way == "no-message":
                del done["message"]
            self.line(done)
        if way == "two-dones":
            self.line(self.part("after the end", [], done=False))
            self.line(self.part("", calls, done=True))
        self.wfile.write(b"0\r\n\r\n")

    def flood(self, way):
        if way == "huge-line":
            self.chunk(b'{"model":"script","message":{"role":"assistant","content":"')
        sent = 0
        while way == "forever" or sent < self.server.options.bytes:
            self.chunk(BLOCK.encode()) if way == "huge-line" else self.line(self.part(BLOCK + " ", [], done=False))
            sent += len(BLOCK)
        if way == "huge-line":
            self.chunk(b'"},"done":false}\n')

    # Pieces

    def part(self, text, calls, done):
        message = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = calls
        more = {"done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1} if done else {}
        return {"model": "script", "message": message, "done": done, **more}

    def in_pieces(self, data, size, pause):
        for start in range(0, len(data), size):
            self.chunk(data[start:start + size])
            time.sleep(pause)

    def line(self, value):
        self.chunk(json.dumps(value).encode() + b"\n")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def json(self, value, status=200, headers=None):
        self.body(status, "application/json", json.dumps(value).encode(), headers)

    def body(self, status, kind, data, headers=None):
        self.begin(status, {"Content-Type": kind, "Content-Length": len(data), **(headers or {})})
        self.wfile.write(data)

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold", type=float, default=3600)
    parser.add_argument("--bytes", type=int, default=64 << 20)
    parser.add_argument("--log")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.options = True, parser.parse_args()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
