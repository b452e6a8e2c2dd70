-- 0006-second-words.sql - later words of the bank: an inquiry against what is settled;
-- callbacks; and who is told when.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- The same finding is recorded once, however often the bank is asked.
CREATE UNIQUE INDEX contradiction_found_once ON otprefund.contradiction (attempt_id, what, found)
    WHERE what <> 'outcome';

-- ---- an answer about another transaction, or of another amount -----------------------------------

-- Looks at every answer, whatever it proves: one that names another TID proves nothing, but somebody must see it.
-- Who asks again and again finds the same: an inquiry's finding is put to the refund attempt it is about, or where there
-- is none to the first attempt that had it.
CREATE FUNCTION otprefund.answer_check(
    p_attempt_id bigint, p_kind text, p_about bigint, p_asked_tid text, p_asked_ref text, p_reason text,
    p_tid text, p_client_ref_id text, p_amount numeric, p_evidence jsonb)
    RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_tid text := coalesce(p_asked_tid, p_tid);
    v_at bigint := p_attempt_id;
    v_what text := 'tid';
    v_recorded text;
    v_found text;
BEGIN
    IF p_reason = 'other_tid' THEN
        v_recorded := coalesce(p_asked_tid, p_asked_ref);
        v_found := CASE WHEN p_asked_tid IS NULL THEN p_client_ref_id ELSE coalesce(p_tid, 'unreadable') END;
    ELSIF p_amount IS NOT NULL AND coalesce(p_tid, v_tid) = v_tid THEN
        v_what := 'amount';
        SELECT t.amount::text INTO v_recorded FROM otprefund.transaction t WHERE t.tid = v_tid;
        v_found := p_amount::numeric(14,2)::text;
    END IF;
    IF (v_recorded <> v_found) IS NOT TRUE THEN
        RETURN;
    END IF;
    IF p_kind = 'inquiry' THEN
        v_at := coalesce(p_about, (
            SELECT a.attempt_id FROM otprefund.attempt a
             WHERE a.tid = v_tid AND a.kind = 'refund'
             ORDER BY a.attempt_id + 0 DESC LIMIT 1), (
            SELECT a.attempt_id FROM otprefund.attempt a
             WHERE a.tid = v_tid
               AND (SELECT c.attempt_id FROM otprefund.contradiction c
                     WHERE c.attempt_id = a.attempt_id AND c.what = v_what AND c.found = v_found
                     LIMIT 1) IS NOT NULL
             LIMIT 1), p_attempt_id);
    END IF;
    INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found, evidence)
    VALUES (v_at, p_attempt_id, v_what, v_recorded, v_found, p_evidence)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION otprefund.answer_check(bigint, text, bigint, text, text, text, text, text, numeric, jsonb) IS
    'Records that an answer names another TID or amount than those it was asked about, once per finding; changes nothing else.';

-- ---- an inquiry that disagrees with a resolution ---------------------------------------------------

-- Refunded is for ever: refund pending, success or fail said afterwards contradicts it.  An inquiry
-- that was asked before the refund was settled may well say so.  "Refunded" where every attempt of
-- ours came to nothing (an inquiry's, or the bank's "already refunded") contradicts only what an inquiry or two people settled: after a rejection by
-- the bank's own answer, somebody may have refunded elsewhere.
CREATE FUNCTION otprefund.resolution_check(
    p_attempt_id bigint, p_asked_at timestamptz, p_tid text, p_tx_status integer, p_evidence jsonb)
    RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_r record;
BEGIN
    IF p_tx_status IS NULL OR p_tx_status NOT IN (0, 1, 3, 4)
       OR EXISTS (SELECT FROM otprefund.open_attempt q WHERE q.tid = p_tid) THEN
        RETURN;
    END IF;
    SELECT r.attempt_id, r.resolution, r.resolved_at INTO v_r
      FROM otprefund.attempt a
      JOIN LATERAL (SELECT x.attempt_id, x.resolution, x.resolved_at, x.resolved_by FROM otprefund.resolution x
                     WHERE x.attempt_id = a.attempt_id LIMIT 1) r ON true
     WHERE a.tid = p_tid AND a.kind = 'refund'
       AND (r.resolution = 'refunded' OR r.resolved_by IN ('inquiry', 'manual'))
     ORDER BY r.resolution = 'refunded' DESC, a.attempt_id DESC
     LIMIT 1;
    IF v_r.resolution = 'refunded' AND p_tx_status <> 4 AND p_asked_at >= v_r.resolved_at
       OR v_r.resolution = 'not_refunded' AND p_tx_status = 4 THEN
        INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found, evidence)
        VALUES (v_r.attempt_id, p_attempt_id, 'resolution', v_r.resolution,
                CASE p_tx_status WHEN 4 THEN 'refunded' ELSE 'not_refunded' END, p_evidence)
        ON CONFLICT DO NOTHING;
    END IF;
END
$$;
COMMENT ON FUNCTION otprefund.resolution_check(bigint, timestamptz, text, integer, jsonb) IS
    'Records that an inquiry, or "already refunded" (as tx_status 4), disagrees with a settled attempt of its transaction, once per finding; changes nothing else.';

-- ---- callbacks: what was said to the callback's address --------------------------------------------

CREATE TABLE otprefund.callback (
    callback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
                CONSTRAINT callback_id_range CHECK (callback_id > 0),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
                CONSTRAINT received_at_finite CHECK (isfinite(received_at)),
    tid         text COLLATE "C" CONSTRAINT tid_digits CHECK (tid ~ '^[0-9]{1,18}$'),
    body        text NOT NULL CONSTRAINT body_size CHECK (octet_length(body) <= 8192),
    body_bytes  integer NOT NULL CONSTRAINT body_bytes_range CHECK (body_bytes >= 0),
    address     text COLLATE "C" CONSTRAINT address_size CHECK (octet_length(address) BETWEEN 1 AND 64)
);
CREATE INDEX callback_tid ON otprefund.callback (tid, callback_id) WHERE tid IS NOT NULL;
CREATE INDEX callback_received_at ON otprefund.callback USING brin (received_at) WITH (autosummarize = on);
COMMENT ON TABLE otprefund.callback IS
    'Insert-only. What was sent to the callback''s address, as evidence: it carries no signature, so it settles nothing and only wakes an inquiry.';
COMMENT ON COLUMN otprefund.callback.callback_id IS 'Number of the callback, ascending; gaps mean nothing.';
COMMENT ON COLUMN otprefund.callback.received_at IS 'When it was recorded, by the database''s clock.';
COMMENT ON COLUMN otprefund.callback.tid IS 'The transaction it names; NULL where none could be read.';
COMMENT ON COLUMN otprefund.callback.body IS
    'The text as sent, at most 8192 bytes of it; bytes that are no UTF-8, and zero bytes, stand as U+FFFD.';
COMMENT ON COLUMN otprefund.callback.body_bytes IS 'How many bytes were sent.';
COMMENT ON COLUMN otprefund.callback.address IS 'Network address it came from, as the web server told.';
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.callback
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
ALTER TABLE otprefund.callback ENABLE ALWAYS TRIGGER insert_only;

CREATE FUNCTION otprefund.callback_put(p_tid text, p_body text, p_body_bytes integer, p_address text)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO otprefund.callback (tid, body, body_bytes, address)
    VALUES (p_tid, p_body, p_body_bytes, p_address)
    RETURNING callback_id
$$;
COMMENT ON FUNCTION otprefund.callback_put(text, text, integer, text) IS
    'Records a callback; returns its number. Changes nothing else.';
GRANT EXECUTE ON FUNCTION otprefund.callback_put(text, text, integer, text) TO otprefund_app;

-- ---- resolvers sleep until something is due: tell them of what is due sooner -----------------------

-- Every resolver knows the earliest next_inquiry_at that it saw.  So a place in the queue is news only
-- where none before it is: on a busy desk that is seldom, and a notification costs a lock at COMMIT.
CREATE FUNCTION otprefund.open_attempt_told() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    -- From the latest down: there the open ones are, below them those just settled; the first one is enough, so they are
    -- not to be sorted.  The time is read once: else it could not end the walk, which would go on through all that are due
    -- and wait for their turn.
    PERFORM FROM otprefund.open_attempt q
      WHERE q.next_inquiry_at <= NEW.next_inquiry_at AND q.next_inquiry_at > (SELECT clock_timestamp())
        AND q.attempt_id <> NEW.attempt_id
      ORDER BY q.next_inquiry_at DESC
      LIMIT 1;
    IF NOT FOUND THEN
        PERFORM pg_notify('otprefund_wake', NEW.tid);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION otprefund.open_attempt_told() IS
    'Trigger: notifies every node (channel otprefund_wake) of an open attempt that is now due before all others.';
CREATE TRIGGER told AFTER INSERT ON otprefund.open_attempt
    FOR EACH ROW EXECUTE FUNCTION otprefund.open_attempt_told();
CREATE TRIGGER told_sooner AFTER UPDATE OF next_inquiry_at ON otprefund.open_attempt
    FOR EACH ROW WHEN (NEW.next_inquiry_at < OLD.next_inquiry_at)
    EXECUTE FUNCTION otprefund.open_attempt_told();

INSERT INTO otprefund.schema_version (version, name) VALUES (6, '0006-second-words');
RESET ROLE;
