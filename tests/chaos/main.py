"""main.py - builds a house for each suite, runs it, says what held.  Started by tests/chaos/run."""

import argparse
import importlib
import os
import signal
import sys
import time

from house import House, Trouble
from report import Report

SUITES = ("crash", "storm", "button")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--home", required=True)
    p.add_argument("--long", action="store_true")
    p.add_argument("suites", nargs="*")
    o = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report(os.path.join(o.home, "result"))
    for name in o.suites or SUITES:
        suite, start = importlib.import_module(name), time.monotonic()
        print("%s:" % name, flush=True)
        home = os.path.join(o.home, name)
        os.makedirs(home)
        os.symlink(os.path.join(o.home, "parts"), os.path.join(home, "parts"))
        house = House(home, getattr(suite, "BANK_OPTIONS", ()))
        house.log = os.path.join(o.home, "log", name)
        os.makedirs(house.log, exist_ok=True)
        try:
            suite.run(house.up(), report, o.long)
        except Trouble as trouble:
            report.check("%s: the house stands" % name, [str(trouble)])
        finally:
            house.down()
        report.say("%s took %d s" % (name, time.monotonic() - start))
    report.write()
    print("%d passed, %d failed" % (report.passed, report.failed), flush=True)
    return 0 if report.passed and not report.failed else 1


if __name__ == "__main__":
    sys.exit(main())
