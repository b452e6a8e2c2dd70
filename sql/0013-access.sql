-- 0013-access.sql - who may use the pages and the JSON API is changed in place; each change leaves an entry that stays.
--
-- Whoever has the owner's login can make a colleague a supervisor, have a proposal approved, and take it back.  The
-- entries are written by triggers, so by hand in psql no less than by otprefundctl, and they are sealed.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

CREATE TABLE otprefund.access_change (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
               CONSTRAINT change_id_range CHECK (change_id > 0),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
               CONSTRAINT changed_at_finite CHECK (isfinite(changed_at)),
    changed_by text COLLATE "C" NOT NULL DEFAULT session_user
               CONSTRAINT changed_by_size CHECK (octet_length(changed_by) BETWEEN 1 AND 64),
    part       text COLLATE "C" NOT NULL
               CONSTRAINT part_words CHECK (part IN ('operator', 'api_client')),
    name       text COLLATE "C" NOT NULL
               CONSTRAINT name_size CHECK (octet_length(name) BETWEEN 1 AND 64),
    action     text COLLATE "C" NOT NULL
               CONSTRAINT action_words CHECK (action IN ('added', 'changed', 'removed')),
    content    jsonb NOT NULL
               CONSTRAINT content_without_hash CHECK (jsonb_typeof(content) = 'object' AND NOT content ? 'token_sha256')
);
COMMENT ON TABLE otprefund.access_change IS
    'Insert-only. One row per change of an operator or an API client, by whomever and however it was made.';
COMMENT ON COLUMN otprefund.access_change.change_id IS 'Number of the change, ascending.';
COMMENT ON COLUMN otprefund.access_change.changed_at IS 'When, by the database''s clock.';
COMMENT ON COLUMN otprefund.access_change.changed_by IS
    'The database''s login that made it, whatever role it had taken; of rows from before this table: that migrated.';
COMMENT ON COLUMN otprefund.access_change.part IS 'The table: operator or api_client.';
COMMENT ON COLUMN otprefund.access_change.name IS 'Whom or what it is about; another name is a row removed and one added.';
COMMENT ON COLUMN otprefund.access_change.action IS 'added, changed or removed.';
COMMENT ON COLUMN otprefund.access_change.content IS
    'The row as it is since, or was when removed, without the hash of the token; "token": "replaced" where that is another one.';

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.access_change
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
ALTER TABLE otprefund.access_change ENABLE ALWAYS TRIGGER insert_only;

-- ---- each change leaves its entry ----------------------------------------------------------------

CREATE FUNCTION otprefund.access_changed() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
    v_was jsonb := to_jsonb(OLD);
    v_is jsonb := to_jsonb(NEW);
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'otprefund.%: TRUNCATE refused', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'DELETE leaves an entry in otprefund.access_change for each row.';
    END IF;
    IF v_was->'token_sha256' <> v_is->'token_sha256' THEN
        v_is := v_is || '{"token": "replaced"}';
    END IF;
    INSERT INTO otprefund.access_change (part, name, action, content)
    SELECT TG_TABLE_NAME, c.content->>'name', c.action, c.content - 'token_sha256'
      FROM (VALUES ('changed', v_is, v_was->'name' = v_is->'name'),
                   ('removed', v_was, v_is->'name' IS DISTINCT FROM v_was->'name'),
                   ('added', v_is, v_was->'name' IS DISTINCT FROM v_is->'name')) c(action, content, happened)
     WHERE c.happened AND c.content IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION otprefund.access_changed() IS
    'Trigger: records a change of an operator or an API client in access_change; refuses TRUNCATE, from every role.';

CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON otprefund.operator
    FOR EACH ROW EXECUTE FUNCTION otprefund.access_changed();
CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON otprefund.api_client
    FOR EACH ROW EXECUTE FUNCTION otprefund.access_changed();
CREATE TRIGGER access_truncated BEFORE TRUNCATE ON otprefund.operator
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.access_changed();
CREATE TRIGGER access_truncated BEFORE TRUNCATE ON otprefund.api_client
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.access_changed();
ALTER TABLE otprefund.operator ENABLE ALWAYS TRIGGER access_changed;
ALTER TABLE otprefund.operator ENABLE ALWAYS TRIGGER access_truncated;
ALTER TABLE otprefund.api_client ENABLE ALWAYS TRIGGER access_changed;
ALTER TABLE otprefund.api_client ENABLE ALWAYS TRIGGER access_truncated;

-- Who is here already: how it stands from now on.
SET LOCAL TimeZone = 'UTC';
INSERT INTO otprefund.access_change (part, name, action, content)
          SELECT 'operator', t.name, 'added', to_jsonb(t) FROM otprefund.operator t
UNION ALL SELECT 'api_client', t.name, 'added', to_jsonb(t) - 'token_sha256' FROM otprefund.api_client t
 ORDER BY 1, 2;

-- ---- what the auditor reads, and what is sealed --------------------------------------------------

CREATE VIEW otprefund.access_history AS
SELECT h.change_id, h.changed_at, h.changed_by, h.part, h.name, h.action,
       lag(h.role) OVER (PARTITION BY h.name ORDER BY h.change_id) AS role_before,
       h.role,
       CASE WHEN h.action = 'removed' THEN 'removed'
            WHEN (h.content->>'disabled')::boolean THEN 'disabled' ELSE 'enabled' END AS state,
       h.content->>'token' AS token,
       h.content->>'user_code' AS user_code,
       h.content->>'full_name' AS full_name
  FROM (SELECT c.*,
               CASE WHEN c.part = 'operator' THEN c.content->>'role'
                    WHEN (c.content->>'may_refund')::boolean THEN 'refund' ELSE 'read' END AS role
          FROM otprefund.access_change c) h;
COMMENT ON VIEW otprefund.access_history IS
    'Who made whom an operator, supervisor or auditor, or gave a machine its scope, and who took it away: one row per change.';
COMMENT ON COLUMN otprefund.access_history.change_id IS 'Number of the change, ascending.';
COMMENT ON COLUMN otprefund.access_history.changed_at IS 'When.';
COMMENT ON COLUMN otprefund.access_history.changed_by IS 'The database''s login that made it.';
COMMENT ON COLUMN otprefund.access_history.part IS 'operator or api_client.';
COMMENT ON COLUMN otprefund.access_history.name IS 'Whom or what it is about.';
COMMENT ON COLUMN otprefund.access_history.action IS 'added, changed or removed.';
COMMENT ON COLUMN otprefund.access_history.role_before IS 'Role or scope until then; NULL: it is the first entry of that name.';
COMMENT ON COLUMN otprefund.access_history.role IS 'Role of the operator, or scope of the API client: refund or read.';
COMMENT ON COLUMN otprefund.access_history.state IS 'enabled, disabled or removed, since then.';
COMMENT ON COLUMN otprefund.access_history.token IS 'replaced: the API client had another token from then on; else NULL.';
COMMENT ON COLUMN otprefund.access_history.user_code IS 'The retailer code the bank is given; NULL: the one of the settings.';
COMMENT ON COLUMN otprefund.access_history.full_name IS 'Name for people; may be empty.';
GRANT SELECT ON otprefund.access_history TO otprefund_auditor;

CREATE OR REPLACE VIEW otprefund.sealable AS
          SELECT 'attempt' AS part, t.attempt_id AS row_id, t.started_at AS at, to_jsonb(t) AS content FROM otprefund.attempt t
UNION ALL SELECT 'outcome', t.attempt_id, t.finished_at, to_jsonb(t) FROM otprefund.outcome t
UNION ALL SELECT 'late_answer', t.attempt_id, t.found_at, to_jsonb(t) FROM otprefund.late_answer t
UNION ALL SELECT 'resolution', t.attempt_id, t.resolved_at, to_jsonb(t) FROM otprefund.resolution t
UNION ALL SELECT 'contradiction', t.contradiction_id, t.found_at, to_jsonb(t) FROM otprefund.contradiction t
UNION ALL SELECT 'callback', t.callback_id, t.received_at, to_jsonb(t) FROM otprefund.callback t
UNION ALL SELECT 'manual_proposal', t.proposal_id, t.proposed_at, to_jsonb(t) FROM otprefund.manual_proposal t
UNION ALL SELECT 'manual_decision', t.proposal_id, t.decided_at, to_jsonb(t) FROM otprefund.manual_decision t
UNION ALL SELECT 'access_change', t.change_id, t.changed_at, to_jsonb(t) FROM otprefund.access_change t;

INSERT INTO otprefund.schema_version (version, name) VALUES (13, '0013-access');
RESET ROLE;
