-- mismatch.sql - where do the bank's statements and the journal disagree?
--
-- What was credited without an attempt that is settled as refunded, with another amount, or twice; and what is settled
-- as refunded, but on no statement.  Newest first.  otprefundctl(8) says what each kind means.
-- Run:  psql -X -f mismatch.sql "service=otprefund"     (a login with role otprefund_auditor will do)
--
--        mismatch       |    tid     | attempt_id | statement_id | line_no | statement | journal |    booked (IST)     |    settled (IST)
-- ----------------------+------------+------------+--------------+---------+-----------+---------+---------------------+---------------------
--  amount_differs       | 2886600100 |       1041 |            3 |      17 |   5050.00 | 5000.00 | 2026-11-23 10:14:07 | 2026-11-23 10:16:10
--  missing_in_statement | 2886600204 |       1055 |            3 |         |           |  499.00 |                     | 2026-11-23 10:25:40

SELECT mismatch,
       tid,
       attempt_id,
       statement_id,
       line_no,
       statement_amount AS statement,
       journal_amount AS journal,
       to_char(booked_at AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') AS "booked (IST)",
       to_char(resolved_at AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') AS "settled (IST)"
  FROM otprefund.statement_mismatch
 ORDER BY coalesce(booked_at, resolved_at) DESC;
