"""The engine in one process beside LangGraph's, and beside the least that SQLite takes for as many transactions."""
import json, math, os, subprocess, sys
from pathlib import Path
from measure import HERE, ROOT, alternate, median, state_folder

NAME = "engine"
FLOOR = "floor"

# Workload, store, size, how many times as fast as LangGraph it is to be.
WORKLOADS = [
    ("loop", "none", 1000, 100), ("loop", "sync", 1000, 4), ("loop", "async", 1000, None), ("loop", "exit", 1000, None),
    ("append", "sync", 200, None), ("append", "sync", 2000, None),
    ("messages", "sync", 200, None), ("messages", "sync", 2000, 20),
    ("fan-out", "none", 100, None), ("fan-out", "none", 1000, None), ("fan-out", "none", 10000, 100),
    ("fan-out", "sync", 10000, 100),
    ("big-value", "sync", 1000000, None), ("threads", "sync", 1000, 30),
]

# LangGraph takes minutes for these.
ALONE = [("append", "sync", 10000), ("messages", "sync", 10000)]

MOST_EXPONENT = 1.1

# What only takes minutes more, and is known from fewer runs.
SLOW_SECONDS = 3


def benchmarks(tool):
    engine, floor, python = programs(tool)
    rows = []
    for workload, store, size, goal in WORKLOADS:
        rows.append(compared(engine, floor, python, workload, store, size, goal))
        yield rows[-1]
    for workload, store, size in ALONE:
        runs = alternate({"graphrun": lambda: run([engine, workload, store, str(size)])})["graphrun"]
        rows.append(row(workload, store, size, runs, None, None, None))
        yield rows[-1]
    yield from growth(rows)


def growth(rows):
    """How time and room grow with a list: the exponent of its length that fits the sizes measured."""
    for workload in dict.fromkeys(workload for workload, _, _ in ALONE):
        of = [row for row in rows if (row["workload"], row["store"]) == (workload, "sync")]
        time, room = (exponent([(row["size"], row[what]) for row in of]) for what in ("seconds", "kib"))
        yield {
            "benchmark": "growth", "list": workload, "items": " to ".join(str(row["size"]) for row in (of[0], of[-1])),
            "time_exponent": time, "bytes_exponent": room, "goal": MOST_EXPONENT,
            "reached": max(time, room) <= MOST_EXPONENT,
        }


def exponent(points):
    """The slope of the straight line that fits both logarithms best."""
    points = [(math.log(size), math.log(cost)) for size, cost in points]
    x, y = (sum(values) / len(points) for values in zip(*points))
    return round(sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points), 2)


def compared(engine, floor, python, workload, store, size, goal):
    command = [workload, store, str(size)]
    measurers = {"graphrun": lambda: run([engine, *command])}
    if (workload, store) == ("loop", "sync"):
        # As many bytes a transaction as a super-step of the engine leaves in its database.
        share = measurers["graphrun"]()["bytes"] // (size + 1)
        measurers[FLOOR] = lambda: run([floor, str(size), str(share)])
    if python:
        measurers["langgraph"] = once_if_slow(lambda: run([python, str(HERE / "compare" / "langgraph_bench.py"), *command]))
    results = alternate(measurers)
    return row(workload, store, size, results["graphrun"], results.get("langgraph"), results.get(FLOOR), goal)


def once_if_slow(measure):
    """Measures again only what does not take long: the first figure stands for the others."""
    known = []

    def again():
        if not known or known[0]["seconds"] < SLOW_SECONDS:
            known[:] = [measure()]
        return known[0]

    return again


def row(workload, store, size, ours, theirs, floor, goal):
    seconds = median([run["seconds"] for run in ours])
    found = {
        "workload": workload, "store": store, "size": size, "seconds": round(seconds, 4),
        "langgraph_seconds": "-", "times_as_fast": "-", "kib": kib(ours), "langgraph_kib": "-", "floor_ratio": "-",
        "goal": "-", "runs": len(ours),
    }
    if theirs:
        other = median([run["seconds"] for run in theirs])
        found |= {"langgraph_seconds": round(other, 4), "times_as_fast": round(other / seconds, 1), "langgraph_kib": kib(theirs)}
    reached = None
    if goal:
        found["goal"] = f"{goal} x"
        if theirs:
            reached = found["times_as_fast"] >= goal
    if floor:
        # Each against its neighbour in time: the disk is not the same from minute to minute.
        found["floor_ratio"] = round(median([one["seconds"] / other["seconds"] for one, other in zip(ours, floor)]), 2)
        found["goal"] += ", floor 1.3"
        reached = reached is not False and found["floor_ratio"] <= 1.3
    if reached is not None:
        found["reached"] = reached
    return found


def kib(runs):
    return round(median([run["bytes"] for run in runs]) / 1024)


def run(command):
    with state_folder() as folder:
        done = subprocess.run([*command, folder], stdout=subprocess.PIPE, check=True, env=quiet())
        found = json.loads(done.stdout)
        found["bytes"] = sum(file.stat().st_size for file in Path(folder).glob("*.sqlite*"))
        return found


def quiet():
    """Without what would trace LangGraph's runs to a service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN"))}


def programs(tool):
    """The engine's program beside the tool, the floor, and a Python that has LangGraph; `None` where there is none."""
    built = ROOT / ".build" / "bench"
    built.mkdir(parents=True, exist_ok=True)
    floor = built / "floor"
    subprocess.run(["cc", "-O2", "-o", str(floor), str(HERE / "floor" / "floor.c"), "-lsqlite3"], check=True)
    return str(Path(tool).parent / "engine-bench"), str(floor), langgraph()


def langgraph():
    """A Python with LangGraph, in .build/bench; `None`, and said so, where it cannot be had."""
    venv = ROOT / ".build" / "bench" / "langgraph"
    python = os.environ.get("BENCH_LANGGRAPH_PYTHON") or str(venv / "bin" / "python")
    check = [python, "-c", "import langgraph.checkpoint.sqlite, langgraph.graph"]
    if os.path.exists(python) and subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 0:
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        install = ["-m", "pip", "install", "--quiet", "langgraph==1.2.22", "langgraph-checkpoint-sqlite"]
        subprocess.run([str(venv / "bin" / "python"), *install], check=True)
        return str(venv / "bin" / "python")
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"bench: LangGraph is not compared with: {error}", file=sys.stderr)
        return None
