"""The reference graphs G1 to G6: what they need, what their questions are answered, what their nodes may do how often."""
import dataclasses, json, os, shutil, subprocess, sys

from .program import HERE

SERVERS = os.path.join(os.path.dirname(HERE), "Servers")
SKIPPED = {"exit": 0, "stdout": "", "stderr": "", "seconds": 0}


@dataclasses.dataclass
class Workload:
    name: str
    graph: str
    once: tuple = ()          # nodes whose effect may happen only once
    repeatable: tuple = ()    # nodes whose effect may happen once per attempt
    values: dict = None       # the state after a run without faults; the suite finds it out first
    effects: int = 0          # different keys in effects.log after such a run

    def __str__(self):
        return self.name

    def lay_out(self, folder, world):
        """Puts what the graph needs into `folder`."""
        with open(os.path.join(HERE, "graphs", self.graph + ".graph")) as file:
            text = file.read().replace("@MODEL@", world.model).replace("@SERVERS@", SERVERS)
        with open(os.path.join(folder, self.graph + ".graph"), "w") as file:
            file.write(text)
        shutil.copy(os.path.join(HERE, "graphs", "step"), folder)
        for more in self.files:
            shutil.copy(os.path.join(HERE, "graphs", more), folder)

    @property
    def files(self):
        return ["part.graph"] if self.graph == "parts" else []

    def answer(self, question, count, marks):
        """What a person who looks at the world answers; `count` is how often the task's effect took place."""
        if "took effect" not in question["prompt"]:
            return True
        if self.graph == "agent" and "after" not in question["prompt"].split("took effect")[0]:
            done = any('{"name":"%s"' % mark in question["prompt"] for mark in marks)
            return {"skip": "mark done"} if done else "rerun"
        return {"skip": SKIPPED} if count else "rerun"

    def seen(self, values):
        """The part of the state that is the same in every run."""
        if self.graph == "agent" and isinstance(values.get("calls"), list):
            calls = [call.get("tool", call.get("name")) for call in values["calls"] if isinstance(call, dict)]
            return dict(values, calls=calls)
        return values


LINE = Workload("G1", "line", once=("s1", "s5", "s8"), repeatable=("s2", "s3", "s6", "s7", "s9", "s10"))
FAN = Workload("G2", "fan", once=("side", "last"), repeatable=("work", "join"))
LOOP = Workload("G3", "loop", once=("even",), repeatable=("odd",))
PARTS = Workload("G4", "parts", once=("seal", "close"), repeatable=("piece",))
ASK = Workload("G5", "ask", once=("slow", "publish"), repeatable=("patient",))
AGENT = Workload("G6", "agent", once=("after",))
ALL = [workload for workload in (LINE, FAN, LOOP, PARTS, ASK, AGENT)
       if os.path.exists(os.path.join(HERE, "graphs", workload.graph + ".graph"))]


class World:
    """What the workloads reach outside: the scripted model."""

    def __init__(self, scratch):
        turns = os.path.join(scratch, "turns")
        with open(turns, "w") as file:
            for turn in range(4):
                calls = [["mark", {"name": f"m{turn}"}], ["look", {"at": f"place {turn}"}]]
                file.write(json.dumps({"content": f"Turn {turn}.", "calls": calls}) + "\n")
            file.write(json.dumps({"content": "All is marked."}) + "\n")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(SERVERS, "agent_model.py"), turns], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.model = self.process.stdout.readline().strip()

    def close(self):
        self.process.kill()
        self.process.wait()
