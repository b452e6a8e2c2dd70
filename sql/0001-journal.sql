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

-- ---- attempt: the intent, committed before a byte goes to the bank ---------------------------

CREATE TABLE otprefund.attempt (
    attempt_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
                     CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    kind             text COLLATE "C" NOT NULL
                     CONSTRAINT kind_words CHECK (kind IN ('otp', 'refund', 'inquiry')),
    channel          text COLLATE "C" NOT NULL
                     CONSTRAINT channel_words CHECK (channel IN ('desk', 'api', 'resolver', 'ctl', 'library')),
    tid              text COLLATE "C"
                     CONSTRAINT tid_digits CHECK (tid ~ '^[1-9][0-9]{0,17}$'),
    client_ref_id    text COLLATE "C"
                     CONSTRAINT client_ref_id_form CHECK (client_ref_id ~ '^[!-~]{1,20}$'),
    operator         text COLLATE "C" NOT NULL
                     CONSTRAINT operator_size CHECK (octet_length(operator) BETWEEN 1 AND 64),
    user_code        text COLLATE "C"
                     CONSTRAINT user_code_size CHECK (octet_length(user_code) BETWEEN 1 AND 32),
    node             text COLLATE "C" NOT NULL
                     CONSTRAINT node_size CHECK (octet_length(node) BETWEEN 1 AND 64),
    idempotency_key  text COLLATE "C"
                     CONSTRAINT idempotency_key_form CHECK (idempotency_key ~ '^[!-~]{1,128}$'),
    content_mac      bytea
                     CONSTRAINT content_mac_size CHECK (octet_length(content_mac) = 32),
    commit_token     bytea NOT NULL
                     CONSTRAINT commit_token_size CHECK (octet_length(commit_token) = 16),
    cash_returned    boolean NOT NULL DEFAULT false,
    about_attempt_id bigint
                     CONSTRAINT about_attempt_id_range CHECK (about_attempt_id > 0),
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp()
                     CONSTRAINT started_at_finite CHECK (isfinite(started_at)),
    deadline_at      timestamptz NOT NULL,
    CONSTRAINT deadline_at_range CHECK (deadline_at > started_at
                                        AND deadline_at <= started_at + interval '24 hours'),
    CONSTRAINT names_something CHECK (tid IS NOT NULL OR (kind = 'inquiry' AND client_ref_id IS NOT NULL)),
    CONSTRAINT keyed_unless_inquiry CHECK ((idempotency_key IS NULL) = (kind = 'inquiry')
                                           AND (content_mac IS NULL) = (kind = 'inquiry')),
    CONSTRAINT cash_returned_refund CHECK (kind = 'refund' OR NOT cash_returned),
    CONSTRAINT about_inquiry CHECK (kind = 'inquiry' OR about_attempt_id IS NULL)
);
-- A random token needs no index of its own: it is only looked for among the last minute's rows.
-- The key comes first, and the operator is compared as operator || '' where a key is looked up: no other index
-- fits then.  By operator alone it would be a walk through all he did, and on an empty table costs the same.
CREATE UNIQUE INDEX attempt_key ON otprefund.attempt (idempotency_key, operator)
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
    attempt_id      bigint PRIMARY KEY REFERENCES otprefund.attempt
                    CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    finished_at     timestamptz NOT NULL DEFAULT clock_timestamp()
                    CONSTRAINT finished_at_finite CHECK (isfinite(finished_at)),
    kind            text COLLATE "C" NOT NULL
                    CONSTRAINT kind_words CHECK (kind IN ('otp', 'refund', 'inquiry')),
    outcome         text COLLATE "C" NOT NULL
                    CONSTRAINT outcome_words CHECK (outcome IN
                        ('sent', 'unconfirmed', 'refunded', 'rejected', 'answered', 'not_sent', 'unknown')),
    reason          text COLLATE "C"
                    CONSTRAINT reason_words CHECK (reason IN
                        ('wrong_otp', 'otp_expired', 'already_refunded', 'not_refundable',
                         'no_such_transaction', 'invalid_tid', 'insufficient_balance',
                         'another_in_progress', 'bank_busy', 'bad_credentials', 'bad_initiator',
                         'bad_user_code', 'agent_not_onboarded', 'bad_request', 'connect_failed',
                         'dns_failed', 'tls_failed', 'overloaded', 'stopping', 'no_answer',
                         'connection_lost', 'bank_error', 'unreadable_answer', 'other_tid',
                         'other_amount', 'in_progress', 'unproven', 'node_lost')),
    http_status     integer CONSTRAINT http_status_range CHECK (http_status BETWEEN 100 AND 999),
    duration_ms     integer CONSTRAINT duration_ms_range CHECK (duration_ms >= 0),
    message         text CONSTRAINT message_size CHECK (octet_length(message) BETWEEN 1 AND 512),
    evidence        jsonb CONSTRAINT evidence_object CHECK (jsonb_typeof(evidence) = 'object'
                                                             AND pg_column_size(evidence) <= 65536),
    tx_status       integer CONSTRAINT tx_status_range CHECK (tx_status >= 0),
    refund_tid      text COLLATE "C" CONSTRAINT refund_tid_digits CHECK (refund_tid ~ '^[0-9]{1,18}$'),
    otp_ref_id      text COLLATE "C"
                    CONSTRAINT otp_ref_id_size CHECK (octet_length(otp_ref_id) BETWEEN 1 AND 256),
    amount          numeric(14,2) CONSTRAINT amount_range CHECK (amount >= 0),
    refunded_amount numeric(14,2) CONSTRAINT refunded_amount_range CHECK (refunded_amount >= 0),
    CONSTRAINT outcome_of_kind CHECK (CASE outcome
        WHEN 'sent' THEN kind = 'otp'
        WHEN 'unconfirmed' THEN kind = 'otp'
        WHEN 'refunded' THEN kind = 'refund'
        WHEN 'answered' THEN kind = 'inquiry'
        WHEN 'rejected' THEN kind IN ('otp', 'refund')
        ELSE true END),
    CONSTRAINT reason_where_due CHECK (CASE
        WHEN outcome IN ('rejected', 'not_sent') THEN reason IS NOT NULL
        WHEN outcome IN ('sent', 'refunded') THEN reason IS NULL
        ELSE true END),
    CONSTRAINT refund_fields CHECK (kind = 'refund' OR (refund_tid IS NULL AND refunded_amount IS NULL)
                                    OR kind = 'inquiry'),
    CONSTRAINT otp_fields CHECK (kind = 'otp' OR otp_ref_id IS NULL)
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
    attempt_id          bigint PRIMARY KEY REFERENCES otprefund.attempt
                        CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    resolution          text COLLATE "C" NOT NULL
                        CONSTRAINT resolution_words CHECK (resolution IN ('refunded', 'not_refunded')),
    resolved_by         text COLLATE "C" NOT NULL
                        CONSTRAINT resolved_by_words CHECK (resolved_by IN ('answer', 'inquiry', 'manual')),
    resolved_at         timestamptz NOT NULL DEFAULT clock_timestamp()
                        CONSTRAINT resolved_at_finite CHECK (isfinite(resolved_at)),
    evidence_attempt_id bigint NOT NULL REFERENCES otprefund.attempt
                        CONSTRAINT evidence_attempt_id_range CHECK (evidence_attempt_id > 0),
    tx_status           integer CONSTRAINT tx_status_range CHECK (tx_status >= 0),
    refund_tid          text COLLATE "C" CONSTRAINT refund_tid_digits CHECK (refund_tid ~ '^[0-9]{1,18}$'),
    amount              numeric(14,2) CONSTRAINT amount_range CHECK (amount >= 0),
    refunded_amount     numeric(14,2) CONSTRAINT refunded_amount_range CHECK (refunded_amount >= 0),
    inquiries           integer NOT NULL DEFAULT 0 CONSTRAINT inquiries_range CHECK (inquiries >= 0),
    CONSTRAINT evidence_of_answer CHECK ((resolved_by = 'answer') = (evidence_attempt_id = attempt_id)),
    CONSTRAINT amount_if_refunded CHECK (resolution = 'refunded' OR refunded_amount IS NULL)
);
CREATE INDEX resolution_not_refunded ON otprefund.resolution (attempt_id) WHERE resolution = 'not_refunded';
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
    contradiction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
                     CONSTRAINT contradiction_id_range CHECK (contradiction_id > 0),
    attempt_id       bigint NOT NULL REFERENCES otprefund.attempt
                     CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    by_attempt_id    bigint NOT NULL REFERENCES otprefund.attempt
                     CONSTRAINT by_attempt_id_range CHECK (by_attempt_id > 0),
    found_at         timestamptz NOT NULL DEFAULT clock_timestamp()
                     CONSTRAINT found_at_finite CHECK (isfinite(found_at)),
    what             text COLLATE "C" NOT NULL
                     CONSTRAINT what_words CHECK (what IN ('outcome', 'resolution', 'amount', 'tid')),
    recorded         text NOT NULL CONSTRAINT recorded_size CHECK (octet_length(recorded) BETWEEN 1 AND 500),
    found            text NOT NULL CONSTRAINT found_size CHECK (octet_length(found) BETWEEN 1 AND 500),
    evidence         jsonb CONSTRAINT evidence_object CHECK (jsonb_typeof(evidence) = 'object'
                                                             AND pg_column_size(evidence) <= 65536),
    CONSTRAINT contradiction_once UNIQUE (attempt_id, by_attempt_id, what, found)
);
COMMENT ON TABLE otprefund.contradiction IS
    'Insert-only. A word of the bank that disagrees with what is recorded or was asked about; nothing is changed by it, people look at it.';
COMMENT ON COLUMN otprefund.contradiction.contradiction_id IS 'Number of the row.';
COMMENT ON COLUMN otprefund.contradiction.attempt_id IS 'The attempt whose record is contradicted.';
COMMENT ON COLUMN otprefund.contradiction.by_attempt_id IS 'The attempt whose answer says so; may be the same one.';
COMMENT ON COLUMN otprefund.contradiction.found_at IS 'When it was found, by the database''s clock.';
COMMENT ON COLUMN otprefund.contradiction.what IS 'What disagrees: outcome, resolution, amount or tid (where it was asked for by reference: that).';
COMMENT ON COLUMN otprefund.contradiction.recorded IS 'What stands in the journal.';
COMMENT ON COLUMN otprefund.contradiction.found IS 'What was said later.';
COMMENT ON COLUMN otprefund.contradiction.evidence IS 'The known-safe fields of the later answer.';

CREATE TABLE otprefund.late_answer (
    attempt_id  bigint PRIMARY KEY REFERENCES otprefund.attempt
                CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    found_at    timestamptz NOT NULL DEFAULT clock_timestamp()
                CONSTRAINT found_at_finite CHECK (isfinite(found_at)),
    outcome     text COLLATE "C" NOT NULL
                CONSTRAINT outcome_words CHECK (outcome IN
                    ('sent', 'unconfirmed', 'refunded', 'rejected', 'answered', 'not_sent')),
    reason      text COLLATE "C"
                CONSTRAINT reason_size CHECK (octet_length(reason) BETWEEN 1 AND 32),
    http_status integer CONSTRAINT http_status_range CHECK (http_status BETWEEN 100 AND 999),
    duration_ms integer CONSTRAINT duration_ms_range CHECK (duration_ms >= 0),
    message     text CONSTRAINT message_size CHECK (octet_length(message) BETWEEN 1 AND 512),
    evidence    jsonb CONSTRAINT evidence_object CHECK (jsonb_typeof(evidence) = 'object'
                                                        AND pg_column_size(evidence) <= 65536)
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
