-- operator-totals.sql - who did what in the last seven days?
--
-- Per day (India time) and operator or API client.  Many rejected ones at one counter: look at its
-- way of asking for the OTP.
-- Run:  psql -X -f operator-totals.sql "service=otprefund"
--
--     day     | operator | otps | otps_unconfirmed | refunds | refunded | not_refunded | rejected | open | refunded_amount
-- ------------+----------+------+------------------+---------+----------+--------------+----------+------+-----------------
--  2026-11-23 | asha     |   22 |                1 |      20 |       18 |            2 |        2 |    0 |        90100.00
--  2026-11-23 | ravi     |   19 |                1 |      18 |       15 |            2 |        1 |    1 |        74100.50

SELECT day, operator, otps, otps_unconfirmed, refunds, refunded, not_refunded, rejected, open,
       refunded_amount
  FROM otprefund.operator_totals
 WHERE day > (now() AT TIME ZONE 'Asia/Kolkata')::date - 7
   AND otps + refunds > 0
 ORDER BY day DESC, operator;
