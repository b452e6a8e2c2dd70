"""storm.py - operators and machines on many transactions through nginx and two nodes, while the bank
answers badly and nodes, connections and PostgreSQL are killed at random.  Then the dust settles."""

import random
import re
import secrets
import signal
import threading
import time

import ledger
from house import Client, wait_until

SHORT = {"refunds": 1500, "clients": 24, "events": 8}
LONG = {"refunds": 100000, "clients": 160, "events": None}
# Shorter than settle_s, as with the real ones (300 and 600 s): what a node stopped between its last
# look at the clock and the send lets go later, the bank turns away by its secret-key-timestamp.
HOUSE = {"bank_skew_ms": 6000}
AGAIN = 8  # how often a request without a clear answer is repeated with its key
FAULTS = (
    {"latency_ms": 40, "drop": 0.10, "error_502": 0.10, "silent": 0.05},
    {"latency_ms": 400, "drop": 0.02, "error_502": 0.02, "silent": 0.02},
    {"latency_ms": 0, "drop": 0.25, "error_502": 0.25, "silent": 0.02},
    {},
)
# Ordinary ones, and the bank's table of things that go wrong.
ENDINGS = list(range(0, 80)) + [82, 83, 84, 85, 86, 87, 88, 89, 95, 96, 97] * 2


class Storm:
    def __init__(self, house, report, size):
        self.house, self.report, self.size = house, report, size
        self.random = random.Random(secrets.randbits(64))
        self.first = 4000000000 + secrets.randbelow(10**8) * 100
        self.lock, self.begun, self.taken, self.over = threading.Lock(), 0, 0, False
        self.told, self.strange, self.asked = [], [], 0
        self.killed = {}

    # ---- who works on what -------------------------------------------------------------------------

    def next_tid(self, r):
        """Mostly a new transaction, sometimes one that somebody else has just been at."""
        with self.lock:
            if self.taken > 50 and r.random() < 0.15:
                number = self.taken - r.randrange(1, 50)
            else:
                number = self.taken
                self.taken += 1
        return str(self.first + number * 100 + ENDINGS[(number * 7919) % len(ENDINGS)])

    def work(self, seed):
        r = random.Random(seed)
        who = r.choice((None, None, None, "asha", "ravi"))
        client = Client(self.house, self.house.both_port, who)
        while True:
            with self.lock:
                if self.over or self.begun >= self.size["refunds"]:
                    return
            try:
                (self.operator if who else self.machine)(client, r, self.next_tid(r))
            except Exception as e:  # a fault of this test must not pass as calm
                with self.lock:
                    self.strange.append("%s: %s" % (type(e).__name__, e))
                return

    def otp_for(self, r, tid):
        """What the customer tells: mostly what the phone shows, sometimes a slip of the tongue."""
        otp = self.house.phone(tid) or "%06d" % r.randrange(10**6)
        return otp if r.random() < 0.95 else "%06d" % r.randrange(10**6)

    # ---- a machine: the JSON API -------------------------------------------------------------------

    def insist(self, client, r, path, content):
        """The same request under the same key until something clear comes back."""
        key = secrets.token_hex(12)
        for _ in range(AGAIN):
            with self.lock:
                self.asked += 1
            status, answer = client.api("POST", path, content, key, wait=r.choice((0, 1, 5)))
            if status not in (0, 500, 502, 503, 504):
                break
            time.sleep(r.random())
        return key, status, answer

    def machine(self, client, r, tid):
        self.insist(client, r, "/transactions/%s/otp" % tid, {})
        key, status, answer = self.insist(client, r, "/transactions/%s/refunds" % tid,
                                          {"otp": self.otp_for(r, tid)})
        if status not in (0, 200, 202, 409, 429, 502, 503, 504):
            with self.lock:
                self.strange.append("%s: HTTP %d %s" % (tid, status, answer))
        if status in (200, 202):
            with self.lock:
                self.begun += 1
                self.told.append((key, tid, status, answer.get("attempt_id"),
                                  answer.get("resolution")))

    # ---- a person: the pages -----------------------------------------------------------------------

    def form(self, client, tid, action):
        """The fields of a form on the transaction's page; None: it is not offered now."""
        status, _, page = client.ask("GET", "/refunds/" + tid)
        form = re.search(r'<form[^>]* action="/refunds/%s/%s".*?</form>' % (tid, action), page,
                         re.S)
        if status != 200 or not form:
            return None
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"',
                               form.group(0)))

    def submit(self, client, r, path, fields):
        body = "&".join("%s=%s" % item for item in fields.items())
        for _ in range(AGAIN):  # as an operator who reloads
            with self.lock:
                self.asked += 1
            status, headers, _ = client.ask(
                "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded",
                                     "Sec-Fetch-Site": "same-origin"})
            if status not in (0, 500, 502, 503, 504):
                break
            time.sleep(r.random())
        return status, headers.get("Location", "") if headers else ""

    def operator(self, client, r, tid):
        fields = self.form(client, tid, "otp")
        if fields:
            self.submit(client, r, "/refunds/%s/otp" % tid, fields)
        fields = self.form(client, tid, "refund")
        if not fields:
            return
        fields.update(otp=self.otp_for(r, tid), cash_returned="yes")
        status, location = self.submit(client, r, "/refunds/%s/refund" % tid, fields)
        if status not in (0, 303, 409, 429, 502, 503, 504):
            with self.lock:
                self.strange.append("%s: the form was answered %d" % (tid, status))
        if status == 303:
            with self.lock:
                self.begun += 1
                self.told.append((fields["idempotency_key"], tid, status,
                                  int(location.rsplit("/", 1)[1]), None))

    # ---- the weather -------------------------------------------------------------------------------

    def kill_node(self, name):
        self.house.nodes[name].kill()
        time.sleep(self.random.random())
        self.house.node_up(name)

    def event(self, turn):
        what = ("kill a", "cut", "stall b", "kill b", "power", "kill both", "cut", "stall a")[turn % 8]
        self.killed[what.split()[0]] = self.killed.get(what.split()[0], 0) + 1
        self.house.control("POST", "/faults", FAULTS[turn % len(FAULTS)])
        verb, _, name = what.partition(" ")
        if verb == "kill":
            for node in ("a", "b") if name == "both" else (name,):
                self.kill_node(node)
        elif verb == "cut":
            self.house.cut_connections()
        elif verb == "stall":
            # Once in a while so long that another node has taken its attempts over meanwhile.
            node = self.house.nodes[name]
            node.send(signal.SIGSTOP)
            time.sleep(16 if turn % 16 == 15 else 1 + 3 * self.random.random())
            node.send(signal.SIGCONT)
        else:
            self.house.postgres_kill()
            time.sleep(self.random.random())
            self.house.postgres_up()

    def weather(self):
        turn = 0
        while self.running():
            time.sleep(1 + self.random.random())
            for node in self.house.nodes.values():
                if not node.alive():
                    self.strange.append("%s ended by itself" % node.name)
            self.event(turn)
            turn += 1
            if self.size["events"] and turn >= self.size["events"]:
                break

    def running(self):
        return any(t.is_alive() for t in self.threads)

    # ---- all of it ---------------------------------------------------------------------------------

    def told_and_recorded(self):
        rows = {key: (int(number), resolution) for key, number, resolution in self.house.sql(
            "select a.idempotency_key, s.attempt_id, coalesce(s.resolution, '')"
            " from otprefund.attempt a join otprefund.attempt_status s using (attempt_id)"
            " where a.kind = 'refund'")}
        wrong = []
        for key, tid, status, number, resolution in self.told:
            row = rows.get(key)
            if not row:
                wrong.append("%s: lost: answered %d with attempt %s, and it is not there"
                             % (tid, status, number))
            elif number is not None and row[0] != int(number):
                wrong.append("%s: answered attempt %s, the key's attempt is %d"
                             % (tid, number, row[0]))
            elif resolution is not None and row[1] != resolution:
                wrong.append("%s: told %s, settled %s" % (tid, resolution, row[1]))
        return wrong

    def run(self):
        self.house.node_up("a")
        self.house.node_up("b")
        start = time.monotonic()
        self.threads = [threading.Thread(target=self.work, args=(secrets.randbits(64),),
                                         daemon=True)
                        for _ in range(self.size["clients"])]
        for t in self.threads:
            t.start()
        try:
            self.weather()
            for t in self.threads:
                t.join()
        finally:
            self.over = True
        seconds = time.monotonic() - start
        self.house.control("POST", "/faults", {})
        self.report.say("%d requests, %d refunds begun in %d s; %s" % (
            self.asked, self.begun, seconds,
            ", ".join("%s %d times" % item for item in sorted(self.killed.items()))))
        wait_until("both nodes", 20, lambda: all(n.alive() for n in self.house.nodes.values()))
        self.report.check("after the storm every attempt settles", ledger.settle(self.house, 150))
        self.report.check("after the storm journal and book agree to the call and the paisa",
                          ledger.disagreements(self.house, self.strays()))
        self.report.check("nobody was told what is not recorded", self.told_and_recorded())
        self.report.check("nothing strange was answered, no node ended by itself", self.strange)
        self.report.say(ledger.summary(self.house))
        self.report.check("an orderly stop", [
            "node %s: exit status %s" % (name, code) for name, code in (
                (name, node.stop()) for name, node in self.house.nodes.items()) if code != 0])

    @staticmethod
    def strays():
        """Transactions whose answers name another TID (97) or arrive late (95): contradictions are
        what must be recorded there, should the proof come after the settlement."""
        return (95, 97)


def run(house, report, long):
    Storm(house, report, LONG if long else SHORT).run()
