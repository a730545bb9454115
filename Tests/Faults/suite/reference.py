"""F22: random graphs, run by graphrun and by LangGraph; both come to the same state, and wrote in the same order."""
import json, os, random, subprocess

from .program import ROOT, chance

PEER = os.path.join(ROOT, "Tests", "Conformance", "langgraph", "peer")


def f22(suite):
    """Needs a Python with langgraph, jq and pyyaml: GRAPHRUN_LANGGRAPH names it; without, no point is reached."""
    python = os.environ.get("GRAPHRUN_LANGGRAPH")
    count = suite.figure(5, 20, 200)
    graphs = [make(random.Random(chance(suite.seed, "F22", number))) for number in range(count)]
    told = there(python, graphs) if python else [None] * count
    suite.points("F22", lambda number: compare(suite, number, graphs[number], told[number]), [(n,) for n in range(count)])


def there(python, graphs):
    lines = "".join(json.dumps(graph) + "\n" for graph in graphs)
    outcome = subprocess.run([python, PEER], input=lines, capture_output=True, text=True, timeout=600, check=True)
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def compare(suite, number, graph, truth):
    if truth is None:
        return None
    folder = os.path.join(suite.scratch, f"random-{number}")
    os.makedirs(folder)
    with open(os.path.join(folder, "random.graph"), "w") as file:
        json.dump(graph, file, indent=1)
    outcome = suite.program.call("run", "random", "--json", "--durability", "exit", "--state",
                                 os.path.join(folder, "state"), folder=folder)
    end = outcome.last("run-end") or {}
    found = {"status": end.get("status"), "values": end.get("values")}
    if found == truth:
        return []
    return [f"here {json.dumps(found)[:600]} {outcome.errors[-300:]}", f"LangGraph {json.dumps(truth)[:600]}", json.dumps(graph)]


def make(pick):
    """A graph that ends: what leads back is taken only as long as `.n`, which every node adds to, is small.

    Two things are left out, as they are other here on purpose: LangGraph runs a deferred node beside the tasks of a fan-out
    that is under way, and such a task sees the state from before its sender's writes.
    """
    fans_out = pick.random() < 0.5
    names = "abcdefgh"[:pick.randint(3, 8)]
    nodes = {name: node(pick, name, ".n") for name in names}
    onward = {name: set() for name in names}
    waiting = set()
    for name in names[1:]:
        earlier = [other for other in names if other < name and other not in waiting]
        if len(earlier) > 1 and pick.random() < 0.2:
            nodes[name]["after"] = sorted(pick.sample(earlier, 2))
            waiting.add(name)
            continue
        for other in pick.sample(earlier, min(len(earlier), pick.randint(1, 2))):
            onward[other].add(name)
        if not fans_out and pick.random() < 0.2:
            nodes[name]["defer"] = True
    for name in names:
        leave(pick, nodes, name, sorted(onward[name]), [other for other in names if other not in waiting], fans_out)
    return {"graph": "random", "max-steps": 500, "start": "a", "nodes": nodes, "state": {
        "n": {"reduce": "sum"}, "log": {"reduce": "append"}, "low": {"reduce": "min"}, "high": {"reduce": "max"},
        "final": {"reduce": "last"}, "tags": {"reduce": "union"}}}


def node(pick, name, seen):
    writes = {"n": "1", "log": f'["{name}", {seen}]', "final": f'"{name}"', "tags": f'["{pick.choice("xyz")}"]',
              "low": "-.n", "high": "(.log | length)"}
    kept = ["n", "log"] + [key for key in ("low", "high", "final", "tags") if pick.random() < 0.4]
    return {"set": {key: writes[key] for key in kept}}


def leave(pick, nodes, name, onward, targets, fans_out):
    """Gives the node its edges: onward, at times back, at times to a task for each item."""
    way = pick.random()
    if way < 0.35:
        back = {"when": f".n < {pick.randint(2, 12)}", "to": pick.choice(targets)}
        nodes[name]["next"] = [back, {"to": onward or "end"}]
    elif fans_out and not onward and way < 0.9:
        own = node(pick, f"{name}_each", "$item")["set"]
        nodes[f"{name}_each"] = {"set": {key: value for key, value in own.items() if key not in ("low", "high")}}
        nodes[name]["next"] = [{"each": f"[range({pick.randint(0, 3)})]", "to": f"{name}_each"}]
    elif onward:
        nodes[name]["next"] = onward
