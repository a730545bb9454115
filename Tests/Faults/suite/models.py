"""F17: model servers that misbehave, in the built program."""
import json, os, subprocess, sys

from .peers import left
from .workloads import SERVERS

# The whole answer of the ways of hostile_model.py that give one; all others may only fail.
ECHO = "echo: Say it. [[WAY]]"
WHOLE = {way: ECHO for way in ("ok", "slow", "thinking", "two-dones", "not-stream")} | {
    "utf8-split": "h\u00e9llo \U0001f600 \u4e16\u754c " * 20, "json-broken": '{"verdict": "pass", "score": 0.',
    "fenced": '```json\n{"ok": true}\n```', "inject": None}
CALLS = ("tool-call", "two-tools", "bad-tool", "loop-tool")  # the whole answer, or a failure
FAIL = ("stall", "stall-first", "slow-loris", "reset", "reset-first", "close", "length", "400", "401", "404", "429", "500",
        "502", "503", "redirect", "html", "bad-line", "error-line", "bad-chunk", "bad-utf8", "wrong-type", "huge-line",
        "gigantic", "forever", "empty", "no-message")
KINDS = ("model", "timeout", "connection", "http", "protocol", "limit", "parse", "refused", "tool")


GRAPH = """graph: model
state: {{ answer: {{}} }}
{servers}start: ask
nodes:
  ask:
    {kind}:
      url: {url}
      model: script
      prompt: "Say it. [[{way}]]"
{more}    timeout: 4s
    save: {{ answer: $result.text }}
"""
SERVER = "servers: {{ shop: {{ command: python3, args: [{program}, .] }} }}\n"
AGENT = "      tools: { allow: ['*'] }\n      max-turns: 3\n"


def f17(suite):
    """Every way, once in an llm node and once in an agent; at night also once an answer has come."""
    server = subprocess.Popen([sys.executable, os.path.join(SERVERS, "hostile_model.py"), "--hold", "60"],
                              stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        ways = [(way, kind) for way in [*WHOLE, *CALLS, *FAIL] for kind in ("llm", "agent")]
        suite.points("F17", lambda way, kind: ask(suite, url, way, kind), ways[::suite.figure(5, 1, 1)])
    finally:
        server.kill()
        server.wait()


def ask(suite, url, way, kind):
    folder = os.path.join(suite.scratch, f"model-{way}-{kind}")
    os.makedirs(folder)
    servers = SERVER.format(program=os.path.join(SERVERS, "agent_tools.py")) if kind == "agent" else ""
    with open(os.path.join(folder, "model.graph"), "w") as file:
        file.write(GRAPH.format(url=url, way=way, kind=kind, servers=servers, more=AGENT if kind == "agent" else ""))
    thread = f"model-{way}-{kind}-{os.getpid()}"
    outcome = suite.program.call("run", "model", "--thread", thread, "--json", "--state", os.path.join(folder, "state"),
                                 folder=folder, timeout=40)
    end = outcome.last("run-end") or {}
    return list(judge(way, kind, outcome, end, folder)) + left(thread)


def judge(way, kind, outcome, end, folder):
    what = f"{outcome} {json.dumps(end)[:300]}"
    if outcome.late or outcome.seconds > 4 + 6:
        yield f"took {outcome.seconds:.1f} s"
    if outcome.peak > 256 << 20:
        yield f"took {outcome.peak >> 20} MiB"
    if os.path.exists(os.path.join(folder, "pwned")):
        yield "what the model said was run"
    answer = end.get("values", {}).get("answer")
    if outcome.code == 1:
        if way in WHOLE or answer is not None or end["error"]["kind"] not in KINDS:
            yield f"failed: {what}"
    elif outcome.code != 0:
        yield f"ended with {what}"
    elif way in WHOLE or way in CALLS:
        whole = WHOLE.get(way, ECHO)
        if answer != whole.replace("WAY", way) if whole else not answer:
            yield f"I3 the answer is not the model's: {what}"
    else:
        yield f"I3 a part was taken for an answer: {what}"
