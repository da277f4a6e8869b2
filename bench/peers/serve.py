"""The line protocol of a peer: bench/engine/peer.ts."""
import json
import sys
import time


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def absent(why):
    say({"absent": why})
    sys.exit(0)


def serve(version, build):
    """`build(order)` gives (check, run); check may be a function for what is slow."""
    order = json.loads(sys.argv[1])
    if order["case"] == "version":
        say({"version": version})
        return
    check, run = build(order)
    say({"version": version, "check": [float(x) for x in check]})
    for line in sys.stdin:
        if line.strip() == "run":
            start = time.perf_counter()
            run()
            say({"seconds": time.perf_counter() - start})
