-- 0007-manual.sql - manual resolution: one supervisor proposes with evidence, another person decides.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- ---- what was proposed, and what was decided ---------------------------------------------------

CREATE TABLE otprefund.manual_proposal (
    proposal_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
                        CONSTRAINT proposal_id_range CHECK (proposal_id > 0),
    attempt_id          bigint NOT NULL REFERENCES otprefund.attempt
                        CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    resolution          text COLLATE "C" NOT NULL
                        CONSTRAINT resolution_words CHECK (resolution IN ('refunded', 'not_refunded')),
    reason              text NOT NULL
                        CONSTRAINT reason_size CHECK (char_length(reason) BETWEEN 10 AND 500)
                        CONSTRAINT reason_form CHECK (reason !~ '[\x01-\x1f\x7f]' AND reason = btrim(reason)),
    evidence_attempt_id bigint NOT NULL REFERENCES otprefund.attempt
                        CONSTRAINT evidence_attempt_id_range CHECK (evidence_attempt_id > 0),
    proposed_by         text COLLATE "C" NOT NULL
                        CONSTRAINT proposed_by_size CHECK (octet_length(proposed_by) BETWEEN 1 AND 64),
    proposed_at         timestamptz NOT NULL DEFAULT clock_timestamp()
                        CONSTRAINT proposed_at_finite CHECK (isfinite(proposed_at)),
    idempotency_key     text COLLATE "C" NOT NULL
                        CONSTRAINT idempotency_key_form CHECK (idempotency_key ~ '^[!-~]{1,128}$'),
    CONSTRAINT evidence_is_another CHECK (evidence_attempt_id <> attempt_id),
    CONSTRAINT proposal_key UNIQUE (proposed_by, idempotency_key),
    CONSTRAINT proposal_person UNIQUE (proposal_id, proposed_by)
);
CREATE INDEX manual_proposal_attempt_id ON otprefund.manual_proposal (attempt_id, proposal_id);
COMMENT ON TABLE otprefund.manual_proposal IS
    'Insert-only. A supervisor''s proposal of how an open refund attempt is to be settled by hand; about one that was settled by hand: a counter-entry.';
COMMENT ON COLUMN otprefund.manual_proposal.proposal_id IS 'Number of the proposal, ascending.';
COMMENT ON COLUMN otprefund.manual_proposal.attempt_id IS 'The refund attempt.';
COMMENT ON COLUMN otprefund.manual_proposal.resolution IS 'What is proposed: refunded or not_refunded.';
COMMENT ON COLUMN otprefund.manual_proposal.reason IS 'Why, in the proposer''s own words.';
COMMENT ON COLUMN otprefund.manual_proposal.evidence_attempt_id IS
    'The inquiry the proposal rests on: what the bank said, or that it said nothing.';
COMMENT ON COLUMN otprefund.manual_proposal.proposed_by IS 'Login of the supervisor.';
COMMENT ON COLUMN otprefund.manual_proposal.proposed_at IS 'When it was proposed, by the database''s clock.';
COMMENT ON COLUMN otprefund.manual_proposal.idempotency_key IS
    'Of the form: the same form twice is one proposal.';

CREATE TABLE otprefund.manual_decision (
    proposal_id bigint PRIMARY KEY
                CONSTRAINT proposal_id_range CHECK (proposal_id > 0),
    proposed_by text COLLATE "C" NOT NULL
                CONSTRAINT proposed_by_size CHECK (octet_length(proposed_by) BETWEEN 1 AND 64),
    decision    text COLLATE "C" NOT NULL
                CONSTRAINT decision_words CHECK (decision IN ('approved', 'refused')),
    decided_by  text COLLATE "C" NOT NULL
                CONSTRAINT decided_by_size CHECK (octet_length(decided_by) BETWEEN 1 AND 64),
    decided_at  timestamptz NOT NULL DEFAULT clock_timestamp()
                CONSTRAINT decided_at_finite CHECK (isfinite(decided_at)),
    note        text CONSTRAINT note_size CHECK (char_length(note) BETWEEN 1 AND 500)
                CONSTRAINT note_form CHECK (note !~ '[\x01-\x1f\x7f]'),
    CONSTRAINT another_person CHECK (decided_by <> proposed_by),
    CONSTRAINT decision_of_proposal FOREIGN KEY (proposal_id, proposed_by)
        REFERENCES otprefund.manual_proposal (proposal_id, proposed_by)
);
COMMENT ON TABLE otprefund.manual_decision IS
    'Insert-only. What another person decided about a proposal; at most one decision for each.';
COMMENT ON COLUMN otprefund.manual_decision.proposal_id IS 'The proposal.';
COMMENT ON COLUMN otprefund.manual_decision.proposed_by IS
    'Its proposer, repeated here so that a CHECK can keep the two apart.';
COMMENT ON COLUMN otprefund.manual_decision.decision IS 'approved or refused.';
COMMENT ON COLUMN otprefund.manual_decision.decided_by IS 'Login of the supervisor or auditor.';
COMMENT ON COLUMN otprefund.manual_decision.decided_at IS 'When it was decided, by the database''s clock.';
COMMENT ON COLUMN otprefund.manual_decision.note IS 'A remark of the decider, if any.';

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.manual_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.manual_decision
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
ALTER TABLE otprefund.manual_proposal ENABLE ALWAYS TRIGGER insert_only;
ALTER TABLE otprefund.manual_decision ENABLE ALWAYS TRIGGER insert_only;

-- No role is exempt: whoever writes the row, two people stand behind it.
CREATE FUNCTION otprefund.manual_needs_two() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM otprefund.manual_proposal p
                     JOIN otprefund.manual_decision d ON d.proposal_id = p.proposal_id
                    WHERE p.attempt_id = NEW.attempt_id
                      AND p.resolution = NEW.resolution
                      AND p.evidence_attempt_id = NEW.evidence_attempt_id
                      AND d.decision = 'approved') THEN
        RAISE EXCEPTION 'attempt %: a manual resolution needs an approved proposal', NEW.attempt_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION otprefund.manual_needs_two() IS
    'Trigger: refuses a manual resolution without an approved proposal of the same content, from every role.';
CREATE TRIGGER manual_needs_two BEFORE INSERT ON otprefund.resolution
    FOR EACH ROW WHEN (NEW.resolved_by = 'manual') EXECUTE FUNCTION otprefund.manual_needs_two();
ALTER TABLE otprefund.resolution ENABLE ALWAYS TRIGGER manual_needs_two;


-- ---- what people and the functions below read ----------------------------------------------------

CREATE VIEW otprefund.manual_status AS
SELECT p.proposal_id,
       p.attempt_id,
       a.tid,
       p.resolution,
       p.reason,
       p.evidence_attempt_id,
       e.outcome AS evidence_outcome,
       e.reason AS evidence_reason,
       e.tx_status AS evidence_tx_status,
       e.finished_at AS evidence_at,
       p.proposed_by,
       p.proposed_at,
       CASE WHEN d.proposal_id IS NOT NULL THEN d.decision
            WHEN q.attempt_id IS NULL
                 AND (r.resolved_by = 'manual' AND r.resolved_at <= p.proposed_at) IS NOT TRUE
            THEN 'settled'
            WHEN EXISTS (SELECT FROM otprefund.manual_proposal n
                          WHERE n.attempt_id = p.attempt_id AND n.proposal_id > p.proposal_id)
            THEN 'superseded'
            WHEN p.proposed_at <= clock_timestamp() - interval '24 hours' THEN 'expired'
            WHEN EXISTS (SELECT FROM otprefund.attempt i
                           JOIN otprefund.outcome w ON w.attempt_id = i.attempt_id
                          WHERE i.tid = a.tid AND i.kind = 'inquiry'
                            AND w.finished_at > e.finished_at
                            AND (w.outcome, w.tx_status) IS DISTINCT FROM (e.outcome, e.tx_status))
            THEN 'stale'
            ELSE 'pending' END AS state,
       d.decided_by,
       d.decided_at,
       d.note,
       (r.resolved_by = 'manual' AND r.resolved_at <= p.proposed_at) IS TRUE AS counter
  FROM otprefund.manual_proposal p
  JOIN otprefund.attempt a ON a.attempt_id = p.attempt_id
  JOIN otprefund.outcome e ON e.attempt_id = p.evidence_attempt_id
  LEFT JOIN otprefund.manual_decision d ON d.proposal_id = p.proposal_id
  LEFT JOIN otprefund.open_attempt q ON q.attempt_id = p.attempt_id
  LEFT JOIN otprefund.resolution r ON r.attempt_id = p.attempt_id;
COMMENT ON VIEW otprefund.manual_status IS
    'One row per proposal of a manual resolution: what, why, on which evidence, and how it stands.';
COMMENT ON COLUMN otprefund.manual_status.proposal_id IS 'Number of the proposal.';
COMMENT ON COLUMN otprefund.manual_status.attempt_id IS 'The refund attempt.';
COMMENT ON COLUMN otprefund.manual_status.tid IS 'The bank''s number of the transaction.';
COMMENT ON COLUMN otprefund.manual_status.resolution IS 'What is proposed.';
COMMENT ON COLUMN otprefund.manual_status.reason IS 'Why.';
COMMENT ON COLUMN otprefund.manual_status.evidence_attempt_id IS 'The inquiry it rests on.';
COMMENT ON COLUMN otprefund.manual_status.evidence_outcome IS 'Outcome of that inquiry.';
COMMENT ON COLUMN otprefund.manual_status.evidence_reason IS 'Its reason, if any.';
COMMENT ON COLUMN otprefund.manual_status.evidence_tx_status IS 'The tx_status it answered, if any.';
COMMENT ON COLUMN otprefund.manual_status.evidence_at IS 'When that inquiry was finished.';
COMMENT ON COLUMN otprefund.manual_status.proposed_by IS 'Who proposed it.';
COMMENT ON COLUMN otprefund.manual_status.proposed_at IS 'When.';
COMMENT ON COLUMN otprefund.manual_status.state IS
    'pending; approved, refused (decided); settled (otherwise, meanwhile); superseded (by a newer proposal); expired (24 hours); stale (the bank has said something else since).';
COMMENT ON COLUMN otprefund.manual_status.decided_by IS 'Who decided.';
COMMENT ON COLUMN otprefund.manual_status.decided_at IS 'When.';
COMMENT ON COLUMN otprefund.manual_status.note IS 'The decider''s remark.';
COMMENT ON COLUMN otprefund.manual_status.counter IS
    'A counter-entry: it says the opposite of what was settled by hand before.';
GRANT SELECT ON otprefund.manual_status TO otprefund_app, otprefund_auditor;

-- ---- the two steps ---------------------------------------------------------------------------------

CREATE FUNCTION otprefund.manual_propose(
    p_attempt_id bigint, p_resolution text, p_reason text, p_evidence_attempt_id bigint,
    p_proposed_by text, p_idempotency_key text, p_settle_s integer,
    OUT o_status text, OUT o_proposal_id bigint)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_q otprefund.open_attempt;
    v_old otprefund.manual_proposal;
    v_e record;
    v_tid text;
    v_since timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM otprefund.operator o
                    WHERE o.name = p_proposed_by AND o.role = 'supervisor' AND NOT o.disabled) THEN
        o_status := 'forbidden';
        RETURN;
    END IF;
    SELECT a.tid INTO v_tid
      FROM otprefund.attempt a WHERE a.attempt_id = p_attempt_id AND a.kind = 'refund';
    IF NOT FOUND THEN
        o_status := 'not_found';
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_attempt_id::text, 7032));
    -- The lock every outcome about this attempt takes too: what is read from here on stays so.
    SELECT * INTO v_q FROM otprefund.open_attempt q WHERE q.attempt_id = p_attempt_id FOR UPDATE;
    SELECT * INTO v_old FROM otprefund.manual_proposal p
     WHERE p.proposed_by = p_proposed_by AND p.idempotency_key = p_idempotency_key;
    IF FOUND THEN
        o_proposal_id := v_old.proposal_id;
        o_status := CASE WHEN (v_old.attempt_id, v_old.resolution, v_old.reason)
                              = (p_attempt_id, p_resolution, p_reason) THEN 'same' ELSE 'key_used' END;
        RETURN;
    END IF;
    IF v_q.attempt_id IS NOT NULL THEN
        v_since := v_q.opened_at;
        -- Its own answer may still come, or the bank may still be at it (promise 6).
        IF v_since > clock_timestamp() - p_settle_s * interval '1 second'
           OR (v_q.deadline_at > clock_timestamp()
               AND NOT EXISTS (SELECT FROM otprefund.outcome o WHERE o.attempt_id = p_attempt_id)) THEN
            o_status := 'too_soon';
            RETURN;
        END IF;
    ELSE -- only the opposite of what was settled by hand, and that once
        SELECT r.resolved_at INTO v_since
          FROM otprefund.resolution r
         WHERE r.attempt_id = p_attempt_id AND r.resolved_by = 'manual'
           AND r.resolution <> p_resolution
           AND NOT EXISTS (SELECT FROM otprefund.manual_status m
                            WHERE m.attempt_id = p_attempt_id AND m.counter AND m.state = 'approved');
        IF NOT FOUND THEN
            o_status := 'settled';
            RETURN;
        END IF;
    END IF;
    SELECT w.finished_at, w.outcome, w.tx_status INTO v_e
      FROM otprefund.attempt i
      JOIN otprefund.outcome w ON w.attempt_id = i.attempt_id
     WHERE i.attempt_id = p_evidence_attempt_id AND i.kind = 'inquiry' AND i.tid = v_tid
       AND i.started_at > v_since
       AND w.finished_at > clock_timestamp() - interval '15 minutes';
    IF NOT FOUND THEN
        o_status := 'no_evidence';
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM otprefund.attempt i
                 JOIN otprefund.outcome w ON w.attempt_id = i.attempt_id
                WHERE i.tid = v_tid AND i.kind = 'inquiry' AND w.finished_at > v_e.finished_at
                  AND (w.outcome, w.tx_status) IS DISTINCT FROM (v_e.outcome, v_e.tx_status)) THEN
        o_status := 'stale';
        RETURN;
    END IF;
    INSERT INTO otprefund.manual_proposal (attempt_id, resolution, reason, evidence_attempt_id,
                                           proposed_by, idempotency_key)
    VALUES (p_attempt_id, p_resolution, p_reason, p_evidence_attempt_id, p_proposed_by,
            p_idempotency_key)
    RETURNING proposal_id INTO o_proposal_id;
    o_status := 'proposed';
END
$$;
COMMENT ON FUNCTION otprefund.manual_propose(bigint, text, text, bigint, text, text, integer) IS
    'Records a proposal. proposed; same or key_used (the form was used before); forbidden (not an enabled supervisor); not_found; settled (not open any more, and nothing to counter); too_soon (younger than p_settle_s, or its answer may still come); no_evidence (not a finished inquiry about this transaction of the last 15 minutes); stale (a newer inquiry says something else). Only proposed writes.';

CREATE FUNCTION otprefund.manual_decide(
    p_attempt_id bigint, p_proposal_id bigint, p_decision text, p_decided_by text, p_note text)
    RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_q otprefund.open_attempt;
    v_m otprefund.manual_status;
    v_e otprefund.outcome;
BEGIN
    IF NOT EXISTS (SELECT FROM otprefund.operator o
                    WHERE o.name = p_decided_by AND o.role IN ('supervisor', 'auditor')
                      AND NOT o.disabled) THEN
        RETURN 'forbidden';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_attempt_id::text, 7032));
    SELECT * INTO v_q FROM otprefund.open_attempt q WHERE q.attempt_id = p_attempt_id FOR UPDATE;
    SELECT * INTO v_m FROM otprefund.manual_status m
     WHERE m.proposal_id = p_proposal_id AND m.attempt_id = p_attempt_id;
    IF NOT FOUND THEN
        RETURN 'not_found';
    END IF;
    IF v_m.proposed_by = p_decided_by THEN
        RETURN 'own';
    END IF;
    IF v_m.decided_by IS NOT NULL THEN
        RETURN CASE WHEN (v_m.state, v_m.decided_by) = (p_decision, p_decided_by)
                    THEN 'same' ELSE 'decided' END;
    END IF;
    IF v_m.state IN ('settled', 'superseded') THEN
        RETURN v_m.state;
    END IF;
    IF p_decision = 'approved' THEN
        IF v_m.state <> 'pending' THEN
            RETURN v_m.state; -- expired, stale
        END IF;
        IF NOT EXISTS (SELECT FROM otprefund.operator o
                        WHERE o.name = v_m.proposed_by AND o.role = 'supervisor'
                          AND NOT o.disabled) THEN
            RETURN 'proposer_out';
        END IF;
    END IF;
    INSERT INTO otprefund.manual_decision (proposal_id, proposed_by, decision, decided_by, note)
    VALUES (p_proposal_id, v_m.proposed_by, p_decision, p_decided_by, p_note);
    IF p_decision = 'approved' THEN
        SELECT * INTO v_e FROM otprefund.outcome o WHERE o.attempt_id = v_m.evidence_attempt_id;
    END IF;
    IF p_decision = 'approved' AND v_m.counter THEN
        INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found, evidence)
        VALUES (p_attempt_id, v_m.evidence_attempt_id, 'resolution',
                CASE v_m.resolution WHEN 'refunded' THEN 'not_refunded' ELSE 'refunded' END,
                v_m.resolution, v_e.evidence)
        ON CONFLICT DO NOTHING;
    ELSIF p_decision = 'approved' THEN
        PERFORM otprefund.resolution_put(p_attempt_id, true, v_q.inquiries, v_m.resolution, 'manual',
            v_m.evidence_attempt_id, 'manual', v_e.tx_status, v_e.refund_tid, v_e.amount,
            v_e.refunded_amount, v_e.evidence);
    END IF;
    RETURN p_decision;
END
$$;
COMMENT ON FUNCTION otprefund.manual_decide(bigint, bigint, text, text, text) IS
    'Decides about a proposal; an approval settles the attempt in the same transaction, or, of a counter-entry, is put beside the resolution as a contradiction. approved, refused (recorded); same (this person decided so before); decided (otherwise, before); forbidden (not an enabled supervisor or auditor); own (the proposer); not_found; settled; superseded; for an approval also expired, stale and proposer_out (the proposer is no enabled supervisor any more).';

GRANT EXECUTE ON FUNCTION
    otprefund.manual_propose(bigint, text, text, bigint, text, text, integer),
    otprefund.manual_decide(bigint, bigint, text, text, text)
TO otprefund_app;

INSERT INTO otprefund.schema_version (version, name) VALUES (7, '0007-manual');
RESET ROLE;
