"""A thread of very many checkpoints: going on with it, and looking at its end."""
import json, subprocess
from engine import programs, quiet
from measure import HERE, alternate, environment, median, state_folder, timed

NAME = "long-thread"

SIZES = [100, 10_000, 100_000]
MOST_RATIO = 1.3
MOST_HISTORY_SECONDS = 0.040

# So many checkpoints take LangGraph minutes to write.
MOST_COMPARED = 10_000


def benchmarks(tool):
    engine, _, python = programs(tool)
    with state_folder() as root:
        folders = {size: prepared(engine, root, size) for size in SIZES}
        measurers = {f"resume {size}": lambda size=size: resume([engine], size, folders[size]) for size in SIZES}
        measurers |= {f"history {size}": lambda size=size: history(tool, folders[size]) for size in SIZES}
        if python:
            script = [python, str(HERE / "compare" / "langgraph_bench.py")]
            for size in [size for size in SIZES if size <= MOST_COMPARED]:
                other = f"{root}/langgraph-{size}"
                call([*script, "prepare", "async", str(size), other])
                measurers[f"langgraph {size}"] = lambda size=size, other=other: resume(script, size, other)
        results = {name: median(runs) for name, runs in alternate(measurers).items()}
    yield from rows(results)


def rows(results):
    least = results[f"resume {SIZES[0]}"]
    for size in SIZES:
        seconds, shown = results[f"resume {size}"], results[f"history {size}"]
        theirs = results.get(f"langgraph {size}")
        row = {
            "checkpoints": size, "resume_seconds": round(seconds, 5), "ratio_to_100": round(seconds / least, 2),
            "langgraph_resume_seconds": round(theirs, 5) if theirs else "-", "history_last_20_seconds": round(shown, 4),
        }
        reached = seconds / least <= MOST_RATIO and shown <= MOST_HISTORY_SECONDS
        yield row | ({"goal": f"{MOST_RATIO}, {MOST_HISTORY_SECONDS} s", "reached": reached} if size == SIZES[-1] else {"goal": "-"})


def prepared(engine, root, size):
    folder = f"{root}/{size}"
    call([engine, "prepare", "async", str(size), folder])
    return folder


def resume(program, size, folder):
    return call([*program, "resume", "sync", str(size), folder])["seconds"]


def history(tool, folder):
    command = [tool, "history", "t", "--limit", "20", "--state", folder]
    return timed(command, environment=environment()).seconds


def call(command):
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=quiet()).stdout)
