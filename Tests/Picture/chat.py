"""What the pictured model says, and how Ollama sends it, over its own API and over OpenAI's.

It does what a model that can use tools does, always the same: asked something, with tools at hand, it calls the one that
lists containers (else the first); given a result, it names what the result lists. `picture set DIR chat=prose` makes it one
that answers without looking, `chat=invents` one that looks and then names something else.
"""
import json, re, time, uuid

PROSE = "To list all running containers, use the command docker ps."
INVENTED = "One container is running: nginx-web-1."


def plain(content):
    """A message's text: a string, or (OpenAI's) parts."""
    return "".join(part.get("text", "") for part in content) if isinstance(content, list) else content or ""


def listed(text):
    """The (name, status) of whatever in a tool's result has both: one value, or several one after another."""
    found, decoder, at = [], json.JSONDecoder(), 0

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("name"), str) and isinstance(value.get("status"), str):
                found.append((value["name"], value["status"]))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
    while (start := re.search(r"[\[{]", text[at:])) is not None:
        try:
            value, end = decoder.raw_decode(text[at + start.start():])
            walk(value)
            at += start.start() + end
        except ValueError:
            at += start.start() + 1
    return list(dict.fromkeys(found))


def reply(messages, tools, mood):
    """The next turn: the name of a tool to call without arguments, or None; and the text."""
    asked = max((i for i, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    results = [plain(message.get("content")) for message in messages[asked + 1:] if message.get("role") == "tool"]
    names = [tool["function"]["name"] for tool in tools or []]
    refused = any("refused" in plain(message.get("content")) for message in messages if message.get("role") == "system")
    if not results and names and mood != "prose" and not (mood == "lazy" and not refused):
        return next((name for name in names if name.endswith("list_containers")), names[0]), ""
    if not results:
        return None, PROSE if names else f"You said: {plain(messages[asked].get('content')) if messages else ''}"
    found = [row for text in results for row in listed(text)]
    if mood == "invents":
        return None, INVENTED
    if not found:
        return None, "No containers are running."
    return None, "Running containers: " + ", ".join(f"{name} ({status})" for name, status in found) + "."


def pieces(text):
    return re.findall(r"\S+\s*", text)


def counted(messages, text):
    """Tokens, roughly: in, out."""
    return max(1, len(json.dumps(messages)) // 4), max(1, len(text) // 4)


def ollama(model, asked, mood):
    """The lines of /api/chat's answer; unstreamed it is their one sum."""
    messages = asked.get("messages") or []
    head = lambda message, **more: {"model": model, "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime()),
                                    "message": {"role": "assistant", "content": "", **message}, "done": False, **more}
    if not messages:
        return [head({}, done=True, done_reason="load")]
    call, text = reply(messages, asked.get("tools"), mood)
    given, made = counted(messages, text)
    end = {"done": True, "done_reason": "stop", "total_duration": 4648158584, "load_duration": 4071084, "prompt_eval_count": given,
           "prompt_eval_duration": 130079000, "eval_count": made, "eval_duration": 799000000}
    called = {"tool_calls": [{"id": "call_" + uuid.uuid4().hex[:8], "function": {"index": 0, "name": call, "arguments": {}}}]} if call else {}
    if not asked.get("stream", True):
        return [head({"content": text, **called}, **end)]
    return ([head(called)] if call else [head({"content": piece}) for piece in pieces(text)]) + [head({}, **end)]


def openai(model, asked, mood):
    """The events of /v1/chat/completions' answer; unstreamed the one object."""
    call, text = reply(asked.get("messages") or [], asked.get("tools"), mood)
    given, made = counted(asked.get("messages"), text)
    usage = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    head = {"id": "chatcmpl-" + uuid.uuid4().hex[:3], "created": int(time.time()), "model": model, "system_fingerprint": "fp_ollama"}
    calls = [{"id": "call_" + uuid.uuid4().hex[:8], "type": "function", "function": {"name": call, "arguments": "{}"}}] if call else []
    reason = "tool_calls" if call else "stop"
    if not asked.get("stream"):
        message = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
        return [{**head, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}]
    event = lambda delta, reason=None: {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    events = [event({"role": "assistant", "content": "", "tool_calls": [{"index": 0, **calls[0]}]})] if calls else [
        event({"role": "assistant", "content": piece}) for piece in pieces(text)]
    events.append(event({"role": "assistant", "content": ""}, reason))
    if (asked.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    return events
