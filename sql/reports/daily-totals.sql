-- daily-totals.sql - what was done on each of the last 31 days?
--
-- An attempt belongs to the day (India time) on which it was started, whenever it was settled; "open"
-- of past days should be 0.  refunded_amount is what the bank credited.
-- Run:  psql -X -f daily-totals.sql "service=otprefund"
--
--     day     | otps | otps_unconfirmed | refunds | refunded | not_refunded | rejected | unknown | open | refunded_amount | inquiries
-- ------------+------+------------------+---------+----------+--------------+----------+---------+------+-----------------+-----------
--  2026-11-23 |   41 |                2 |      38 |       33 |            4 |        3 |       2 |    1 |       164200.50 |       118
--  2026-11-22 |   97 |                5 |      88 |       80 |            8 |        7 |       3 |    0 |       402118.00 |       260

SELECT day, otps, otps_unconfirmed, refunds, refunded, not_refunded, rejected, unknown, open,
       refunded_amount, inquiries
  FROM otprefund.daily_totals
 WHERE day > (now() AT TIME ZONE 'Asia/Kolkata')::date - 31
 ORDER BY day DESC;
