-- 0011-many.sql - begin and finish for many callers at once, with one statement for what is ordinary.
--
-- The rules stand in attempt_begin and attempt_finish.  Most calls meet none of their exceptions: nothing
-- is known of the transaction that speaks against a begin, and a finish is the first word on its attempt.
-- Those rows are written together, which costs a fraction; every other row goes through attempt_begin or
-- attempt_finish as if it had come alone.  tests/unit/test_many.c holds the two against each other.
--
-- Rows are looked up as 0004 says, so that a plan that is kept uses the index, however small the table
-- was when it was made.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

CREATE FUNCTION otprefund.attempt_begin_many(
    p_kind text[], p_channel text[], p_tid text[], p_client_ref_id text[], p_operator text[],
    p_user_code text[], p_node text[], p_idempotency_key text[], p_content_mac bytea[],
    p_commit_token bytea[], p_cash_returned boolean[], p_about_attempt_id bigint[],
    p_deadline_ms integer[], p_otp_cooldown_s integer[], p_otp_per_hour integer[],
    p_wrong_otp_per_hour integer[])
    RETURNS TABLE (o_status text, o_attempt_id bigint, o_open_attempt_id bigint, o_open_age_ms bigint,
                   o_open_operator text, o_open_since timestamptz, o_retry_at timestamptz,
                   o_otp_ref_id text, o_known_amount numeric)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz;
    v_made bigint[];    -- by the call's place: the attempt that was made at once, or NULL
    v_open bigint[];    -- inquiries: the open attempt it is about
    v_otp_ref text[];
    v_known numeric[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(s.tid, 7031))
       FROM (SELECT DISTINCT u.tid FROM unnest(p_tid, p_kind) AS u(tid, kind)
              WHERE u.kind <> 'inquiry' ORDER BY u.tid) s;
    v_now := clock_timestamp();
    WITH asked AS MATERIALIZED (
        SELECT i.*, v_now + i.deadline_ms * interval '1 millisecond' AS deadline_at,
               q.attempt_id AS open_id,
               row_number() OVER (PARTITION BY coalesce(i.tid, i.n::text) ORDER BY i.n) = 1
               AND (i.kind = 'inquiry' OR (q.attempt_id IS NULL
                   -- what is refunded or contradicted is attempt_begin's to judge
                   AND (SELECT e.attempt_id FROM otprefund.attempt e
                         WHERE e.tid = i.tid
                           AND (e.kind IN (i.kind, 'refund')
                                OR (SELECT c.attempt_id FROM otprefund.contradiction c
                                     WHERE c.attempt_id = e.attempt_id LIMIT 1) IS NOT NULL)
                         LIMIT 1) IS NULL
                   AND (SELECT e.attempt_id FROM otprefund.attempt e
                         WHERE e.idempotency_key = i.idempotency_key AND e.operator || '' = i.operator
                         LIMIT 1) IS NULL)) AS clear
          FROM unnest(p_kind, p_channel, p_tid, p_client_ref_id, p_operator, p_user_code, p_node,
                      p_idempotency_key, p_content_mac, p_commit_token, p_cash_returned,
                      p_about_attempt_id, p_deadline_ms)
               WITH ORDINALITY AS i(kind, channel, tid, client_ref_id, operator, user_code, node,
                      idempotency_key, content_mac, commit_token, cash_returned, about_attempt_id,
                      deadline_ms, n)
          LEFT JOIN LATERAL (SELECT q.attempt_id FROM otprefund.open_attempt q
                WHERE q.attempt_id = coalesce(i.about_attempt_id,
                      (SELECT w.attempt_id FROM otprefund.open_attempt w WHERE w.tid = i.tid))
                LIMIT 1) q ON true
    ), made AS (
        INSERT INTO otprefund.attempt (kind, channel, tid, client_ref_id, operator, user_code, node,
                                       idempotency_key, content_mac, commit_token, cash_returned,
                                       about_attempt_id, started_at, deadline_at)
        SELECT i.kind, i.channel, i.tid, i.client_ref_id, i.operator, i.user_code, i.node,
               i.idempotency_key, i.content_mac, i.commit_token, i.cash_returned,
               i.about_attempt_id, v_now, i.deadline_at
          FROM asked i
         WHERE i.clear
         ORDER BY i.n
        ON CONFLICT (operator, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING attempt.attempt_id, attempt.commit_token
    ), opened AS (
        INSERT INTO otprefund.open_attempt (attempt_id, tid, client_ref_id, operator, opened_at,
                                            deadline_at, next_inquiry_at)
        SELECT m.attempt_id, i.tid, i.client_ref_id, i.operator, v_now, i.deadline_at, i.deadline_at
          FROM made m
          JOIN asked i ON i.commit_token = m.commit_token
         WHERE i.kind = 'refund'
        RETURNING open_attempt.attempt_id
    )
    SELECT array_agg(m.attempt_id ORDER BY i.n), array_agg(i.open_id ORDER BY i.n),
           array_agg(CASE WHEN i.kind = 'refund' AND m.attempt_id IS NOT NULL THEN (
                   SELECT o.otp_ref_id
                     FROM otprefund.attempt a
                     JOIN LATERAL (SELECT x.otp_ref_id, x.outcome FROM otprefund.outcome x
                                    WHERE x.attempt_id = a.attempt_id LIMIT 1) o ON true
                    WHERE a.tid = i.tid AND a.kind = 'otp' AND o.otp_ref_id IS NOT NULL
                      AND o.outcome IN ('sent', 'unconfirmed')
                    ORDER BY a.attempt_id + 0 DESC
                    LIMIT 1) END ORDER BY i.n),
           array_agg((SELECT t.amount FROM otprefund.transaction t WHERE t.tid = i.tid) ORDER BY i.n)
      INTO v_made, v_open, v_otp_ref, v_known
      FROM asked i
      LEFT JOIN made m ON m.commit_token = i.commit_token;
    FOR k IN 1 .. cardinality(p_kind) LOOP
        IF v_made[k] IS NULL THEN
            RETURN QUERY SELECT * FROM otprefund.attempt_begin(p_kind[k], p_channel[k], p_tid[k],
                p_client_ref_id[k], p_operator[k], p_user_code[k], p_node[k], p_idempotency_key[k],
                p_content_mac[k], p_commit_token[k], p_cash_returned[k], p_about_attempt_id[k],
                p_deadline_ms[k], p_otp_cooldown_s[k], p_otp_per_hour[k], p_wrong_otp_per_hour[k]);
            CONTINUE;
        END IF;
        o_status := 'begun';
        o_attempt_id := v_made[k];
        o_otp_ref_id := v_otp_ref[k];
        o_known_amount := v_known[k];
        o_open_attempt_id := NULL;
        o_open_operator := NULL;
        o_open_since := NULL;
        o_open_age_ms := NULL;
        IF v_open[k] IS NOT NULL THEN
            SELECT q.operator, q.opened_at INTO o_open_operator, o_open_since
              FROM otprefund.open_attempt q WHERE q.attempt_id = v_open[k];
            IF FOUND THEN
                o_open_attempt_id := v_open[k];
                o_open_age_ms := greatest(0, floor(extract(epoch FROM v_now - o_open_since) * 1000));
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_begin_many(text[], text[], text[], text[], text[], text[], text[],
        text[], bytea[], bytea[], boolean[], bigint[], integer[], integer[], integer[], integer[]) IS
    'attempt_begin for each place of the arrays, as if they had come one after the other; those on the same tid in their order.';

CREATE FUNCTION otprefund.attempt_finish_many(
    p_attempt_id bigint[], p_kind text[], p_outcome text[], p_reason text[], p_http_status integer[],
    p_duration_ms integer[], p_message text[], p_evidence jsonb[], p_tx_status integer[],
    p_refund_tid text[], p_otp_ref_id text[], p_amount_paise bigint[], p_refunded_paise bigint[],
    p_tid text[], p_client_ref_id text[], p_customer text[], p_recipient text[],
    p_transacted_ms bigint[], p_settles bigint[], p_resolution text[], p_how text[],
    p_next_inquiry_ms integer[])
    RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz;
    v_done boolean[];  -- by the call's place: written at once
    v_facts boolean[]; -- its facts are still to be told
    v_odd boolean[];   -- it names another TID or amount
    v_tid text[];      -- what was asked about, by TID
    v_ref text[];      -- or by reference
    v_about bigint[];  -- the open attempt it is about
    v_check boolean[]; -- an inquiry that was to settle nothing, or "already refunded", where something is settled
    v_asked timestamptz[];
    v_told bigint[];   -- settled by an inquiry: whoever waits for it may be on another node
BEGIN
    -- As in attempt_finish: the open attempts first, and the clock after them.
    PERFORM FROM otprefund.open_attempt q
      WHERE q.attempt_id = ANY (ARRAY(
            SELECT coalesce(i.settles, CASE i.kind
                       WHEN 'refund' THEN i.attempt_id
                       WHEN 'inquiry' THEN coalesce(a.about_attempt_id,
                            (SELECT w.attempt_id FROM otprefund.open_attempt w
                              WHERE w.tid = coalesce(a.tid, i.tid))) END)
              FROM unnest(p_attempt_id, p_kind, p_tid, p_settles) AS i(attempt_id, kind, tid, settles)
              JOIN LATERAL (SELECT a.tid, a.about_attempt_id FROM otprefund.attempt a
                             WHERE a.attempt_id = i.attempt_id LIMIT 1) a ON true))
      ORDER BY q.tid || '' -- sorted: the index by tid would be walked from end to end
        FOR UPDATE;
    v_now := clock_timestamp();
    WITH asked AS MATERIALIZED (
        SELECT i.n, i.attempt_id, i.kind, i.outcome, i.reason, i.http_status, i.duration_ms, i.message,
               i.evidence, i.tx_status, i.refund_tid, i.otp_ref_id,
               (i.amount_paise / 100::numeric)::numeric(14,2) AS amount,
               (i.refunded_paise / 100::numeric)::numeric(14,2) AS refunded,
               i.tid, i.client_ref_id, i.customer, i.recipient, i.settles, i.resolution, i.how,
               timestamptz 'epoch' + i.transacted_ms * interval '1 millisecond' AS transacted_at,
               i.next_inquiry_ms, a.tid AS about_tid, a.client_ref_id AS about_ref, a.started_at,
               q.attempt_id AS open_id, q.inquiries, q.deadline_at,
               row_number() OVER (PARTITION BY coalesce(a.tid, i.tid, i.n::text) ORDER BY i.n) = 1 AS first
          FROM unnest(p_attempt_id, p_kind, p_outcome, p_reason, p_http_status, p_duration_ms, p_message,
                      p_evidence, p_tx_status, p_refund_tid, p_otp_ref_id, p_amount_paise,
                      p_refunded_paise, p_tid, p_client_ref_id, p_customer, p_recipient,
                      p_transacted_ms, p_settles, p_resolution, p_how, p_next_inquiry_ms)
               WITH ORDINALITY AS i(attempt_id, kind, outcome, reason, http_status, duration_ms, message,
                      evidence, tx_status, refund_tid, otp_ref_id, amount_paise, refunded_paise, tid,
                      client_ref_id, customer, recipient, transacted_ms, settles, resolution, how,
                      next_inquiry_ms, n)
          JOIN LATERAL (SELECT a.tid, a.client_ref_id, a.about_attempt_id, a.started_at FROM otprefund.attempt a
                WHERE a.attempt_id = i.attempt_id AND a.kind = i.kind LIMIT 1) a ON true
          LEFT JOIN LATERAL (SELECT q.attempt_id, q.inquiries, q.deadline_at FROM otprefund.open_attempt q
                WHERE q.attempt_id = coalesce(i.settles, CASE i.kind
                    WHEN 'refund' THEN i.attempt_id
                    WHEN 'inquiry' THEN coalesce(a.about_attempt_id,
                         (SELECT w.attempt_id FROM otprefund.open_attempt w
                           WHERE w.tid = coalesce(a.tid, i.tid))) END)
                LIMIT 1) q ON true
    ), put AS (
        INSERT INTO otprefund.outcome (attempt_id, finished_at, kind, outcome, reason, http_status,
                                       duration_ms, message, evidence, tx_status, refund_tid,
                                       otp_ref_id, amount, refunded_amount)
        SELECT i.attempt_id, v_now, i.kind, i.outcome, i.reason, i.http_status, i.duration_ms, i.message,
               i.evidence, i.tx_status, i.refund_tid, i.otp_ref_id, i.amount, i.refunded
          FROM asked i
         WHERE i.first AND (i.settles IS NULL OR i.resolution IS NULL OR i.open_id IS NOT NULL)
           -- an inquiry's "not refunded", asked while the call itself may have been on the wire, goes alone
           AND CASE WHEN i.kind = 'inquiry' AND i.resolution = 'not_refunded' AND i.deadline_at > i.started_at
                    THEN (SELECT o.attempt_id FROM otprefund.outcome o
                           WHERE o.attempt_id = i.settles AND o.finished_at + interval '0' <= i.started_at
                           LIMIT 1) IS NOT NULL
                    ELSE true END
        ON CONFLICT (attempt_id) DO NOTHING
        RETURNING outcome.attempt_id
    ), told AS (
        INSERT INTO otprefund.transaction AS t
               (tid, client_ref_id, amount, tx_status, customer, recipient, transacted_at, answered_at,
                asked_at, by_attempt_id)
        SELECT i.tid, i.client_ref_id, i.amount, i.tx_status, i.customer, i.recipient, i.transacted_at,
               v_now, i.started_at, i.attempt_id
          FROM asked i
          JOIN put p ON p.attempt_id = i.attempt_id
         WHERE i.tid = coalesce(i.about_tid, i.tid)
           AND coalesce(i.client_ref_id, i.customer, i.recipient, i.amount::text, i.tx_status::text,
                        i.transacted_at::text) IS NOT NULL
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
         WHERE excluded.asked_at >= t.asked_at
           AND (t.amount IS NULL OR excluded.amount IS NULL OR t.amount = excluded.amount)
        RETURNING t.by_attempt_id
    ), settled AS (
        INSERT INTO otprefund.resolution (attempt_id, resolution, resolved_by, evidence_attempt_id,
                                          tx_status, refund_tid, amount, refunded_amount, inquiries)
        SELECT i.settles, i.resolution, i.how, i.attempt_id, i.tx_status, i.refund_tid,
               coalesce(t.amount, i.amount),
               CASE WHEN i.resolution <> 'refunded' THEN NULL
                    WHEN i.amount <> t.amount THEN t.amount
                    ELSE coalesce(i.refunded, i.amount, t.amount) END,
               i.inquiries + (i.kind = 'inquiry')::integer
          FROM asked i
          JOIN put p ON p.attempt_id = i.attempt_id
          LEFT JOIN LATERAL (SELECT t.amount FROM otprefund.transaction t
                WHERE t.tid = (SELECT s.tid FROM otprefund.attempt s WHERE s.attempt_id = i.settles)
                LIMIT 1) t ON true
         WHERE i.resolution IS NOT NULL
        RETURNING resolution.attempt_id, resolution.resolved_by
    ), closed AS (
        DELETE FROM otprefund.open_attempt q
         WHERE q.attempt_id = ANY (ARRAY(SELECT s.attempt_id FROM settled s))
    ), later AS (
        UPDATE otprefund.open_attempt q
           SET inquiries = q.inquiries + (i.kind = 'inquiry')::integer,
               next_inquiry_at = CASE WHEN i.next_inquiry_ms > 0
                   THEN greatest(v_now + i.next_inquiry_ms * interval '1 millisecond',
                                 CASE WHEN q.attempt_id <> i.attempt_id AND (
                                           SELECT o.attempt_id FROM otprefund.outcome o
                                            WHERE o.attempt_id = q.attempt_id LIMIT 1) IS NULL
                                      THEN q.deadline_at END)
                   ELSE q.next_inquiry_at END
          FROM asked i
          JOIN put p ON p.attempt_id = i.attempt_id
         WHERE q.attempt_id = ANY (ARRAY(SELECT x.open_id FROM asked x))
           AND q.attempt_id = i.open_id
           AND (i.settles IS NULL OR i.resolution IS NULL)
           AND (i.kind = 'inquiry' OR i.next_inquiry_ms > 0)
    )
    SELECT array_agg(p.attempt_id IS NOT NULL ORDER BY c.n),
           array_agg(p.attempt_id IS NOT NULL AND f.by_attempt_id IS NULL
                     AND i.tid = coalesce(i.about_tid, i.tid)
                     AND coalesce(i.client_ref_id, i.customer, i.recipient, i.amount::text,
                                  i.tx_status::text, i.transacted_at::text) IS NOT NULL ORDER BY c.n),
           array_agg(p.attempt_id IS NOT NULL AND coalesce(i.reason = 'other_tid'
                     OR (SELECT t.amount FROM otprefund.transaction t
                          WHERE t.tid = coalesce(i.about_tid, i.tid)) <> i.amount, false) ORDER BY c.n),
           array_agg(i.about_ref ORDER BY c.n), array_agg(coalesce(i.settles, i.open_id) ORDER BY c.n),
           array_agg(p.attempt_id IS NOT NULL
                     AND CASE i.kind WHEN 'inquiry' THEN i.outcome = 'answered' AND i.settles IS NULL
                              AND i.open_id IS NULL AND i.tid = coalesce(i.about_tid, i.tid)
                         ELSE coalesce(i.reason = 'already_refunded', false) END
                     AND (SELECT r.attempt_id FROM otprefund.attempt r
                           WHERE r.tid = coalesce(i.about_tid, i.tid) AND r.kind = 'refund'
                           LIMIT 1) IS NOT NULL ORDER BY c.n),
           array_agg(i.about_tid ORDER BY c.n), array_agg(i.started_at ORDER BY c.n), array_agg(s.attempt_id ORDER BY c.n)
      INTO v_done, v_facts, v_odd, v_ref, v_about, v_check, v_tid, v_asked, v_told
      FROM generate_series(1, cardinality(p_attempt_id)) AS c(n)
      LEFT JOIN asked i ON i.n = c.n
      LEFT JOIN put p ON p.attempt_id = i.attempt_id AND i.first
      LEFT JOIN told f ON f.by_attempt_id = i.attempt_id
      LEFT JOIN settled s ON s.attempt_id = i.settles AND s.resolved_by <> 'answer' AND i.first;
    FOR k IN 1 .. cardinality(p_attempt_id) LOOP
        IF NOT v_done[k] THEN
            RETURN NEXT otprefund.attempt_finish(p_attempt_id[k], p_kind[k], p_outcome[k], p_reason[k],
                p_http_status[k], p_duration_ms[k], p_message[k], p_evidence[k], p_tx_status[k],
                p_refund_tid[k], p_otp_ref_id[k], p_amount_paise[k], p_refunded_paise[k], p_tid[k],
                p_client_ref_id[k], p_customer[k], p_recipient[k], p_transacted_ms[k], p_settles[k],
                p_resolution[k], p_how[k], p_next_inquiry_ms[k]);
            CONTINUE;
        END IF;
        IF v_facts[k] THEN -- an older question's, or another amount
            PERFORM otprefund.facts_put(p_attempt_id[k], v_asked[k], v_now, p_tid[k],
                p_client_ref_id[k], (p_amount_paise[k] / 100::numeric)::numeric(14,2), p_tx_status[k],
                p_customer[k], p_recipient[k],
                timestamptz 'epoch' + p_transacted_ms[k] * interval '1 millisecond');
        END IF;
        IF v_facts[k] OR v_odd[k] THEN
            PERFORM otprefund.answer_check(p_attempt_id[k], p_kind[k], v_about[k], v_tid[k], v_ref[k],
                p_reason[k], p_tid[k], p_client_ref_id[k],
                CASE WHEN p_outcome[k] <> 'rejected' THEN (p_amount_paise[k] / 100::numeric)::numeric(14,2) END,
                p_evidence[k]);
        END IF;
        IF v_told[k] IS NOT NULL THEN
            PERFORM pg_notify('otprefund_settled', v_told[k]::text);
        END IF;
        IF v_check[k] THEN
            PERFORM otprefund.resolution_check(p_attempt_id[k], v_asked[k], coalesce(v_tid[k], p_tid[k]),
                CASE p_kind[k] WHEN 'inquiry' THEN p_tx_status[k] ELSE 4 END, p_evidence[k]);
        END IF;
        RETURN NEXT 'ok';
    END LOOP;
END
$$;
COMMENT ON FUNCTION otprefund.attempt_finish_many(bigint[], text[], text[], text[], integer[], integer[],
        text[], jsonb[], integer[], text[], text[], bigint[], bigint[], text[], text[], text[], text[],
        bigint[], bigint[], text[], text[], integer[]) IS
    'attempt_finish for each place of the arrays, as if they had come one after the other; those on the same tid in their order.';

GRANT EXECUTE ON FUNCTION otprefund.attempt_begin_many(text[], text[], text[], text[], text[], text[],
        text[], text[], bytea[], bytea[], boolean[], bigint[], integer[], integer[], integer[], integer[]),
    otprefund.attempt_finish_many(bigint[], text[], text[], text[], integer[], integer[], text[], jsonb[],
        integer[], text[], text[], bigint[], bigint[], text[], text[], text[], text[], bigint[], bigint[],
        text[], text[], integer[])
    TO otprefund_app;

INSERT INTO otprefund.schema_version (version, name) VALUES (11, '0011-many');
RESET ROLE;
