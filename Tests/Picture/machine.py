"""The state of a pictured machine, shared by the stand-ins in bin/ and by the servers.

One folder ($PICTURE) holds it all: state.json (changed only under a lock, replaced whole, so a stand-in killed at any
moment leaves exactly what it had got done), calls.jsonl (what was called, and what took effect), faults.json.
"""
import contextlib, fcntl, json, os, re, signal, socket, subprocess, sys, time, uuid

PICTURE = os.environ.get("PICTURE", "")
if PICTURE and "PICTURE_DOCKER" not in os.environ:  # a tool that was started with little of an environment
    with open(os.path.join(PICTURE, "env.json")) as file:
        os.environ.update({name: value for name, value in json.load(file).items() if name.startswith("PICTURE_")})
TOOL = os.path.basename(sys.argv[0])
CALL = uuid.uuid4().hex[:8]

# Seconds at pace 1. `picture up --pace` scales them all; `picture set DIR delays.X=S` changes one.
DELAYS = {
    "docker": 0.0, "apt-get": 0.5, "kind": 0.0, "kubectl": 0.0, "helm": 0.0, "terraform": 0.0,
    "kind create": 6.0, "kind delete": 1.0, "node ready": 3.0, "docker start": 0.5,
    "ollama pull": 5.0, "ollama token": 0.02, "helm repo update": 1.0, "helm pull": 1.0, "helm upgrade": 5.0, "helm uninstall": 1.0,
    "operator": 2.0, "dashboards": 1.0, "scrape": 1.0,
    "terraform init": 2.0, "terraform plan": 0.3, "terraform apply": 0.5,
}

for name in (signal.SIGINT, signal.SIGPIPE):
    signal.signal(name, signal.SIG_DFL)  # a tool dies of a signal, it does not print a traceback


EFFECTS = None  # what is to be recorded once the state that goes with it is kept


@contextlib.contextmanager
def state(write=True):
    """The machine's state under its lock; changes are kept if the block ends without an error, with the effects told in it: a tool
    that is ended has both or neither."""
    global EFFECTS
    with open(os.path.join(PICTURE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = os.path.join(PICTURE, "state.json")
        with open(path) as file:
            value = json.load(file)
        told, EFFECTS = EFFECTS, [] if write else EFFECTS
        try:
            yield value
        except BaseException:
            EFFECTS = told
            raise
        if write:
            with open(path + ".new", "w") as file:
                json.dump(value, file, indent=1)
            found, EFFECTS = EFFECTS, told
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            os.replace(path + ".new", path)
            for what in found:
                effect(what)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def record(event, **fields):
    line = json.dumps({"event": event, "call": CALL, "tool": TOOL, "time": round(time.time(), 3), **fields})
    with open(os.path.join(PICTURE, "calls.jsonl"), "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line + "\n")


def effect(what):
    """Something on the machine has changed: tests count these lines."""
    if EFFECTS is None:
        record("effect", what=what)
    else:
        EFFECTS.append(what)


def seconds(s, what):
    return s["delays"].get(what, DELAYS.get(what, 0)) * s["pace"]


def delay(what):
    with state(write=False) as s:
        return seconds(s, what)


def pause(what, part=1.0):
    time.sleep(delay(what) * part)


def err(text):
    sys.stderr.write(text if text.endswith("\n") else text + "\n")
    sys.stderr.flush()


def out(value):
    if not isinstance(value, str):
        value = json.dumps(value, separators=(",", ":"))
    sys.stdout.write(value + "\n")
    sys.stdout.flush()


class Fail(Exception):
    """A tool's own failure: its text on stderr and its exit code."""

    def __init__(self, text, code=1):
        super().__init__(text)
        self.text, self.code = text, code


def fault(moment="start"):
    """Meets a fault that faults.json has for this call, at this moment of it (start, middle, end).

    {"helm upgrade": {"times": 1, "exit": 1, "stderr": "…", "at": "middle"}} · "hang": true never returns · "delay": S.
    The key is the start of the command line. Returns the fault where it is none of these ("not_ready" and the like).
    """
    path = os.path.join(PICTURE, "faults.json")
    line = " ".join([TOOL] + [a for a in sys.argv[1:] if not a.startswith("-chdir")])
    with state(write=False):
        try:
            with open(path) as file:
                faults = json.load(file)
        except FileNotFoundError:
            return None
        key = next((k for k in faults if line.startswith(k) or bare(line).startswith(k)), None)
        if key is None or faults[key].get("at", "start") != moment or faults[key].get("times", 1) == 0:
            return None
        found = faults[key]
        found["times"] = found.get("times", 1) - 1
        with open(path + ".new", "w") as file:
            json.dump(faults, file)
        os.replace(path + ".new", path)
    record("fault", key=key)
    if found.get("delay"):
        time.sleep(found["delay"])
    if found.get("hang"):
        while True:
            time.sleep(3600)
    if found.get("stderr") or found.get("exit"):
        raise Fail(found.get("stderr", ""), found.get("exit", 1))
    return found


def bare(line):
    """The command line without the global options that come before the verb."""
    return re.sub(r" --(?:kube-context|context|kubeconfig|namespace)[ =]\S+| -n \S+", "", line)


def options(argv, valued, repeated=()):
    """Splits arguments into words and {option: value}; `valued` take one, any other option is a switch."""
    words, opts, i = [], {}, 0
    while i < len(argv):
        arg = argv[i]
        if arg.startswith("-") and arg != "-":
            name, eq, value = arg.partition("=")
            name = name.lstrip("-")
            if name in valued:
                if not eq:
                    i += 1
                    if i >= len(argv):
                        raise Fail(f"Error: flag needs an argument: --{name}")
                    value = argv[i]
            else:
                value = value if eq else True
            if name in repeated:
                opts.setdefault(name, []).append(value)
            else:
                opts[name] = value
        else:
            words.append(arg)
        i += 1
    return words, opts


def main(body):
    """Runs a stand-in: records the call, meets its faults, and ends as the tool would."""
    record("start", argv=sys.argv[1:], pid=os.getpid())
    code = 0
    try:
        pause(TOOL)
        fault("start")
        code = body(sys.argv[1:]) or 0
        fault("end")
    except Fail as failure:
        code = failure.code
        if failure.text:
            err(failure.text)
    record("end", argv=sys.argv[1:], exit=code)
    sys.exit(code)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- containers: of the real engine where there is one, else rows of the state ---------------------------------------

REAL = os.environ.get("PICTURE_DOCKER") == "real"
LABEL = "io.x-k8s.kind.cluster"
IMAGE = "kindest/node:v1.36.1"
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


def docker(*argv):
    done = subprocess.run([os.environ["PICTURE_REAL_DOCKER"], *argv], capture_output=True, text=True)
    if done.returncode:
        raise Fail(done.stderr.rstrip("\n"), done.returncode)
    return done.stdout


def daemon_up(s):
    if not REAL and s["docker"]["daemon"] != "up":
        raise Fail(s["docker"].get("error") or DOWN)


def nodes(s, cluster):
    """The names and states of a cluster's containers."""
    daemon_up(s)
    if REAL:
        lines = docker("ps", "-a", "--filter", f"label={LABEL}={cluster}", "--format", "{{.Names}} {{.State}}").split("\n")
        return dict(line.split(" ") for line in lines if line)
    return {n: c["State"] for n, c in s["containers"].items() if c["labels"].get(LABEL) == cluster}


def node_start(s, cluster, port):
    daemon_up(s)
    name = f"{cluster}-control-plane"
    if REAL:
        # What the node's own init would do is not pictured; it only has to live, and to end at once on TERM.
        return docker("run", "-d", "--name", name, "--hostname", name, "--label", f"{LABEL}={cluster}",
                      "--label", "io.x-k8s.kind.role=control-plane", "--restart=on-failure:1",
                      "-p", f"127.0.0.1:{port}:6443", IMAGE, "/bin/sh", "-c",
                      "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done").strip()
    identity = uuid.uuid4().hex + uuid.uuid4().hex
    s["containers"][name] = {
        "ID": identity, "State": "running", "Image": IMAGE, "port": port, "created": time.time(), "started": time.time(),
        "labels": {LABEL: cluster, "io.x-k8s.kind.role": "control-plane"}}
    return identity


def nodes_delete(s, cluster):
    names = list(nodes(s, cluster))
    for name in names:
        if REAL:
            docker("rm", "-f", "-v", name)
        else:
            del s["containers"][name]
    return names


def node_identity(s, cluster):
    name = f"{cluster}-control-plane"
    if REAL:
        return docker("inspect", name, "--format", "{{.Id}}").strip()
    return s["containers"][name]["ID"]


# --- the cluster that a kubeconfig leads to ---------------------------------------------------------------------------

def reach(s, kubeconfig, context, refused=None):
    """The cluster behind a kubeconfig and context, if its node runs and its API server has come up."""
    try:
        with open((kubeconfig or os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config"))) as file:
            config = json.load(file)
    except (FileNotFoundError, ValueError):
        config = {"contexts": [], "clusters": []}
    context = context or config.get("current-context")
    if not context:
        raise Fail("The connection to the server localhost:8080 was refused - did you specify the right host or port?")
    if context not in [c["name"] for c in config["contexts"]]:
        raise Fail(f'error: context "{context}" does not exist')
    server = next(c["cluster"]["server"] for c in config["clusters"] if c["name"] == context)
    port = int(server.rsplit(":", 1)[1])
    name = context[len("kind-"):] if context != "default" else "k3s"
    cluster = s["clusters"].get(name)
    try:
        alive = cluster and s["k3s"]["state"] == "active" if name == "k3s" else cluster and cluster["port"] == port and nodes(s, name).get(f"{name}-control-plane") == "running" \
            and node_identity(s, name) == cluster["container"] and cluster["phase"] != "preparing"
        if alive and not REAL and name != "k3s":  # an API server that was just started again takes a moment
            alive = time.time() >= s["containers"][f"{name}-control-plane"]["started"] + seconds(s, "docker start")
    except Fail:
        alive = False
    if not alive:
        raise Fail((refused or "The connection to the server 127.0.0.1:{0} was refused - did you specify the right host or port?").format(port))
    return cluster


def node_ready(cluster):
    return cluster["ready_at"] is not None and time.time() >= cluster["ready_at"]


def namespace(name, labels=None):
    return {"name": name, "uid": str(uuid.uuid4()), "created": now(), "phase": "Active",
            "labels": {"kubernetes.io/metadata.name": name, **(labels or {})}}


def namespace_gone(cluster, name):
    """With a namespace go its releases: Helm keeps them in its secrets."""
    cluster["releases"] = {n: r for n, r in cluster["releases"].items() if r and r[-1].get("namespace", "monitoring") != name}


def deployed(cluster):
    """The newest revision of the monitoring release, if it is there and deployed."""
    revisions = cluster["releases"].get("kube-prometheus-stack") or []
    return revisions[-1] if revisions and revisions[-1]["status"] == "deployed" else None


def etcd_watched(revision):
    """Whether the chart was given an etcd to watch: k3s has none."""
    return revision["config"].get("kubeEtcd", {}).get("enabled", True)
