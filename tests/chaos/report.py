"""report.py - counts what held and what did not, in the words ./check reads."""


class Report:
    def __init__(self, path):
        self.path, self.passed, self.failed = path, 0, 0

    def check(self, name, wrong):
        """wrong: a list of sentences; empty: it held."""
        if wrong:
            self.failed += 1
            print("FAILED: %s" % name)
            for line in wrong[:20]:
                print("    " + line)
            if len(wrong) > 20:
                print("    and %d more" % (len(wrong) - 20))
        else:
            self.passed += 1
            print("ok: %s" % name)
        self.write()

    def say(self, text):
        print("    " + text, flush=True)

    def write(self):
        with open(self.path, "w") as f:
            f.write("%d passed, %d failed\n" % (self.passed, self.failed))
