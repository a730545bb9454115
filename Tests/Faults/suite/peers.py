"""F16 and F18: MCP servers and steps that misbehave, in the built program."""
import json, os, re

from .program import HERE
from .case import marked
from .workloads import SERVERS

# Ways of misbehave.py: the codes with which a run may end.
ENDS_WELL = ["flood", "flood-err", "flood-both", "line", "binary", "cut", "escapes", "hold", "daemon", "stdin", "terminal",
             "descriptors", "memory", "rights", "signals"]
IS_STOPPED = ["deaf", "tree", "zombies", "slow-term", "stopped"]
FAILS = ["crash", "code"]


def f18(suite):
    """Steps that misbehave: they end, nobody is left, and the runner stays small."""
    points = [(way, killed) for way in ENDS_WELL + IS_STOPPED + FAILS
              for killed in ((False, True) if suite.nightly or way in IS_STOPPED else (False,))]
    suite.points("F18", lambda way, killed: step(suite, way, killed), points)


GRAPH = """graph: misbehave
start: a
nodes:
  a:
    shell:
      argv: [python3, {program}, {way}]
    timeout: 2s
    effects: repeatable
"""


def step(suite, way, killed):
    folder = os.path.join(suite.scratch, f"step-{way}-{killed}")
    os.makedirs(folder)
    with open(os.path.join(folder, "misbehave.graph"), "w") as file:
        file.write(GRAPH.format(program=os.path.join(HERE, "graphs", "misbehave.py"), way=way))
    thread = f"step-{way}-{int(killed)}-{os.getpid()}"
    more = ["--json", "--state", os.path.join(folder, "state")]
    start = ["run", "misbehave", "--thread", thread, *more]
    problems = []
    if killed:
        call = suite.program.begin(*start, folder=folder)
        call.wait_for('"event":"task-start"')
        call.is_over(0.3)
        call.kill()
        call.end()
        outcome = suite.program.call("resume", thread, *more, folder=folder, timeout=30)
    else:
        outcome = suite.program.call(*start, folder=folder, timeout=60)
    wanted = 0 if way in ENDS_WELL else 1
    if outcome.code != wanted:
        problems.append(f"ended with {outcome}: {json.dumps(outcome.last('run-end'))[:300]}")
    if outcome.seconds > 20:
        problems.append(f"took {outcome.seconds:.1f} s")
    if outcome.peak > 256 << 20:
        problems.append(f"took {outcome.peak >> 20} MiB")
    return problems + left(thread)


def left(thread):
    found = [pid for pid in os.listdir("/proc") if pid.isdigit() and f".{thread}.".encode() in marked(pid)]
    return [f"I8 processes are left: {found}"] if found else []


def f16(suite):
    """Every fault of Tests/Servers/mcp_stub.py in both eras."""
    with open(os.path.join(SERVERS, "mcp_stub.py")) as file:
        listed = file.read().split("Faults:\n", 1)[1].split('"""', 1)[0]
    faults = re.findall(r"(?:^  |(?<=\S)  +)([a-z][a-z-]+)  +(?=\S)", listed, re.M)
    points = [(fault, era) for fault in ["", *dict.fromkeys(faults)] for era in ("legacy", "modern")]
    suite.points("F16", lambda fault, era: server(suite, fault, era), points[::suite.figure(5, 1, 1)])


SERVER_GRAPH = """graph: peer
servers:
  stub: {{ command: python3, args: ["{program}", --era, {era}{fault}] }}
start: a
nodes:
  a:
    mcp: {{ server: stub, tool: echo, arguments: {{ text: hi }} }}
    timeout: 3s
"""


def server(suite, fault, era):
    folder = os.path.join(suite.scratch, f"peer-{fault}-{era}")
    os.makedirs(folder)
    with open(os.path.join(folder, "peer.graph"), "w") as file:
        program = os.path.join(SERVERS, "mcp_stub.py")
        file.write(SERVER_GRAPH.format(program=program, era=era, fault=f", {fault}" if fault else ""))
    thread = f"peer-{fault}-{era}-{os.getpid()}"
    outcome = suite.program.call("run", "peer", "--thread", thread, "--json", "--state", os.path.join(folder, "state"),
                                 folder=folder, timeout=30)
    problems = []
    if outcome.code not in (0, 1, 3) or (fault == "" and outcome.code != 0):
        problems.append(f"ended with {outcome}")
    if outcome.seconds > 3 + 6:
        problems.append(f"took {outcome.seconds:.1f} s")
    if outcome.peak > 256 << 20:
        problems.append(f"took {outcome.peak >> 20} MiB")
    return problems + left(thread)
