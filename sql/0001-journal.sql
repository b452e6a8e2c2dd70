-- 0001-journal.sql - roles, schema and the insert-only journal: attempt, outcome, resolution.
--
-- Run by `otprefundctl migrate`, or by hand, files in order of their number:
--   psql -X -1 -v ON_ERROR_STOP=1 -f 0001-journal.sql "dbname=... user=<superuser or CREATEROLE>"

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;

DO $do$
DECLARE
    v_role text;
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the database must be made with ENCODING ''UTF8'''
            USING ERRCODE = 'feature_not_supported';
    END IF;
    FOREACH v_role IN ARRAY ARRAY['otprefund_owner', 'otprefund_app', 'otprefund_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- made meanwhile for another database of this cluster
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role(current_user, 'otprefund_owner', 'MEMBER') THEN
        EXECUTE format('GRANT otprefund_owner TO %I', current_user);
    END IF;
END
$do$;

CREATE SCHEMA otprefund AUTHORIZATION otprefund_owner;
SET LOCAL ROLE otprefund_owner;
COMMENT ON SCHEMA otprefund IS
    'Refunds of failed cash transfers: what was asked of the bank, what became of it, and what is still open.';
REVOKE ALL ON SCHEMA otprefund FROM PUBLIC;
GRANT USAGE ON SCHEMA otprefund TO otprefund_app, otprefund_auditor;
ALTER DEFAULT PRIVILEGES IN SCHEMA otprefund REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- ---- which migrations were applied ----------------------------------------------------------

CREATE TABLE otprefund.schema_version (
    version    integer PRIMARY KEY CHECK (version BETWEEN 1 AND 9999),
    name       text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 100),
    sha256     bytea CHECK (octet_length(sha256) = 32),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL DEFAULT session_user CHECK (applied_by <> '')
);
COMMENT ON TABLE otprefund.schema_version IS 'The migrations applied to this database, one row each.';
COMMENT ON COLUMN otprefund.schema_version.version IS 'Number of the migration: the first four digits of its file name.';
COMMENT ON COLUMN otprefund.schema_version.name IS 'Name of the file without .sql.';
COMMENT ON COLUMN otprefund.schema_version.sha256 IS 'SHA-256 of the file; NULL when it was run by hand.';
COMMENT ON COLUMN otprefund.schema_version.applied_at IS 'When it was applied.';
COMMENT ON COLUMN otprefund.schema_version.applied_by IS 'The database login that applied it.';
GRANT SELECT ON otprefund.schema_version TO otprefund_app, otprefund_auditor;

-- ---- domains: the forms and the words, once each ----------------------------------------------
-- (A CHECK of a domain is read once per session, a CHECK of a table at every INSERT.)

CREATE DOMAIN otprefund.tid AS text COLLATE "C" CHECK (VALUE ~ '^[0-9]{1,18}$');
COMMENT ON DOMAIN otprefund.tid IS 'The bank''s number of a transaction or a refund: 1 to 18 decimal digits.';
CREATE DOMAIN otprefund.reference AS text COLLATE "C" CHECK (octet_length(VALUE) BETWEEN 1 AND 20);
COMMENT ON DOMAIN otprefund.reference IS 'client_ref_id: the merchant''s own reference, at most 20 characters.';
CREATE DOMAIN otprefund.login AS text COLLATE "C" CHECK (octet_length(VALUE) BETWEEN 1 AND 64);
COMMENT ON DOMAIN otprefund.login IS 'Login of an operator, name of an API client or of a node: 1 to 64 bytes.';
CREATE DOMAIN otprefund.user_code AS text COLLATE "C" CHECK (octet_length(VALUE) BETWEEN 1 AND 32);
COMMENT ON DOMAIN otprefund.user_code IS 'The retailer code the bank is given: 1 to 32 bytes.';
CREATE DOMAIN otprefund.idempotency_key AS text COLLATE "C" CHECK (VALUE ~ '^[!-~]{1,128}$');
COMMENT ON DOMAIN otprefund.idempotency_key IS '1 to 128 visible ASCII characters.';
CREATE DOMAIN otprefund.sha256 AS bytea CHECK (octet_length(VALUE) = 32);
COMMENT ON DOMAIN otprefund.sha256 IS '32 bytes of SHA-256 or HMAC-SHA256.';
CREATE DOMAIN otprefund.token AS bytea CHECK (octet_length(VALUE) = 16);
COMMENT ON DOMAIN otprefund.token IS '16 random bytes.';
CREATE DOMAIN otprefund.moment AS timestamptz CHECK (isfinite(VALUE));
COMMENT ON DOMAIN otprefund.moment IS 'A time, by the database''s clock where nothing else is said; never infinity.';
CREATE DOMAIN otprefund.rupees AS numeric(14,2) CHECK (VALUE >= 0);
COMMENT ON DOMAIN otprefund.rupees IS 'Money in rupees with two decimals.';
CREATE DOMAIN otprefund.counter AS integer CHECK (VALUE >= 0);
COMMENT ON DOMAIN otprefund.counter IS 'A number of things, or of milliseconds.';
CREATE DOMAIN otprefund.tx_status AS integer CHECK (VALUE >= 0);
COMMENT ON DOMAIN otprefund.tx_status IS
    'The bank''s tx_status: 0 success, 1 fail, 2 initiated, 3 refund pending, 4 refunded, 5 hold, others: initiated.';
CREATE DOMAIN otprefund.http_status AS integer CHECK (VALUE BETWEEN 100 AND 999);
COMMENT ON DOMAIN otprefund.http_status IS 'HTTP status code.';
CREATE DOMAIN otprefund.message AS text CHECK (octet_length(VALUE) BETWEEN 1 AND 512);
COMMENT ON DOMAIN otprefund.message IS 'Words of the bank, cleaned: 1 to 512 bytes.';
CREATE DOMAIN otprefund.evidence AS jsonb
    CHECK (jsonb_typeof(VALUE) = 'object' AND pg_column_size(VALUE) <= 65536);
COMMENT ON DOMAIN otprefund.evidence IS 'The known-safe fields of an answer of the bank: an object of at most 64 KiB.';
CREATE DOMAIN otprefund.kind AS text COLLATE "C" CHECK (VALUE IN ('otp', 'refund', 'inquiry'));
COMMENT ON DOMAIN otprefund.kind IS
    'otp: have the OTP texted; refund: submit the OTP; inquiry: ask for the status.';
CREATE DOMAIN otprefund.channel AS text COLLATE "C"
    CHECK (VALUE IN ('desk', 'api', 'resolver', 'ctl', 'library'));
COMMENT ON DOMAIN otprefund.channel IS
    'Where an attempt came from: desk (the form), api (JSON API), resolver, ctl (otprefundctl), library.';
CREATE DOMAIN otprefund.outcome_word AS text COLLATE "C" CHECK (VALUE IN
    ('sent', 'unconfirmed', 'refunded', 'rejected', 'answered', 'not_sent', 'unknown'));
COMMENT ON DOMAIN otprefund.outcome_word IS
    'sent, unconfirmed (otp); refunded (refund); rejected (otp, refund); answered (inquiry); not_sent: no byte left this host; unknown: may have happened.';
CREATE DOMAIN otprefund.reason_word AS text COLLATE "C" CHECK (VALUE IN
    ('wrong_otp', 'otp_expired', 'already_refunded', 'not_refundable', 'no_such_transaction',
     'invalid_tid', 'insufficient_balance', 'another_in_progress', 'bank_busy', 'bad_credentials',
     'bad_initiator', 'bad_user_code', 'agent_not_onboarded', 'bad_request', 'connect_failed',
     'dns_failed', 'tls_failed', 'overloaded', 'stopping', 'no_answer', 'connection_lost',
     'bank_error', 'unreadable_answer', 'other_tid', 'other_amount', 'in_progress', 'unproven',
     'node_lost'));
COMMENT ON DOMAIN otprefund.reason_word IS 'Why rejected, not sent or unknown: one word of a closed list.';
CREATE DOMAIN otprefund.resolution_word AS text COLLATE "C" CHECK (VALUE IN ('refunded', 'not_refunded'));
COMMENT ON DOMAIN otprefund.resolution_word IS 'The settled truth of a refund attempt.';
CREATE DOMAIN otprefund.how_word AS text COLLATE "C" CHECK (VALUE IN ('answer', 'inquiry', 'manual'));
COMMENT ON DOMAIN otprefund.how_word IS
    'answer: by the attempt''s own answer; inquiry: by a Transaction Inquiry; manual: by two people.';
CREATE DOMAIN otprefund.role_word AS text COLLATE "C" CHECK (VALUE IN ('operator', 'supervisor', 'auditor'));
COMMENT ON DOMAIN otprefund.role_word IS 'What a person may do.';

-- ---- attempt: the intent, committed before a byte goes to the bank ---------------------------

CREATE TABLE otprefund.attempt (
    attempt_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             otprefund.kind NOT NULL,
    channel          otprefund.channel NOT NULL,
    tid              otprefund.tid,
    client_ref_id    otprefund.reference,
    operator         otprefund.login NOT NULL,
    user_code        otprefund.user_code,
    node             otprefund.login NOT NULL,
    idempotency_key  otprefund.idempotency_key,
    content_mac      otprefund.sha256,
    commit_token     otprefund.token NOT NULL,
    cash_returned    boolean NOT NULL DEFAULT false,
    about_attempt_id bigint,
    started_at       otprefund.moment NOT NULL DEFAULT clock_timestamp(),
    deadline_at      otprefund.moment NOT NULL,
    CONSTRAINT deadline_range CHECK (deadline_at > started_at
                                     AND deadline_at <= started_at + interval '24 hours'),
    CONSTRAINT fits_kind CHECK (CASE kind
        WHEN 'inquiry' THEN (tid IS NOT NULL OR client_ref_id IS NOT NULL)
                            AND idempotency_key IS NULL AND content_mac IS NULL AND NOT cash_returned
                            AND (about_attempt_id > 0) IS NOT FALSE
        ELSE tid IS NOT NULL AND idempotency_key IS NOT NULL AND content_mac IS NOT NULL
             AND about_attempt_id IS NULL AND (kind = 'refund' OR NOT cash_returned) END)
);
-- A random token needs no index of its own: it is only looked for among the last minute's rows.
CREATE UNIQUE INDEX attempt_key ON otprefund.attempt (operator, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX attempt_tid ON otprefund.attempt (tid, kind, attempt_id);
CREATE INDEX attempt_operator ON otprefund.attempt (operator, attempt_id);
CREATE INDEX attempt_started_at ON otprefund.attempt (started_at);
CREATE INDEX attempt_day ON otprefund.attempt
    USING brin (((started_at AT TIME ZONE 'Asia/Kolkata')::date)) WITH (autosummarize = on);
COMMENT ON TABLE otprefund.attempt IS
    'Insert-only. One thing we are about to ask of the bank; committed before a byte of it is sent.';
COMMENT ON COLUMN otprefund.attempt.attempt_id IS 'Number of the attempt, ascending; gaps mean nothing.';
COMMENT ON COLUMN otprefund.attempt.kind IS
    'otp: have the OTP texted; refund: submit the OTP; inquiry: ask for the status.';
COMMENT ON COLUMN otprefund.attempt.channel IS
    'Where it came from: desk (the form), api (JSON API), resolver, ctl (otprefundctl), library.';
COMMENT ON COLUMN otprefund.attempt.tid IS
    'The bank''s number of the transaction; NULL for an inquiry by client_ref_id.';
COMMENT ON COLUMN otprefund.attempt.client_ref_id IS 'Our own reference of the transaction, if known.';
COMMENT ON COLUMN otprefund.attempt.operator IS 'Login of the operator, name of the API client, or "resolver".';
COMMENT ON COLUMN otprefund.attempt.user_code IS 'The retailer code the bank is given.';
COMMENT ON COLUMN otprefund.attempt.node IS 'host:pid of the program that took it on.';
COMMENT ON COLUMN otprefund.attempt.idempotency_key IS
    'Chosen by the form or the API client; unique per operator. NULL for inquiries.';
COMMENT ON COLUMN otprefund.attempt.content_mac IS
    'Keyed hash over kind, tid and OTP: tells a repeat from other content under the same key. The OTP cannot be found from it without the key, which is not in this database.';
COMMENT ON COLUMN otprefund.attempt.commit_token IS
    'Random per call: finds the row again when the connection was lost during COMMIT.';
COMMENT ON COLUMN otprefund.attempt.cash_returned IS 'refund: the operator said that the cash was returned.';
COMMENT ON COLUMN otprefund.attempt.about_attempt_id IS 'inquiry: the open refund attempt it is to settle.';
COMMENT ON COLUMN otprefund.attempt.started_at IS 'When the intent was recorded, by the database''s clock.';
COMMENT ON COLUMN otprefund.attempt.deadline_at IS
    'If there is no outcome by then, the node is taken for lost and the outcome becomes unknown.';

-- ---- outcome: what the bank's answer proves ---------------------------------------------------

CREATE TABLE otprefund.outcome (
    attempt_id      bigint PRIMARY KEY REFERENCES otprefund.attempt,
    finished_at     otprefund.moment NOT NULL DEFAULT clock_timestamp(),
    kind            otprefund.kind NOT NULL,
    outcome         otprefund.outcome_word NOT NULL,
    reason          otprefund.reason_word,
    http_status     otprefund.http_status,
    duration_ms     otprefund.counter,
    message         otprefund.message,
    evidence        otprefund.evidence,
    tx_status       otprefund.tx_status,
    refund_tid      otprefund.tid,
    otp_ref_id      text COLLATE "C",
    amount          otprefund.rupees,
    refunded_amount otprefund.rupees,
    CONSTRAINT fits_kind CHECK (CASE kind
        WHEN 'otp' THEN outcome NOT IN ('refunded', 'answered')
                        AND refund_tid IS NULL AND refunded_amount IS NULL
                        AND (octet_length(otp_ref_id) BETWEEN 1 AND 256) IS NOT FALSE
        WHEN 'refund' THEN outcome NOT IN ('sent', 'unconfirmed', 'answered') AND otp_ref_id IS NULL
        ELSE outcome IN ('answered', 'not_sent', 'unknown') AND otp_ref_id IS NULL END),
    CONSTRAINT reason_where_due CHECK (CASE
        WHEN outcome IN ('rejected', 'not_sent') THEN reason IS NOT NULL
        WHEN outcome IN ('sent', 'refunded') THEN reason IS NULL
        ELSE true END)
);
CREATE INDEX outcome_finished_at ON otprefund.outcome USING brin (finished_at) WITH (autosummarize = on);
-- For lists of what needs a look; the ordinary outcomes cost nothing here.
CREATE INDEX outcome_odd ON otprefund.outcome (outcome, attempt_id)
    WHERE outcome IN ('unconfirmed', 'rejected', 'not_sent', 'unknown');
COMMENT ON TABLE otprefund.outcome IS
    'Insert-only. What the bank''s answer to an attempt proves; at most one row per attempt, none while it is on its way.';
COMMENT ON COLUMN otprefund.outcome.attempt_id IS 'The attempt.';
COMMENT ON COLUMN otprefund.outcome.finished_at IS 'When the outcome was recorded, by the database''s clock.';
COMMENT ON COLUMN otprefund.outcome.kind IS 'Kind of the attempt, repeated here so that the CHECKs can use it.';
COMMENT ON COLUMN otprefund.outcome.outcome IS
    'sent, unconfirmed (otp); refunded (refund); rejected (otp, refund); answered (inquiry); not_sent: no byte left this host; unknown: may have happened.';
COMMENT ON COLUMN otprefund.outcome.reason IS 'Why rejected, not sent or unknown: one word of a closed list.';
COMMENT ON COLUMN otprefund.outcome.http_status IS 'HTTP status of the bank''s answer, if there was one.';
COMMENT ON COLUMN otprefund.outcome.duration_ms IS 'How long the call to the bank took, in milliseconds.';
COMMENT ON COLUMN otprefund.outcome.message IS 'The bank''s words, cleaned; for the record, not for decisions.';
COMMENT ON COLUMN otprefund.outcome.evidence IS
    'The known-safe fields of the bank''s answer; never an OTP or a key.';
COMMENT ON COLUMN otprefund.outcome.tx_status IS
    'tx_status of the answer: 0 success, 1 fail, 2 initiated, 3 refund pending, 4 refunded, 5 hold, others: initiated.';
COMMENT ON COLUMN otprefund.outcome.refund_tid IS 'The bank''s number of the refund.';
COMMENT ON COLUMN otprefund.outcome.otp_ref_id IS 'otp: the bank''s reference of the OTP, to be sent back with it.';
COMMENT ON COLUMN otprefund.outcome.amount IS 'Amount of the transaction as answered, in rupees.';
COMMENT ON COLUMN otprefund.outcome.refunded_amount IS 'What was credited, in rupees.';

-- ---- resolution: the settled truth of a refund attempt -----------------------------------------

CREATE TABLE otprefund.resolution (
    attempt_id          bigint PRIMARY KEY REFERENCES otprefund.attempt,
    resolution          otprefund.resolution_word NOT NULL,
    resolved_by         otprefund.how_word NOT NULL,
    resolved_at         otprefund.moment NOT NULL DEFAULT clock_timestamp(),
    evidence_attempt_id bigint NOT NULL REFERENCES otprefund.attempt,
    tx_status           otprefund.tx_status,
    refund_tid          otprefund.tid,
    amount              otprefund.rupees,
    refunded_amount     otprefund.rupees,
    inquiries           otprefund.counter NOT NULL DEFAULT 0,
    CONSTRAINT fits_together CHECK ((resolved_by = 'answer') = (evidence_attempt_id = attempt_id)
                                    AND (resolution = 'refunded' OR refunded_amount IS NULL))
);
CREATE INDEX resolution_resolved_at ON otprefund.resolution USING brin (resolved_at) WITH (autosummarize = on);
COMMENT ON TABLE otprefund.resolution IS
    'Insert-only. The settled truth of a refund attempt; never changed: what disagrees later goes to contradiction.';
COMMENT ON COLUMN otprefund.resolution.attempt_id IS 'The refund attempt.';
COMMENT ON COLUMN otprefund.resolution.resolution IS 'refunded or not_refunded.';
COMMENT ON COLUMN otprefund.resolution.resolved_by IS
    'answer: by the attempt''s own answer; inquiry: by a Transaction Inquiry; manual: by two people.';
COMMENT ON COLUMN otprefund.resolution.resolved_at IS 'When it was settled, by the database''s clock.';
COMMENT ON COLUMN otprefund.resolution.evidence_attempt_id IS
    'The attempt whose answer settled it: itself, or the inquiry.';
COMMENT ON COLUMN otprefund.resolution.tx_status IS 'tx_status of the answer that settled it.';
COMMENT ON COLUMN otprefund.resolution.refund_tid IS 'The bank''s number of the refund, where it was told.';
COMMENT ON COLUMN otprefund.resolution.amount IS 'Amount of the transaction when settled, in rupees.';
COMMENT ON COLUMN otprefund.resolution.refunded_amount IS
    'What was credited, in rupees; of an inquiry that does not tell: the amount of the transaction.';
COMMENT ON COLUMN otprefund.resolution.inquiries IS 'How many inquiries it took.';

-- ---- second words of the bank -------------------------------------------------------------------

CREATE TABLE otprefund.contradiction (
    contradiction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    attempt_id       bigint NOT NULL REFERENCES otprefund.attempt,
    by_attempt_id    bigint NOT NULL REFERENCES otprefund.attempt,
    found_at         otprefund.moment NOT NULL DEFAULT clock_timestamp(),
    what             text COLLATE "C" NOT NULL
                     CONSTRAINT what_words CHECK (what IN ('outcome', 'resolution', 'amount')),
    recorded         otprefund.message NOT NULL,
    found            otprefund.message NOT NULL,
    evidence         otprefund.evidence,
    CONSTRAINT contradiction_once UNIQUE (attempt_id, by_attempt_id, what, found)
);
COMMENT ON TABLE otprefund.contradiction IS
    'Insert-only. A later word of the bank that disagrees with what is recorded; nothing is changed by it, people look at it.';
COMMENT ON COLUMN otprefund.contradiction.contradiction_id IS 'Number of the row.';
COMMENT ON COLUMN otprefund.contradiction.attempt_id IS 'The attempt whose record is contradicted.';
COMMENT ON COLUMN otprefund.contradiction.by_attempt_id IS 'The attempt whose answer says so; may be the same one.';
COMMENT ON COLUMN otprefund.contradiction.found_at IS 'When it was found, by the database''s clock.';
COMMENT ON COLUMN otprefund.contradiction.what IS 'What disagrees: outcome, resolution or amount.';
COMMENT ON COLUMN otprefund.contradiction.recorded IS 'What stands in the journal.';
COMMENT ON COLUMN otprefund.contradiction.found IS 'What was said later.';
COMMENT ON COLUMN otprefund.contradiction.evidence IS 'The known-safe fields of the later answer.';

CREATE TABLE otprefund.late_answer (
    attempt_id  bigint PRIMARY KEY REFERENCES otprefund.attempt,
    found_at    otprefund.moment NOT NULL DEFAULT clock_timestamp(),
    outcome     otprefund.outcome_word NOT NULL,
    reason      otprefund.reason_word,
    http_status otprefund.http_status,
    duration_ms otprefund.counter,
    message     otprefund.message,
    evidence    otprefund.evidence,
    CONSTRAINT outcome_known CHECK (outcome <> 'unknown')
);
COMMENT ON TABLE otprefund.late_answer IS
    'Insert-only. The answer to an attempt whose outcome had already been recorded as unknown (its node was taken for lost): it agrees with that, but says more.';
COMMENT ON COLUMN otprefund.late_answer.attempt_id IS 'The attempt.';
COMMENT ON COLUMN otprefund.late_answer.found_at IS 'When it was recorded, by the database''s clock.';
COMMENT ON COLUMN otprefund.late_answer.outcome IS 'What the late answer proves; words as in outcome.outcome.';
COMMENT ON COLUMN otprefund.late_answer.reason IS 'Why; words as in outcome.reason.';
COMMENT ON COLUMN otprefund.late_answer.http_status IS 'HTTP status of the late answer.';
COMMENT ON COLUMN otprefund.late_answer.duration_ms IS 'How long the call to the bank took, in milliseconds.';
COMMENT ON COLUMN otprefund.late_answer.message IS 'The bank''s words, cleaned.';
COMMENT ON COLUMN otprefund.late_answer.evidence IS 'The known-safe fields of the late answer.';

-- ---- insert-only, for everybody ------------------------------------------------------------------

CREATE FUNCTION otprefund.refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'otprefund.% is insert-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'A record is never changed; a later word goes to otprefund.contradiction.';
END
$$;
COMMENT ON FUNCTION otprefund.refuse_change() IS
    'Trigger: refuses UPDATE, DELETE and TRUNCATE of the journal, also to its owner.';

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.attempt
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.outcome
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.resolution
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.contradiction
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.late_answer
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
ALTER TABLE otprefund.attempt ENABLE ALWAYS TRIGGER insert_only;
ALTER TABLE otprefund.outcome ENABLE ALWAYS TRIGGER insert_only;
ALTER TABLE otprefund.resolution ENABLE ALWAYS TRIGGER insert_only;
ALTER TABLE otprefund.contradiction ENABLE ALWAYS TRIGGER insert_only;
ALTER TABLE otprefund.late_answer ENABLE ALWAYS TRIGGER insert_only;

INSERT INTO otprefund.schema_version (version, name) VALUES (1, '0001-journal');
RESET ROLE;
