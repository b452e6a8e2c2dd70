-- access.sql - who let whom use the program, and as what, in the last seven days?
--
-- Every change of an operator or an API client, newest first, whether it was made by otprefundctl or by hand.  Look at
-- a role that was taken back soon: what was approved in between?
-- Run:  psql -X -f access.sql "service=otprefund"     (a login with role otprefund_auditor will do)
--
--     changed (IST)    | changed_by |   part   | name | action  | role_before |    role    |  state  | token
-- ---------------------+------------+----------+------+---------+-------------+------------+---------+-------
--  2026-11-23 10:21:30 | otpadmin   | operator | ravi | changed | supervisor  | operator   | enabled |
--  2026-11-23 10:14:07 | otpadmin   | operator | ravi | changed | operator    | supervisor | enabled |

SELECT to_char(changed_at AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') AS "changed (IST)",
       changed_by,
       part,
       name,
       action,
       role_before,
       role,
       state,
       token
  FROM otprefund.access_history
 WHERE changed_at > now() - interval '7 days'
 ORDER BY change_id DESC;
