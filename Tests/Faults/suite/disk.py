"""F5 to F8: the power goes, the disk is full, fails, or lies."""
import json, os, shutil, subprocess

from .case import Case
from .disks import Disk, read_trace
from .program import Fault, chance
from .workloads import LOOP


def f5(suite):
    """The machine wakes up with a disk that fits what had been synced; what was printed counts as acknowledged."""
    wanted = suite.figure(60, 500, 20_000)
    groups = [(workload, durability) for workload in suite.workloads for durability in ("sync", "async", "exit")]
    suite.groups("F5", lambda workload, durability: lose_power(suite, workload, durability, wanted // len(groups)), groups)


def f0(suite):
    """The suite itself: where every sync is skipped, F5 has to find what is lost."""
    suite.points("F0", lambda workload: unsynced(suite, workload), [(LOOP,)])


def unsynced(suite, workload):
    suite.trace(workload)
    case = Case(suite, workload)
    path = os.path.join(suite.scratch, "unsynced")
    case.call(Fault("skip", 1, "s", 0, trace=path, watch=case.log, also=case.calls_log))
    found = []
    lose_power(suite, workload, "sync", 30, (case, read_trace(path)), lambda point, bad: found.append(bad))
    missed = sum(not bad for bad in found)
    return [f"{missed} of {len(found)} disks without a sync are taken for good"] if missed > len(found) * 0.7 else []


def lose_power(suite, workload, durability, images, traced=None, tell=None):
    case, records = traced or suite.trace(workload, durability)
    tell = tell or (lambda point, bad: suite.account("F5", point, bad))
    aside = case.folder + ".whole"
    shutil.copytree(case.folder, aside)
    picked = images_of(suite, workload, durability, records, images)
    disk = Disk()
    for number, record in enumerate(records):
        disk.follow(record)
        for mode in picked.get(number, ()):
            found = suite.guarded(wake_up, suite, case, aside, records[:number + 1],
                                  disk.image(mode.split("-")[0], f"{suite.seed}/{number}/{mode}"))
            tell((workload.name, durability, number, mode), found)
    shutil.rmtree(case.folder)
    os.rename(aside, case.folder)


def images_of(suite, workload, durability, records, images):
    """Which images to make behind which records."""
    modes = ["lost", "kept", "mixed-1", "mixed-2", "mixed-3"]
    every = [(number, mode) for number, record in enumerate(records) if record.letter != "p" for mode in modes]
    step = max(1, len(every) // max(1, images))
    picked = {}
    for place in suite.every(len(every), step, "F5", workload.name, durability):
        number, mode = every[place - 1]
        picked.setdefault(number, []).append(mode)
    return picked


def wake_up(suite, recorded, aside, so_far, image):
    """Puts the image where the store was, with the outside world as it had come by then, and goes on."""
    folder = recorded.folder
    shutil.rmtree(folder)
    os.mkdir(folder)
    for path, content in image.items():
        if content is None:
            os.makedirs(path, exist_ok=True)
        elif os.path.isdir(os.path.dirname(path)):
            with open(path, "wb") as file:
                file.write(content)
    case = Case(suite, recorded.workload, recorded.durability, folder, recorded.thread)
    keep_start(os.path.join(aside, "effects.log"), case.log, so_far[-1].watched)
    keep_start(os.path.join(aside, "effects"), case.calls_log, so_far[-1].also)
    printed = b"".join(record.data for record in so_far if record.letter == "p").split(b"\n")
    events = [json.loads(line) for line in printed if line.endswith(b"}")]
    case.observe(None, told=events)
    if not case.problems:
        case.finish()
    if case.problems and suite.options.keep:
        shutil.copytree(folder, os.path.join(suite.options.keep, f"{case.thread}-{so_far[-1].number}"), dirs_exist_ok=True)
    return case.problems


def keep_start(source, target, size):
    if os.path.exists(source):
        with open(source, "rb") as whole, open(target, "wb") as start:
            start.write(whole.read()[:size])


ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EROFS", "EMFILE", "short")


def f6(suite):
    """Calls fail: one of them, or all from one on."""
    every = suite.options.every or suite.figure(97, 15, 1)
    points = []
    for workload in suite.workloads:
        for place, at in enumerate(suite.every(suite.calls(workload), every, "F6", workload.name)):
            for many in (1, 0):
                errors = ERRORS if suite.nightly else (ERRORS[(place * 2 + many) % len(ERRORS)],)
                points += [(workload, error, at, many) for error in errors]
    suite.points("F6", lambda workload, error, at, many: fail_at(suite, workload, error, at, many), points)


def fail_at(suite, workload, error, at, many):
    case = Case(suite, workload)
    ops = "co" if error == "EMFILE" else "w" if error == "short" else "wsturc"
    at = max(1, at // 12) if error == "EMFILE" else at
    outcome = case.call(Fault(error, at, ops, many, root=case.state))
    if not outcome.hits:
        case.remove()
        return None
    if outcome.code not in (0, 3, 5):
        case.bad(f"I10 {outcome}")
    if outcome.code == 5 and not any(word in outcome.errors for word in ("resume", "--state", "again")):
        case.bad(f"I10 it does not say what to do: {outcome}")
    case.finish()
    return suite.once(case)


def f7(suite):
    """A disk that is really full."""
    sizes = [2048, 2600, 4096, 8192] if not suite.nightly else range(2048, 9200, 400)
    suite.points("F7", lambda size: full_disk(suite, size), [(size,) for size in sizes])


def full_disk(suite, kilobytes):
    workload = suite.workloads[0]
    suite.trace(workload)
    case = Case(suite, workload)
    os.mkdir(case.state, 0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", case.state],
                      capture_output=True).returncode:
        case.remove()
        return None  # only root may
    try:
        filler = os.path.join(case.state, "filler")
        free = shutil.disk_usage(case.state).free
        room = chance(suite.seed, kilobytes) % max(1, min(free, 500_000)) // 4096 * 4096
        with open(filler, "wb") as file:
            file.write(bytes(max(0, free - room)))
        outcome = case.call()
        if outcome.code not in (0, 5):
            case.bad(f"I10 {outcome}")
        os.unlink(filler)
        case.finish()
        return list(case.problems)
    finally:
        subprocess.run(["umount", "-l", case.state], capture_output=True)
        case.remove()


def f8(suite):
    """Writes and syncs that are told as done and are not: noticed, or without harm."""
    count = suite.figure(6, 30, 400)
    points = [(suite.workloads[number % len(suite.workloads)], number) for number in range(count)]
    suite.points("F8", lambda workload, number: lie_at(suite, workload, number), points)


def lie_at(suite, workload, number):
    case = Case(suite, workload)
    at = 1 + chance(suite.seed, "F8", number) % suite.calls(workload)
    outcome = case.call(Fault("skip", at, "ws"))
    if not outcome.hits:
        case.remove()
        return None
    # What a disk lost without a word is no fault of the store's, if only nobody is told otherwise.
    noticed = "damaged" in outcome.errors or "cannot be read" in outcome.errors or "malformed" in outcome.errors
    if noticed or any(problem.startswith("I1 ") for problem in case.problems):
        shown = suite.program.call("show", case.thread, "--json", "--state", case.state, folder=case.folder)
        checked = suite.program.call("doctor", "--json", "--state", case.state, folder=case.folder)
        if not noticed and shown.code == 0 and checked.code == 0 and not right(case, shown):
            found = [f"a lost write shows a wrong state: {case.problems}"]
            case.remove()
            return found
        case.remove()
        return []
    case.finish()
    return suite.once(case)


def right(case, shown):
    """Whether what `show` tells is a state that the workload can have."""
    values = case.workload.seen(shown.events[-1].get("values", {}))
    wanted = case.workload.values
    return all(name in wanted and (value == wanted[name] or not isinstance(value, list)
                                   or value == wanted[name][:len(value)]) for name, value in values.items())
