"""Prints lines at random moments, each with its number and when it was written; then makes the file $STOP, if named."""
import os, random, sys, time

COUNT, SECONDS = 200, 20.0

chance = random.Random(1)
moments = sorted(chance.uniform(0, SECONDS) for _ in range(COUNT))
start = time.monotonic()
for number, moment in enumerate(moments):
    time.sleep(max(0, start + moment - time.monotonic()))
    sys.stdout.write(f"tick {number} {time.monotonic_ns()};\n")
    sys.stdout.flush()
time.sleep(0.3)
if stop := os.environ.get("STOP"):
    open(stop, "w").close()
