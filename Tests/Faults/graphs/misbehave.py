#!/usr/bin/env python3
"""A step that misbehaves: misbehave.py WAY. What it starts carries the run's marks, so that whoever is left is found."""
import os, signal, sys, time

way = sys.argv[1]


def child(work, session=False):
    if os.fork() == 0:
        if session:
            os.setsid()
        work()
        os._exit(0)


def deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def write(data, stream=1):
    while data:
        data = data[os.write(stream, data):]


def flood(streams, total=200 << 20):
    for _ in range(total // 65_536 // len(streams)):
        for stream in streams:
            write(b"0123456789abcde\n" * 4096, stream)


def never():
    time.sleep(600)


if way == "flood":
    flood([1])
elif way == "flood-err":
    flood([2])
elif way == "flood-both":
    flood([1, 2])
elif way == "line":
    for _ in range(3200):
        write(b"A" * 65_536)
elif way == "binary":
    write(bytes(range(256)) * 16 + b"\xff\xfe\xc3(\xed\xa0\x80\n")
elif way == "cut":
    for byte in "h\u00e9llo \U0001f600\n".encode() * 20:
        write(bytes([byte]))
        time.sleep(0.001)
elif way == "escapes":
    write("\x1b[2J\x1b]0;title\x07\x1b]52;c;aGk=\x07\x1b]8;;http://evil\x07link\x1b]8;;\x07 \u202egnp.exe\r\x1b[1A\n".encode())
elif way == "hold":                      # a child keeps the output open
    child(never)
elif way == "daemon":                    # it does so from a session of its own
    child(lambda: child(never), session=True)
elif way == "deaf":
    deaf()
    write(b"up\n")
    never()
elif way == "tree":
    for _ in range(5):
        child(lambda: (deaf(), never()))
    write(b"up\n")
    never()
elif way == "zombies":
    for _ in range(20):
        child(lambda: None)
    write(b"up\n")
    never()
elif way == "slow-term":
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), write(b"cleaned\n"), os._exit(143)))
    write(b"up\n")
    never()
elif way == "stopped":
    os.kill(os.getpid(), signal.SIGSTOP)
elif way == "stdin":
    write(b"%d bytes\n" % len(sys.stdin.buffer.read()))
elif way == "terminal":
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
        sys.exit("a terminal is reachable")
    except OSError:
        write(b"none\n")
elif way == "descriptors":
    found = [name for name in os.listdir("/proc/self/fd") if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}")]
    sys.exit(f"inherited: {found}" if found else 0)
elif way == "memory":                    # of the runner, in which its secrets are
    try:
        open(f"/proc/{os.getppid()}/mem", "rb").close()
        sys.exit("the runner's memory can be read" if os.getuid() else 0)
    except OSError:
        write(b"not to be read\n")
elif way == "rights":
    status = open("/proc/self/status").read()
    sys.exit(0 if "NoNewPrivs:\t1" in status else "rights can be gained")
elif way == "signals":
    status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    # Python ignores PIPE and XFSZ itself, glibc's posix_spawn leaves its own 32 and 33 ignored.
    ignored = int(status["SigIgn"], 16) & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1 | 3 << 31)
    sys.exit(f"mask {status['SigBlk']}, ignored {ignored:x}" if int(status["SigBlk"], 16) or ignored else 0)
elif way == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
elif way == "code":
    sys.exit(75)
else:
    sys.exit(f"no such way: {way}")
