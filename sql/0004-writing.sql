-- 0004-writing.sql - the functions that write: begin, finish, claim, wake.
--
-- Each is one call, one round trip and one transaction.  They belong to otprefund_owner and run with
-- its rights (SECURITY DEFINER, fixed search_path), so the program's role needs no right on the
-- tables.  What can be expected comes back as a status word; only our own mistakes raise.
--
-- Order of locks, the same everywhere: advisory lock of the tid (begin only), open_attempt, outcome,
-- resolution, transaction.  Several calls in one transaction should be sorted by tid.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- In plpgsql, because its plans are kept; an SQL function that is not inlined is planned at each call.
--
-- A plan is kept that was made while the tables were empty, or taken for empty: every index and every kind of join then
-- costs the same.  So what is looked up is written such that only the index meant for it fits: other rows by number in a
-- subquery with LIMIT 1, never in a join or an EXISTS; x + 0, x || '' or x + interval '0' where a column is not to be
-- looked up, or not to give the order.  tests/unit/test_many.c counts the rows.
CREATE FUNCTION otprefund.otp_again_at(p_tid text, p_cooldown_s integer, p_per_hour integer,
                                       p_now timestamptz)
    RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_sent timestamptz[];
    v_again timestamptz;
BEGIN
    SELECT array_agg(a.started_at ORDER BY a.started_at DESC) INTO v_sent
      FROM otprefund.attempt a
     WHERE a.tid = p_tid
       AND a.kind = 'otp'
       AND a.started_at + interval '0' > p_now - greatest(interval '1 hour', p_cooldown_s * interval '1 second')
       AND coalesce((SELECT o.outcome NOT IN ('rejected', 'not_sent') FROM otprefund.outcome o
                      WHERE o.attempt_id = a.attempt_id LIMIT 1), true);
    v_again := greatest(
        CASE WHEN p_cooldown_s > 0 THEN v_sent[1] + p_cooldown_s * interval '1 second' END,
        CASE WHEN p_per_hour > 0 THEN v_sent[p_per_hour] + interval '1 hour' END);
    RETURN CASE WHEN v_again > p_now THEN v_again END;
END
$$;
COMMENT ON FUNCTION otprefund.otp_again_at(text, integer, integer, timestamptz) IS
    'When an OTP may be asked for again; NULL: now. Counts those that may have texted the customer. A limit of 0 is none.';

CREATE FUNCTION otprefund.refund_again_at(p_tid text, p_per_hour integer, p_now timestamptz)
    RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_wrong timestamptz;
BEGIN
    IF p_per_hour > 0 THEN
        SELECT o.finished_at INTO v_wrong
          FROM otprefund.attempt a
          JOIN LATERAL (SELECT x.reason, x.finished_at FROM otprefund.outcome x
                         WHERE x.attempt_id = a.attempt_id LIMIT 1) o ON true
         WHERE a.tid = p_tid
           AND a.kind = 'refund'
           AND o.reason = 'wrong_otp'
           AND o.finished_at > p_now - interval '1 hour'
         ORDER BY o.finished_at DESC
        OFFSET p_per_hour - 1 LIMIT 1;
    END IF;
    RETURN v_wrong + interval '1 hour';
END
$$;
COMMENT ON FUNCTION otprefund.refund_again_at(text, integer, timestamptz) IS
    'When an OTP may be submitted again after wrong ones; NULL: now. A limit of 0 is none.';

CREATE FUNCTION otprefund.attempt_begin(
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
    'Records an intent. Status begun; same or key_used (the idempotency key was used before); open (a refund attempt on this tid is open); limited (try again at o_retry_at). Only begun writes.';

CREATE FUNCTION otprefund.attempt_begun(
    p_commit_token bytea, p_operator text, p_idempotency_key text,
    OUT o_attempt_id bigint, OUT o_open_attempt_id bigint, OUT o_open_age_ms bigint,
    OUT o_open_operator text, OUT o_open_since timestamptz, OUT o_otp_ref_id text,
    OUT o_known_amount numeric)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_a record;
BEGIN
    IF p_idempotency_key IS NOT NULL THEN
        SELECT * INTO v_a FROM otprefund.attempt a
         WHERE a.idempotency_key = p_idempotency_key AND a.operator || '' = p_operator
           AND a.commit_token = p_commit_token;
    ELSE
        SELECT * INTO v_a FROM otprefund.attempt a
         WHERE a.started_at > clock_timestamp() - interval '1 minute'
           AND a.commit_token = p_commit_token;
    END IF;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    o_attempt_id := v_a.attempt_id;
    IF v_a.kind = 'refund' THEN
        SELECT o.otp_ref_id INTO o_otp_ref_id
          FROM otprefund.attempt a
          JOIN LATERAL (SELECT x.otp_ref_id, x.outcome FROM otprefund.outcome x
                         WHERE x.attempt_id = a.attempt_id LIMIT 1) o ON true
         WHERE a.tid = v_a.tid AND a.kind = 'otp' AND o.otp_ref_id IS NOT NULL
           AND o.outcome IN ('sent', 'unconfirmed')
         ORDER BY a.attempt_id + 0 DESC
         LIMIT 1;
    ELSE
        SELECT q.attempt_id, q.operator, q.opened_at,
               greatest(0, floor(extract(epoch FROM v_a.started_at - q.opened_at) * 1000))
          INTO o_open_attempt_id, o_open_operator, o_open_since, o_open_age_ms
          FROM otprefund.open_attempt q
         WHERE q.attempt_id = coalesce(v_a.about_attempt_id,
                   (SELECT w.attempt_id FROM otprefund.open_attempt w WHERE w.tid = v_a.tid));
    END IF;
    SELECT t.amount INTO o_known_amount FROM otprefund.transaction t WHERE t.tid = v_a.tid;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_begun(bytea, text, text) IS
    'Finds the attempt of a begin whose COMMIT was not heard of, by its token; o_attempt_id NULL if it is not there.';

CREATE FUNCTION otprefund.facts_put(
    p_attempt_id bigint, p_asked_at timestamptz, p_now timestamptz, p_tid text, p_client_ref_id text,
    p_amount numeric, p_tx_status integer, p_customer text, p_recipient text,
    p_transacted_at timestamptz)
    RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO otprefund.transaction AS t
           (tid, client_ref_id, amount, tx_status, customer, recipient, transacted_at, answered_at,
            asked_at, by_attempt_id)
    VALUES (p_tid, p_client_ref_id, p_amount, p_tx_status, p_customer, p_recipient, p_transacted_at,
            p_now, p_asked_at, p_attempt_id)
    ON CONFLICT (tid) DO UPDATE
       SET client_ref_id = coalesce(excluded.client_ref_id, t.client_ref_id),
           amount = coalesce(t.amount, excluded.amount),
           tx_status = coalesce(excluded.tx_status, t.tx_status),
           customer = coalesce(excluded.customer, t.customer),
           recipient = coalesce(excluded.recipient, t.recipient),
           transacted_at = coalesce(excluded.transacted_at, t.transacted_at),
           answered_at = excluded.answered_at,
           asked_at = excluded.asked_at,
           by_attempt_id = excluded.by_attempt_id
     WHERE excluded.asked_at >= t.asked_at;
END
$$;
COMMENT ON FUNCTION otprefund.facts_put(bigint, timestamptz, timestamptz, text, text, numeric, integer,
        text, text, timestamptz) IS
    'Stores what an answer told of a transaction; an answer to an older question changes nothing, and the amount first told stays.';

CREATE FUNCTION otprefund.resolution_put(
    p_settles bigint, p_open boolean, p_open_inquiries integer, p_resolution text, p_how text,
    p_attempt_id bigint, p_kind text, p_tx_status integer, p_refund_tid text, p_amount numeric,
    p_refunded_amount numeric, p_evidence jsonb)
    RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_old record;
    v_known numeric;
BEGIN
    IF p_open THEN
        -- Another amount than the known one is a contradiction (answer_check), and counts nowhere.
        SELECT t.amount INTO v_known
          FROM otprefund.transaction t
         WHERE t.tid = (SELECT a.tid FROM otprefund.attempt a WHERE a.attempt_id = p_settles);
        INSERT INTO otprefund.resolution (attempt_id, resolution, resolved_by, evidence_attempt_id,
                                          tx_status, refund_tid, amount, refunded_amount, inquiries)
        VALUES (p_settles, p_resolution, p_how, p_attempt_id, p_tx_status, p_refund_tid,
                coalesce(v_known, p_amount),
                CASE WHEN p_resolution <> 'refunded' THEN NULL
                     WHEN p_amount <> v_known THEN v_known
                     ELSE coalesce(p_refunded_amount, p_amount, v_known) END,
                p_open_inquiries + (p_kind = 'inquiry')::integer);
        DELETE FROM otprefund.open_attempt q WHERE q.attempt_id = p_settles;
        IF p_how <> 'answer' THEN -- whoever waits for it may be on another node
            PERFORM pg_notify('otprefund_settled', p_settles::text);
        END IF;
        RETURN true;
    END IF;
    SELECT r.resolution, r.refunded_amount INTO v_old
      FROM otprefund.resolution r WHERE r.attempt_id = p_settles;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'attempt % was never open', p_settles USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF v_old.resolution <> p_resolution THEN
        INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found, evidence)
        VALUES (p_settles, p_attempt_id, 'resolution', v_old.resolution, p_resolution, p_evidence)
        ON CONFLICT DO NOTHING;
    ELSIF v_old.refunded_amount <> p_refunded_amount THEN
        INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found, evidence)
        VALUES (p_settles, p_attempt_id, 'amount', v_old.refunded_amount::text,
                p_refunded_amount::text, p_evidence)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION otprefund.resolution_put(bigint, boolean, integer, text, text, bigint, text, integer,
        text, numeric, numeric, jsonb) IS
    'Settles an open attempt, or records that a settled one is contradicted. True if it settled it.';

CREATE FUNCTION otprefund.second_outcome(
    p_attempt_id bigint, p_outcome text, p_reason text, p_http_status integer, p_duration_ms integer,
    p_message text, p_evidence jsonb, p_refund_tid text, p_amount numeric, p_refunded_amount numeric)
    RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_old otprefund.outcome;
BEGIN
    SELECT * INTO v_old FROM otprefund.outcome o WHERE o.attempt_id = p_attempt_id;
    IF p_outcome = 'unknown' THEN
        RETURN 'same'; -- says nothing against anything
    END IF;
    IF v_old.outcome = 'unknown' THEN
        INSERT INTO otprefund.late_answer (attempt_id, outcome, reason, http_status, duration_ms,
                                           message, evidence)
        VALUES (p_attempt_id, p_outcome, p_reason, p_http_status, p_duration_ms, p_message, p_evidence)
        ON CONFLICT (attempt_id) DO NOTHING;
        IF FOUND THEN
            RETURN 'late';
        END IF;
        SELECT l.outcome, l.reason INTO v_old.outcome, v_old.reason
          FROM otprefund.late_answer l WHERE l.attempt_id = p_attempt_id;
        v_old.refund_tid := p_refund_tid;
        v_old.amount := p_amount;
        v_old.refunded_amount := p_refunded_amount;
    END IF;
    IF (v_old.outcome, v_old.reason, v_old.refund_tid, v_old.amount, v_old.refunded_amount)
       IS NOT DISTINCT FROM (p_outcome, p_reason, p_refund_tid, p_amount, p_refunded_amount) THEN
        RETURN 'same';
    END IF;
    INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found, evidence)
    VALUES (p_attempt_id, p_attempt_id, 'outcome',
            concat_ws(' ', v_old.outcome, v_old.reason, v_old.refund_tid, v_old.amount,
                      v_old.refunded_amount),
            concat_ws(' ', p_outcome, p_reason, p_refund_tid, p_amount, p_refunded_amount), p_evidence)
    ON CONFLICT DO NOTHING;
    RETURN 'contradiction';
END
$$;
COMMENT ON FUNCTION otprefund.second_outcome(bigint, text, text, integer, integer, text, jsonb, text,
        numeric, numeric) IS
    'What to do with an outcome where one is recorded: same (nothing), late (more than the recorded unknown), contradiction (recorded as such).';

CREATE FUNCTION otprefund.attempt_finish(
    p_attempt_id bigint, p_kind text, p_outcome text, p_reason text, p_http_status integer,
    p_duration_ms integer, p_message text, p_evidence jsonb, p_tx_status integer, p_refund_tid text,
    p_otp_ref_id text, p_amount_paise bigint, p_refunded_paise bigint, p_tid text,
    p_client_ref_id text, p_customer text, p_recipient text, p_transacted_ms bigint,
    p_settles bigint, p_resolution text, p_how text, p_next_inquiry_ms integer)
    RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_a record;
    v_q otprefund.open_attempt;
    v_open boolean;
    v_now timestamptz;
    v_word text := 'ok';
    v_settled boolean := false;
    v_amount numeric(14,2) := p_amount_paise / 100::numeric;
    v_refunded numeric(14,2) := p_refunded_paise / 100::numeric;
BEGIN
    SELECT a.kind, a.tid, a.client_ref_id, a.about_attempt_id, a.started_at INTO v_a
      FROM otprefund.attempt a WHERE a.attempt_id = p_attempt_id;
    IF NOT FOUND THEN
        RETURN 'not_found';
    END IF;
    IF v_a.kind IS DISTINCT FROM p_kind THEN
        RETURN 'refused';
    END IF;
    -- 1. the open attempt it is about, locked first
    IF p_settles IS NOT NULL OR p_kind = 'refund' THEN
        SELECT * INTO v_q FROM otprefund.open_attempt q
         WHERE q.attempt_id = coalesce(p_settles, p_attempt_id) FOR UPDATE;
    ELSIF p_kind = 'inquiry' AND v_a.about_attempt_id IS NOT NULL THEN
        SELECT * INTO v_q FROM otprefund.open_attempt q
         WHERE q.attempt_id = v_a.about_attempt_id FOR UPDATE;
    ELSIF p_kind = 'inquiry' THEN
        SELECT * INTO v_q FROM otprefund.open_attempt q
         WHERE q.tid = coalesce(v_a.tid, p_tid) FOR UPDATE;
    END IF;
    v_open := v_q.attempt_id IS NOT NULL;
    v_now := clock_timestamp();
    -- 2. the outcome
    INSERT INTO otprefund.outcome (attempt_id, finished_at, kind, outcome, reason, http_status,
                                   duration_ms, message, evidence, tx_status, refund_tid, otp_ref_id,
                                   amount, refunded_amount)
    VALUES (p_attempt_id, v_now, p_kind, p_outcome, p_reason, p_http_status, p_duration_ms, p_message,
            p_evidence, p_tx_status, p_refund_tid, p_otp_ref_id, v_amount, v_refunded)
    ON CONFLICT (attempt_id) DO NOTHING;
    IF NOT FOUND THEN
        v_word := otprefund.second_outcome(p_attempt_id, p_outcome, p_reason, p_http_status,
            p_duration_ms, p_message, p_evidence, p_refund_tid, v_amount, v_refunded);
        IF v_word = 'contradiction' THEN
            RETURN v_word;
        END IF;
    END IF;
    -- 3. facts of the transaction, unless the answer is about another one
    IF v_word <> 'same' AND p_tid = coalesce(v_a.tid, p_tid)
       AND coalesce(p_client_ref_id, p_customer, p_recipient, v_amount::text, p_tx_status::text,
                    p_transacted_ms::text) IS NOT NULL THEN
        PERFORM otprefund.facts_put(p_attempt_id, v_a.started_at, v_now, p_tid, p_client_ref_id,
            v_amount, p_tx_status, p_customer, p_recipient,
            timestamptz 'epoch' + p_transacted_ms * interval '1 millisecond');
    END IF;
    PERFORM otprefund.answer_check(p_attempt_id, p_kind, coalesce(p_settles, v_q.attempt_id), v_a.tid,
        v_a.client_ref_id, p_reason, p_tid, p_client_ref_id,
        CASE WHEN p_outcome <> 'rejected' THEN v_amount END, p_evidence);
    -- 4. what it settles, or when to ask next.  Asked while the call itself may have been on the wire, "not refunded"
    -- is no word on it, however short settle_s.
    IF p_settles IS NOT NULL AND p_resolution IS NOT NULL
       AND NOT (p_kind = 'inquiry' AND p_resolution = 'not_refunded'
                AND (SELECT a.deadline_at FROM otprefund.attempt a
                      WHERE a.attempt_id = p_settles LIMIT 1) > v_a.started_at
                AND (SELECT o.attempt_id FROM otprefund.outcome o
                      WHERE o.attempt_id = p_settles AND o.finished_at + interval '0' <= v_a.started_at
                      LIMIT 1) IS NULL) THEN
        v_settled := otprefund.resolution_put(p_settles, v_open, v_q.inquiries, p_resolution, p_how,
            p_attempt_id, p_kind, p_tx_status, p_refund_tid, v_amount, v_refunded, p_evidence);
    END IF;
    IF v_open AND NOT v_settled AND v_word = 'ok' AND (p_kind = 'inquiry' OR p_next_inquiry_ms > 0) THEN
        UPDATE otprefund.open_attempt q
           SET inquiries = q.inquiries + (p_kind = 'inquiry')::integer,
               next_inquiry_at = CASE WHEN p_next_inquiry_ms > 0
                   THEN greatest(v_now + p_next_inquiry_ms * interval '1 millisecond',
                                 CASE WHEN (SELECT o.attempt_id FROM otprefund.outcome o
                                             WHERE o.attempt_id = q.attempt_id LIMIT 1) IS NULL
                                      THEN q.deadline_at END)
                   ELSE q.next_inquiry_at END
         WHERE q.attempt_id = v_q.attempt_id;
    END IF;
    -- 5. an inquiry that was to settle nothing, or "already refunded", against what is settled (0006)
    IF p_kind = 'inquiry' AND p_outcome = 'answered' AND p_settles IS NULL AND NOT v_open
       AND v_word <> 'same' AND p_tid = coalesce(v_a.tid, p_tid) THEN
        PERFORM otprefund.resolution_check(p_attempt_id, v_a.started_at, p_tid, p_tx_status, p_evidence);
    ELSIF p_kind <> 'inquiry' AND p_reason = 'already_refunded' AND v_word <> 'same' THEN
        PERFORM otprefund.resolution_check(p_attempt_id, v_a.started_at, v_a.tid, 4, p_evidence);
    END IF;
    RETURN v_word;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_finish(bigint, text, text, text, integer, integer, text, jsonb,
        integer, text, text, bigint, bigint, text, text, text, text, bigint, bigint, text, text, integer) IS
    'Records outcome, facts and resolution. ok, same (was recorded already), late (the recorded outcome was unknown), contradiction (recorded as such, nothing else changed), not_found, refused (another kind).';

CREATE FUNCTION otprefund.attempt_sweep(p_now timestamptz, p_max integer)
    RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_from bigint;
    v_to bigint;
    v_row record;
BEGIN
    SELECT s.swept_to INTO v_from FROM otprefund.swept s FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN; -- another node is at it
    END IF;
    v_to := v_from;
    FOR v_row IN
        SELECT a.attempt_id, a.kind, a.started_at, a.deadline_at,
               EXISTS (SELECT FROM otprefund.outcome o WHERE o.attempt_id = a.attempt_id) AS done
          FROM otprefund.attempt a
         WHERE a.attempt_id > v_from
         ORDER BY a.attempt_id
         LIMIT p_max
    LOOP
        -- A minute is longer than any statement may take: no lower number can still turn up.
        EXIT WHEN v_row.started_at > p_now - interval '1 minute'
               OR (NOT v_row.done AND v_row.deadline_at > p_now);
        IF NOT v_row.done THEN
            IF v_row.kind = 'refund' THEN
                PERFORM FROM otprefund.open_attempt q WHERE q.attempt_id = v_row.attempt_id
                    FOR UPDATE SKIP LOCKED;
                EXIT WHEN NOT FOUND; -- its outcome is just being written
            END IF;
            INSERT INTO otprefund.outcome (attempt_id, kind, outcome, reason)
            VALUES (v_row.attempt_id, v_row.kind, 'unknown', 'node_lost')
            ON CONFLICT (attempt_id) DO NOTHING;
        END IF;
        v_to := v_row.attempt_id;
    END LOOP;
    IF v_to > v_from THEN
        UPDATE otprefund.swept SET swept_to = v_to;
    END IF;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_sweep(timestamptz, integer) IS
    'Gives outcome unknown, node_lost to attempts of any kind whose deadline passed without an outcome; looks at each attempt once.';

CREATE FUNCTION otprefund.attempt_claim(p_max integer, p_lease_ms integer)
    RETURNS TABLE (o_attempt_id bigint, o_tid text, o_client_ref_id text, o_user_code text,
                   o_age_ms bigint, o_inquiries integer, o_next_at timestamptz)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    PERFORM otprefund.attempt_sweep(v_now, 2000);
    RETURN QUERY
    WITH due AS (
        SELECT q.attempt_id
          FROM otprefund.open_attempt q
         WHERE q.next_inquiry_at <= v_now
           AND (q.deadline_at <= v_now
                OR EXISTS (SELECT FROM otprefund.outcome o WHERE o.attempt_id = q.attempt_id))
         ORDER BY q.next_inquiry_at
         LIMIT p_max
           FOR UPDATE OF q SKIP LOCKED
    ), moved AS (
        UPDATE otprefund.open_attempt q
           SET next_inquiry_at = v_now + p_lease_ms * interval '1 millisecond'
          FROM due
         WHERE q.attempt_id = due.attempt_id
        RETURNING q.attempt_id, q.tid, q.client_ref_id, q.opened_at, q.inquiries
    ), lost AS (
        INSERT INTO otprefund.outcome (attempt_id, kind, outcome, reason)
        SELECT m.attempt_id, 'refund', 'unknown', 'node_lost'
          FROM moved m
         WHERE NOT EXISTS (SELECT FROM otprefund.outcome o WHERE o.attempt_id = m.attempt_id)
        ON CONFLICT (attempt_id) DO NOTHING
    )
    SELECT m.attempt_id, m.tid, m.client_ref_id, a.user_code,
           greatest(0, floor(extract(epoch FROM v_now - m.opened_at) * 1000))::bigint,
           m.inquiries, NULL::timestamptz
      FROM moved m
      JOIN otprefund.attempt a ON a.attempt_id = m.attempt_id;
    RETURN QUERY
    SELECT NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::integer,
           (SELECT min(q.next_inquiry_at) FROM otprefund.open_attempt q);
END
$$;
COMMENT ON FUNCTION otprefund.attempt_claim(integer, integer) IS
    'Leases up to p_max due open attempts to the caller for p_lease_ms, and gives lost ones their outcome. The last row has only o_next_at: when the next one is due.';

CREATE FUNCTION otprefund.attempt_wake(p_tid text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    -- While the answer is still awaited there is nothing to ask: the deadline stays.
    UPDATE otprefund.open_attempt q
       SET next_inquiry_at = v_now
     WHERE q.tid = p_tid
       AND q.next_inquiry_at + interval '0' > v_now
       AND (q.deadline_at <= v_now
            OR (SELECT o.attempt_id FROM otprefund.outcome o
                 WHERE o.attempt_id = q.attempt_id LIMIT 1) IS NOT NULL);
    PERFORM pg_notify('otprefund_wake', p_tid);
END
$$;
COMMENT ON FUNCTION otprefund.attempt_wake(text) IS
    'Makes the open attempt on a transaction due now and notifies every node (channel otprefund_wake).';

GRANT EXECUTE ON FUNCTION
    otprefund.attempt_begin(text, text, text, text, text, text, text, text, bytea, bytea, boolean, bigint,
                            integer, integer, integer, integer),
    otprefund.attempt_begun(bytea, text, text),
    otprefund.attempt_finish(bigint, text, text, text, integer, integer, text, jsonb, integer, text, text,
                             bigint, bigint, text, text, text, text, bigint, bigint, text, text, integer),
    otprefund.attempt_claim(integer, integer),
    otprefund.attempt_wake(text)
TO otprefund_app;

INSERT INTO otprefund.schema_version (version, name) VALUES (4, '0004-writing');
RESET ROLE;
