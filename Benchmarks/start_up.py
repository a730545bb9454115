"""A whole run of a small graph: what graphrun itself costs."""
from measure import alternate, environment, median, mebibytes, run_command, state_folder, timed

NAME = "start-up"
GRAPHS = {"set": 1, "none": 1, "three": 3}


def benchmarks(tool):
    results = alternate({
        "sh": lambda: timed(["/bin/sh", "-c", "/bin/sh -c true"]),
        **{graph: lambda graph=graph: graphrun(tool, graph) for graph in GRAPHS},
    })
    shell = median([run.seconds for run in results["sh"]])
    for graph, nodes in GRAPHS.items():
        seconds = median([run.seconds for run in results[graph]])
        yield {
            "graph": graph, "nodes": nodes, "seconds": round(seconds, 4), "sh_seconds": round(shell, 4),
            "peak_mib": mebibytes(max(run.peak_bytes for run in results[graph])), "runs": len(results[graph]),
        }


def graphrun(tool, graph):
    with state_folder() as state:
        return timed(run_command(tool, f"{graph}.graph", state), environment=environment())
