-- 0003-views.sql - what people and reports read.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

CREATE VIEW otprefund.attempt_status AS
SELECT a.attempt_id,
       a.tid,
       a.kind,
       a.operator,
       a.started_at,
       o.finished_at,
       o.outcome,
       o.reason,
       o.message,
       r.resolution,
       r.resolved_at,
       r.resolved_by,
       coalesce(r.tx_status,
                CASE WHEN q.attempt_id IS NOT NULL AND t.asked_at >= a.started_at THEN t.tx_status END,
                o.tx_status) AS tx_status,
       coalesce(o.refund_tid, r.refund_tid) AS refund_tid,
       coalesce(t.amount, r.amount, o.amount) AS amount,
       CASE WHEN r.attempt_id IS NOT NULL THEN r.refunded_amount
            WHEN o.outcome <> 'unknown' THEN o.refunded_amount END AS refunded_amount,
       coalesce(r.inquiries, q.inquiries, 0) AS inquiries,
       a.channel,
       a.node,
       coalesce(a.client_ref_id, t.client_ref_id) AS client_ref_id,
       a.user_code,
       a.cash_returned,
       a.about_attempt_id,
       a.deadline_at,
       o.http_status,
       o.duration_ms,
       o.evidence,
       r.evidence_attempt_id,
       q.next_inquiry_at,
       q.attempt_id IS NOT NULL AS open,
       EXISTS (SELECT FROM otprefund.contradiction c WHERE c.attempt_id = a.attempt_id) AS contradicted
  FROM otprefund.attempt a
  LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
  LEFT JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id
  LEFT JOIN otprefund.open_attempt q ON q.attempt_id = a.attempt_id
  LEFT JOIN otprefund.transaction t ON t.tid = a.tid;
COMMENT ON VIEW otprefund.attempt_status IS 'One row per attempt: what was asked, what became of it, how it was settled.';
COMMENT ON COLUMN otprefund.attempt_status.attempt_id IS 'Number of the attempt.';
COMMENT ON COLUMN otprefund.attempt_status.tid IS 'The bank''s number of the transaction.';
COMMENT ON COLUMN otprefund.attempt_status.kind IS 'otp, refund or inquiry.';
COMMENT ON COLUMN otprefund.attempt_status.operator IS 'Login of the operator, name of the API client, or "resolver".';
COMMENT ON COLUMN otprefund.attempt_status.started_at IS 'When the intent was recorded.';
COMMENT ON COLUMN otprefund.attempt_status.finished_at IS 'When the outcome was recorded; NULL while on its way.';
COMMENT ON COLUMN otprefund.attempt_status.outcome IS 'What the bank''s answer proves; NULL while on its way.';
COMMENT ON COLUMN otprefund.attempt_status.reason IS 'Why rejected, not sent or unknown.';
COMMENT ON COLUMN otprefund.attempt_status.message IS 'The bank''s words, cleaned.';
COMMENT ON COLUMN otprefund.attempt_status.resolution IS 'refund: the settled truth; NULL while open.';
COMMENT ON COLUMN otprefund.attempt_status.resolved_at IS 'When it was settled.';
COMMENT ON COLUMN otprefund.attempt_status.resolved_by IS 'How it was settled: answer, inquiry or manual.';
COMMENT ON COLUMN otprefund.attempt_status.tx_status IS 'The bank''s last tx_status on it: of the settling answer; while open: of the last inquiry; else of the outcome.';
COMMENT ON COLUMN otprefund.attempt_status.refund_tid IS 'The bank''s number of the refund.';
COMMENT ON COLUMN otprefund.attempt_status.amount IS 'Amount of the transaction, in rupees: the one first told, whatever an answer named later.';
COMMENT ON COLUMN otprefund.attempt_status.refunded_amount IS 'What was credited, in rupees.';
COMMENT ON COLUMN otprefund.attempt_status.inquiries IS 'Inquiries made to settle it.';
COMMENT ON COLUMN otprefund.attempt_status.channel IS 'Where it came from.';
COMMENT ON COLUMN otprefund.attempt_status.node IS 'host:pid of the program that took it on.';
COMMENT ON COLUMN otprefund.attempt_status.client_ref_id IS 'The merchant''s own reference.';
COMMENT ON COLUMN otprefund.attempt_status.user_code IS 'The retailer code the bank was given.';
COMMENT ON COLUMN otprefund.attempt_status.cash_returned IS 'refund: the operator said that the cash was returned.';
COMMENT ON COLUMN otprefund.attempt_status.about_attempt_id IS 'inquiry: the refund attempt it was to settle.';
COMMENT ON COLUMN otprefund.attempt_status.deadline_at IS 'Without an outcome by then its node is taken for lost.';
COMMENT ON COLUMN otprefund.attempt_status.http_status IS 'HTTP status of the bank''s answer.';
COMMENT ON COLUMN otprefund.attempt_status.duration_ms IS 'How long the call to the bank took, in milliseconds.';
COMMENT ON COLUMN otprefund.attempt_status.evidence IS 'The known-safe fields of the bank''s answer.';
COMMENT ON COLUMN otprefund.attempt_status.evidence_attempt_id IS 'The attempt whose answer settled it.';
COMMENT ON COLUMN otprefund.attempt_status.next_inquiry_at IS 'When the resolver asks next; NULL when settled.';
COMMENT ON COLUMN otprefund.attempt_status.open IS 'A refund attempt without a resolution.';
COMMENT ON COLUMN otprefund.attempt_status.contradicted IS 'A word of the bank disagrees: see contradiction.';

CREATE VIEW otprefund.unresolved AS
SELECT q.attempt_id,
       q.tid,
       coalesce(q.client_ref_id, t.client_ref_id) AS client_ref_id,
       q.operator,
       q.opened_at AS started_at,
       clock_timestamp() - q.opened_at AS age,
       coalesce(t.amount, o.amount) AS amount,
       o.outcome,
       o.reason,
       t.tx_status,
       q.inquiries,
       q.next_inquiry_at
  FROM otprefund.open_attempt q
  LEFT JOIN otprefund.outcome o ON o.attempt_id = q.attempt_id
  LEFT JOIN otprefund.transaction t ON t.tid = q.tid;
COMMENT ON VIEW otprefund.unresolved IS 'The open refund attempts: it is not known yet whether the bank refunded.';
COMMENT ON COLUMN otprefund.unresolved.attempt_id IS 'The refund attempt.';
COMMENT ON COLUMN otprefund.unresolved.tid IS 'The bank''s number of the transaction.';
COMMENT ON COLUMN otprefund.unresolved.client_ref_id IS 'The merchant''s own reference.';
COMMENT ON COLUMN otprefund.unresolved.operator IS 'Who started it.';
COMMENT ON COLUMN otprefund.unresolved.started_at IS 'When it was started.';
COMMENT ON COLUMN otprefund.unresolved.age IS 'For how long it has been open.';
COMMENT ON COLUMN otprefund.unresolved.amount IS 'Amount of the transaction, in rupees; NULL if the bank never told.';
COMMENT ON COLUMN otprefund.unresolved.outcome IS 'Its outcome; NULL while on its way.';
COMMENT ON COLUMN otprefund.unresolved.reason IS 'Why it is unknown.';
COMMENT ON COLUMN otprefund.unresolved.tx_status IS 'The bank''s last tx_status of the transaction.';
COMMENT ON COLUMN otprefund.unresolved.inquiries IS 'Inquiries made so far.';
COMMENT ON COLUMN otprefund.unresolved.next_inquiry_at IS 'When the resolver asks next.';

CREATE VIEW otprefund.ageing AS
SELECT b.bucket_no,
       b.bucket,
       count(u.attempt_id) AS attempts,
       coalesce(sum(u.amount), 0)::numeric(16,2) AS amount,
       count(u.attempt_id) FILTER (WHERE u.amount IS NULL) AS without_amount,
       min(u.started_at) AS oldest
  FROM (VALUES (1, '< 1 h', interval '0', interval '1 hour'),
               (2, '1-24 h', interval '1 hour', interval '24 hours'),
               (3, '1-3 d', interval '24 hours', interval '72 hours'),
               (4, '3-7 d', interval '72 hours', interval '168 hours'),
               (5, '7-30 d', interval '168 hours', interval '720 hours'),
               (6, '> 30 d', interval '720 hours', NULL)) AS b (bucket_no, bucket, age_from, age_to)
  LEFT JOIN otprefund.unresolved u
         ON (b.bucket_no = 1 OR u.age >= b.age_from) AND (b.age_to IS NULL OR u.age < b.age_to)
 GROUP BY b.bucket_no, b.bucket;
COMMENT ON VIEW otprefund.ageing IS 'The open refund attempts by age; always six rows.';
COMMENT ON COLUMN otprefund.ageing.bucket_no IS 'For sorting, 1 to 6.';
COMMENT ON COLUMN otprefund.ageing.bucket IS 'Age: h hours, d days.';
COMMENT ON COLUMN otprefund.ageing.attempts IS 'How many are open.';
COMMENT ON COLUMN otprefund.ageing.amount IS 'Sum of their known amounts, in rupees.';
COMMENT ON COLUMN otprefund.ageing.without_amount IS 'How many of them have no known amount.';
COMMENT ON COLUMN otprefund.ageing.oldest IS 'Since when the oldest of them is open.';

CREATE VIEW otprefund.operator_totals AS
SELECT (a.started_at AT TIME ZONE 'Asia/Kolkata')::date AS day,
       a.operator,
       count(*) FILTER (WHERE a.kind = 'otp') AS otps,
       count(*) FILTER (WHERE o.outcome = 'unconfirmed') AS otps_unconfirmed,
       count(*) FILTER (WHERE a.kind = 'refund') AS refunds,
       count(*) FILTER (WHERE r.resolution = 'refunded') AS refunded,
       count(*) FILTER (WHERE r.resolution = 'not_refunded') AS not_refunded,
       count(*) FILTER (WHERE a.kind = 'refund' AND o.outcome = 'rejected') AS rejected,
       count(*) FILTER (WHERE a.kind = 'refund' AND o.outcome = 'unknown') AS unknown,
       count(*) FILTER (WHERE a.kind = 'refund' AND r.attempt_id IS NULL) AS open,
       coalesce(sum(r.refunded_amount), 0)::numeric(16,2) AS refunded_amount,
       count(*) FILTER (WHERE a.kind = 'inquiry') AS inquiries
  FROM otprefund.attempt a
  LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
  LEFT JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id
 GROUP BY (a.started_at AT TIME ZONE 'Asia/Kolkata')::date, a.operator;
COMMENT ON VIEW otprefund.operator_totals IS
    'Each day of each operator or API client in numbers. Days are India''s; an attempt belongs to the day it was started.';
COMMENT ON COLUMN otprefund.operator_totals.day IS 'Day in Asia/Kolkata.';
COMMENT ON COLUMN otprefund.operator_totals.operator IS 'Login of the operator, name of the API client, or "resolver".';
COMMENT ON COLUMN otprefund.operator_totals.otps IS 'Times an OTP was asked for.';
COMMENT ON COLUMN otprefund.operator_totals.otps_unconfirmed IS 'Of these, accepted but without a sign that an SMS went out.';
COMMENT ON COLUMN otprefund.operator_totals.refunds IS 'Refund attempts.';
COMMENT ON COLUMN otprefund.operator_totals.refunded IS 'Of these, settled as refunded.';
COMMENT ON COLUMN otprefund.operator_totals.not_refunded IS 'Of these, settled as not refunded.';
COMMENT ON COLUMN otprefund.operator_totals.rejected IS 'Of these, rejected by the bank''s own answer.';
COMMENT ON COLUMN otprefund.operator_totals.unknown IS 'Of these, with an outcome that was unknown at first.';
COMMENT ON COLUMN otprefund.operator_totals.open IS 'Of these, not settled yet.';
COMMENT ON COLUMN otprefund.operator_totals.refunded_amount IS 'What was credited, in rupees.';
COMMENT ON COLUMN otprefund.operator_totals.inquiries IS 'Inquiries made.';

CREATE VIEW otprefund.daily_totals AS
SELECT d.day,
       sum(d.otps)::bigint AS otps,
       sum(d.otps_unconfirmed)::bigint AS otps_unconfirmed,
       sum(d.refunds)::bigint AS refunds,
       sum(d.refunded)::bigint AS refunded,
       sum(d.not_refunded)::bigint AS not_refunded,
       sum(d.rejected)::bigint AS rejected,
       sum(d.unknown)::bigint AS unknown,
       sum(d.open)::bigint AS open,
       sum(d.refunded_amount)::numeric(16,2) AS refunded_amount,
       sum(d.inquiries)::bigint AS inquiries
  FROM otprefund.operator_totals d
 GROUP BY d.day;
COMMENT ON VIEW otprefund.daily_totals IS
    'Each day in numbers. Days are India''s; an attempt belongs to the day it was started.';
COMMENT ON COLUMN otprefund.daily_totals.day IS 'Day in Asia/Kolkata.';
COMMENT ON COLUMN otprefund.daily_totals.otps IS 'Times an OTP was asked for.';
COMMENT ON COLUMN otprefund.daily_totals.otps_unconfirmed IS 'Of these, accepted but without a sign that an SMS went out.';
COMMENT ON COLUMN otprefund.daily_totals.refunds IS 'Refund attempts.';
COMMENT ON COLUMN otprefund.daily_totals.refunded IS 'Of these, settled as refunded.';
COMMENT ON COLUMN otprefund.daily_totals.not_refunded IS 'Of these, settled as not refunded.';
COMMENT ON COLUMN otprefund.daily_totals.rejected IS 'Of these, rejected by the bank''s own answer.';
COMMENT ON COLUMN otprefund.daily_totals.unknown IS 'Of these, with an outcome that was unknown at first.';
COMMENT ON COLUMN otprefund.daily_totals.open IS 'Of these, not settled yet.';
COMMENT ON COLUMN otprefund.daily_totals.refunded_amount IS 'What was credited, in rupees.';
COMMENT ON COLUMN otprefund.daily_totals.inquiries IS 'Inquiries made.';

CREATE VIEW otprefund.statement_mismatch AS
WITH refunded AS NOT MATERIALIZED (
    SELECT a.attempt_id, a.tid, r.resolved_at, r.refunded_amount
      FROM otprefund.resolution r
      JOIN otprefund.attempt a ON a.attempt_id = r.attempt_id
     WHERE r.resolution = 'refunded'
)
SELECT CASE WHEN j.attempt_id IS NULL THEN 'missing_in_journal' ELSE 'amount_differs' END AS mismatch,
       l.tid,
       j.attempt_id,
       l.statement_id,
       l.line_no,
       l.amount AS statement_amount,
       j.refunded_amount AS journal_amount,
       l.booked_at,
       j.resolved_at
  FROM otprefund.statement_line l
  LEFT JOIN refunded j ON j.tid = l.tid
 WHERE j.attempt_id IS NULL OR j.refunded_amount IS DISTINCT FROM l.amount
UNION ALL
SELECT 'missing_in_statement',
       j.tid,
       j.attempt_id,
       s.statement_id,
       NULL,
       NULL,
       j.refunded_amount,
       NULL,
       j.resolved_at
  FROM otprefund.statement s
  JOIN refunded j ON j.resolved_at >= s.period_from AND j.resolved_at < s.period_to
 WHERE NOT EXISTS (SELECT FROM otprefund.statement_line l WHERE l.tid = j.tid);
COMMENT ON VIEW otprefund.statement_mismatch IS
    'Where the bank''s statements and the journal disagree about refunds, by tid and amount.';
COMMENT ON COLUMN otprefund.statement_mismatch.mismatch IS
    'missing_in_journal: credited, but no attempt is settled as refunded; missing_in_statement: settled as refunded within the statement''s period, but on no statement; amount_differs.';
COMMENT ON COLUMN otprefund.statement_mismatch.tid IS 'The transaction.';
COMMENT ON COLUMN otprefund.statement_mismatch.attempt_id IS 'The refund attempt, if there is one.';
COMMENT ON COLUMN otprefund.statement_mismatch.statement_id IS 'The statement.';
COMMENT ON COLUMN otprefund.statement_mismatch.line_no IS 'Its line, if there is one.';
COMMENT ON COLUMN otprefund.statement_mismatch.statement_amount IS 'Credited according to the statement, in rupees.';
COMMENT ON COLUMN otprefund.statement_mismatch.journal_amount IS 'Credited according to the journal, in rupees.';
COMMENT ON COLUMN otprefund.statement_mismatch.booked_at IS 'When it was credited, as the statement says.';
COMMENT ON COLUMN otprefund.statement_mismatch.resolved_at IS 'When the attempt was settled.';

GRANT SELECT ON otprefund.attempt_status, otprefund.unresolved, otprefund.ageing, otprefund.daily_totals,
                otprefund.operator_totals, otprefund.statement_mismatch
   TO otprefund_app, otprefund_auditor;

INSERT INTO otprefund.schema_version (version, name) VALUES (3, '0003-views');
RESET ROLE;
