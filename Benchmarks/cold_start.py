"""From nothing to a stored run of three nodes, as a process of its own, beside LangGraph's."""
import os
from engine import langgraph, quiet
from measure import HERE, alternate, environment, median, mebibytes, run_command, state_folder, timed

NAME = "cold-start"

# Graph, most seconds, how many times as fast as LangGraph it is to be.
GRAPHS = [("cold", 0.040, 15), ("cold-jq", 0.060, 15)]
MOST_MIB = 40


def benchmarks(tool):
    python = langgraph()
    measurers = {graph: lambda graph=graph: graphrun(tool, graph) for graph, _, _ in GRAPHS}
    if python:
        measurers["langgraph"] = lambda: other(python)
    results = alternate(measurers)
    theirs = median([run.seconds for run in results["langgraph"]]) if python else None
    for graph, most, goal in GRAPHS:
        runs = results[graph]
        seconds = median([run.seconds for run in runs])
        peak = mebibytes(max(run.peak_bytes for run in runs))
        times = round(theirs / seconds, 1) if theirs else "-"
        yield {
            "graph": graph, "seconds": round(seconds, 4), "peak_mib": peak,
            "langgraph_seconds": round(theirs, 4) if theirs else "-", "times_as_fast": times,
            "langgraph_peak_mib": mebibytes(max(run.peak_bytes for run in results["langgraph"])) if theirs else "-",
            "goal": f"{most} s, {MOST_MIB} MiB, {goal} x", "runs": len(runs),
            "reached": seconds <= most and peak <= MOST_MIB and (times == "-" or times >= goal),
        }


def graphrun(tool, graph):
    with state_folder() as state:
        return timed(run_command(tool, f"{graph}.graph", state), environment=environment())


def other(python):
    with state_folder() as folder:
        script = str(HERE / "compare" / "langgraph_bench.py")
        return timed([python, script, "three", "sync", "1", folder], environment=quiet())
