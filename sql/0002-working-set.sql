-- 0002-working-set.sql - what changes: open attempts, transactions, people; statements and seals.

SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL ROLE otprefund_owner;

-- ---- open_attempt: the small mutable set, and the resolver's queue ----------------------------

CREATE TABLE otprefund.open_attempt (
    attempt_id      bigint PRIMARY KEY REFERENCES otprefund.attempt
                    CONSTRAINT attempt_id_range CHECK (attempt_id > 0),
    tid             text COLLATE "C" NOT NULL CONSTRAINT open_attempt_tid UNIQUE
                    CONSTRAINT tid_digits CHECK (tid ~ '^[0-9]{1,18}$'),
    client_ref_id   text COLLATE "C"
                    CONSTRAINT client_ref_id_form CHECK (client_ref_id ~ '^[!-~]{1,20}$'),
    operator        text COLLATE "C" NOT NULL
                    CONSTRAINT operator_size CHECK (octet_length(operator) BETWEEN 1 AND 64),
    opened_at       timestamptz NOT NULL CONSTRAINT opened_at_finite CHECK (isfinite(opened_at)),
    deadline_at     timestamptz NOT NULL,
    next_inquiry_at timestamptz NOT NULL
                    CONSTRAINT next_inquiry_at_finite CHECK (isfinite(next_inquiry_at)),
    inquiries       integer NOT NULL DEFAULT 0 CONSTRAINT inquiries_range CHECK (inquiries >= 0),
    CONSTRAINT deadline_at_range CHECK (deadline_at > opened_at
                                        AND deadline_at <= opened_at + interval '24 hours')
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
CREATE INDEX open_attempt_next_inquiry_at ON otprefund.open_attempt (next_inquiry_at);
COMMENT ON TABLE otprefund.open_attempt IS
    'The refund attempts without a resolution: at most one per transaction, each with its next inquiry due.';
COMMENT ON COLUMN otprefund.open_attempt.attempt_id IS 'The refund attempt.';
COMMENT ON COLUMN otprefund.open_attempt.tid IS 'The transaction: no other refund attempt on it may begin.';
COMMENT ON COLUMN otprefund.open_attempt.client_ref_id IS 'Our own reference of the transaction, if known.';
COMMENT ON COLUMN otprefund.open_attempt.operator IS 'Who is at it.';
COMMENT ON COLUMN otprefund.open_attempt.opened_at IS 'Since when: started_at of the attempt.';
COMMENT ON COLUMN otprefund.open_attempt.deadline_at IS 'deadline_at of the attempt.';
COMMENT ON COLUMN otprefund.open_attempt.next_inquiry_at IS
    'When the resolver asks next; at first the deadline, so that a lost node''s attempt is found.';
COMMENT ON COLUMN otprefund.open_attempt.inquiries IS 'Inquiries made so far.';

CREATE TABLE otprefund.swept (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT only_row_true CHECK (only_row),
    swept_to bigint NOT NULL DEFAULT 0 CONSTRAINT swept_to_range CHECK (swept_to >= 0)
);
INSERT INTO otprefund.swept DEFAULT VALUES;
COMMENT ON TABLE otprefund.swept IS
    'One row: how far attempts have been looked through for those whose node was lost.';
COMMENT ON COLUMN otprefund.swept.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN otprefund.swept.swept_to IS 'Every attempt up to this number has an outcome.';

-- ---- transaction: the bank's last word on each transaction --------------------------------------

CREATE TABLE otprefund.transaction (
    tid           text COLLATE "C" PRIMARY KEY CONSTRAINT tid_digits CHECK (tid ~ '^[0-9]{1,18}$'),
    client_ref_id text COLLATE "C"
                  CONSTRAINT client_ref_id_size CHECK (octet_length(client_ref_id) BETWEEN 1 AND 20),
    amount        numeric(14,2) CONSTRAINT amount_range CHECK (amount >= 0),
    tx_status     integer CONSTRAINT tx_status_range CHECK (tx_status >= 0),
    customer      text CONSTRAINT customer_size CHECK (octet_length(customer) BETWEEN 1 AND 64),
    recipient     text CONSTRAINT recipient_size CHECK (octet_length(recipient) BETWEEN 1 AND 64),
    transacted_at timestamptz CONSTRAINT transacted_at_finite CHECK (isfinite(transacted_at)),
    answered_at   timestamptz NOT NULL CONSTRAINT answered_at_finite CHECK (isfinite(answered_at)),
    asked_at      timestamptz NOT NULL CONSTRAINT asked_at_finite CHECK (isfinite(asked_at)),
    by_attempt_id bigint NOT NULL REFERENCES otprefund.attempt
                  CONSTRAINT by_attempt_id_range CHECK (by_attempt_id > 0)
) WITH (fillfactor = 90);
CREATE INDEX transaction_client_ref_id ON otprefund.transaction (client_ref_id) WHERE client_ref_id IS NOT NULL;
COMMENT ON TABLE otprefund.transaction IS
    'What the bank last said of a transaction: a cache of answers that stand in the journal.';
COMMENT ON COLUMN otprefund.transaction.tid IS 'The bank''s number of the transaction.';
COMMENT ON COLUMN otprefund.transaction.client_ref_id IS 'The merchant''s own reference.';
COMMENT ON COLUMN otprefund.transaction.amount IS 'Amount, in rupees; the first one told stays, another one is a contradiction.';
COMMENT ON COLUMN otprefund.transaction.tx_status IS 'Last tx_status: 0 success, 1 fail, 2 initiated, 3 refund pending, 4 refunded, 5 hold.';
COMMENT ON COLUMN otprefund.transaction.customer IS 'Who sent the money, masked.';
COMMENT ON COLUMN otprefund.transaction.recipient IS 'Who was to get it, masked.';
COMMENT ON COLUMN otprefund.transaction.transacted_at IS 'The bank''s timestamp of the transaction.';
COMMENT ON COLUMN otprefund.transaction.answered_at IS 'When the bank last said so.';
COMMENT ON COLUMN otprefund.transaction.asked_at IS
    'started_at of the attempt that was answered: an answer to an older question never overwrites a newer one''s.';
COMMENT ON COLUMN otprefund.transaction.by_attempt_id IS 'The attempt that was answered.';

-- ---- people and machines ---------------------------------------------------------------------------

CREATE TABLE otprefund.operator (
    name       text COLLATE "C" PRIMARY KEY CONSTRAINT name_size CHECK (octet_length(name) BETWEEN 1 AND 64),
    full_name  text NOT NULL DEFAULT '' CONSTRAINT full_name_size CHECK (octet_length(full_name) <= 64),
    role       text COLLATE "C" NOT NULL
               CONSTRAINT role_words CHECK (role IN ('operator', 'supervisor', 'auditor')),
    user_code  text COLLATE "C" CONSTRAINT user_code_size CHECK (octet_length(user_code) BETWEEN 1 AND 32),
    disabled   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
               CONSTRAINT created_at_finite CHECK (isfinite(created_at)),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
               CONSTRAINT changed_at_finite CHECK (isfinite(changed_at))
);
COMMENT ON TABLE otprefund.operator IS 'The people who may use the pages.';
COMMENT ON COLUMN otprefund.operator.name IS 'Login, as the web server tells it in REMOTE_USER.';
COMMENT ON COLUMN otprefund.operator.full_name IS 'Name for people; may be empty.';
COMMENT ON COLUMN otprefund.operator.role IS 'operator, supervisor or auditor.';
COMMENT ON COLUMN otprefund.operator.user_code IS 'The retailer code the bank is given; NULL: the one of the settings.';
COMMENT ON COLUMN otprefund.operator.disabled IS 'Turned away, at once.';
COMMENT ON COLUMN otprefund.operator.created_at IS 'When the row was made.';
COMMENT ON COLUMN otprefund.operator.changed_at IS 'When the row was last changed.';

CREATE TABLE otprefund.api_client (
    name         text COLLATE "C" PRIMARY KEY CONSTRAINT name_size CHECK (octet_length(name) BETWEEN 1 AND 64),
    full_name    text NOT NULL DEFAULT '' CONSTRAINT full_name_size CHECK (octet_length(full_name) <= 64),
    token_sha256 bytea NOT NULL CONSTRAINT token_sha256_unique UNIQUE
                 CONSTRAINT token_sha256_size CHECK (octet_length(token_sha256) = 32),
    user_code    text COLLATE "C" CONSTRAINT user_code_size CHECK (octet_length(user_code) BETWEEN 1 AND 32),
    may_refund   boolean NOT NULL DEFAULT false,
    disabled     boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
                 CONSTRAINT created_at_finite CHECK (isfinite(created_at)),
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp()
                 CONSTRAINT changed_at_finite CHECK (isfinite(changed_at))
);
COMMENT ON TABLE otprefund.api_client IS 'The machines that may use the JSON API.';
COMMENT ON COLUMN otprefund.api_client.name IS 'Name of the client; never the login of an operator.';
COMMENT ON COLUMN otprefund.api_client.full_name IS 'What it is, for people; may be empty.';
COMMENT ON COLUMN otprefund.api_client.token_sha256 IS 'SHA-256 of its random 256-bit token; the token itself is not kept.';
COMMENT ON COLUMN otprefund.api_client.user_code IS 'The retailer code the bank is given; NULL: the one of the settings.';
COMMENT ON COLUMN otprefund.api_client.may_refund IS 'Scope: true refund, false read.';
COMMENT ON COLUMN otprefund.api_client.disabled IS 'Turned away, at once.';
COMMENT ON COLUMN otprefund.api_client.created_at IS 'When the row was made.';
COMMENT ON COLUMN otprefund.api_client.changed_at IS 'When the row was last changed.';

CREATE FUNCTION otprefund.one_name() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Both tables feed the column operator of the journal: a name must mean one of them.
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.name, 4711));
    IF TG_TABLE_NAME = 'operator' AND EXISTS (SELECT FROM otprefund.api_client c WHERE c.name = NEW.name)
       OR TG_TABLE_NAME = 'api_client' AND EXISTS (SELECT FROM otprefund.operator o WHERE o.name = NEW.name)
       OR NEW.name IN ('resolver') THEN
        RAISE EXCEPTION 'the name % is taken', NEW.name USING ERRCODE = 'unique_violation';
    END IF;
    NEW.changed_at := clock_timestamp();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION otprefund.one_name() IS
    'Trigger: an operator and an API client never share a name, and neither is called resolver.';
CREATE TRIGGER one_name BEFORE INSERT OR UPDATE ON otprefund.operator
    FOR EACH ROW EXECUTE FUNCTION otprefund.one_name();
CREATE TRIGGER one_name BEFORE INSERT OR UPDATE ON otprefund.api_client
    FOR EACH ROW EXECUTE FUNCTION otprefund.one_name();

-- ---- the bank's statements ---------------------------------------------------------------------------

CREATE TABLE otprefund.statement (
    statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
                 CONSTRAINT statement_id_range CHECK (statement_id > 0),
    file_name    text NOT NULL CONSTRAINT file_name_size CHECK (octet_length(file_name) BETWEEN 1 AND 255),
    file_sha256  bytea NOT NULL CONSTRAINT file_sha256_unique UNIQUE
                 CONSTRAINT file_sha256_size CHECK (octet_length(file_sha256) = 32),
    period_from  timestamptz NOT NULL CONSTRAINT period_from_finite CHECK (isfinite(period_from)),
    period_to    timestamptz NOT NULL CONSTRAINT period_to_finite CHECK (isfinite(period_to)),
    imported_at  timestamptz NOT NULL DEFAULT clock_timestamp()
                 CONSTRAINT imported_at_finite CHECK (isfinite(imported_at)),
    imported_by  text NOT NULL CONSTRAINT imported_by_size CHECK (octet_length(imported_by) BETWEEN 1 AND 64),
    CONSTRAINT period_order CHECK (period_from < period_to)
);
COMMENT ON TABLE otprefund.statement IS 'A statement of account from the bank, imported from a file.';
COMMENT ON COLUMN otprefund.statement.statement_id IS 'Number of the statement.';
COMMENT ON COLUMN otprefund.statement.file_name IS 'Name of the file it came from.';
COMMENT ON COLUMN otprefund.statement.file_sha256 IS 'SHA-256 of the file: the same file is not imported twice.';
COMMENT ON COLUMN otprefund.statement.period_from IS 'It covers credits from this moment on.';
COMMENT ON COLUMN otprefund.statement.period_to IS 'It covers credits before this moment.';
COMMENT ON COLUMN otprefund.statement.imported_at IS 'When it was imported.';
COMMENT ON COLUMN otprefund.statement.imported_by IS 'Who imported it.';

CREATE TABLE otprefund.statement_line (
    statement_id bigint NOT NULL REFERENCES otprefund.statement
                 CONSTRAINT statement_id_range CHECK (statement_id > 0),
    line_no      integer NOT NULL CONSTRAINT line_no_range CHECK (line_no > 0),
    tid          text COLLATE "C" NOT NULL CONSTRAINT tid_digits CHECK (tid ~ '^[0-9]{1,18}$'),
    refund_tid   text COLLATE "C" CONSTRAINT refund_tid_digits CHECK (refund_tid ~ '^[0-9]{1,18}$'),
    amount       numeric(14,2) NOT NULL CONSTRAINT amount_range CHECK (amount >= 0),
    booked_at    timestamptz NOT NULL CONSTRAINT booked_at_finite CHECK (isfinite(booked_at)),
    reference    text CONSTRAINT reference_size CHECK (octet_length(reference) BETWEEN 1 AND 255),
    PRIMARY KEY (statement_id, line_no)
);
CREATE INDEX statement_line_tid ON otprefund.statement_line (tid);
COMMENT ON TABLE otprefund.statement_line IS 'One refund credited according to a statement.';
COMMENT ON COLUMN otprefund.statement_line.statement_id IS 'The statement.';
COMMENT ON COLUMN otprefund.statement_line.line_no IS 'Number of the line in the file.';
COMMENT ON COLUMN otprefund.statement_line.tid IS 'The transaction refunded.';
COMMENT ON COLUMN otprefund.statement_line.refund_tid IS 'The bank''s number of the refund, if given.';
COMMENT ON COLUMN otprefund.statement_line.amount IS 'What was credited, in rupees.';
COMMENT ON COLUMN otprefund.statement_line.booked_at IS 'When it was credited, as the bank says.';
COMMENT ON COLUMN otprefund.statement_line.reference IS 'The bank''s reference, if given.';

-- ---- seals -----------------------------------------------------------------------------------------------

CREATE TABLE otprefund.audit_seal (
    seal_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
               CONSTRAINT seal_id_range CHECK (seal_id > 0),
    sealed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
               CONSTRAINT sealed_at_finite CHECK (isfinite(sealed_at)),
    covers_to  timestamptz NOT NULL CONSTRAINT covers_to_finite CHECK (isfinite(covers_to)),
    row_count  bigint NOT NULL CONSTRAINT row_count_range CHECK (row_count >= 0),
    previous   bytea CONSTRAINT previous_size CHECK (octet_length(previous) = 32),
    digest     bytea NOT NULL CONSTRAINT digest_size CHECK (octet_length(digest) = 32),
    CONSTRAINT covers_the_past CHECK (covers_to < sealed_at)
);
COMMENT ON TABLE otprefund.audit_seal IS
    'Insert-only. A seal: SHA-256 over the journal''s rows since the last seal and over that seal.';
COMMENT ON COLUMN otprefund.audit_seal.seal_id IS 'Number of the seal.';
COMMENT ON COLUMN otprefund.audit_seal.sealed_at IS 'When it was made.';
COMMENT ON COLUMN otprefund.audit_seal.covers_to IS 'With the seals before, it covers all rows with a time before this moment; later ones that turn up ten minutes before it are of transactions under way.';
COMMENT ON COLUMN otprefund.audit_seal.row_count IS 'How many rows it covers.';
COMMENT ON COLUMN otprefund.audit_seal.previous IS 'Digest of the seal before; NULL for the first.';
COMMENT ON COLUMN otprefund.audit_seal.digest IS 'SHA-256.';
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON otprefund.audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION otprefund.refuse_change();
ALTER TABLE otprefund.audit_seal ENABLE ALWAYS TRIGGER insert_only;

GRANT SELECT ON otprefund.operator, otprefund.contradiction TO otprefund_app;

INSERT INTO otprefund.schema_version (version, name) VALUES (2, '0002-working-set');
RESET ROLE;
