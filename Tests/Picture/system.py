"""What of the system itself the phase asks or changes, on the picture: sudo and what is called through it, services, limits, disk,
and what installers would fetch. Nothing of the host is touched: `install` puts a stand-in on the picture's PATH."""
import os, subprocess, sys
from machine import *

HERE = os.path.dirname(os.path.realpath(__file__))
K3S_PORT = 6443


def shim(folder, tool, path=None):
    """A stand-in on the picture's PATH, run by the real Python even when the picture's own is missing."""
    path = path or os.path.join(folder, "path", tool)
    text = f"#!/bin/sh\nexport PICTURE='{folder}'\n"
    if tool == "uname":  # asked by every step, so it starts nothing
        text += 'read -r system release <"$PICTURE/uname"\n'
        text += f'case "${{1:-}}" in -r) echo "$release" ;; -m) echo {os.uname().machine} ;; *) echo "$system" ;; esac\nexit\n'
    if tool == "curl":  # only what is elsewhere is pictured; this machine's own addresses are asked in earnest
        import shutil
        text += f"case \" $* \" in *https://*) ;; *) exec '{os.path.realpath(shutil.which('curl', path=REAL_PATH) or '')}' \"$@\" ;; esac\n"
    with open(path, "w") as file:
        file.write(text + f"exec '{os.path.realpath(sys.executable)}' -E -S -B '{HERE}/bin/{tool}' \"$@\"\n")
    os.chmod(path, 0o755)


REAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"


def installed(tool, *more):
    """A tool has come onto the machine."""
    shim(PICTURE, tool)
    effect(f"{tool} installed")
    if tool == "docker":
        with state() as s:
            s["docker"]["daemon"] = "up"
    elif tool == "ollama":
        subprocess.run([os.path.join(HERE, "picture"), "ollama", PICTURE, "on"], check=True)
    elif tool == "k3s":
        k3s_installed(*more)


def k3s_installed(version, arguments):
    shim(PICTURE, "k3s-uninstall.sh")
    authority = uuid.uuid4().hex
    with state() as s:
        s["k3s"] = {"state": "active", "version": version, "arguments": arguments}
        s["clusters"]["k3s"] = {
            "flavour": "k3s", "port": K3S_PORT, "phase": "up", "ready_at": None, "storageclass": False, "releases": {},
            "namespaces": {n: namespace(n) for n in ("default", "kube-system", "kube-public", "kube-node-lease")},
            "password": uuid.uuid4().hex + uuid.uuid4().hex[:8]}
    pause("kind create", 0.5)
    fault("middle")
    with open(k3s_config(), "w") as file:  # read as JSON here, and by the graphs for the line of its authority
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "default",
                   "clusters": [{"name": "default", "cluster": {"certificate-authority-data": authority, "server": f"https://127.0.0.1:{K3S_PORT}"}}],
                   "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}], "users": [{"name": "default", "user": {}}]}, file, indent=1)
        file.write("\n")
    with state() as s:
        s["clusters"]["k3s"].update(ready_at=time.time() + seconds(s, "node ready"), storageclass=True)
    effect("cluster k3s created")


def k3s_config():
    return os.path.join(PICTURE, "k3s.yaml")


def k3s_removed(argv):
    pause("kind delete")
    with state() as s:
        gone = s["clusters"].pop("k3s", None)
        s.pop("k3s", None)
    for path in (k3s_config(), os.path.join(PICTURE, "path", "k3s"), os.path.join(PICTURE, "path", "k3s-uninstall.sh")):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    if gone:
        effect("cluster k3s deleted")


def fetched(url):
    """What is at an installer's address: a script, or a program (which `install` then takes by its name)."""
    through_sudo = {"get.docker.com": "docker", "get-helm-4": "helm", "ollama.com/install.sh": "ollama"}
    for part, tool in through_sudo.items():
        if part in url:
            return f"sudo install -m755 {tool} /usr/local/bin/\n"
    if "get.k3s.io" in url:
        return 'sudo install -m755 k3s /usr/local/bin/ "$INSTALL_K3S_VERSION" "$INSTALL_K3S_EXEC"\n'
    if "astral.sh/uv" in url:  # into the home folder, which is on no PATH yet
        folder = os.path.join(os.environ.get("HOME", ""), ".local", "bin")
        os.makedirs(folder, exist_ok=True)
        for tool in ("uv", "uvx"):
            shim(PICTURE, tool, os.path.join(folder, tool))
        effect("uv installed")
        return "true\n"
    if "dl.k8s.io" in url or "kind.sigs.k8s.io" in url or "hashicorp.com" in url:
        return "a program\n"
    raise Fail(f"curl: (6) Could not resolve host: {url.split('/')[2]}", 6)


def curl(argv):
    words, opts = options(argv, {"o", "fsSLo", "m", "d", "H", "w", "fLo", "Lo"})
    text = fetched(next(w for w in words if w.startswith("https://")))
    target = opts.get("o") or opts.get("fsSLo")
    if target and not target.startswith("/usr/"):
        with open(target, "w") as file:
            file.write(text)
    elif not target:
        sys.stdout.write(text)


def sudo(argv):
    argv = [a for a in argv if a != "-n"]
    with state(write=False) as s:
        if s.get("sudo") == "password":
            raise Fail("sudo: a password is required")
    verb, rest = (argv or [""])[0], argv[1:]
    if verb == "install":
        words = [w for w in rest if not w.startswith("-")]
        installed(os.path.basename(words[0]), *words[2:])
    elif verb == "apt-get":
        apt_get(rest)
    elif verb == "tee":
        sys.stdin.read()
    elif verb == "sysctl":
        with state() as s:
            s["inotify"] = [512, 524288]
        effect("inotify limits raised")
    elif verb == "systemctl":
        systemctl(rest)
    elif verb == "k3s-uninstall.sh":
        k3s_removed(rest)
    elif verb not in ("true", "usermod", "curl"):
        raise Fail(f"sudo: {verb}: command not found")


def apt_get(argv):
    with open(os.path.join(PICTURE, "dpkg.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Fail("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (apt-get)", 100)
        pause("apt-get")
        for package in [a for a in argv[1:] if not a.startswith("-")] if argv[:1] == ["install"] else []:
            if package in ("terraform", "python3", "curl"):
                installed(package)
                if package == "python3":
                    with state() as s:
                        s["python"] = "3.12.1"
            else:
                effect(f"{package} installed")


def systemctl(argv):
    verb, rest = (argv or [""])[0], argv[1:]
    with state() as s:
        systemd, service = s.get("systemd", "running"), s.get("k3s")
        if verb == "is-system-running":
            out(systemd)
            raise Fail("", 0 if systemd == "running" else 1)
        if systemd == "offline":
            raise Fail("System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down")
        if rest == ["k3s"]:
            if not service:
                raise Fail("Unit k3s.service could not be found.", 4)
            if verb == "is-active":
                out(service["state"])
                raise Fail("", 0 if service["state"] == "active" else 3)
            if verb == "start":
                service["state"] = "active"
                effect("service k3s start")
        elif rest == ["docker"] and verb == "start":
            s["docker"]["daemon"] = "up"
            effect("service docker start")
    if rest == ["ollama"] and verb == "start":
        subprocess.run([os.path.join(HERE, "picture"), "ollama", PICTURE, "on"], check=True)
        effect("service ollama start")


def sysctl(argv):
    with state(write=False) as s:
        instances, watches = s.get("inotify", [1024, 1048576])
    known = {"fs.inotify.max_user_instances": instances, "fs.inotify.max_user_watches": watches}
    for name in [a for a in argv if not a.startswith("-")]:
        out(str(known[name]))


def df(argv):
    with state(write=False) as s:
        free = s.get("disk", 200_000_000)
    out("Filesystem     1024-blocks      Used Available Capacity Mounted on")
    out(f"/dev/sda1        500000000 {500_000_000 - free} {free}      50% /")


def identity(argv):
    out("you" if "-un" in argv else "1000")


def brew(argv):
    words = [a for a in argv if not a.startswith("-")]
    if words[:1] == ["install"]:
        installed({"python@3.12": "python3", "docker-desktop": "docker"}.get(words[1], words[1].rpartition("/")[2]))
    elif words[:2] == ["services", "start"]:
        effect(f"service {words[2]} start")


TOOLS = {"curl": curl, "sudo": sudo, "systemctl": systemctl, "sysctl": sysctl, "df": df, "id": identity, "brew": brew, "apt-get": apt_get,
         "k3s": lambda argv: out("k3s version v1.36.2+k3s1"), "k3s-uninstall.sh": k3s_removed}
