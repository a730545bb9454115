"""What every benchmark needs: timing programs in alternation, their peak memory, the machine's shape."""
import atexit, os, platform, shutil, statistics, subprocess, tempfile, time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
GRAPHS = HERE / "graphs"

# So many files that to remove them would show in the next run: ext4 passes over the places of what it has just removed.
MANY_FILES = 100

# Fewer than 5 runs have no median worth telling.
RUNS = max(5, int(os.environ.get("BENCH_RUNS", "7")))


class Measured:
    """One finished process."""

    def __init__(self, seconds, peak_bytes):
        self.seconds = seconds
        self.peak_bytes = peak_bytes


def timed(command, stdout=subprocess.DEVNULL, environment=None, wait_for=()):
    """Runs `command` to its end. Peak memory is its own largest or that of a child it waited for, if larger.

    The clock stops when the processes in `wait_for` are done too: what read its output.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=environment)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    for reader in wait_for:
        reader.wait()
    seconds = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"bench: {command} ended with {process.returncode}: {error.decode(errors='replace')[-2000:]}")
    unit = 1 if platform.system() == "Darwin" else 1024
    return Measured(seconds, usage.ru_maxrss * unit)


def alternate(measurers, runs=RUNS):
    """Calls each of the named measurers `runs` times, in turns whose order alternates, after one that does not count."""
    names = list(measurers)
    results = {name: [] for name in names}
    for name in names:
        measurers[name]()
    for turn in range(runs):
        for name in names if turn % 2 == 0 else reversed(names):
            results[name].append(measurers[name]())
    return results


def median(values):
    return statistics.median(values)


def percentile(values, share):
    """The value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def mebibytes(count):
    return round(count / (1 << 20), 1)


@contextmanager
def state_folder():
    """A folder for a store of its own, gone afterwards, or at the end where it holds many files."""
    folder = tempfile.mkdtemp(prefix="graphrun-bench-")
    try:
        yield folder
    finally:
        if sum(len(files) for _, _, files in os.walk(folder)) < MANY_FILES:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)


def run_command(tool, graph, state, *options):
    return [tool, "run", str(GRAPHS / graph), "--state", state, "--thread", "t", *options]


def environment():
    """Ours, without what would change graphrun's ways."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GRAPHRUN_")} | {"TERM": "xterm-256color"}


def machine():
    """The machine's shape: nothing that says whose it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(), "memory_gib": round(memory / (1 << 30), 1), "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
    }


def cpu_name():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
