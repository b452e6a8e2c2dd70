-- 0008-settling.sql - what is refunded counts once; the resolver comes back for every lost attempt.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- ---- refunded once ---------------------------------------------------------------------------------

-- The bank credits a transaction once.  Where an earlier attempt was refunded, "refunded" in an
-- inquiry speaks of that one, and this one came too late; unless that one is in doubt itself.
CREATE FUNCTION otprefund.refunded_before(p_attempt_id bigint) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM otprefund.attempt a
          JOIN otprefund.attempt b ON b.tid = a.tid AND b.kind = 'refund' AND b.attempt_id < a.attempt_id
          JOIN otprefund.resolution r ON r.attempt_id = b.attempt_id AND r.resolution = 'refunded'
         WHERE a.attempt_id = p_attempt_id
           AND NOT EXISTS (SELECT FROM otprefund.contradiction c
                            WHERE c.attempt_id = b.attempt_id AND c.what = 'resolution')
           AND NOT EXISTS (SELECT FROM otprefund.manual_proposal p
                             JOIN otprefund.manual_decision d ON d.proposal_id = p.proposal_id
                            WHERE p.attempt_id = b.attempt_id AND p.resolution = 'not_refunded'
                              AND d.decision = 'approved'))
$$;
COMMENT ON FUNCTION otprefund.refunded_before(bigint) IS
    'Was an earlier attempt on the same transaction refunded, and is that not in doubt?';

CREATE OR REPLACE FUNCTION otprefund.resolution_put(
    p_settles bigint, p_open boolean, p_open_inquiries integer, p_resolution text, p_how text,
    p_attempt_id bigint, p_kind text, p_tx_status integer, p_refund_tid text, p_amount numeric,
    p_refunded_amount numeric, p_evidence jsonb)
    RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_old record;
    v_known numeric;
BEGIN
    IF p_open THEN
        IF p_how = 'inquiry' AND p_resolution = 'refunded' AND otprefund.refunded_before(p_settles) THEN
            p_resolution := 'not_refunded';
        END IF;
        IF p_amount IS NULL THEN
            SELECT t.amount INTO v_known
              FROM otprefund.attempt a
              JOIN otprefund.transaction t ON t.tid = a.tid
             WHERE a.attempt_id = p_settles;
        END IF;
        INSERT INTO otprefund.resolution (attempt_id, resolution, resolved_by, evidence_attempt_id,
                                          tx_status, refund_tid, amount, refunded_amount, inquiries)
        VALUES (p_settles, p_resolution, p_how, p_attempt_id, p_tx_status, p_refund_tid,
                coalesce(p_amount, v_known),
                CASE p_resolution WHEN 'refunded'
                     THEN coalesce(p_refunded_amount, p_amount, v_known) END,
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
    'Settles an open attempt, or records that a settled one is contradicted. True if it settled it. What an inquiry finds refunded counts for the first attempt only.';

-- ---- nothing is forgotten --------------------------------------------------------------------------

CREATE FUNCTION otprefund.attempt_sweep_at(p_now timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$
    SELECT greatest(a.started_at + interval '1 minute',
                    CASE WHEN o.attempt_id IS NULL THEN a.deadline_at END,
                    p_now + interval '200 milliseconds')
      FROM otprefund.attempt a
      LEFT JOIN otprefund.outcome o ON o.attempt_id = a.attempt_id
     WHERE a.attempt_id > (SELECT s.swept_to FROM otprefund.swept s)
     ORDER BY a.attempt_id
     LIMIT 1
$$;
COMMENT ON FUNCTION otprefund.attempt_sweep_at(timestamptz) IS
    'When attempt_sweep can get on: the first attempt it has not passed is then old enough. NULL: nothing left to look at.';

CREATE OR REPLACE FUNCTION otprefund.attempt_claim(p_max integer, p_lease_ms integer)
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
           least((SELECT min(q.next_inquiry_at) FROM otprefund.open_attempt q),
                 otprefund.attempt_sweep_at(v_now));
END
$$;
COMMENT ON FUNCTION otprefund.attempt_claim(integer, integer) IS
    'Leases up to p_max due open attempts to the caller for p_lease_ms, and gives lost ones their outcome. The last row has only o_next_at: when there is something to do again.';

INSERT INTO otprefund.schema_version (version, name) VALUES (8, '0008-settling');
RESET ROLE;
