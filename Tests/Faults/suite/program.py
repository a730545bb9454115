"""The program under test: how it is called, with or without a fault, and what came of it."""
import dataclasses, hashlib, json, os, select, shutil, signal, subprocess, tempfile, time

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECRET = "faults-secret-51c8e0"


@dataclasses.dataclass
class Fault:
    """What the injector does (inject.c), from the `at`-th of the calls named by `ops` on."""
    deed: str = ""
    at: int = 0
    ops: str = "wsturc"
    many: int = 1
    trace: str = ""
    watch: str = ""
    also: str = ""
    clock: str = ""
    root: str = ""     # where the calls count; else the folder of the case

    def environment(self, binary, folder, sign):
        values = {"FAULT_EXE": binary, "FAULT_ROOT": self.root or folder, "FAULT_OPS": self.ops, "FAULT_SIGN": sign}
        if self.deed:
            values |= {"FAULT_DO": self.deed, "FAULT_AT": str(self.at), "FAULT_FOR": str(self.many)}
        for name, value in (("FAULT_TRACE", self.trace), ("FAULT_WATCH", self.watch),
                            ("FAULT_ALSO", self.also), ("FAULT_CLOCK", self.clock)):
            if value:
                values[name] = value
        return values


@dataclasses.dataclass
class Outcome:
    """How one call of the program ended."""
    code: int          # below 0: the signal it died of
    events: list       # the JSON lines it printed
    errors: str
    seconds: float
    peak: int          # bytes
    late: bool         # it had to be killed because it did not end
    hits: list         # the calls that the fault hit, as lines of FAULT_SIGN

    def last(self, event):
        return next((line for line in reversed(self.events) if line.get("event") == event), None)

    def __str__(self):
        return f"exit {self.code}, {len(self.events)} lines, {self.errors.strip()[-300:]}"


class Call:
    """A call under way."""

    def __init__(self, program, arguments, folder, fault=None, environment=None, streams=None):
        self.scratch = tempfile.mkdtemp(prefix="call-", dir=program.scratch)
        self.sign = os.path.join(self.scratch, "sign")
        values = dict(program.environment, **(environment or {}))
        if fault:
            values |= {"LD_PRELOAD": program.injector} | fault.environment(program.binary, folder, self.sign)
        self.output = os.path.join(self.scratch, "out")
        self.error = os.path.join(self.scratch, "err")
        self.begun = time.monotonic()
        with open(self.output, "wb") as out, open(self.error, "wb") as err:
            self.process = subprocess.Popen(
                [program.binary, *arguments], cwd=folder, env=values, stdin=subprocess.DEVNULL,
                stdout=streams or out, stderr=err, start_new_session=True)
        self.descriptor = os.pidfd_open(self.process.pid)

    @property
    def pid(self):
        return self.process.pid

    def send(self, signal_number):
        try:
            signal.pidfd_send_signal(self.descriptor, signal_number)
        except ProcessLookupError:
            pass

    def kill(self):
        """By the descriptor: Popen would look first whether it has ended, and reap it."""
        self.send(signal.SIGKILL)

    def kill_group(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def is_over(self, seconds):
        """Whether it ended within `seconds`."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(max(0, seconds) * 1000))

    def lines(self):
        with open(self.output, "rb") as file:
            return file.read().split(b"\n")

    def wait_for(self, text, seconds=20):
        """Waits until `text` stands in what was printed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with open(self.output, "rb") as file:
                if text.encode() in file.read():
                    return True
            if self.is_over(0.005):
                return False
        return False

    def end(self, timeout=60):
        late = not self.is_over(timeout)
        if late:
            self.kill()
        _, status, usage = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        os.close(self.descriptor)
        events = []
        for line in self.lines():
            try:
                value = json.loads(line)
                events.append(value if isinstance(value, dict) else {"value": value})
            except ValueError:
                if line and not line.startswith(b"\0"):
                    events.append({"text": line.decode("utf-8", "replace")})
        with open(self.error, "rb") as file:
            errors = file.read().decode("utf-8", "replace")
        hits = open(self.sign).read().splitlines() if os.path.exists(self.sign) else []
        shutil.rmtree(self.scratch, ignore_errors=True)
        return Outcome(self.process.returncode, events, errors, time.monotonic() - self.begun, usage.ru_maxrss * 1024,
                       late, hits)


class Program:
    def __init__(self, binary, scratch):
        self.binary = os.path.realpath(binary)
        self.scratch = scratch
        self.injector = os.path.join(scratch, "inject.so")
        subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", "-shared", "-fPIC", "-o", self.injector,
                        os.path.join(HERE, "inject.c")], check=True)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("GRAPHRUN", "FAULT", "LD_", "OLLAMA", "OPENAI"))}
        self.environment = dict(kept, TOKEN=SECRET, NO_COLOR="1")

    def begin(self, *arguments, folder, **more):
        return Call(self, arguments, folder, **more)

    def call(self, *arguments, folder, timeout=60, **more):
        return Call(self, arguments, folder, **more).end(timeout)


def scratch_folder():
    """A new folder in memory where there is room for it, else where temporary files are."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 2 << 30 else None
    return os.path.realpath(tempfile.mkdtemp(prefix="graphrun-faults-", dir=place))


def chance(*parts):
    """A number that looks random and is the same for the same parts."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8], "big")
