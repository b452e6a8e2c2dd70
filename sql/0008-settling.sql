-- 0008-settling.sql - what is refunded is not asked for again; the resolver comes back for every lost attempt.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- ---- refunded once ---------------------------------------------------------------------------------

-- The bank credits a transaction once: neither an OTP nor a refund is left to ask for, and an inquiry's
-- "refunded" could not be told apart from the first attempt's.  Where that one is in doubt, a supervisor
-- may ask.
CREATE FUNCTION otprefund.refunded_attempt(p_tid text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (
        SELECT a.attempt_id
          FROM otprefund.attempt a
         WHERE a.tid = p_tid
           AND a.kind = 'refund'
           AND (SELECT r.resolution FROM otprefund.resolution r
                 WHERE r.attempt_id = a.attempt_id LIMIT 1) = 'refunded'
           AND (SELECT c.attempt_id FROM otprefund.contradiction c
                 WHERE c.attempt_id = a.attempt_id AND c.what = 'resolution' LIMIT 1) IS NULL
         ORDER BY a.attempt_id + 0
         LIMIT 1);
END
$$;
COMMENT ON FUNCTION otprefund.refunded_attempt(text) IS
    'The attempt that refunded this transaction, if there is one that is not in doubt.';

-- As long as a word of the bank disagrees with what is recorded, cash may be out already: a person who
-- answers for it looks first, and no operator or machine asks for more.
CREATE FUNCTION otprefund.contradicted_attempt(p_tid text, p_channel text, p_operator text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_channel <> 'api' AND EXISTS (SELECT FROM otprefund.operator o
                                       WHERE o.name = p_operator AND o.role = 'supervisor'
                                         AND NOT o.disabled) THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT a.attempt_id
          FROM otprefund.attempt a
         WHERE a.tid = p_tid
           AND (SELECT c.attempt_id FROM otprefund.contradiction c
                 WHERE c.attempt_id = a.attempt_id LIMIT 1) IS NOT NULL
         ORDER BY a.attempt_id + 0
         LIMIT 1);
END
$$;
COMMENT ON FUNCTION otprefund.contradicted_attempt(text, text, text) IS
    'The first attempt on this transaction that a word of the bank disagrees with, where it is not a supervisor who asks for an OTP or a refund; else NULL.';

CREATE OR REPLACE FUNCTION otprefund.attempt_begin(
    p_kind text, p_channel text, p_tid text, p_client_ref_id text, p_operator text, p_user_code text,
    p_node text, p_idempotency_key text, p_content_mac bytea, p_commit_token bytea,
    p_cash_returned boolean, p_about_attempt_id bigint, p_deadline_ms integer,
    p_otp_cooldown_s integer, p_otp_per_hour integer, p_wrong_otp_per_hour integer,
    OUT o_status text, OUT o_attempt_id bigint, OUT o_open_attempt_id bigint, OUT o_open_age_ms bigint,
    OUT o_open_operator text, OUT o_open_since timestamptz, OUT o_retry_at timestamptz,
    OUT o_otp_ref_id text, OUT o_known_amount numeric)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz;
    v_old record;
BEGIN
    IF p_kind <> 'inquiry' THEN
        -- Limits and exclusivity are decided one call after the other per transaction.
        PERFORM pg_advisory_xact_lock(hashtextextended(p_tid, 7031));
    END IF;
    v_now := clock_timestamp();
    SELECT q.attempt_id, q.operator, q.opened_at,
           greatest(0, floor(extract(epoch FROM v_now - q.opened_at) * 1000))
      INTO o_open_attempt_id, o_open_operator, o_open_since, o_open_age_ms
      FROM otprefund.open_attempt q
     WHERE q.attempt_id = coalesce(p_about_attempt_id,
               (SELECT w.attempt_id FROM otprefund.open_attempt w WHERE w.tid = p_tid));
    LOOP
        -- A repeat comes first: it must find its own attempt, open or not.
        IF p_idempotency_key IS NOT NULL THEN
            SELECT a.attempt_id, a.kind, a.tid, a.content_mac INTO v_old
              FROM otprefund.attempt a
             WHERE a.idempotency_key = p_idempotency_key AND a.operator || '' = p_operator;
            IF FOUND THEN
                o_attempt_id := v_old.attempt_id;
                o_status := CASE WHEN v_old.kind = p_kind AND v_old.tid = p_tid
                                      AND v_old.content_mac = p_content_mac
                                 THEN 'same' ELSE 'key_used' END;
                RETURN;
            END IF;
        END IF;
        IF p_kind <> 'inquiry' THEN
            IF o_open_attempt_id IS NOT NULL THEN
                o_attempt_id := o_open_attempt_id;
                o_status := 'open';
                RETURN;
            END IF;
            o_attempt_id := otprefund.refunded_attempt(p_tid);
            IF o_attempt_id IS NOT NULL THEN
                o_status := 'refunded';
                RETURN;
            END IF;
            o_attempt_id := otprefund.contradicted_attempt(p_tid, p_channel, p_operator);
            IF o_attempt_id IS NOT NULL THEN
                o_status := 'contradicted';
                RETURN;
            END IF;
            o_retry_at := CASE p_kind
                WHEN 'otp' THEN otprefund.otp_again_at(p_tid, p_otp_cooldown_s, p_otp_per_hour, v_now)
                ELSE otprefund.refund_again_at(p_tid, p_wrong_otp_per_hour, v_now) END;
            IF o_retry_at IS NOT NULL THEN
                o_status := 'limited';
                RETURN;
            END IF;
        END IF;
        INSERT INTO otprefund.attempt (kind, channel, tid, client_ref_id, operator, user_code, node,
                                       idempotency_key, content_mac, commit_token, cash_returned,
                                       about_attempt_id, started_at, deadline_at)
        VALUES (p_kind, p_channel, p_tid, p_client_ref_id, p_operator, p_user_code, p_node,
                p_idempotency_key, p_content_mac, p_commit_token, p_cash_returned,
                p_about_attempt_id, v_now, v_now + p_deadline_ms * interval '1 millisecond')
        ON CONFLICT (operator, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING attempt_id INTO o_attempt_id;
        EXIT WHEN o_attempt_id IS NOT NULL; -- else the key was used meanwhile for another tid
    END LOOP;
    IF p_kind = 'refund' THEN
        INSERT INTO otprefund.open_attempt (attempt_id, tid, client_ref_id, operator, opened_at,
                                            deadline_at, next_inquiry_at)
        VALUES (o_attempt_id, p_tid, p_client_ref_id, p_operator, v_now,
                v_now + p_deadline_ms * interval '1 millisecond',
                v_now + p_deadline_ms * interval '1 millisecond')
        ON CONFLICT (tid) DO NOTHING;
        IF NOT FOUND THEN -- made past the lock, so not by this function: start again
            RAISE EXCEPTION 'transaction % was opened meanwhile', p_tid
                USING ERRCODE = 'serialization_failure';
        END IF;
        SELECT o.otp_ref_id INTO o_otp_ref_id
          FROM otprefund.attempt a
          JOIN LATERAL (SELECT x.otp_ref_id, x.outcome FROM otprefund.outcome x
                         WHERE x.attempt_id = a.attempt_id LIMIT 1) o ON true
         WHERE a.tid = p_tid AND a.kind = 'otp' AND o.otp_ref_id IS NOT NULL
           AND o.outcome IN ('sent', 'unconfirmed')
         ORDER BY a.attempt_id + 0 DESC
         LIMIT 1;
    END IF;
    SELECT t.amount INTO o_known_amount FROM otprefund.transaction t WHERE t.tid = p_tid;
    o_status := 'begun';
END
$$;
COMMENT ON FUNCTION otprefund.attempt_begin(text, text, text, text, text, text, text, text, bytea, bytea,
        boolean, bigint, integer, integer, integer, integer) IS
    'Records an intent. Status begun; same or key_used (the idempotency key was used before); open (a refund attempt on this tid is open); refunded (one has refunded it); contradicted (a word of the bank disagrees with one, and it is no supervisor who asks); limited (try again at o_retry_at). Only begun writes.';

-- ---- nothing is forgotten --------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION otprefund.attempt_sweep(p_now timestamptz, p_max integer)
    RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_from bigint;
    v_to bigint;
    v_lost bigint[];
    v_row record;
BEGIN
    SELECT s.swept_to INTO v_from FROM otprefund.swept s FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN; -- another node is at it
    END IF;
    -- All of them at once: most have their outcome, and are only passed.
    WITH next AS MATERIALIZED (
        SELECT a.attempt_id, a.started_at, a.deadline_at,
               (SELECT true FROM otprefund.outcome o WHERE o.attempt_id = a.attempt_id LIMIT 1) AS done
          FROM otprefund.attempt a
         WHERE a.attempt_id > v_from
         ORDER BY a.attempt_id
         LIMIT p_max
    ), stop AS (
        -- A minute is longer than any statement may take: no lower number can still turn up.
        SELECT min(n.attempt_id) AS at
          FROM next n
         WHERE n.started_at > p_now - interval '1 minute'
            OR (n.done IS NULL AND n.deadline_at > p_now)
    )
    SELECT max(n.attempt_id),
           array_agg(n.attempt_id ORDER BY n.attempt_id) FILTER (WHERE n.done IS NULL)
      INTO v_to, v_lost
      FROM next n
     CROSS JOIN stop s
     WHERE s.at IS NULL OR n.attempt_id < s.at;
    FOR v_row IN
        SELECT a.attempt_id, a.kind FROM otprefund.attempt a
         WHERE a.attempt_id = ANY (v_lost)
         ORDER BY a.attempt_id
    LOOP
        IF v_row.kind = 'refund' THEN
            PERFORM FROM otprefund.open_attempt q WHERE q.attempt_id = v_row.attempt_id
                FOR UPDATE SKIP LOCKED;
            -- Its outcome is just being written, unless an inquiry settled it and then its node was lost.
            IF NOT FOUND AND NOT EXISTS (
                    SELECT FROM otprefund.resolution r WHERE r.attempt_id = v_row.attempt_id) THEN
                v_to := v_row.attempt_id - 1;
                EXIT;
            END IF;
        END IF;
        INSERT INTO otprefund.outcome (attempt_id, kind, outcome, reason)
        VALUES (v_row.attempt_id, v_row.kind, 'unknown', 'node_lost')
        ON CONFLICT (attempt_id) DO NOTHING;
    END LOOP;
    IF v_to > v_from THEN
        UPDATE otprefund.swept SET swept_to = v_to;
    END IF;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_sweep(timestamptz, integer) IS
    'Gives outcome unknown, node_lost to attempts of any kind whose deadline passed without an outcome; looks at each attempt once.';

CREATE FUNCTION otprefund.attempt_sweep_at(p_now timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- Its outcome is looked up by number: a join may be merged, and reads every outcome there ever was.
    RETURN (
        SELECT greatest(a.started_at + interval '1 minute',
                        CASE WHEN (SELECT true FROM otprefund.outcome o
                                    WHERE o.attempt_id = a.attempt_id LIMIT 1) IS NULL
                             THEN a.deadline_at END,
                        p_now + interval '200 milliseconds')
          FROM otprefund.attempt a
         WHERE a.attempt_id > (SELECT s.swept_to FROM otprefund.swept s)
         ORDER BY a.attempt_id
         LIMIT 1);
END
$$;
COMMENT ON FUNCTION otprefund.attempt_sweep_at(timestamptz) IS
    'When attempt_sweep can get on: the first attempt it has not passed is then old enough. NULL: nothing left to look at.';

CREATE OR REPLACE FUNCTION otprefund.attempt_claim(p_max integer, p_lease_ms integer)
    RETURNS TABLE (o_attempt_id bigint, o_tid text, o_client_ref_id text, o_user_code text,
                   o_age_ms bigint, o_inquiries integer, o_next_at timestamptz)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    PERFORM otprefund.attempt_sweep(v_now, 2000);
    RETURN QUERY
    WITH due AS (
        SELECT q.attempt_id
          FROM otprefund.open_attempt q -- in the order of its index, not sorted: that reads all that are due
         WHERE q.next_inquiry_at <= v_now
           AND (q.deadline_at <= v_now
                OR (SELECT o.attempt_id FROM otprefund.outcome o
                     WHERE o.attempt_id = q.attempt_id LIMIT 1) IS NOT NULL)
         ORDER BY q.next_inquiry_at
         LIMIT p_max
           FOR UPDATE OF q SKIP LOCKED
    ), moved AS (
        UPDATE otprefund.open_attempt q
           SET next_inquiry_at = v_now + p_lease_ms * interval '1 millisecond'
         WHERE q.attempt_id = ANY (ARRAY(SELECT d.attempt_id FROM due d))
        RETURNING q.attempt_id, q.tid, q.client_ref_id, q.opened_at, q.inquiries
    ), lost AS (
        INSERT INTO otprefund.outcome (attempt_id, kind, outcome, reason)
        SELECT m.attempt_id, 'refund', 'unknown', 'node_lost'
          FROM moved m
         WHERE (SELECT o.attempt_id FROM otprefund.outcome o
                 WHERE o.attempt_id = m.attempt_id LIMIT 1) IS NULL
        ON CONFLICT (attempt_id) DO NOTHING
    )
    SELECT m.attempt_id, m.tid, m.client_ref_id, a.user_code,
           greatest(0, floor(extract(epoch FROM v_now - m.opened_at) * 1000))::bigint,
           m.inquiries, NULL::timestamptz
      FROM moved m
      JOIN LATERAL (SELECT x.user_code FROM otprefund.attempt x
                     WHERE x.attempt_id = m.attempt_id LIMIT 1) a ON true;
    RETURN QUERY
    SELECT NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::integer,
           least((SELECT min(q.next_inquiry_at) FROM otprefund.open_attempt q),
                 otprefund.attempt_sweep_at(v_now));
END
$$;
COMMENT ON FUNCTION otprefund.attempt_claim(integer, integer) IS
    'Leases up to p_max due open attempts to the caller for p_lease_ms, and gives lost ones their outcome. The last row has only o_next_at: when there is something to do again.';

INSERT INTO otprefund.schema_version (version, name) VALUES (8, '0008-settling');
RESET ROLE;
