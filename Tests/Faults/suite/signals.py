"""F19: signals, once and twice, at any instant; and a reader that goes away."""
import os, random, signal, subprocess, time

from .case import Case
from .program import chance
from .workloads import LINE

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGQUIT: 131}


def f19(suite):
    count = suite.figure(12, 60, 1000)
    points = [(suite.workloads[number % len(suite.workloads)], number) for number in range(count)]
    suite.points("F19", lambda workload, number: send(suite, workload, number), points)
    suite.points("F19", lambda lines: gone(suite, lines), [(lines,) for lines in (1, 3, 8, 20)])


def send(suite, workload, number):
    suite.trace(workload)
    case = Case(suite, workload)
    pick = random.Random(chance(suite.seed, "F19", number))
    which = pick.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
    twice = pick.random() < 0.3
    call = case.begin()
    if pick.random() < 0.8:
        call.wait_for('"event":"run-start"')
    if not call.is_over(pick.random() * 0.3):
        call.send(which)
        if twice and not call.is_over(pick.random() * 0.05):
            call.send(which)
    outcome = call.end(30)
    case.observe(outcome, codes=(0, 3, -which, 128 + which))
    end = outcome.last("run-end")
    if end and end["status"] == "stopped" and outcome.code != CODES.get(which):
        case.bad(f"I10 stopped by {which}: {outcome}")
    if outcome.seconds > 15:
        case.bad(f"I11 it took {outcome.seconds:.1f} s to stop")
    if which in CODES and outcome.code != -which:
        case.no_process()
    case.finish()
    return suite.once(case)


def gone(suite, lines):
    """Its output is closed after some lines, as by `head`."""
    suite.trace(LINE)
    case = Case(suite, LINE)
    reader, writer = os.pipe()
    call = case.begin(streams=writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        for _ in range(lines):
            stream.readline()
    outcome = call.end(30)
    if outcome.code not in (129, 0):
        case.bad(f"I10 with its output closed: {outcome}")
    case.observe(None, told=[])
    case.finish()
    return suite.once(case)
