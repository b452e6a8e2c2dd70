"""button.py - many clients press Refund on one transaction at the same moment, on two nodes.

Each client's request is sent but for its last byte; then the last bytes of all leave in one go.  Half
of the clients are forms, half machines.  Every other round all machines bring the same key."""

import json
import re
import secrets
import socket

import ledger
from house import Client, Trouble

CLIENTS = 64
SHORT, LONG = 40, 1000


class Line:
    """One kept connection on which a request can be held back by its last byte."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def load(self, text):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 30)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw = text.encode()
        self.socket.sendall(raw[:-1])
        self.last = raw[-1:]

    def fire(self):
        self.socket.sendall(self.last)

    def answer(self):
        """(status, headers as one text, body)."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.more()
        head, _, body = got.partition(b"\r\n\r\n")
        head = head.decode("latin-1")
        length = re.search(r"(?im)^content-length: (\d+)", head)
        if length:
            while len(body) < int(length.group(1)):
                body += self.more()
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body += self.more()
        if re.search(r"(?im)^connection: close", head):
            self.socket.close()
            self.socket = None
        return int(head.split()[1]), head, body.decode("utf-8", "replace")

    def more(self):
        part = self.socket.recv(65536)
        if not part:
            raise Trouble("the web server closed the connection before the whole answer")
        return part


class Button:
    def __init__(self, house, report, rounds):
        self.house, self.report, self.rounds = house, report, rounds
        self.first = 5000000000 + secrets.randbelow(10**8) * 100
        self.lines = [Line(house.a_port if i % 2 else house.b_port) for i in range(CLIENTS)]
        self.wrong = []

    def request(self, path, body, lines):
        return "POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: %d\r\n\r\n%s" % (
            path, "\r\n".join(lines), len(body), body)

    def machine(self, tid, otp, key):
        return self.request("/api/v1/transactions/%s/refunds" % tid, json.dumps({"otp": otp}), (
            "Authorization: Bearer " + self.house.token, "Content-Type: application/json",
            "Idempotency-Key: " + key))

    def form(self, tid, otp, who, token):
        return self.request("/refunds/%s/refund" % tid, "csrf_token=%s&idempotency_key=%s&otp=%s"
                            "&cash_returned=yes" % (token, secrets.token_hex(12), otp),
                            ("X-Operator: " + who, "Sec-Fetch-Site: same-origin",
                             "Content-Type: application/x-www-form-urlencoded"))

    def token(self, who, tid):
        status, _, page = Client(self.house, self.house.a_port, who).ask("GET", "/refunds/" + tid)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        if not found:
            raise Trouble("no form on the page of %s: HTTP %d" % (tid, status))
        return found.group(1)

    def round(self, number, machine):
        tid = str(self.first + number * 100 + number % 80)
        machine.api("POST", "/transactions/%s/otp" % tid, {}, secrets.token_hex(12))
        otp = self.house.phone(tid)
        if not otp:
            raise Trouble("no OTP for %s" % tid)
        tokens = {who: self.token(who, tid) for who in ("asha", "ravi")}
        one_key = secrets.token_hex(12) if number % 2 else None
        for i, line in enumerate(self.lines):
            if i % 4 < 2:
                line.load(self.machine(tid, otp, one_key or secrets.token_hex(12)))
            else:
                who = "asha" if i % 4 == 2 else "ravi"
                line.load(self.form(tid, otp, who, tokens[who]))
        for line in self.lines:
            line.fire()
        answers = [line.answer() for line in self.lines]
        self.judge(tid, answers, one_key is not None)

    def judge(self, tid, answers, same_key):
        """The winner's attempt is the only one; whoever else was served was served that one."""
        served, refused = set(), 0
        for status, head, body in answers:
            if status in (200, 202):
                served.add(int(json.loads(body)["attempt_id"]))
            elif status == 303:
                served.add(int(re.search(r"(?im)^location: /attempts/(\d+)", head).group(1)))
            elif status == 409:
                refused += 1
            else:
                # The transaction may be refunded before a slow one is looked at: a clear refusal too.
                self.wrong.append("%s: HTTP %d %s" % (tid, status, body[:80]))
        alone = sum(status in (200, 202, 303) for status, _, _ in answers)
        if not same_key and alone != len(served):
            self.wrong.append("%s: %d were served by %d attempts" % (tid, alone, len(served)))
        self.served += alone
        self.refused += refused

    def run(self):
        self.house.node_up("a")
        self.house.node_up("b")
        self.served = self.refused = 0
        machine = Client(self.house, self.house.a_port)
        # The bank takes its time, so that the first attempt is still open when the others come.
        self.house.control("POST", "/faults", {"latency_ms": 150})
        for number in range(self.rounds):
            self.round(number, machine)
        self.report.say("%d rounds of %d clients: %d served, %d refused with 409" % (
            self.rounds, CLIENTS, self.served, self.refused))
        self.report.check("64 clients, one button: every answer is clear", self.wrong)
        left = ledger.settle(self.house, 90)
        self.report.check("64 clients, one button: all settled", left)
        self.report.check("64 clients, one button: exactly one Initiate each", [
            "%s: %d Initiates, %d executed" % (tid, e["initiate_calls"], e["initiate_executed"])
            for tid, e in self.house.book().items()
            if (e["initiate_calls"], e["initiate_executed"]) != (1, 1)])
        self.report.check("64 clients, one button: journal and book agree",
                          ledger.disagreements(self.house))


def run(house, report, long):
    Button(house, report, LONG if long else SHORT).run()
