-- 0010-seal.sql - seals over the journal's rows, so that whoever changes one, superuser or not, is found out.
--
-- A leaf is the SHA-256 of one row; a seal is the SHA-256 over the seal before, its own heading and its
-- leaves.  otprefundctl verify computes all of it again, outside the database.
--
-- The text of a row, which the leaf is made of: the table's name, a newline, the number, a newline, and
-- the row as jsonb text without what is NULL (so that a column added later changes no old leaf), with
-- times in UTC.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

CREATE TABLE otprefund.audit_leaf (
    seal_id bigint NOT NULL CONSTRAINT seal_id_range CHECK (seal_id > 0),
    part    text COLLATE "C" NOT NULL
            CONSTRAINT part_words CHECK (part IN ('attempt', 'outcome', 'late_answer', 'resolution', 'contradiction',
                                                  'callback', 'manual_proposal', 'manual_decision',
                                                  'access_change')),
    row_id  bigint NOT NULL CONSTRAINT row_id_range CHECK (row_id > 0),
    digest  bytea NOT NULL CONSTRAINT digest_size CHECK (octet_length(digest) = 32),
    CONSTRAINT audit_leaf_pkey PRIMARY KEY (part, row_id)
);
-- By seal alone: with the row in it, it was taken to look rows up by, and read from end to end for each.
CREATE INDEX audit_leaf_seal_id ON otprefund.audit_leaf (seal_id);
COMMENT ON TABLE otprefund.audit_leaf IS 'Insert-only. The SHA-256 of each sealed row, under its seal.';
COMMENT ON COLUMN otprefund.audit_leaf.seal_id IS 'The seal that covers the row.';
COMMENT ON COLUMN otprefund.audit_leaf.part IS 'The table the row stands in.';
COMMENT ON COLUMN otprefund.audit_leaf.row_id IS 'The row''s number: its primary key.';
COMMENT ON COLUMN otprefund.audit_leaf.digest IS 'SHA-256 of the row''s text.';
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.audit_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
ALTER TABLE otprefund.audit_leaf ENABLE ALWAYS TRIGGER insert_only;


-- 0013-access.sql adds access_change, which the functions below know already.
CREATE VIEW otprefund.sealable AS
          SELECT 'attempt' AS part, t.attempt_id AS row_id, t.started_at AS at, to_jsonb(t) AS content FROM otprefund.attempt t
UNION ALL SELECT 'outcome', t.attempt_id, t.finished_at, to_jsonb(t) FROM otprefund.outcome t
UNION ALL SELECT 'late_answer', t.attempt_id, t.found_at, to_jsonb(t) FROM otprefund.late_answer t
UNION ALL SELECT 'resolution', t.attempt_id, t.resolved_at, to_jsonb(t) FROM otprefund.resolution t
UNION ALL SELECT 'contradiction', t.contradiction_id, t.found_at, to_jsonb(t) FROM otprefund.contradiction t
UNION ALL SELECT 'callback', t.callback_id, t.received_at, to_jsonb(t) FROM otprefund.callback t
UNION ALL SELECT 'manual_proposal', t.proposal_id, t.proposed_at, to_jsonb(t) FROM otprefund.manual_proposal t
UNION ALL SELECT 'manual_decision', t.proposal_id, t.decided_at, to_jsonb(t) FROM otprefund.manual_decision t;
COMMENT ON VIEW otprefund.sealable IS 'Every row of the journal as it is sealed: table, number, when it was recorded, content.';
COMMENT ON COLUMN otprefund.sealable.part IS 'The table.';
COMMENT ON COLUMN otprefund.sealable.row_id IS 'The row''s number.';
COMMENT ON COLUMN otprefund.sealable.at IS 'When it was recorded.';
COMMENT ON COLUMN otprefund.sealable.content IS 'The whole row.';
GRANT SELECT ON otprefund.sealable TO otprefund_auditor;

CREATE FUNCTION otprefund.leaf_digest(p_part text, p_row_id bigint, p_content jsonb) RETURNS bytea
    LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(p_part || E'\n' || p_row_id || E'\n' || jsonb_strip_nulls(p_content)::text, 'UTF8'))
$$;
COMMENT ON FUNCTION otprefund.leaf_digest(text, bigint, jsonb) IS 'The SHA-256 of a row''s text.';

-- A seal covers all rows whose time lies before its covers_to, and the next seal goes on from there.  Some rows
-- are committed a while after their time was taken, so it looks ten minutes further back, which is far more than
-- any transaction of ours lasts; a row that turns up with an older time was put in by other hands, and no seal
-- takes it.  Where a seal would be too large, its covers_to is brought forward: what is left then has a time that
-- no seal covers yet, and is never mistaken for such a row.
CREATE FUNCTION otprefund.seal_make(p_max integer) RETURNS SETOF otprefund.audit_seal
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET TimeZone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    v_parts CONSTANT text[] := ARRAY['attempt', 'outcome', 'late_answer', 'resolution', 'contradiction', 'callback',
                                     'manual_proposal', 'manual_decision', 'access_change'];
    v_last otprefund.audit_seal;
    v_new otprefund.audit_seal;
    v_from timestamptz;
    v_to timestamptz := clock_timestamp() - interval '1 minute';
    v_cut timestamptz;
    v_part text;
    v_rows bigint;
    v_leaves bytea;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7032) THEN
        RETURN; -- another node is at it
    END IF;
    SELECT * INTO v_last FROM otprefund.audit_seal s ORDER BY s.seal_id DESC LIMIT 1;
    v_from := coalesce(v_last.covers_to - interval '10 minutes', '-infinity');
    FOREACH v_part IN ARRAY v_parts LOOP
        EXECUTE format($q$
            SELECT s.at FROM otprefund.sealable s
             WHERE s.part = %1$L AND s.at >= $1 AND s.at < $2
               AND (SELECT l.row_id FROM otprefund.audit_leaf l
                     WHERE l.part = %1$L AND l.row_id = s.row_id LIMIT 1) IS NULL
             ORDER BY s.at OFFSET $3 LIMIT 1
            $q$, v_part)
        INTO v_cut USING v_from, v_to, p_max - 1;
        v_to := least(v_to, v_cut + interval '1 microsecond'); -- with all of that moment, so that it gets on
    END LOOP;
    v_new.seal_id := coalesce(v_last.seal_id, 0) + 1;
    v_new.row_count := 0;
    FOREACH v_part IN ARRAY v_parts LOOP
        EXECUTE format($q$
            INSERT INTO otprefund.audit_leaf (seal_id, part, row_id, digest)
            SELECT $3, s.part, s.row_id, otprefund.leaf_digest(s.part, s.row_id, s.content)
              FROM otprefund.sealable s
             WHERE s.part = %1$L AND s.at >= $1 AND s.at < $2
               AND (SELECT l.row_id FROM otprefund.audit_leaf l
                     WHERE l.part = %1$L AND l.row_id = s.row_id LIMIT 1) IS NULL
            $q$, v_part)
        USING v_from, v_to, v_new.seal_id;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_new.row_count := v_new.row_count + v_rows;
    END LOOP;
    IF v_new.row_count = 0 THEN
        RETURN;
    END IF;
    v_new.sealed_at := clock_timestamp();
    v_new.covers_to := greatest(v_to, v_last.covers_to);
    v_new.previous := v_last.digest;
    SELECT string_agg(l.digest, '' ORDER BY l.part, l.row_id) INTO v_leaves
      FROM otprefund.audit_leaf l WHERE l.seal_id = v_new.seal_id;
    v_new.digest := sha256(convert_to(concat_ws(E'\n', 'seal', v_new.seal_id,
            to_char(v_new.sealed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            to_char(v_new.covers_to, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), v_new.row_count,
            coalesce(encode(v_new.previous, 'hex'), '-'), ''), 'UTF8') || v_leaves);
    INSERT INTO otprefund.audit_seal OVERRIDING SYSTEM VALUE SELECT v_new.*;
    RETURN NEXT v_new;
END
$$;
COMMENT ON FUNCTION otprefund.seal_make(integer) IS
    'Seals the oldest rows that are older than a minute and not sealed yet, about p_max of each table. No row: there is nothing to seal, or another node is at it.';

-- Every node asks this, so that all of them and all their restarts keep one cadence.
CREATE FUNCTION otprefund.seal_due(OUT o_ms bigint)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_last otprefund.audit_seal;
    v_part text;
    v_at timestamptz;
    v_oldest timestamptz := 'infinity';
BEGIN
    SELECT * INTO v_last FROM otprefund.audit_seal s ORDER BY s.seal_id DESC LIMIT 1;
    FOREACH v_part IN ARRAY ARRAY['attempt', 'outcome', 'late_answer', 'resolution', 'contradiction', 'callback',
                                  'manual_proposal', 'manual_decision', 'access_change'] LOOP
        EXECUTE format($q$
            SELECT s.at FROM otprefund.sealable s
             WHERE s.part = %1$L AND s.at >= $1 AND s.at < $2
               AND (SELECT l.row_id FROM otprefund.audit_leaf l
                     WHERE l.part = %1$L AND l.row_id = s.row_id LIMIT 1) IS NULL
             ORDER BY s.at LIMIT 1
            $q$, v_part)
        INTO v_at USING coalesce(v_last.covers_to - interval '10 minutes', '-infinity'), v_oldest;
        v_oldest := least(v_oldest, v_at);
    END LOOP;
    IF isfinite(v_oldest) THEN
        o_ms := ceil(extract(epoch FROM greatest(v_oldest + interval '1 minute',
                                                 least(coalesce(v_last.sealed_at, '-infinity') + interval '10 minutes',
                                                       v_oldest + interval '12 minutes'),
                                                 v_now) - v_now) * 1000);
    END IF;
END
$$;
COMMENT ON FUNCTION otprefund.seal_due() IS
    'In how many milliseconds the next seal is due: ten minutes after the newest one, once a row is older than a minute and not sealed; at once while that one was cut for its size and left older rows. 0: now. NULL: every row is sealed.';
GRANT EXECUTE ON FUNCTION otprefund.seal_make(integer), otprefund.seal_due() TO otprefund_app;

CREATE VIEW otprefund.seal_status AS
SELECT s.seal_id, s.sealed_at, s.covers_to, s.row_count, encode(s.previous, 'hex') AS previous,
       encode(s.digest, 'hex') AS digest
  FROM otprefund.audit_seal s;
COMMENT ON VIEW otprefund.seal_status IS 'The seals, digests in hexadecimal: print the last one and keep it elsewhere.';
COMMENT ON COLUMN otprefund.seal_status.seal_id IS 'Number of the seal.';
COMMENT ON COLUMN otprefund.seal_status.sealed_at IS 'When it was made.';
COMMENT ON COLUMN otprefund.seal_status.covers_to IS 'All rows with a time before this moment are sealed.';
COMMENT ON COLUMN otprefund.seal_status.row_count IS 'How many rows it covers.';
COMMENT ON COLUMN otprefund.seal_status.previous IS 'Digest of the seal before.';
COMMENT ON COLUMN otprefund.seal_status.digest IS 'SHA-256.';
GRANT SELECT ON otprefund.seal_status TO otprefund_app, otprefund_auditor;

INSERT INTO otprefund.schema_version (version, name) VALUES (10, '0010-seal');
RESET ROLE;
