"""F23: hours of all of it at once: every workload, in four processes, killed every few seconds."""
import concurrent.futures, random, resource, statistics, threading, time

from .case import Case
from .program import Fault, chance


def f23(suite):
    """Steps done, and whether the program grew or slowed: the second half is compared with the first."""
    seconds = suite.options.minutes * 60
    for workload in suite.workloads:
        suite.trace(workload)
    peaks, paces, lock = [], [], threading.Lock()
    until = time.monotonic() + seconds

    def live(number):
        pick = random.Random(chance(suite.seed, "F23", number))
        while time.monotonic() < until:
            case = Case(suite, pick.choice(suite.workloads), pick.choice(("sync", "sync", "async", "exit")))
            for _ in range(pick.choice((0, 0, 1, 2, 4))):
                call = case.begin(answers=case.answers())
                if not call.is_over(pick.random()):
                    call.kill()
                case.observe(call.end())
            case.finish()
            with lock:
                ends = [event["seconds"] for event in case.told if event.get("event") == "task-end"]
                paces.extend((time.monotonic(), value) for value in ends)
                peaks.append((time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
            suite.account("F23", (case.workload.name, case.durability, case.thread), suite.once(case))

    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(live, range(4)))
    suite.total("F23")["seconds"] += time.monotonic() - begun
    halves = [[pace for at, pace in paces if (at < begun + seconds / 2) == first] for first in (True, False)]
    if all(len(half) > 100 for half in halves):
        before, after = (statistics.quantiles(half, n=100)[98] for half in halves)
        print(f"     {len(paces)} tasks; p99 of a task {before * 1000:.0f} ms in the first half, {after * 1000:.0f} ms in the second")
    print(f"     largest process: {max((peak for _, peak in peaks), default=0) >> 10} MiB")
