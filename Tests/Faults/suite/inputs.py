"""F14 and F15: a store that is damaged, and graph files that are nonsense."""
import json, os, random, re, shutil, sqlite3, subprocess

from .case import Case
from .program import Fault, HERE, ROOT, chance
from .workloads import FAN, LINE, LOOP


def f14(suite):
    """The store is damaged: refused, or right; never a trap, a hang or a wrong state."""
    count = suite.figure(40, 300, 10_000)
    seeds = []
    for workload in (LINE, FAN, LOOP):
        whole = suite.trace(workload)[0]
        half = Case(suite, workload)
        half.call(Fault("kill", suite.calls(workload) * 2 // 3))
        seeds += [whole, half]
    shown = [show(suite, seed, seed.folder) for seed in seeds]
    points = [(number, seeds[number % len(seeds)], shown[number % len(seeds)]) for number in range(count)]
    suite.points("F14", lambda number, seed, truth: Damage(suite, number, seed, truth).check(), points)


def show(suite, case, folder):
    return suite.program.call("show", case.thread, "--json", "--state", os.path.join(folder, "state"), folder=folder,
                              timeout=20)


class Damage:
    """A copy of a store with something broken in it."""

    def __init__(self, suite, number, seed, truth):
        self.suite, self.seed, self.truth = suite, seed, truth
        self.pick = random.Random(chance(suite.seed, "F14", number))
        self.folder = os.path.join(suite.scratch, f"damage-{number}")
        shutil.copytree(seed.folder, self.folder)
        self.database = os.path.join(self.folder, "state", "graphrun.sqlite")
        self.what = ""

    def check(self):
        try:
            self.break_something()
            return [f"{self.what}: {problem}" for problem in self.look()]
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def look(self):
        shown = show(self.suite, self.seed, self.folder)
        yield from self.judge("show", shown)
        told, truth = shown.last("") or (shown.events or [{}])[-1], (self.truth.events or [{}])[-1]
        if shown.code == 0 and shown.events and told.get("checkpoint") == truth.get("checkpoint") \
                and told.get("values") != truth.get("values") and not self.may_be_less(told, truth):
            yield f"a wrong state is shown: {str(told.get('values'))[:200]}"
        elif shown.code == 0 and shown.events and told.get("checkpoint") != truth.get("checkpoint") \
                and not self.what.startswith("log"):
            yield f"checkpoint {told.get('checkpoint')} is shown, not {truth.get('checkpoint')}"
        for command in (("resume", self.seed.thread), ("threads",), ("history", self.seed.thread), ("doctor",)):
            yield from self.judge(command[0], self.suite.program.call(
                *command, "--json", "--state", os.path.join(self.folder, "state"), folder=self.folder, timeout=20))

    def may_be_less(self, told, truth):
        """What finished beside tasks that still ran is sealed by the next checkpoint. Where its row is not to be found
        any more, or the end of the log is gone, it counts as not finished: it may be missing, never be another."""
        if not self.what.startswith(("task.", "a row of task", "log")):
            return False
        return all(value == truth["values"].get(name) or
                   isinstance(value, list) and all(item in truth["values"].get(name, []) for item in value)
                   for name, value in told["values"].items())

    def judge(self, command, outcome):
        if outcome.late:
            yield f"{command} did not end"
        elif not 0 <= outcome.code <= 5:
            yield f"{command} ended with {outcome}"
        elif outcome.peak > 512 << 20:
            yield f"{command} took {outcome.peak >> 20} MiB"
        elif outcome.code == 5 and "graphrun: " not in outcome.errors:
            yield f"{command} ended with 5 and said nothing"

    def break_something(self):
        ways = [self.value] * 8 + [self.row, self.schema, self.page, self.page, self.header, self.log, self.log_gone]
        self.pick.choice(ways)()

    def connect(self):
        database = sqlite3.connect(self.database, isolation_level=None)
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.text_factory = bytes
        return database

    def value(self):
        database = self.connect()
        table = self.pick.choice(["thread", "checkpoint", "checkpoint", "task", "task", "graph", "output", "lease"])
        names = [row[1].decode() for row in database.execute(f"PRAGMA table_info({table})")]
        rows = database.execute(f"SELECT rowid, * FROM {table}").fetchall()
        name = self.pick.choice(names)
        if rows:
            row = self.pick.choice(rows)
            value = hostile(self.pick, row[1 + names.index(name)])
            self.what = f"{table}.{name} = {str(value)[:60]!r}"
            try:
                database.execute(f"UPDATE OR IGNORE {table} SET {name} = ? WHERE rowid = ?", (value, row[0]))
            except (sqlite3.Error, OverflowError):
                pass
        database.close()

    def row(self):
        database = self.connect()
        table = self.pick.choice(["thread", "checkpoint", "task", "graph", "lease"])
        rows = database.execute(f"SELECT rowid FROM {table}").fetchall()
        if rows:
            database.execute(f"DELETE FROM {table} WHERE rowid = ?", self.pick.choice(rows))
        self.what = f"a row of {table} gone"
        database.close()

    def schema(self):
        database = self.connect()
        self.what = self.pick.choice([
            "DROP TABLE task", "ALTER TABLE task ADD COLUMN more TEXT", "PRAGMA user_version = 99", "PRAGMA application_id = 7",
            "CREATE TRIGGER t AFTER INSERT ON task BEGIN DELETE FROM checkpoint; END", "CREATE VIEW v AS SELECT 1",
            "DROP VIEW history", "ALTER TABLE thread RENAME TO other", "CREATE TABLE evil (x)"])
        database.execute(self.what)
        database.close()

    def page(self):
        self.overwrite(self.database, range(self.pick.choice([1, 4, 40])), "bytes of the database")

    def header(self):
        self.overwrite(self.database, range(2), "the header", most=100)

    def log(self):
        path = self.database + "-wal"
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            return self.page()
        self.overwrite(path, range(self.pick.choice([1, 8])), "log")

    def log_gone(self):
        path = self.database + self.pick.choice(["-wal", "-shm"])
        self.what = "log is gone or short"
        if os.path.exists(path):
            size = self.pick.randrange(os.path.getsize(path) + 1)
            os.truncate(path, size) if self.pick.random() < 0.6 else os.unlink(path)

    def overwrite(self, path, times, what, most=None):
        self.what = what
        with open(path, "r+b") as file:
            size = min(os.path.getsize(path), most or 1 << 40)
            for _ in times:
                if size:
                    file.seek(self.pick.randrange(size))
                    file.write(bytes([self.pick.randrange(256)]))
            if self.pick.random() < 0.15 and most is None:
                file.truncate(self.pick.randrange(size + 1))


HOSTILE = [None, 0, -1, 2 ** 63 - 1, -2 ** 63, 1.5, "", "x", "null", "[]", "{}", '{"due":[{"node":"x"}]}', "[" * 600 + "]" * 600,
           '{"a":1,"a":2}', '"\\ud800"', "1e400", '{"lc":1,"type":"constructor"}', "A" * 300_000, "\0", b"\xff\xfe", "done"]


def hostile(pick, value):
    if pick.random() < 0.5 or value is None:
        return pick.choice(HOSTILE)
    if isinstance(value, (int, float)):
        return value + pick.choice([1, -1, 1000, -value])
    text = value if isinstance(value, bytes) else str(value).encode()
    place = pick.randrange(len(text) + 1)
    changed = pick.choice([text[:place], text[:place] + b"x" + text[place:], text[place:], text + text,
                           text[:place] + bytes([pick.randrange(32, 127)]) + text[place + 1:]])
    return changed.decode("utf-8", "replace")


WORDS = ["null", "~", "true", "no", "-1", "1e999", "NaN", ".inf", "9223372036854775808", "1_000", "012", "''", "[]", "{}",
         "!!binary x", "!!python/object/apply:os.system ['id']", "&a [*a]", "*a", "<<: *a", "? x", "- - - -", "---", "...",
         "%YAML 9.9", "\t", "\0", "\ufeff", "\u2028", "\U0001f600", "${{ .x }}", "${{{{{{", "${{ $secrets.X }}", "$(id)", "end",
         "start", "A" * 70_000, "[" * 3000, "[" * 3000 + "]" * 3000, '{"v":' * 3000 + "1" + "}" * 3000, "- " * 3000 + "x",
         "x: &x [1,1,1,1,1,1,1,1,1]\n" + "\n".join(
             f"x{n}: &x{n} [" + ",".join([f"*x{n - 1 if n else ''}"] * 9) + "]" for n in range(9)),
         "def f: f; f", "def g: [g]; g", "import \"x\" as $x; .", "\\(", "${{ .a | .b }}", "next: { each: .x, to: end }"]


def f15(suite):
    """Graph files with something changed in them: a verdict within a second, never a trap."""
    count, batch = suite.figure(300, 3000, 200_000), 25
    seeds = []
    for place, _, names in os.walk(ROOT):
        if "/." not in place[len(ROOT):]:
            for name in names:
                if name.endswith(".graph"):
                    with open(os.path.join(place, name), "rb") as file:
                        seeds.append(file.read())
    suite.points("F15", lambda number: nonsense(suite, number, batch, seeds), [(n,) for n in range(count // batch)])


def nonsense(suite, number, batch, seeds):
    folder = os.path.join(suite.scratch, f"nonsense-{number}")
    os.makedirs(folder)
    pick = random.Random(chance(suite.seed, "F15", number))
    names = []
    for serial in range(batch):
        names.append(f"{serial}.graph")
        with open(os.path.join(folder, names[-1]), "wb") as file:
            file.write(spoil(pick, pick.choice(seeds), seeds))
    problems = verdict(suite, folder, names, batch * 1.0)
    if problems:  # which of them it was
        problems = [f"{name}: {problem}" for name in names for problem in verdict(suite, folder, [name], 1.0)] or problems
        if suite.options.keep:
            shutil.copytree(folder, os.path.join(suite.options.keep, f"nonsense-{number}"), dirs_exist_ok=True)
    shutil.rmtree(folder)
    return problems


def verdict(suite, folder, names, seconds):
    outcome = suite.program.call("validate", "--json", *names, folder=folder, timeout=seconds + 20)
    if outcome.late or outcome.seconds > seconds + 2:
        return [f"took {outcome.seconds:.1f} s"]
    if outcome.code not in (0, 2) or len(outcome.events) != len(names):
        return [f"ended with {outcome}"]
    return [f"took {outcome.peak >> 20} MiB"] if outcome.peak > 256 << 20 else []


def spoil(pick, data, others):
    for _ in range(pick.choice([1, 1, 1, 2, 3, 8])):
        way, start = pick.randrange(8), pick.randrange(len(data) + 1)
        end = min(len(data), start + pick.choice([1, 4, 16, 64, 512]))
        if way == 0 and data:
            flip = start % len(data)
            data = data[:flip] + bytes([data[flip] ^ 1 << pick.randrange(8)]) + data[flip + 1:]
        elif way == 1:
            data = data[:start] + data[end:]
        elif way == 2:
            data = data[:start] + data[start:end] * pick.choice([2, 50]) + data[end:]
        elif way == 3:
            data = data[:start]
        elif way == 4:
            data = data[:start] + pick.choice(WORDS).encode() + data[start:]
        elif way == 5:
            values = list(re.finditer(rb"(?<=[:\-,\[] )[^\n,\]}]+", data))
            if values:
                found = pick.choice(values)
                data = data[:found.start()] + pick.choice(WORDS).encode() + data[found.end():]
        elif way == 6:
            lines = data.split(b"\n")
            moved = lines.pop(pick.randrange(len(lines)))
            place = pick.randrange(len(lines) + 1)
            data = b"\n".join(lines[:place] + [moved] * pick.choice([0, 1, 2, 200]) + lines[place:])
        else:
            other = pick.choice(others)
            data = data[:start] + other[pick.randrange(len(other)):][:pick.choice([16, 256, 4096])] + data[end:]
    return data
