"""F1 to F4: the runner is killed."""
import os, random, time

from .case import Case
from .program import Fault, chance


def f1(suite):
    """Before, behind and inside every call on the store."""
    every = suite.options.every or suite.figure(61, 13, 1)
    points = [(workload, deed, at) for workload in suite.workloads for deed in ("kill", "after", "torn")
              for at in suite.every(suite.calls(workload), every, workload.name, deed)]
    suite.points("F1", lambda workload, deed, at: kill_at(suite, workload, deed, at), points)


def kill_at(suite, workload, deed, at, durability="sync"):
    case = Case(suite, workload, durability)
    outcome = case.call(Fault(deed, at))
    if not outcome.hits:
        case.remove()
        return None
    case.finish()
    return suite.once(case)


def f2(suite):
    """At the borders of super-steps, and between a task's intent, its start, its effect, and its end."""
    points = []
    for durability in ("sync", "async", "exit") if suite.nightly else ("sync", "async"):
        for workload in suite.workloads:
            for at, what in borders(suite.trace(workload, durability)[1]):
                points += [(workload, f"{deed} {what}", durability, deed, at) for deed in ("kill", "after")]
    suite.points("F2", lambda workload, what, durability, deed, at:
                 kill_at(suite, workload, deed, at, durability), points[::suite.figure(9, 2, 1)])
    moments = [(workload, f"{moment}.{name}", durability) for workload in suite.workloads
               for name in workload.once + workload.repeatable if name not in ("slow", "patient")
               for moment in ("before", "behind") for durability in ("sync", "async", "exit")]
    suite.points("F2", lambda workload, moment, durability: kill_in_step(suite, workload, moment, durability),
                 moments[::suite.figure(7, 1, 1)])


def borders(records):
    """The syncs that make an admission, an intent, a task's end or a checkpoint durable: those told of behind."""
    found, last = [], None
    for record in records:
        if record.letter == "s":
            last = record.number
        elif record.letter == "p" and last is not None:
            found.append((last, record.data.split(b'"event":"', 1)[-1].split(b'"', 1)[0].decode()))
            last = None
    return found


def kill_in_step(suite, workload, moment, durability):
    """The step itself kills its runner, before or behind its effect, and lives on."""
    case = Case(suite, workload, durability)
    open(os.path.join(case.folder, moment), "w").close()
    for _ in range(6):
        outcome = case.call(answers=case.answers())
        if outcome.code != 3:
            break
    if outcome.code != -9:
        case.bad(f"the step {moment} did not kill its runner: {outcome}")
    case.finish()
    return suite.once(case)


def f3(suite):
    """At any instant: the runner alone, or with its process group."""
    count = suite.figure(12, 100, 2000)
    whole = {workload.name: length(suite.trace(workload)[0]) for workload in suite.workloads}
    points = [(suite.workloads[number % len(suite.workloads)], number) for number in range(count)]
    suite.points("F3", lambda workload, number: kill_any_time(suite, workload, number, whole[workload.name]), points)


def length(case):
    """Seconds that a run of the workload took."""
    return case.suite.program.call("show", case.thread, "--state", case.state, folder=case.folder).seconds * 4 + 0.2


def kill_any_time(suite, workload, number, most):
    case = Case(suite, workload)
    begun = case.begin()
    if not begun.is_over(random.Random(chance(suite.seed, "F3", number)).random() * most):
        begun.kill_group() if number % 2 else begun.kill()
    case.observe(begun.end())
    case.finish()
    return suite.once(case)


def f4(suite):
    """The resume is killed, and the resume of that, and the next one too."""
    count = suite.figure(10, 50, 500)
    points = [(suite.workloads[number % len(suite.workloads)], number) for number in range(count)]
    suite.points("F4", lambda workload, number: kill_again_and_again(suite, workload, number), points)


def kill_again_and_again(suite, workload, number):
    case = Case(suite, workload)
    for depth in range(4):
        pick = random.Random(chance(suite.seed, "F4", number, depth))
        most = suite.calls(workload) if depth == 0 else 60
        outcome = case.call(Fault(pick.choice(["kill", "after", "torn"]), pick.randint(20 if depth == 0 else 1, most)),
                            answers=case.answers())
        if outcome.code == 0:
            break
    case.finish()
    return suite.once(case)


def f21(suite):
    """While an empty folder becomes a store."""
    workload = suite.workloads[0]
    records = suite.trace(workload)[1]
    made = next(record.number for record in records if record.letter == "p")
    points = [(workload, deed, at) for deed in ("kill", "after", "torn")
              for at in suite.every(made, suite.figure(20, 4, 1), "F21", deed)]
    suite.points("F21", lambda workload, deed, at: kill_at(suite, workload, deed, at), points)
