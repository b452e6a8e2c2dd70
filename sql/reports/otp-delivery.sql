-- otp-delivery.sql - do the customers get their OTPs?
--
-- Per hour (India time) of the last two days: OTPs asked for, and the share of each outcome.
-- "unconfirmed": the bank accepted it but nothing shows that an SMS went out.  A falling sent_percent
-- is the bank's or the mobile network's trouble, seen before the customers complain.
-- Run:  psql -X -f otp-delivery.sql "service=otprefund"
--
--        hour       | otps | sent | unconfirmed | rejected | not_sent | unknown | sent_percent
-- ------------------+------+------+-------------+----------+----------+---------+--------------
--  2026-11-23 10:00 |   14 |   12 |           1 |        1 |        0 |       0 |         85.7
--  2026-11-23 09:00 |   27 |   27 |           0 |        0 |        0 |       0 |        100.0

SELECT to_char(date_trunc('hour', started_at AT TIME ZONE 'Asia/Kolkata'), 'YYYY-MM-DD HH24:MI') AS hour,
       count(*) AS otps,
       count(*) FILTER (WHERE outcome = 'sent') AS sent,
       count(*) FILTER (WHERE outcome = 'unconfirmed') AS unconfirmed,
       count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
       count(*) FILTER (WHERE outcome = 'not_sent') AS not_sent,
       count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
       round(100.0 * count(*) FILTER (WHERE outcome = 'sent') / count(*), 1) AS sent_percent
  FROM otprefund.attempt_status
 WHERE kind = 'otp'
   AND started_at > now() - interval '2 days'
 GROUP BY date_trunc('hour', started_at AT TIME ZONE 'Asia/Kolkata')
 ORDER BY hour DESC;
