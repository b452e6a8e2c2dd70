-- unresolved.sql - which refunds are not settled right now?
--
-- The open refund attempts, oldest first: the bank has not yet said whether it refunded.  The program
-- keeps asking by itself; an old one with many inquiries is worth a call to the bank.
-- Run:  psql -X -f unresolved.sql "service=otprefund"     (a login with role otprefund_auditor will do)
--
--  attempt_id |   tid    | operator |     started (IST)     |   age    | amount  | outcome |  reason   | inquiries | next inquiry (IST)
-- ------------+----------+----------+-----------------------+----------+---------+---------+-----------+-----------+--------------------
--        1041 | 13192482 | asha     | 2026-11-23 10:14:07   | 00:12:31 | 5000.00 | unknown | no_answer |         7 | 10:31:52
--        1055 | 13192484 | ravi     | 2026-11-23 10:25:40   | 00:00:58 |         |         |           |         0 | 10:26:20

SELECT attempt_id,
       tid,
       operator,
       to_char(started_at AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') AS "started (IST)",
       date_trunc('second', age) AS age,
       amount,
       outcome,
       reason,
       inquiries,
       to_char(next_inquiry_at AT TIME ZONE 'Asia/Kolkata', 'HH24:MI:SS') AS "next inquiry (IST)"
  FROM otprefund.unresolved
 ORDER BY started_at;
