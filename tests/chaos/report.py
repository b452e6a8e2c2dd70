"""report.py - counts what held and what did not, in the words ./check reads."""

MOST = 20  # sentences of one failure


class Report:
    def __init__(self, path):
        self.path, self.passed, self.failed = path, 0, 0

    def check(self, name, wrong):
        """wrong: a list of sentences; empty: it held."""
        if wrong:
            self.failed += 1
            print("FAILED: %s" % name)
            for line in wrong[:MOST]:
                print("    " + line)
            if len(wrong) > MOST:
                print("    and %d more" % (len(wrong) - MOST))
        else:
            self.passed += 1
            print("ok: %s" % name)
        with open(self.path, "w") as f:
            f.write("%d %d\n" % (self.passed, self.failed))

    @staticmethod
    def say(text):
        print("    " + text, flush=True)


def counts(path):
    """(passed, failed) of a suite that may have come to nothing."""
    try:
        with open(path) as f:
            passed, failed = f.read().split()
            return int(passed), int(failed)
    except (OSError, ValueError):
        return 0, 1
