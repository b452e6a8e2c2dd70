-- bank-latency.sql - how fast and how well does the bank answer?
--
-- Per day (India time) and kind of call, last 14 days: calls that left this host, the time they took
-- in milliseconds, and how many got no usable answer.
-- Run:  psql -X -f bank-latency.sql "service=otprefund"
--
--     day     |  kind   | calls | p50_ms | p95_ms | p99_ms | max_ms | no_usable_answer
-- ------------+---------+-------+--------+--------+--------+--------+------------------
--  2026-11-23 | inquiry |   118 |    210 |    480 |   1900 |   2300 |                0
--  2026-11-23 | otp     |    41 |    620 |   1400 |   2100 |   2100 |                0
--  2026-11-23 | refund  |    38 |   1350 |   4100 |  30000 |  30000 |                2

SELECT (started_at AT TIME ZONE 'Asia/Kolkata')::date AS day,
       kind,
       count(*) AS calls,
       percentile_disc(0.50) WITHIN GROUP (ORDER BY duration_ms) AS p50_ms,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms,
       percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_ms,
       max(duration_ms) AS max_ms,
       count(*) FILTER (WHERE outcome = 'unknown') AS no_usable_answer
  FROM otprefund.attempt_status
 WHERE started_at > now() - interval '14 days'
   AND duration_ms IS NOT NULL
   AND outcome <> 'not_sent'
 GROUP BY (started_at AT TIME ZONE 'Asia/Kolkata')::date, kind
 ORDER BY day DESC, kind;
