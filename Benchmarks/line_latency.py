"""From a child's write of a line to the line on the screen: in a terminal and through a pipe, alone and beside floods."""
import fcntl, os, pty, re, struct, subprocess, termios, time
from measure import environment, median, percentile, run_command, state_folder

NAME = "line-latency"
GOAL_MILLISECONDS = 100
LINE = re.compile(rb"tick (\d+) (\d+);")
GRAPHS = {"alone": "ticks.graph", "flooded": "ticks-flooded.graph"}
COUNT = 200


def benchmarks(tool):
    for load, graph in GRAPHS.items():
        for screen in ("terminal", "pipe", "json"):
            delays = sorted(measure(tool, graph, screen).values())
            p99 = percentile(delays, 0.99) if delays else float("inf")
            yield {
                "screen": screen, "load": load, "lines": COUNT, "shown": len(delays),
                "median_ms": milliseconds(median(delays)), "p99_ms": milliseconds(p99),
                "max_ms": milliseconds(delays[-1]), "reached": len(delays) == COUNT and p99 < GOAL_MILLISECONDS / 1000,
            }


def measure(tool, graph, screen):
    """By line, the seconds until it was seen for the first time."""
    with state_folder() as state:
        command = run_command(tool, graph, state, *(["--json"] if screen == "json" else []))
        variables = environment() | {"BENCH_STOP": os.path.join(state, "stop")}
        ours, theirs = pty.openpty() if screen == "terminal" else os.pipe()
        if screen == "terminal":
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, env=variables)
        os.close(theirs)
        try:
            return watch(ours)
        finally:
            os.close(ours)
            process.wait()


def watch(screen):
    delays, rest = {}, b""
    while chunk := read(screen):
        now = time.monotonic_ns()
        text = rest + chunk
        for match in LINE.finditer(text):
            delays.setdefault(int(match[1]), (now - int(match[2])) / 1e9)
        rest = text[-64:]
    return delays


def read(screen):
    try:
        return os.read(screen, 1 << 16)
    except OSError:  # Linux: the terminal's other side is gone.
        return b""


def milliseconds(seconds):
    return round(seconds * 1000, 1)
