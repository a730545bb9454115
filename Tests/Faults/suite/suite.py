"""What the plans share: the program, the world, the reference runs, and the account of the points."""
import concurrent.futures, json, os, shutil, subprocess, sys, threading, time, traceback

from . import workloads
from .case import Case
from .disks import read_trace
from .program import Fault, HERE, Program, chance, scratch_folder


class Suite:
    def __init__(self, options):
        self.options = options
        self.scratch = scratch_folder()
        self.program = Program(options.binary, self.scratch)
        self.world = workloads.World(self.scratch)
        self.traces = {}
        self.totals = {}
        self.lock = threading.Lock()
        self.seed = options.seed or commit()
        self.output = open(options.output, "w") if options.output else None

    @property
    def nightly(self):
        return self.options.nightly

    def figure(self, quick, ci, nightly):
        """How much of something: for a first look, in CI, and at night."""
        return nightly if self.nightly else quick if self.options.quick else ci

    def close(self):
        self.world.close()
        if self.options.keep is None or not any(total["bad"] for total in self.totals.values()):
            shutil.rmtree(self.scratch, ignore_errors=True)

    # Reference runs

    def trace(self, workload, durability="sync"):
        """The records of a run without faults; the first one of a workload tells what every other must come to."""
        if (workload.name, durability) not in self.traces:
            case = Case(self, workload, durability)
            path = os.path.join(self.scratch, f"trace-{workload.name}-{durability}")
            case.call(Fault(trace=path, watch=case.log, also=case.calls_log))
            records = read_trace(path)
            case.finish()
            store = case.store()
            if case.problems or case.thread not in store.threads:
                sys.exit(f"{workload.name} without a fault: {case.problems or 'no thread'}")
            if workload.values is None:
                workload.values = workload.seen(store.values(case.thread))
                workload.effects = len(set(case.effects())) + len(case.marks())
            self.traces[workload.name, durability] = (case, records)
        return self.traces[workload.name, durability]

    def calls(self, workload, durability="sync"):
        """How many calls a run without faults makes on its store."""
        return max(record.number for record in self.trace(workload, durability)[1])

    # Points

    def points(self, plan, what, points):
        """Runs `what` at every point, several at once, and keeps account. It gives the problems found, or None where
        the fault was not reached."""
        self.groups(plan, lambda *point: self.account(plan, point, self.guarded(what, *point)), points)

    def groups(self, plan, what, groups):
        """As `points`, for what keeps account itself."""
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for _ in pool.map(lambda group: what(*group), list(groups)):
                pass
        with self.lock:
            self.total(plan)["seconds"] += time.monotonic() - begun

    def total(self, plan):
        return self.totals.setdefault(plan, {"points": 0, "bad": 0, "missed": 0, "seconds": 0.0})

    def guarded(self, what, *point):
        try:
            return what(*point)
        except Exception as error:  # a point that cannot be judged is a bad one
            return [f"the suite failed: {error!r} {traceback.format_exc(limit=-3)}"]

    def account(self, plan, point, found):
        with self.lock:
            total = self.total(plan)
            if found is None:
                total["missed"] += 1
                return
            total["points"] += 1
            total["bad"] += bool(found)
            if self.output:
                self.output.write(json.dumps({"plan": plan, "point": [str(part) for part in point], "bad": found}) + "\n")
            if found:
                print(plan, *point, "BAD", json.dumps(found)[:1500], flush=True)

    def once(self, case):
        """The problems of a case; it is removed, or kept where there are some and that was asked for."""
        if case.problems and self.options.keep:
            target = os.path.join(self.options.keep, case.thread)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(case.folder, target, symlinks=True)
        case.remove()
        return case.problems

    def every(self, count, step, *name):
        """Every `step`-th number up to `count`, from a first one that changes with the commit and the name."""
        step = max(1, step)
        return range(1 + chance(self.seed, *name) % min(step, count), count + 1, step)

    @property
    def workloads(self):
        wanted = self.options.graph
        return [one for one in workloads.ALL if not wanted or one.name in wanted or one.graph in wanted]


def commit():
    """Which points are taken changes with the commit, so that in time all of them are."""
    found = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "none"
