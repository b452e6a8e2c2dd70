"""main.py - builds a house for each suite, runs them side by side, says what held.  Started by
tests/chaos/run."""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import time

from house import House, Trouble
from report import Report, counts

SUITES = ("crash", "storm", "button")


def one(name, home, long):
    """Runs a suite in a house of its own."""
    suite, start = importlib.import_module(name), time.monotonic()
    report = Report(os.path.join(home, "result-" + name))
    place = os.path.join(home, name)
    os.makedirs(place)
    os.symlink(os.path.join(home, "parts"), os.path.join(place, "parts"))
    house = House(place, os.path.join(home, "log", name), **getattr(suite, "HOUSE", {}))
    print("%s:" % name, flush=True)
    try:
        suite.run(house.up(), report, long)
    except Trouble as trouble:
        report.check("%s: the house stands" % name, [str(trouble)])
    finally:
        house.down()
    report.say("%s took %d s" % (name, time.monotonic() - start))
    return report.failed == 0


def all_of(names, home, long):
    """Each suite waits more than it works, so they run at the same time."""
    running = []
    for name in names:
        out = open(os.path.join(home, "said-" + name), "w+")
        running.append((name, out, subprocess.Popen(
            [sys.executable, sys.argv[0], "--home", home, "--one"] + ["--long"] * long + [name],
            stdout=out, stderr=out)))

    def stop(*_):
        for _, _, process in running:
            process.terminate()
        sys.exit(143)
    signal.signal(signal.SIGTERM, stop)
    passed = failed = 0
    for name, out, process in running:
        code = process.wait()
        out.seek(0)
        print(out.read(), end="", flush=True)
        p, f = counts(os.path.join(home, "result-" + name))
        if code != 0 and f == 0:
            print("FAILED: %s ended with status %d" % (name, code))
            f = 1
        passed, failed = passed + p, failed + f
    print("%d passed, %d failed" % (passed, failed), flush=True)
    return passed > 0 and failed == 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--home", required=True)
    p.add_argument("--long", action="store_true")
    p.add_argument("--one", action="store_true")
    p.add_argument("suites", nargs="*")
    o = p.parse_args()
    if o.one:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return one(o.suites[0], o.home, o.long)
    return all_of(o.suites or SUITES, o.home, o.long)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
