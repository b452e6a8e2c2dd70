-- 0009-desk.sql - what the desk and the lists ask for often, at a cost that does not grow with the journal.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- One's own open attempts: without it every desk looks through everybody's.  No second column, for the number could
-- be looked up there too, by a walk from end to end, past an entry for each attempt settled since the last vacuum:
-- while the planner takes the table for empty, as it mostly is, that costs no more than the primary key.
CREATE INDEX open_attempt_operator ON otprefund.open_attempt (operator);

-- As before, but planned once for a connection: the SQL functions were planned at each call.
CREATE OR REPLACE FUNCTION otprefund.client_of(p_token_sha256 bytea)
    RETURNS TABLE (o_name text, o_full_name text, o_user_code text, o_may_refund boolean, o_disabled boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT c.name, c.full_name, c.user_code, c.may_refund, c.disabled
      FROM otprefund.api_client c WHERE c.token_sha256 = p_token_sha256;
END
$$;
-- For many at once: a row for each token, in their order.
CREATE FUNCTION otprefund.client_of_many(p_token_sha256 bytea[])
    RETURNS TABLE (o_name text, o_full_name text, o_user_code text, o_may_refund boolean, o_disabled boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT c.name, c.full_name, c.user_code, c.may_refund, c.disabled
      FROM unnest(p_token_sha256) WITH ORDINALITY t(token_sha256, number)
      LEFT JOIN LATERAL (
        SELECT * FROM otprefund.api_client c WHERE c.token_sha256 = t.token_sha256 LIMIT 1) c ON true
     ORDER BY t.number;
END
$$;
COMMENT ON FUNCTION otprefund.client_of_many(bytea[]) IS
    'As client_of, for each of those tokens: a row each in their order, of NULLs where nobody has it.';
GRANT EXECUTE ON FUNCTION otprefund.client_of_many(bytea[]) TO otprefund_app;
CREATE OR REPLACE FUNCTION otprefund.tid_of(p_client_ref_id text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT t.tid FROM otprefund.transaction t
         WHERE t.client_ref_id = p_client_ref_id
         ORDER BY t.answered_at DESC LIMIT 1);
END
$$;
CREATE OR REPLACE FUNCTION otprefund.attempt_id_from(p_from timestamptz) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT a.attempt_id - 1000 FROM otprefund.attempt a
                      WHERE a.started_at >= p_from - interval '1 minute'
                      ORDER BY a.started_at LIMIT 1), 9223372036854775807);
END
$$;
CREATE OR REPLACE FUNCTION otprefund.attempt_id_to(p_to timestamptz) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT a.attempt_id + 1000 FROM otprefund.attempt a
                      WHERE a.started_at < p_to + interval '1 minute'
                      ORDER BY a.started_at DESC LIMIT 1), 0);
END
$$;

-- As before, but both sides begin where was swept to: the outcomes before it were read through, all of them.
CREATE OR REPLACE FUNCTION otprefund.in_flight() RETURNS bigint[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_from bigint := (SELECT w.swept_to FROM otprefund.swept w);
BEGIN
    RETURN (SELECT array_agg(a.attempt_id)
              FROM otprefund.attempt a
             WHERE a.attempt_id > v_from
               AND NOT EXISTS (SELECT FROM otprefund.outcome o
                                WHERE o.attempt_id = a.attempt_id AND o.attempt_id > v_from));
END
$$;

-- As before, but what was never tried is not looked for in four ways.
CREATE OR REPLACE FUNCTION otprefund.transaction_state(
    p_tid text, p_otp_cooldown_s integer, p_otp_per_hour integer, p_wrong_otp_per_hour integer,
    OUT o_known boolean, OUT o_client_ref_id text, OUT o_amount numeric, OUT o_tx_status integer,
    OUT o_customer text, OUT o_recipient text, OUT o_transacted_at timestamptz,
    OUT o_answered_at timestamptz, OUT o_otp_at timestamptz, OUT o_otp_outcome text,
    OUT o_otp_again_at timestamptz, OUT o_refund_again_at timestamptz, OUT o_open_attempt_id bigint,
    OUT o_open_operator text, OUT o_open_since timestamptz, OUT o_contradicted boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    SELECT t.client_ref_id, t.amount, t.tx_status, t.customer, t.recipient, t.transacted_at, t.answered_at
      INTO o_client_ref_id, o_amount, o_tx_status, o_customer, o_recipient, o_transacted_at, o_answered_at
      FROM otprefund.transaction t WHERE t.tid = p_tid;
    o_known := FOUND OR EXISTS (SELECT FROM otprefund.attempt a WHERE a.tid = p_tid);
    IF NOT o_known THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM otprefund.attempt a WHERE a.tid = p_tid AND a.kind = 'otp') THEN
        SELECT (SELECT o.outcome FROM otprefund.outcome o WHERE o.attempt_id = a.attempt_id LIMIT 1)
          INTO o_otp_outcome
          FROM otprefund.attempt a
         WHERE a.tid = p_tid AND a.kind = 'otp'
         ORDER BY a.attempt_id + 0 DESC LIMIT 1;
        SELECT a.started_at INTO o_otp_at
          FROM otprefund.attempt a
         WHERE a.tid = p_tid AND a.kind = 'otp'
           AND coalesce((SELECT o.outcome NOT IN ('rejected', 'not_sent') FROM otprefund.outcome o
                          WHERE o.attempt_id = a.attempt_id LIMIT 1), true)
         ORDER BY a.attempt_id + 0 DESC LIMIT 1;
        o_otp_again_at := otprefund.otp_again_at(p_tid, p_otp_cooldown_s, p_otp_per_hour, v_now);
    END IF;
    IF EXISTS (SELECT FROM otprefund.attempt a WHERE a.tid = p_tid AND a.kind = 'refund') THEN
        o_refund_again_at := otprefund.refund_again_at(p_tid, p_wrong_otp_per_hour, v_now);
    END IF;
    SELECT q.attempt_id, q.operator, q.opened_at
      INTO o_open_attempt_id, o_open_operator, o_open_since
      FROM otprefund.open_attempt q WHERE q.tid = p_tid;
    o_contradicted := EXISTS (SELECT FROM otprefund.attempt a
                               WHERE a.tid = p_tid
                                 AND (SELECT c.attempt_id FROM otprefund.contradiction c
                                       WHERE c.attempt_id = a.attempt_id LIMIT 1) IS NOT NULL);
END
$$;

-- The day of many operators, each read from the index by operator and number, which both ends of the walk name; and its
-- few rows are looked up, not joined with all there are.
CREATE FUNCTION otprefund.today_of(p_operators text[], p_zone text)
    RETURNS TABLE (o_number bigint, o_otps bigint, o_otps_unconfirmed bigint, o_refunds bigint, o_refunded bigint,
                   o_rejected bigint, o_open bigint, o_refunded_amount numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_from timestamptz := date_trunc('day', clock_timestamp(), p_zone);
    v_id bigint := otprefund.attempt_id_from(v_from);
BEGIN
    RETURN QUERY
    SELECT n.number, t.*
      FROM unnest(p_operators) WITH ORDINALITY n(operator, number),
           LATERAL (
        SELECT count(*) FILTER (WHERE a.kind = 'otp'), count(*) FILTER (WHERE o.outcome = 'unconfirmed'),
               count(*) FILTER (WHERE a.kind = 'refund'), count(*) FILTER (WHERE r.resolution = 'refunded'),
               count(*) FILTER (WHERE a.kind = 'refund' AND o.outcome = 'rejected'),
               count(*) FILTER (WHERE a.kind = 'refund' AND r.attempt_id IS NULL),
               coalesce(sum(r.refunded_amount), 0)
          FROM otprefund.attempt a
          LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
          LEFT JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id
         WHERE (a.operator, a.attempt_id) >= (n.operator, v_id)
           AND (a.operator, a.attempt_id) <= (n.operator, 9223372036854775807)
           AND a.started_at + interval '0' >= v_from -- not from the index by time, which has everybody's
           AND a.kind IN ('otp', 'refund')) t;
END
$$;
COMMENT ON FUNCTION otprefund.today_of(text[], text) IS
    'Today in the zone in numbers, for each of those operators; o_number: which of them, from 1.';
GRANT EXECUTE ON FUNCTION otprefund.today_of(text[], text) TO otprefund_app;

-- As before, but one's own day is that.
CREATE OR REPLACE FUNCTION otprefund.today(
    p_operator text, p_zone text,
    OUT o_otps bigint, OUT o_otps_unconfirmed bigint, OUT o_refunds bigint, OUT o_refunded bigint,
    OUT o_rejected bigint, OUT o_open bigint, OUT o_refunded_amount numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_from timestamptz := date_trunc('day', clock_timestamp(), p_zone);
BEGIN
    IF p_operator IS NOT NULL THEN
        SELECT t.o_otps, t.o_otps_unconfirmed, t.o_refunds, t.o_refunded, t.o_rejected, t.o_open, t.o_refunded_amount
          INTO o_otps, o_otps_unconfirmed, o_refunds, o_refunded, o_rejected, o_open, o_refunded_amount
          FROM otprefund.today_of(ARRAY[p_operator], p_zone) t;
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE a.kind = 'otp'), count(*) FILTER (WHERE o.outcome = 'unconfirmed'),
           count(*) FILTER (WHERE a.kind = 'refund'), count(*) FILTER (WHERE r.resolution = 'refunded'),
           count(*) FILTER (WHERE a.kind = 'refund' AND o.outcome = 'rejected'),
           count(*) FILTER (WHERE a.kind = 'refund' AND r.attempt_id IS NULL),
           coalesce(sum(r.refunded_amount), 0)
      INTO o_otps, o_otps_unconfirmed, o_refunds, o_refunded, o_rejected, o_open, o_refunded_amount
      FROM otprefund.attempt a
      LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
      LEFT JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id
     WHERE a.started_at >= v_from AND a.kind IN ('otp', 'refund');
END
$$;

-- The rare outcomes of one operator.  A nested loop would look up each of his attempts, or each such
-- outcome of everybody; the two indexes lie in the same order, so walking both at once reads them
-- alone.  No plan but that is wanted.  ROWS: a page; of the 1000 that are taken for granted else, the
-- caller's join walked the second index once more.
CREATE FUNCTION otprefund.attempt_odd(p_operator text, p_outcome text, p_max integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50 SET search_path = pg_catalog, pg_temp
    SET enable_nestloop = off SET enable_hashjoin = off AS $$
BEGIN
    RETURN QUERY
    SELECT a.attempt_id
      FROM otprefund.attempt a
      JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
     WHERE a.operator = p_operator AND o.outcome = p_outcome
       AND o.outcome IN ('unconfirmed', 'rejected', 'not_sent', 'unknown')
     ORDER BY a.attempt_id DESC
     LIMIT p_max;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_odd(text, text, integer) IS
    'The newest attempts of one operator with one of the outcomes unconfirmed, rejected, not_sent, unknown; p_max NULL: all of them.';
GRANT EXECUTE ON FUNCTION otprefund.attempt_odd(text, text, integer) TO otprefund_app;

INSERT INTO otprefund.schema_version (version, name) VALUES (9, '0009-desk');
RESET ROLE;
