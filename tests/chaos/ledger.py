"""ledger.py - when the dust has settled: do the journal and the bank's book agree, to the paisa and to
the call?  Each disagreement is one line; none is the only good answer."""

import time

from house import Trouble

ATTEMPTS = """
select a.tid, a.kind, coalesce(a.outcome, ''), coalesce(a.resolution, ''),
       coalesce(round(a.refunded_amount * 100)::bigint, 0), coalesce(a.resolved_by, ''), a.attempt_id
  from otprefund.attempt_status a where a.kind in ('otp', 'refund') order by a.attempt_id"""

SETTLE_TIMES = """
select coalesce(percentile_cont(0.5) within group (order by s), 0)::numeric(9,2),
       coalesce(percentile_cont(0.99) within group (order by s), 0)::numeric(9,2), count(*)
  from (select extract(epoch from resolved_at - started_at) as s
          from otprefund.attempt_status
         where kind = 'refund' and resolution is not null {0}) as t"""


def settle(house, seconds):
    """Waits until nothing is open and every attempt has an outcome; what is left, in words."""
    left = "select count(*) from otprefund.open_attempt"
    bare = ("select count(*) from otprefund.attempt a left join otprefund.outcome o"
            " using (attempt_id) where o.attempt_id is null")
    end = time.monotonic() + seconds
    while True:
        open_, without = int(house.sql(left)[0][0]), int(house.sql(bare)[0][0])
        if open_ == 0 and without == 0:
            return []
        if time.monotonic() > end:
            return ["%d attempts are still open, %d have no outcome after %d s"
                    % (open_, without, seconds)]
        time.sleep(0.25)


class Transaction:
    def __init__(self):
        self.otps, self.refunds = [], []


def _transactions(house):
    found = {}
    for tid, kind, outcome, resolution, paise, how, number in house.sql(ATTEMPTS):
        t = found.setdefault(tid, Transaction())
        row = {"outcome": outcome, "resolution": resolution, "paise": int(paise), "how": how,
               "attempt": number}
        (t.otps if kind == "otp" else t.refunds).append(row)
    return found


EMPTY = {"credited": 0, "otp_calls": 0, "otp_sent": 0, "initiate_calls": 0, "initiate_executed": 0}


def _compare(tid, t, book):
    """What disagrees on one transaction."""
    wrong = []
    proved = ("refunded", "rejected")  # an answer was read, so exactly one call was made
    answered = sum(r["outcome"] in proved for r in t.refunds)
    possible = sum(r["outcome"] != "not_sent" for r in t.refunds)
    refunded = [r for r in t.refunds if r["resolution"] == "refunded"]
    if not answered <= book["initiate_calls"] <= possible:
        wrong.append("doubled or lost: %d Initiates on the wire, %d attempts with an answer,"
                     " %d that may have been sent" % (book["initiate_calls"], answered, possible))
    if len(refunded) != book["initiate_executed"]:
        wrong.append("wrongly settled: the bank refunded %d times, the journal %d"
                     % (book["initiate_executed"], len(refunded)))
    if sum(r["paise"] for r in refunded) != book["credited"]:
        wrong.append("wrong amount: the bank credited %d paise, the journal has %d"
                     % (book["credited"], sum(r["paise"] for r in refunded)))
    if any(r["resolution"] == "" for r in t.refunds):
        wrong.append("an attempt without a resolution")
    sent = sum(r["outcome"] == "sent" for r in t.otps)
    asked = sum(r["outcome"] != "not_sent" for r in t.otps)
    if sent > book["otp_sent"]:
        wrong.append("%d OTPs are called sent, the bank texted %d" % (sent, book["otp_sent"]))
    if book["otp_calls"] > asked:
        wrong.append("%d OTP calls on the wire of %d attempts" % (book["otp_calls"], asked))
    return ["%s: %s" % (tid, w) for w in wrong]


def disagreements(house, strays=()):
    """strays: endings of TIDs on which a contradiction is no fault of the program."""
    journal, book = _transactions(house), house.book()
    wrong = []
    for tid, t in journal.items():
        wrong += _compare(tid, t, book.get(tid, EMPTY))
    for tid, entry in book.items():
        if tid not in journal and (entry["initiate_calls"] or entry["otp_calls"]):
            wrong.append("%s: lost: the bank was called and the journal has nothing" % tid)
    for number, tid, what, recorded, found, by in house.sql(
            "select c.attempt_id, a.tid, c.what, c.recorded, c.found, c.by_attempt_id"
            " from otprefund.contradiction c join otprefund.attempt a using (attempt_id)"):
        if int(tid) % 100 not in strays:
            wrong.append("%s: attempt %s was contradicted by attempt %s: %s %s, now %s"
                         % (tid, number, by, what, recorded, found))
    return wrong


def summary(house):
    """One line of figures."""
    rows = _transactions(house)
    refunds = [r for t in rows.values() for r in t.refunds]
    by = lambda word: sum(r["resolution"] == word for r in refunds)
    unknown = "and outcome = 'unknown'"
    p50, p99, n = house.sql(SETTLE_TIMES.format(unknown))[0]
    if not refunds:
        raise Trouble("there was no refund at all")
    return ("%d refund attempts on %d transactions: %d refunded, %d not; %s unknown at first,"
            " settled after %s s (p50), %s s (p99)"
            % (len(refunds), len(rows), by("refunded"), by("not_refunded"), n, p50, p99))
