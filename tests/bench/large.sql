-- large.sql - a journal of :rows attempts of 200 counters before anything is measured: ten million are a year, less
-- are a shorter time at the same pace, so that a day always holds as much.
--
-- psql -X -q -v ON_ERROR_STOP=1 -v rows=10000000 -f large.sql "<superuser's conninfo>", on an empty journal.
-- Four attempts a transaction: an inquiry, an OTP, another inquiry, a refund.  Every fourth refund of
-- the last hundred thousand rows is still open.  Triggers and foreign keys do not run: the rows are
-- made so that they hold.
\set QUIET 1
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SET jit = off;
DROP INDEX otprefund.attempt_key, otprefund.attempt_tid, otprefund.attempt_operator, otprefund.attempt_started_at;

INSERT INTO otprefund.attempt (attempt_id, kind, channel, tid, operator, user_code, node, idempotency_key,
                               content_mac, commit_token, cash_returned, started_at, deadline_at)
OVERRIDING SYSTEM VALUE
SELECT g, k.kind, 'desk', (600000000000 + g / 4)::text,
       CASE WHEN g / 4 % 200 = 0 THEN 'asha' ELSE 'counter' || g / 4 % 200 END, '20110001', 'large:1',
       CASE WHEN k.kind <> 'inquiry' THEN 'large-' || g END,
       CASE WHEN k.kind <> 'inquiry' THEN decode(repeat('5a', 32), 'hex') END,
       decode(md5(g::text), 'hex'), k.kind = 'refund', k.at, k.at + interval '45 seconds'
  FROM generate_series(1, :rows) g,
       LATERAL (SELECT CASE g % 4 WHEN 1 THEN 'otp' WHEN 3 THEN 'refund' ELSE 'inquiry' END AS kind,
                       now() - (:rows - g + 1) * (interval '365 days' / 10000000) AS at) k;

INSERT INTO otprefund.outcome (attempt_id, kind, outcome, reason, http_status, duration_ms, message, evidence,
                               tx_status, refund_tid, amount, refunded_amount, finished_at)
SELECT g, k.kind, k.outcome,
       CASE k.outcome WHEN 'rejected' THEN 'wrong_otp' WHEN 'unknown' THEN 'no_answer'
                      WHEN 'not_sent' THEN 'connect_failed' END,
       CASE WHEN k.outcome NOT IN ('unknown', 'not_sent') THEN 200 END, 700, 'Refund done',
       '{"status": "0", "message": "Refund done", "http_status": 200}',
       CASE WHEN k.kind = 'inquiry' THEN 3 END,
       CASE WHEN k.outcome = 'refunded' THEN '2147591637' END,
       CASE WHEN k.outcome = 'answered' THEN 5050.00 END, CASE WHEN k.outcome = 'refunded' THEN 5050.00 END,
       now() - (:rows - g + 1) * (interval '365 days' / 10000000) + interval '0.7 seconds'
  FROM generate_series(1, :rows) g,
       LATERAL (SELECT CASE g % 4 WHEN 1 THEN 'otp' WHEN 3 THEN 'refund' ELSE 'inquiry' END AS kind,
                       CASE WHEN g % 4 = 1 THEN CASE WHEN g % 97 = 0 THEN 'unconfirmed' ELSE 'sent' END
                            WHEN g % 4 = 3 THEN CASE WHEN g % 16 = 3 AND g > :rows - 100000 THEN 'unknown'
                                                     WHEN g % 97 = 0 THEN 'unknown'
                                                     WHEN g % 13 = 0 THEN 'rejected' ELSE 'refunded' END
                            WHEN g % 997 = 0 THEN 'not_sent' ELSE 'answered' END AS outcome) k;

INSERT INTO otprefund.open_attempt (attempt_id, tid, operator, opened_at, deadline_at, next_inquiry_at, inquiries)
SELECT a.attempt_id, a.tid, a.operator, a.started_at, a.deadline_at, now() + interval '1 day', 3
  FROM otprefund.attempt a
 WHERE a.attempt_id > :rows - 100000 AND a.attempt_id % 16 = 3;

INSERT INTO otprefund.resolution (attempt_id, resolution, resolved_by, resolved_at, evidence_attempt_id, tx_status,
                                  refund_tid, amount, refunded_amount, inquiries)
SELECT o.attempt_id, CASE o.outcome WHEN 'rejected' THEN 'not_refunded' ELSE 'refunded' END,
       CASE o.outcome WHEN 'unknown' THEN 'inquiry' ELSE 'answer' END, o.finished_at + interval '1 second',
       CASE o.outcome WHEN 'unknown' THEN o.attempt_id - 1 ELSE o.attempt_id END, 4, o.refund_tid, 5050.00,
       CASE WHEN o.outcome <> 'rejected' THEN 5050.00 END, CASE o.outcome WHEN 'unknown' THEN 2 ELSE 0 END
  FROM otprefund.outcome o
 WHERE o.kind = 'refund' AND NOT (o.attempt_id > :rows - 100000 AND o.attempt_id % 16 = 3);

INSERT INTO otprefund.transaction (tid, amount, tx_status, customer, recipient, answered_at, asked_at, by_attempt_id)
SELECT (600000000000 + g)::text, 5050.00, 4, 'R. K., ******0001', 'S. M., ******0002', now(), now(), g * 4 + 2
  FROM generate_series(0, :rows / 4 - 1) g;

SELECT setval(pg_get_serial_sequence('otprefund.attempt', 'attempt_id'), :rows) AS numbered \gset
UPDATE otprefund.swept SET swept_to = :rows;
CREATE UNIQUE INDEX attempt_key ON otprefund.attempt (idempotency_key, operator) WHERE idempotency_key IS NOT NULL;
CREATE INDEX attempt_tid ON otprefund.attempt (tid, kind, attempt_id);
CREATE INDEX attempt_operator ON otprefund.attempt (operator, attempt_id);
CREATE INDEX attempt_started_at ON otprefund.attempt (started_at);
VACUUM ANALYZE;
CHECKPOINT;
