-- ageing.sql - how much money is unsettled, and for how long?
--
-- The open refund attempts by age; always six rows.  The amount is the sum of the known ones.
-- Run:  psql -X -f ageing.sql "service=otprefund"
--
--  bucket | attempts |  amount  | without_amount |    oldest (IST)
-- --------+----------+----------+----------------+---------------------
--  < 1 h  |        3 | 12500.00 |              1 | 2026-11-23 10:14:07
--  1-24 h |        1 |   499.00 |              0 | 2026-11-22 18:02:11
--  1-3 d  |        0 |     0.00 |              0 |
--  3-7 d  |        0 |     0.00 |              0 |
--  7-30 d |        0 |     0.00 |              0 |
--  > 30 d |        0 |     0.00 |              0 |

SELECT bucket,
       attempts,
       amount,
       without_amount,
       to_char(oldest AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') AS "oldest (IST)"
  FROM otprefund.ageing
 ORDER BY bucket_no;
