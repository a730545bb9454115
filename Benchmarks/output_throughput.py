"""1 GB of a child's output through a run, against `cat` taking the same into /dev/null."""
import os, subprocess
from measure import alternate, environment, median, mebibytes, run_command, state_folder, timed

NAME = "output-throughput"
PRODUCERS = {"zeros": "head -c 1000000000 /dev/zero", "lines": "yes hello world | head -c 1000000000"}
VIEWS = {"plain": [], "json": ["--json"]}
GOAL_RATIO, GOAL_MEBIBYTES = 2.0, 64


def benchmarks(tool):
    for producer, command in PRODUCERS.items():
        results = alternate({
            "cat": lambda: timed(["/bin/sh", "-c", f"{command} | cat > /dev/null"]),
            **{view: lambda options=options: graphrun(tool, producer, options) for view, options in VIEWS.items()},
        })
        cat = median([run.seconds for run in results["cat"]])
        for view in VIEWS:
            seconds = median([run.seconds for run in results[view]])
            peak = max(run.peak_bytes for run in results[view])
            yield {
                "producer": producer, "view": view, "bytes": 1_000_000_000, "seconds": round(seconds, 3),
                "cat_seconds": round(cat, 3), "ratio": round(seconds / cat, 2), "peak_mib": mebibytes(peak),
                "runs": len(results[view]), "reached": seconds / cat <= GOAL_RATIO and mebibytes(peak) < GOAL_MEBIBYTES,
            }


def graphrun(tool, producer, options):
    """What is shown goes through a pipe to a reader, as in `graphrun run … | cat`."""
    with state_folder() as state:
        reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        output = reader.stdin.fileno()
        os.set_inheritable(output, False)
        command = run_command(tool, f"{producer}.graph", state, *options)
        measured = timed(command, stdout=output, environment=environment())
        reader.stdin.close()
        reader.wait()
        return measured
