"""F9 to F13: several runners, one that is frozen, and a clock that is wrong."""
import concurrent.futures, os, random, signal, subprocess, sys, time

from .case import Case
from .program import Fault, chance
from .store import Store
from .workloads import FAN, LINE, LOOP


def held(case, **more):
    """A call whose step has begun and waits."""
    open(os.path.join(case.folder, "hold"), "w").close()
    call = case.begin(**more)
    if not call.wait_for("holding"):
        case.bad("it did not come to its step")
    return call


def let_go(case):
    os.unlink(os.path.join(case.folder, "hold"))


def f9(suite):
    """Several resumes at once: one runs, the others are refused."""
    rounds = suite.figure(6, 50, 1000)
    suite.trace(LINE)
    suite.points("F9", lambda number, many: race(suite, many), [(number, 2 if number % 2 else 8) for number in range(rounds)])


def race(suite, many):
    case = Case(suite, LINE)
    open(os.path.join(case.folder, "before.s2"), "w").close()
    case.call()
    open(os.path.join(case.folder, "hold"), "w").close()
    calls = [case.begin() for _ in range(many)]
    until = time.monotonic() + 30
    while sum(call.is_over(0.01) for call in calls) < many - 1 and time.monotonic() < until:
        pass
    over = [call for call in calls if call.is_over(0)]
    let_go(case)
    if len(over) != many - 1:
        case.bad(f"{many - len(over)} of {many} runners run")
    for call in over:
        outcome = call.end()
        if outcome.code != 4:
            case.bad(f"I10 refused with {outcome}")
    for call in calls:
        if call not in over:
            case.observe(call.end())
    case.finish()
    return suite.once(case)


def f10(suite):
    """The owner is frozen in the middle of storing, or outside of it while another takes the thread over."""
    count = suite.figure(4, 10, 200)
    suite.trace(LINE)
    points = [("storing", number) for number in range(count // 2)] + [("taken over", number) for number in range(count // 2)]
    suite.points("F10", lambda what, number: (frozen if what == "storing" else taken_over)(suite, number), points)


def frozen(suite, number):
    case = Case(suite, LINE)
    at = 130 + chance(suite.seed, "F10", number) % (suite.calls(LINE) - 180)
    owner = case.begin(Fault("stop", at, "ws"))
    until = time.monotonic() + 20
    while not is_stopped(owner.pid) and not owner.is_over(0.01) and time.monotonic() < until:
        pass
    second = suite.program.call(*case.arguments(), folder=case.folder, timeout=45)
    is_over = any(line.get("status") == "done" for line in second.events)
    if second.code not in ((0,) if is_over else (4, 5)) or (second.code == 5 and str(owner.pid) not in second.errors):
        case.bad(f"beside a frozen owner: {second}")
    owner.send(signal.SIGCONT)
    case.observe(owner.end())
    case.finish()
    return suite.once(case)


def is_stopped(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def taken_over(suite, number):
    """With its lock gone, as on another machine whose lease ran out: the fence alone keeps the first one from storing."""
    case = Case(suite, LINE)
    owner = held(case)
    owner.send(signal.SIGSTOP)
    os.unlink(os.path.join(case.state, "locks", case.thread))
    let_go(case)
    case.finish()
    owner.send(signal.SIGCONT)
    outcome = owner.end()
    if outcome.code != 4:
        case.bad(f"the one that lost its thread ended with {outcome}")
    case.observe(outcome, told=[])
    case.check_end()
    return suite.once(case)


def f11(suite):
    """Four processes in one store, without a pause, some of them killed."""
    seconds = suite.figure(5, 60, 1800)
    suite.points("F11", lambda seconds: crowd(suite, seconds), [(seconds,)])


def crowd(suite, seconds):
    suite.trace(LOOP), suite.trace(FAN)
    folder = os.path.join(suite.scratch, "crowd")
    until, problems, count = time.monotonic() + seconds, [], [0]

    def work(number):
        pick = random.Random(chance(suite.seed, "F11", number))
        while time.monotonic() < until and not problems:
            workload = pick.choice((LOOP, FAN))
            case = Shared(suite, workload, os.path.join(folder, f"{number}"), os.path.join(folder, "state"))
            if pick.random() < 0.3:
                call = case.begin()
                call.is_over(pick.random() * 0.5)
                call.kill()
                call.end()
            for _ in range(8):
                outcome = suite.program.call(*case.arguments(case.answers()), folder=case.folder)
                if outcome.code != 3:
                    break
            count[0] += 1
            if outcome.code != 0:
                problems.append(f"{case.thread}: {outcome}")

    os.makedirs(folder)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    store = Store(os.path.join(folder, "state"))
    problems += store.problems
    for thread, header in store.threads.items():
        if header["status"] != "done" and not problems:
            problems.append(f"{thread} is {header['status']}")
    wal = os.path.join(folder, "state", "graphrun.sqlite-wal")
    if os.path.exists(wal) and os.path.getsize(wal) > 64 << 20:
        problems.append("I11 the -wal is larger than 64 MiB")
    if not problems and len(store.threads) < count[0]:
        problems.append(f"{len(store.threads)} threads are stored of {count[0]}")
    return problems


class Shared(Case):
    """A case whose store is everybody's."""

    def __init__(self, suite, workload, folder, state):
        self.shared = state
        super().__init__(suite, workload, folder=folder)

    @property
    def state(self):
        return self.shared

    def store(self):
        return Store(self.state, is_live=True)


READER = """
import sqlite3, sys
database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, isolation_level=None)
database.execute("BEGIN")
print(database.execute("SELECT count(*) FROM checkpoint").fetchone()[0], flush=True)
sys.stdin.read()
"""

HEAVY = """graph: heavy
state: { n: { reduce: sum }, text: {} }
start: one
max-steps: 2000
nodes:
  one:
    set: { n: "1", text: '("0123456789abcdef" * 57344) + (.n | tostring)' }
    next: [{ when: .n < STEPS, to: one }, { to: end }]
"""


def f12(suite):
    """Somebody reads the store for long: the run goes on, tells that its log grows, and the log shrinks after."""
    suite.points("F12", lambda steps: read_for_long(suite, steps), [(suite.figure(80, 100, 1500),)])


def read_for_long(suite, steps):
    folder = os.path.join(suite.scratch, "long-read")
    os.makedirs(folder)
    with open(os.path.join(folder, "heavy.graph"), "w") as file:
        file.write(HEAVY.replace("STEPS", str(steps)))
    state = os.path.join(folder, "state")
    more = {"folder": folder, "timeout": 60 + 2 * steps}
    problems = []

    def run(thread, *how):
        outcome = suite.program.call("run", "heavy", "--thread", thread, "--json", "--state", state, *how, **more)
        if outcome.code != 0:
            problems.append(f"{thread}: {outcome}")
        return outcome

    run("first", "--until", "one")
    database = os.path.join(state, "graphrun.sqlite")
    reader = subprocess.Popen([sys.executable, "-c", READER, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    reader.stdout.readline()
    try:
        outcome = run("second")
        size = os.path.getsize(database + "-wal")
        told = [line for line in outcome.events if line.get("event") == "notice" and "-wal" in line.get("text", "")]
        if size <= 64 << 20:
            problems.append(f"the -wal is of {size >> 20} MiB only: nothing is shown by this")
        if len(told) != 1:
            problems.append(f"of the -wal was told {len(told)} times")
    finally:
        reader.stdin.close()
        reader.wait()
    run("third", "--until", "one")
    size = os.path.getsize(database + "-wal")
    if size > 64 << 20:
        problems.append(f"I11 the -wal is still of {size >> 20} MiB")
    return problems


def f13(suite):
    """The wall clock jumps while a step runs."""
    jumps = [3600, -3600, 315_360_000, -315_360_000, 1, -60]
    points = [(workload, jump) for workload in suite.workloads for jump in jumps]
    suite.points("F13", lambda workload, jump: clock(suite, workload, jump), points[::suite.figure(5, 2, 1)])


def clock(suite, workload, jump):
    suite.trace(workload)
    case = Case(suite, workload)
    path = os.path.join(case.folder, "clock")
    with open(path, "w") as file:
        file.write("0")
    begun = case.begin(Fault(clock=path))
    begun.wait_for('"event":"task-start"')
    with open(path, "w") as file:
        file.write(str(jump))
    case.observe(begun.end(30))
    for _ in range(8):
        outcome = case.call(Fault(clock=path), case.answers(), timeout=30)
        if outcome.code != 3:
            break
    case.finish()
    return suite.once(case)
