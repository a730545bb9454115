#!/usr/bin/env python3
"""A model server for tests of agents: it says what a script says, over Ollama's interface and OpenAI's.

    agent_model.py TURNS [--log FILE] [--gap SECONDS]

TURNS is a file with one JSON line per turn of the model: {"content": ..., "calls": [[NAME, ARGUMENTS], ...]}. Which turn
it is shows in the question: it is the number of replies of the model in it, so a question asked again gets the same
answer. The last line repeats. The address is printed when it listens; --log gets a line for every question.
"""
import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def send(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        model = {"name": "script:latest", "model": "script:latest", "capabilities": ["completion", "tools"]}
        answers = {"/": "Ollama is running", "/api/version": {"version": "0.33.0"}, "/api/tags": {"models": [model]},
                   "/v1/models": {"data": [{"id": "script"}]}}
        self.send("application/json", json.dumps(answers.get(self.path)).encode())

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/show":
            return self.send("application/json", b'{"capabilities": ["completion", "tools"], "model_info": {}}')
        options = self.server.options
        number = sum(message["role"] == "assistant" for message in question["messages"])
        if options.log:
            with open(options.log, "a") as log:
                log.write(json.dumps({"turn": number, "question": question}) + "\n")
        with open(options.turns) as lines:
            turns = [json.loads(line) for line in lines if line.strip()]
        turn = turns[min(number, len(turns) - 1)]
        if self.path == "/api/chat":
            return self.stream("application/x-ndjson", self.ollama(turn), "{}\n")
        return self.stream("text/event-stream", self.openai(turn, number), "data: {}\n\n")

    def stream(self, kind, pieces, frame):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            text = frame.replace("{}", piece if isinstance(piece, str) else json.dumps(piece)).encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.wfile.flush()
            time.sleep(self.server.options.gap)
        self.wfile.write(b"0\r\n\r\n")

    def ollama(self, turn):
        for word in turn.get("content", "").split(" "):
            yield {"message": {"role": "assistant", "content": word + " "}, "done": False}
        calls = [{"function": {"name": name, "arguments": arguments}} for name, arguments in turn.get("calls", [])]
        message = {"role": "assistant", "content": "", **({"tool_calls": calls} if calls else {})}
        yield {"message": message, "done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 5}

    def openai(self, turn, number):
        for word in turn.get("content", "").split(" "):
            yield {"choices": [{"index": 0, "delta": {"role": "assistant", "content": word + " "}}]}
        for index, (name, arguments) in enumerate(turn.get("calls", [])):
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"index": index, "id": f"call_{number}_{index}", "type": "function", "function": function}
            yield {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if turn.get("calls") else "stop"}]}
        yield {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
        yield "[DONE]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turns")
    parser.add_argument("--log")
    parser.add_argument("--gap", type=float, default=0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.options = parser.parse_args()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
