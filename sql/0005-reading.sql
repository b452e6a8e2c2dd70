-- 0005-reading.sql - the functions that read for the program: what a plain view cannot do cheaply.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- attempt_id and started_at rise together but for calls under way at the same moment; a minute and a
-- thousand numbers are far more than that.  So a span of time is also a span of numbers, and every
-- list runs along one index.
CREATE FUNCTION otprefund.attempt_id_from(p_from timestamptz) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT a.attempt_id - 1000 FROM otprefund.attempt a
                      WHERE a.started_at >= p_from - interval '1 minute'
                      ORDER BY a.started_at LIMIT 1), 9223372036854775807)
$$;
COMMENT ON FUNCTION otprefund.attempt_id_from(timestamptz) IS
    'No attempt started at or after this moment has a lower number.';
CREATE FUNCTION otprefund.attempt_id_to(p_to timestamptz) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT a.attempt_id + 1000 FROM otprefund.attempt a
                      WHERE a.started_at < p_to + interval '1 minute'
                      ORDER BY a.started_at DESC LIMIT 1), 0)
$$;
COMMENT ON FUNCTION otprefund.attempt_id_to(timestamptz) IS
    'No attempt started before this moment has a higher number.';

CREATE FUNCTION otprefund.in_flight() RETURNS bigint[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(a.attempt_id)
      FROM otprefund.attempt a
     WHERE a.attempt_id > (SELECT w.swept_to FROM otprefund.swept w)
       AND NOT EXISTS (SELECT FROM otprefund.outcome o WHERE o.attempt_id = a.attempt_id)
$$;
COMMENT ON FUNCTION otprefund.in_flight() IS
    'The attempts without an outcome: all of them are younger than what was swept.';

CREATE FUNCTION otprefund.transaction_state(
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
    SELECT o.outcome INTO o_otp_outcome
      FROM otprefund.attempt a LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
     WHERE a.tid = p_tid AND a.kind = 'otp'
     ORDER BY a.attempt_id DESC LIMIT 1;
    SELECT a.started_at INTO o_otp_at
      FROM otprefund.attempt a LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
     WHERE a.tid = p_tid AND a.kind = 'otp'
       AND (o.outcome IS NULL OR o.outcome NOT IN ('rejected', 'not_sent'))
     ORDER BY a.attempt_id DESC LIMIT 1;
    o_otp_again_at := otprefund.otp_again_at(p_tid, p_otp_cooldown_s, p_otp_per_hour, v_now);
    o_refund_again_at := otprefund.refund_again_at(p_tid, p_wrong_otp_per_hour, v_now);
    SELECT q.attempt_id, q.operator, q.opened_at
      INTO o_open_attempt_id, o_open_operator, o_open_since
      FROM otprefund.open_attempt q WHERE q.tid = p_tid;
    o_contradicted := EXISTS (SELECT FROM otprefund.contradiction c
                                JOIN otprefund.attempt a ON a.attempt_id = c.attempt_id
                               WHERE a.tid = p_tid);
END
$$;
COMMENT ON FUNCTION otprefund.transaction_state(text, integer, integer, integer) IS
    'What is known of a transaction, what was tried on it, and when it may be tried again; o_known false if nothing is.';

CREATE FUNCTION otprefund.tid_of(p_client_ref_id text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.tid FROM otprefund.transaction t
     WHERE t.client_ref_id = p_client_ref_id
     ORDER BY t.answered_at DESC LIMIT 1
$$;
COMMENT ON FUNCTION otprefund.tid_of(text) IS
    'TID of the transaction with this reference, as the bank last said; NULL if none.';

CREATE FUNCTION otprefund.client_of(p_token_sha256 bytea)
    RETURNS TABLE (o_name text, o_full_name text, o_user_code text, o_may_refund boolean, o_disabled boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.name, c.full_name, c.user_code, c.may_refund, c.disabled
      FROM otprefund.api_client c WHERE c.token_sha256 = p_token_sha256
$$;
COMMENT ON FUNCTION otprefund.client_of(bytea) IS
    'The API client with this token, so that the program''s role need not read the hashes.';

CREATE FUNCTION otprefund.today(
    p_operator text, p_zone text,
    OUT o_otps bigint, OUT o_otps_unconfirmed bigint, OUT o_refunds bigint, OUT o_refunded bigint,
    OUT o_rejected bigint, OUT o_open bigint, OUT o_refunded_amount numeric)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_from timestamptz := date_trunc('day', clock_timestamp(), p_zone);
    v_id bigint := otprefund.attempt_id_from(v_from);
BEGIN
    IF p_operator IS NULL THEN
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
    ELSE
        SELECT count(*) FILTER (WHERE a.kind = 'otp'), count(*) FILTER (WHERE o.outcome = 'unconfirmed'),
               count(*) FILTER (WHERE a.kind = 'refund'), count(*) FILTER (WHERE r.resolution = 'refunded'),
               count(*) FILTER (WHERE a.kind = 'refund' AND o.outcome = 'rejected'),
               count(*) FILTER (WHERE a.kind = 'refund' AND r.attempt_id IS NULL),
               coalesce(sum(r.refunded_amount), 0)
          INTO o_otps, o_otps_unconfirmed, o_refunds, o_refunded, o_rejected, o_open, o_refunded_amount
          FROM otprefund.attempt a
          LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
          LEFT JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id
         WHERE a.operator = p_operator AND a.attempt_id >= v_id AND a.started_at >= v_from
           AND a.kind IN ('otp', 'refund');
    END IF;
END
$$;
COMMENT ON FUNCTION otprefund.today(text, text) IS
    'The day so far, in a time zone, of one operator, or of everyone (NULL), in numbers.';

CREATE FUNCTION otprefund.queue_numbers(
    OUT o_open bigint, OUT o_overdue bigint, OUT o_oldest_ms bigint, OUT o_lag_ms bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = on AS $$
    SELECT count(*),
           count(*) FILTER (WHERE q.next_inquiry_at < statement_timestamp() - interval '1 minute'),
           coalesce(greatest(0, floor(extract(epoch FROM
               statement_timestamp() - min(q.opened_at)) * 1000)), 0)::bigint,
           coalesce(greatest(0, floor(extract(epoch FROM
               statement_timestamp() - min(q.next_inquiry_at)) * 1000)), 0)::bigint
      FROM otprefund.open_attempt q
$$;
COMMENT ON FUNCTION otprefund.queue_numbers() IS
    'The resolver''s queue in numbers: open, overdue by more than a minute, age of the oldest, lag.';

GRANT EXECUTE ON FUNCTION
    otprefund.attempt_id_from(timestamptz), otprefund.attempt_id_to(timestamptz),
    otprefund.transaction_state(text, integer, integer, integer), otprefund.tid_of(text),
    otprefund.client_of(bytea), otprefund.in_flight(), otprefund.today(text, text), otprefund.queue_numbers()
TO otprefund_app;

INSERT INTO otprefund.schema_version (version, name) VALUES (5, '0005-reading');
RESET ROLE;
