-- drain.sql - :rows refund attempts of unknown outcome, an hour old, all due: what the resolver drains.
--
-- psql -X -q -v ON_ERROR_STOP=1 -v rows=100000 -f drain.sql "<superuser's conninfo>".  The simulated bank calls each of
-- them Refund Pending, so one inquiry settles each as not refunded.
\set QUIET 1
SET session_replication_role = replica;
WITH made AS (
    INSERT INTO otprefund.attempt (kind, channel, tid, operator, user_code, node, idempotency_key, content_mac,
                                   commit_token, cash_returned, started_at, deadline_at)
    SELECT 'refund', 'api', (910000000000 + n / 80 * 100 + n % 80)::text, 'bench', '20110001', 'drain:1', 'drain-' || n,
           decode(repeat('5a', 32), 'hex'), decode(md5('drain' || n), 'hex'), true,
           now() - interval '1 hour', now() - interval '59 minutes'
      FROM generate_series(1, :rows) n
    RETURNING attempt_id, tid, operator, started_at, deadline_at
), told AS (
    INSERT INTO otprefund.outcome (attempt_id, kind, outcome, reason, finished_at)
    SELECT attempt_id, 'refund', 'unknown', 'no_answer', started_at + interval '30 seconds' FROM made
)
INSERT INTO otprefund.open_attempt (attempt_id, tid, operator, opened_at, deadline_at, next_inquiry_at)
SELECT attempt_id, tid, operator, started_at, deadline_at, now() FROM made;
SET session_replication_role = origin;
NOTIFY otprefund_wake, '0';
