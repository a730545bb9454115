"""One thread of one workload, from its first call to its end, held to the invariants after every call."""
import itertools, json, os, shutil, time

from .program import SECRET
from .store import FINISHED, Store, key_of

serials = itertools.count(1)


class Case:
    def __init__(self, suite, workload, durability="sync", folder=None, thread=None):
        self.suite, self.workload, self.durability = suite, workload, durability
        self.thread = thread or f"{workload.name.lower()}-{os.getpid()}-{next(serials)}"
        self.folder = folder or os.path.join(suite.scratch, self.thread)
        os.makedirs(self.folder, exist_ok=True)
        workload.lay_out(self.folder, suite.world)
        self.problems = []
        self.ended = {}          # key of a finished task: how often its effect had taken place then
        self.told = []           # events of all calls
        self.calls = 0
        self.detected = False    # the program said that the store is damaged

    def __str__(self):
        return self.thread

    # What is there

    @property
    def state(self):
        return os.path.join(self.folder, "state")

    @property
    def log(self):
        return os.path.join(self.folder, "effects.log")

    @property
    def calls_log(self):
        """What the agent's server did."""
        return os.path.join(self.folder, "effects")

    def effects(self):
        """Lines of effects.log and of what the agent's server did: (key, name)."""
        found = []
        if os.path.exists(self.log):
            with open(self.log) as file:
                found += [tuple(line.split()) for line in file.read().split("\n") if line]
        return found

    def marks(self):
        if not os.path.exists(self.calls_log):
            return []
        with open(self.calls_log) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def count(self, key):
        return sum(1 for line in self.effects() if line[0] == key)

    def store(self):
        return Store(self.state)

    # Calls

    def arguments(self, answers=()):
        if os.path.isdir(self.state):
            store = self.store()
            if self.thread in store.threads:
                more = [part for answer in answers for part in ("--answer", answer)]
                return ["resume", self.thread, "--json", "--state", self.state, *more]
        return ["run", self.workload.graph, "--thread", self.thread, "--json", "--state", self.state,
                "--durability", self.durability]

    def begin(self, fault=None, answers=(), **more):
        return self.suite.program.begin(*self.arguments(answers), folder=self.folder, fault=fault, **more)

    def call(self, fault=None, answers=(), timeout=60, **more):
        outcome = self.begin(fault, answers, **more).end(timeout)
        self.observe(outcome)
        return outcome

    def bad(self, text):
        self.problems.append(text)

    # Invariants

    def observe(self, outcome, codes=(0, 1, 2, 3, 4, 5), told=None):
        """Holds what is there after a call to the invariants."""
        self.calls += 1
        if outcome is not None:
            self._look_at(outcome, codes)
            told = outcome.events
        self.told += told
        store = self.store()
        if not store.is_there and not self.told:
            return store
        for problem in store.problems:
            self.bad(problem)
        if not store.problems:
            self._told_is_stored(store, told)
            self._ended_stays(store)
        return store

    def _look_at(self, outcome, codes):
        if outcome.late:
            self.bad("I11 it did not end in time")
        elif outcome.code not in codes and outcome.code not in (-9, 128 + 1, 128 + 2, 128 + 15):
            self.bad(f"I10 {outcome}")
        if outcome.code == 5 and not (outcome.errors.startswith("graphrun: ") or "\ngraphrun: " in outcome.errors):
            self.bad(f"I10 exit 5 without a word: {outcome}")
        if "Fatal error" in outcome.errors or "precondition" in outcome.errors.lower():
            self.bad(f"I10 {outcome}")
        if outcome.peak > 400 << 20:
            self.bad(f"I11 peak of {outcome.peak >> 20} MiB")
        if SECRET in outcome.errors or SECRET in json.dumps(outcome.events):
            self.bad("I9 the secret was printed")

    def _told_is_stored(self, store, events):
        """I2: what was printed is in the store."""
        header = store.threads.get(self.thread)
        last = {}
        for event in events:
            kind = event.get("event")
            if kind and header is None:
                return self.bad(f"I2 {kind} was printed and the thread is not stored")
            space = event.get("namespace", "")
            if kind == "checkpoint":
                row = store.checkpoints.get((self.thread, space), {}).get(event["checkpoint"])
                if row is None or row["step"] != event["step"]:
                    self.bad(f"I2 checkpoint {event['checkpoint']} was printed and is not stored")
                elif [due["node"] for due in json.loads(row["agenda"])["due"]] != event["next"]:
                    self.bad(f"I2 checkpoint {event['checkpoint']} leads to another next than printed")
            elif kind == "task-end" and self.durability != "exit":
                last[space, event["step"], event.get("task", event["node"])] = event
            elif kind == "interrupt" and self.durability != "exit":
                asked = [question["id"] for task in store.all_tasks(self.thread)
                         for question in json.loads(task["questions"])]
                if event["id"] not in asked:
                    self.bad(f"I2 question {event['id']} was printed and is not stored")
            elif kind == "run-end" and (header["status"], header["head"]) != (event["status"], event["checkpoint"]):
                self.bad(f"I2 run-end {event['status']} was printed, stored is {header['status']} {header['head']}")
        for event in last.values():
            if not any(row["status"] == event["status"] for row in store.find(self.thread, event)):
                self.bad(f"I2 task-end of {event.get('task')} ({event['status']}) was printed and is not stored")

    def _ended_stays(self, store):
        """I4: a task whose end is stored has no effect any more."""
        for task in store.all_tasks(self.thread):
            key = key_of(self.thread, task)
            if key in self.ended and self.count(key) != self.ended[key]:
                self.bad(f"I4 {task['node']} took effect again after its end was stored")
            elif task["status"] in FINISHED:
                self.ended.setdefault(key, self.count(key))

    # To the end

    def finish(self, most=40):
        """Resumes and answers until the thread is done, then checks how it ended."""
        for _ in range(most):
            outcome = self.call(answers=self.answers())
            if self.detected or outcome.late or self.problems:
                break
            if outcome.code == 5 and "damaged" in outcome.errors:
                self.detected = True
                break
            if outcome.code == 0:
                break
            if outcome.code not in (3,):
                self.bad(f"I10 a resume without a fault ended with {outcome}")
                break
        else:
            self.bad(f"I12 not done after {most} resumes")
        if not self.detected and not self.problems:
            self.check_end()
        return self

    def answers(self):
        """Answers to the open questions, by evidence."""
        store = self.store() if os.path.isdir(self.state) else None
        if store is None or self.thread not in store.threads:
            return []
        marks = [mark["arguments"].get("name") for mark in self.marks()]
        asked, askers = {}, {}
        for task in store.all_tasks(self.thread):
            for question in json.loads(task["questions"]):
                if "asked" not in question:
                    askers[question["id"]] = task
                if not task["namespace"] and task["checkpoint"] >= store.threads[self.thread]["head"]:
                    asked[question["id"]] = question
        given = []
        for name, question in asked.items():
            if "answer" not in question:
                answer = self.workload.answer(question, self.count(key_of(self.thread, askers[name])), marks)
                given.append(f"{name}={json.dumps(answer)}")
        return given

    def check_end(self):
        store = self.store()
        header = store.threads.get(self.thread)
        if header is None or header["status"] != "done":
            return self.bad(f"I12 the thread is {header and header['status']} in the end")
        self._final_state(store)
        self._effects(store)
        if not self.problems:
            self.no_process()
            self.no_secret()
        wal = os.path.join(self.state, "graphrun.sqlite-wal")
        if os.path.exists(wal) and os.path.getsize(wal) > 64 << 20:
            self.bad("I11 the -wal is larger than 64 MiB")

    def _final_state(self, store):
        """I3: as after a run without faults."""
        values = self.workload.seen(store.values(self.thread))
        told = next((event for event in reversed(self.told) if event.get("event") == "run-end"), None)
        if self.workload.values is not None and values != self.workload.values:
            self.bad(f"I3 the state is {str(values)[:200]}, not {str(self.workload.values)[:200]}")
        if told and told["status"] == "done" and self.workload.seen(told["values"]) != values:
            self.bad("I3 the state that was printed is not the one stored")

    def _effects(self, store):
        """I5: by key, once at most for `once`, at most once per attempt for others; and none is missing."""
        counts = {}
        for key, name in self.effects():
            counts.setdefault((key, name), 0)
            counts[key, name] += 1
        rows = {key_of(self.thread, task): task for task in store.all_tasks(self.thread)}
        for (key, name), count in counts.items():
            attempts = rows[key]["attempts"] if key in rows else None
            if name in self.workload.once and count > 1:
                self.bad(f"I5 {name} took effect {count} times")
            if attempts is not None and count > attempts:
                self.bad(f"I5 {name} took effect {count} times in {attempts} attempts")
        if self.workload.effects and len(counts) + len(self.marks()) != self.workload.effects:
            self.bad(f"I3 {len(counts) + len(self.marks())} effects, not {self.workload.effects}")
        marks = [mark["key"] for mark in self.marks()]
        if len(marks) != len(set(marks)):
            self.bad("I5 an agent's call was made twice")

    def no_process(self, patience=2.0):
        """I8: nothing is left that the thread started."""
        mark = f".{self.thread}.".encode()
        until = time.monotonic() + patience
        while True:
            left = [pid for pid in os.listdir("/proc") if pid.isdigit() and mark in marked(pid)]
            if not left:
                return
            if time.monotonic() > until:
                return self.bad(f"I8 processes are left: {left}")
            time.sleep(0.02)

    def no_secret(self):
        """I9: the secret is in no file of the store."""
        for place, _, names in os.walk(self.state):
            for name in names:
                if name == "reserve":
                    continue
                with open(os.path.join(place, name), "rb") as file:
                    if SECRET.encode() in file.read():
                        self.bad(f"I9 the secret is in {name}")

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def marked(pid):
    """The marker of a process, where it has one that can be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return b""
    return next((entry for entry in entries if entry.startswith(b"GRAPHRUN_RUN=")), b"")
