-- 0012-statements.sql - statements imported from files: each credit is told once, and for each that the journal does
-- not bear out it is said why.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- Statements overlap: the same credit stands on this month's and on the next one's, and is one credit.  The same line
-- twice on one statement is two.  The n-th of its kind on one statement is the n-th on another.
--
-- Which refunds must be on a statement?  Those whose whole course, from the attempt to its settling, lies in time that
-- statements cover without a gap: the bank credited somewhere in between.
--
-- Of the attempts only tid and number are read, which the index has; all else only of the few rows that are told.
CREATE OR REPLACE VIEW otprefund.statement_mismatch AS
WITH refunded AS NOT MATERIALIZED (
    SELECT a.attempt_id, a.tid, r.resolved_at, r.refunded_amount
      FROM otprefund.resolution r
      JOIN otprefund.attempt a ON a.attempt_id = r.attempt_id AND a.kind = 'refund'
     WHERE r.resolution = 'refunded'
), several AS (
    SELECT l.tid, l.statement_id, l.line_no, l.amount, l.booked_at, l.refund_tid,
           row_number() OVER (PARTITION BY l.tid, l.statement_id, l.amount, l.booked_at, l.refund_tid
                              ORDER BY l.line_no) AS nth
      FROM otprefund.statement_line l
     WHERE l.tid IN (SELECT m.tid FROM otprefund.statement_line m GROUP BY m.tid HAVING count(*) > 1)
), told AS (
    SELECT s.tid, s.statement_id, s.line_no, s.amount, s.booked_at,
           row_number() OVER (PARTITION BY s.tid, s.amount, s.booked_at, s.refund_tid, s.nth
                              ORDER BY s.statement_id) AS times
      FROM several s
), credit AS (
    SELECT t.tid, t.statement_id, t.line_no, t.amount, t.booked_at,
           row_number() OVER (PARTITION BY t.tid ORDER BY t.statement_id, t.line_no) AS credit_no
      FROM told t
     WHERE t.times = 1
)
SELECT CASE WHEN j.attempt_id IS NOT NULL THEN 'amount_differs'
            WHEN n.attempt_id IS NULL THEN 'missing_in_journal'
            WHEN n.resolution IS NULL THEN 'still_open'
            ELSE 'not_refunded_in_journal' END AS mismatch,
       l.tid,
       coalesce(j.attempt_id, n.attempt_id) AS attempt_id,
       l.statement_id,
       l.line_no,
       l.amount AS statement_amount,
       j.refunded_amount AS journal_amount,
       l.booked_at,
       coalesce(j.resolved_at, n.resolved_at) AS resolved_at
  FROM otprefund.statement_line l
  LEFT JOIN refunded j ON j.tid = l.tid
  LEFT JOIN LATERAL (
           SELECT a.attempt_id, r.resolution, r.resolved_at
             FROM otprefund.attempt a
             LEFT JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id
            WHERE j.attempt_id IS NULL AND a.tid = l.tid AND a.kind = 'refund'
            ORDER BY r.attempt_id IS NULL DESC, a.attempt_id DESC
            LIMIT 1) n ON true
 WHERE (j.attempt_id IS NULL OR j.refunded_amount IS DISTINCT FROM l.amount)
   AND NOT EXISTS (SELECT FROM otprefund.statement_line m
                    WHERE m.tid = l.tid
                      AND (m.statement_id, m.line_no) < (l.statement_id, l.line_no))
UNION ALL
SELECT 'credited_twice',
       k.tid,
       j.attempt_id,
       k.statement_id,
       k.line_no,
       k.amount,
       j.refunded_amount,
       k.booked_at,
       j.resolved_at
  FROM credit k
  LEFT JOIN LATERAL (SELECT f.attempt_id, f.refunded_amount, f.resolved_at
                       FROM refunded f WHERE f.tid = k.tid ORDER BY f.attempt_id LIMIT 1) j ON true
 WHERE k.credit_no > 1
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
  FROM (SELECT f.attempt_id, f.tid, f.refunded_amount, f.resolved_at
          FROM refunded f
         WHERE NOT EXISTS (SELECT FROM otprefund.statement_line l WHERE l.tid = f.tid)
        OFFSET 0) j -- first of all: few are left
 CROSS JOIN LATERAL (
           SELECT p.statement_id
             FROM otprefund.statement p
            WHERE j.resolved_at >= p.period_from AND j.resolved_at < p.period_to
            ORDER BY p.statement_id
            LIMIT 1) s
 WHERE (SELECT range_agg(tstzrange(p.period_from, p.period_to)) FROM otprefund.statement p)
       @> tstzrange((SELECT a.started_at FROM otprefund.attempt a WHERE a.attempt_id = j.attempt_id),
                    j.resolved_at, '[]');
COMMENT ON VIEW otprefund.statement_mismatch IS
    'Where the bank''s statements and the journal disagree about refunds, by tid and amount; each credit and each attempt once, however many statements tell of it.';
COMMENT ON COLUMN otprefund.statement_mismatch.mismatch IS
    'missing_in_journal: credited, but no attempt to refund it is recorded; not_refunded_in_journal: credited, but its attempts are settled as not refunded; still_open: credited, but its attempt is not settled yet; amount_differs; credited_twice: the transaction has an earlier credit, on this statement or one imported before; missing_in_statement: settled as refunded, in time that statements cover from the attempt on, but on no statement.';
COMMENT ON COLUMN otprefund.statement_mismatch.statement_id IS
    'The statement; missing_in_statement: the first one that covers the moment it was settled.';
COMMENT ON COLUMN otprefund.statement_mismatch.journal_amount IS
    'Credited according to the journal, in rupees; where an inquiry settled it and did not tell: the amount of the transaction.';
COMMENT ON COLUMN otprefund.statement_mismatch.resolved_at IS 'When the attempt was settled; NULL while open.';

INSERT INTO otprefund.schema_version (version, name) VALUES (12, '0012-statements');
RESET ROLE;
