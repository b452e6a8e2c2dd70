"""crash.py - the program is stopped at every checkpoint in the sources and killed there, or cut off
from the database, or PostgreSQL is killed; another node finds what was left behind.

A checkpoint is named kind.place (sql/checkpoint.h).  Node b does what comes before; node a, started
for one round, is the one that stops.  No node asks the bank by itself until the end, when node c
settles everything."""

import glob
import os
import re
import secrets
import signal
import threading

import ledger
from house import Client, Trouble, wait_until

KINDS = ("otp", "refund", "inquiry")
STATEMENTS = ("begin", "finish", "claim", "callback")
FAR = 60
CROWD = 12
# Before the first byte: a node that goes on here after its attempt was settled must not send.
LATE = ("call.connected", "refund.after_intent", "refund.before_send")
WAITING = "refund.waiting"  # no checkpoint of the program: the bank has the call and is silent
# A request of one of these kinds reaches the places of the core that every call passes.
COMMON = {"begin": "refund", "finish": "refund", "call": "refund"}


def checkpoints(folder):
    """Every kind.place in the sources."""
    found = set()
    for path in glob.glob(os.path.join(folder, "*.c")):
        with open(path) as f:
            for kind, place in re.findall(r'\bcheckpoint\(([^"]*?|"\w+"), "(\w+)"\)', f.read()):
                if kind.startswith('"'):
                    found.add((kind.strip('"'), place))
                elif kind.startswith("db_texts"):
                    found.update((s, place) for s in STATEMENTS)
                else:
                    found.update((k, place) for k in KINDS)
    if len(found) < 20:
        raise Trouble("only %d checkpoints found in %s" % (len(found), folder))
    return sorted("%s.%s" % point for point in found)


class Crash:
    def __init__(self, house, report, rounds):
        self.house, self.report, self.rounds = house, report, rounds
        self.next_tid = 3000000000 + secrets.randbelow(10**8) * 100
        self.b = Client(house, house.b_port)
        self.wrong = []
        self.said = {}  # key -> (status, answer) of the request that met the checkpoint

    def tid(self, last_two):
        self.next_tid += 100
        self.newest = str(self.next_tid - self.next_tid % 100 + last_two)
        return self.newest

    def send_otp(self, tid):
        key = secrets.token_hex(8)
        for _ in range(3):  # nginx closes a kept connection that was idle for long
            status, answer = self.b.api("POST", "/transactions/%s/otp" % tid, {}, key)
            if status != 0:
                break
        otp = self.house.phone(tid)
        if status != 200 or not otp:
            raise Trouble("the OTP for %s was not sent: %s %s" % (tid, status, answer))
        return otp

    # ---- what makes node a pass a point ----------------------------------------------------------

    def trigger(self, point, last_two):
        """(needs the resolver, a function that makes node a pass the point)."""
        kind = point.split(".")[0]
        kind = COMMON.get(kind, kind)
        if point == WAITING:
            last_two = 82 if last_two < 50 else 83
        tid, key = self.tid(last_two), secrets.token_hex(8)
        a = Client(self.house, self.house.a_port)
        if kind == "otp":
            return False, lambda: self.remember(key, tid, a.api(
                "POST", "/transactions/%s/otp" % tid, {}, key))
        if kind == "refund":
            otp = self.send_otp(tid)
            return False, lambda: self.remember(key, tid, a.api(
                "POST", "/transactions/%s/refunds" % tid, {"otp": otp}, key))
        if kind == "batch":
            return False, self.crowd(last_two)
        if kind == "callback":
            return False, lambda: a.ask(
                "POST", "/callback/eko/" + self.house.callback_secret,
                "tid=%s&tx_status=4" % tid,
                {"Content-Type": "application/x-www-form-urlencoded"})
        # The resolver of node a shall find an attempt whose outcome is unknown.
        tid = self.tid(86 if last_two < 50 else 87)
        otp = self.send_otp(tid)
        status, answer = self.b.api("POST", "/transactions/%s/refunds" % tid, {"otp": otp}, key,
                                    wait=0)
        if status != 202:
            raise Trouble("%s should be open: %s %s" % (tid, status, answer))
        return True, lambda: None

    def crowd(self, last_two):
        """Many refunds at the same moment, so that they share a commit."""
        asks = []
        for _ in range(CROWD):
            tid = self.tid(last_two)
            asks.append((tid, self.send_otp(tid), secrets.token_hex(8)))

        def one(tid, otp, key):
            self.remember(key, tid, Client(self.house, self.house.a_port).api(
                "POST", "/transactions/%s/refunds" % tid, {"otp": otp}, key))

        def all_of():
            threads = [threading.Thread(target=one, args=ask) for ask in asks]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        return all_of

    def remember(self, key, tid, answer):
        self.said[key] = (tid, *answer)

    # ---- what is done to it there ------------------------------------------------------------------

    def kill(self, node):
        node.kill()

    def cut(self, node):
        self.house.cut_connections()
        node.send(signal.SIGCONT)

    def power(self, node):
        self.house.postgres_kill()
        node.send(signal.SIGCONT)
        self.house.postgres_up()

    def stall(self, node):
        """Stopped until another node has taken its attempt over and settled it; then it goes on."""
        wait_until("attempt on %s to be settled" % self.newest, FAR, lambda: self.house.sql(
            "select 1 from otprefund.attempt_status where kind = 'refund' and tid = '%s'"
            " and resolution is not null" % self.newest))
        node.send(signal.SIGCONT)

    def one(self, point, what, last_two):
        """True: node a stopped at the point and was dealt with."""
        needs_resolver, pull = self.trigger(point, last_two)
        node = self.house.node_up("a", needs_resolver, point)
        waiting = point == WAITING and self.newest
        puller = threading.Thread(target=pull)
        puller.start()
        try:
            if waiting:
                wait_until("the bank to hold the call", 20, lambda: self.house.book().get(
                    waiting, ledger.EMPTY)["initiate_calls"])
                node.send(signal.SIGSTOP)
            wait_until("%s to be passed" % point, 20, node.stopped)
        except Trouble:
            self.wrong.append("%s was never passed" % point)
            node.kill()
            puller.join()
            return False
        what(node)
        puller.join(FAR)
        if puller.is_alive():
            self.wrong.append("%s, %s: the caller got no answer in %d s"
                              % (point, what.__name__, FAR))
        if what != self.kill:
            if not node.alive():
                self.wrong.append("%s: the program ended by itself" % point)
            elif node.stop() is None:
                self.wrong.append("%s: an orderly stop took more than 40 s" % point)
        return True

    # ---- all of it -----------------------------------------------------------------------------------

    def answers_held(self):
        """What the caller was told must be what the journal says in the end."""
        rows = {key: (number, kind, outcome, resolution) for key, number, kind, outcome, resolution
                in self.house.sql("select coalesce(a.idempotency_key, ''), s.attempt_id, s.kind,"
                                  " coalesce(s.outcome, ''), coalesce(s.resolution, '')"
                                  " from otprefund.attempt a"
                                  " join otprefund.attempt_status s using (attempt_id)")}
        wrong, book = [], self.house.book()
        for key, (tid, status, answer) in self.said.items():
            row, calls = rows.get(key), book.get(tid, ledger.EMPTY)
            if status in (200, 202) and not row:
                wrong.append("%s: answered %d, and there is no attempt" % (tid, status))
            elif status == 200 and answer.get("resolution") not in (None, row[3]):
                wrong.append("%s: told %s, settled %s" % (tid, answer["resolution"], row[3]))
            elif status == 503 and row and row[2] not in ("not_sent", "unknown"):
                wrong.append("%s: answered 503, yet attempt %s is %s" % (tid, row[0], row[2]))
            elif not row and calls["initiate_calls"]:
                wrong.append("%s: sent without an intent" % tid)
        return wrong

    def run(self):
        points = checkpoints(os.path.dirname(os.path.abspath(__file__))) + [WAITING]
        self.house.node_up("b", False)
        done = {}
        plan = [("killed", self.kill), ("cut off", self.cut), ("PostgreSQL killed", self.power)]
        for turn in range(self.rounds):
            for name, what in plan:
                if name == "PostgreSQL killed" and self.rounds == 1:
                    chosen = points[secrets.randbelow(4)::4]  # each takes seconds
                else:
                    chosen = points
                for point in chosen:
                    last_two = 10 if turn % 2 == 0 else 60
                    done[name] = done.get(name, 0) + self.one(point, what, last_two)
                self.report.say("round %d of %d, %s: %d points" % (turn + 1, self.rounds, name,
                                                                   len(chosen)))
        self.house.node_up("c", True)
        late = LATE if self.rounds > 1 else LATE[:1]
        done["stalled until settled"] = sum(self.one(point, self.stall, 10) for point in late)
        self.house.nodes["b"].stop()
        left = ledger.settle(self.house, 90)
        self.report.check("every checkpoint was passed and survived (%d points; %s)" % (
            len(points), ", ".join("%d %s" % (n, name) for name, n in done.items())), self.wrong)
        self.report.check("after the crashes every attempt settles", left)
        self.report.check("after the crashes journal and book agree",
                          ledger.disagreements(self.house))
        self.report.check("what callers were told is what is recorded", self.answers_held())
        self.report.say(ledger.summary(self.house))
        self.house.nodes["c"].stop()


def run(house, report, long):
    Crash(house, report, 10 if long else 1).run()
