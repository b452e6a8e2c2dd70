-- many.sql - random calls, one by one in one world and many at once in another: both must come out the same.
--
-- Read by tests/unit/test_many.c.  The worlds are two sets of TIDs, operators and keys, told apart by the
-- letter a or b (1 or 2 in a TID); a pair is the same attempt in both.

CREATE TEMP TABLE pair (n bigserial PRIMARY KEY, a bigint UNIQUE, b bigint UNIQUE);
CREATE TEMP TABLE difference (round integer, what text, one text, many text);
CREATE TEMP TABLE seen (word text, at_once boolean);

-- One of the two in each world may go on after a contradiction.
INSERT INTO otprefund.operator (name, role) VALUES ('a1', 'supervisor'), ('b1', 'supervisor');

CREATE FUNCTION pg_temp.any_of(VARIADIC p text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT p[1 + floor(random() * cardinality(p))::integer] $$;
CREATE FUNCTION pg_temp.number(p_id bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT n FROM pair WHERE a = p_id OR b = p_id $$;

-- What stands in the journal, in a world, without what may differ: numbers, names and clocks.
CREATE FUNCTION pg_temp.state(p_world text) RETURNS TABLE (n bigint, line text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT p.n, concat_ws(' | ',
        concat_ws(' ', 'attempt', a.kind, substr(a.tid, 2), substr(a.operator, 2), substr(a.idempotency_key, 2),
                  a.cash_returned, pg_temp.number(a.about_attempt_id)),
        (SELECT concat_ws(' ', 'outcome', o.outcome, o.reason, o.http_status, o.message, o.evidence, o.tx_status,
                          o.refund_tid, o.otp_ref_id, o.amount, o.refunded_amount)
           FROM otprefund.outcome o WHERE o.attempt_id = a.attempt_id),
        (SELECT concat_ws(' ', 'late', l.outcome, l.reason) FROM otprefund.late_answer l WHERE l.attempt_id = a.attempt_id),
        (SELECT concat_ws(' ', 'resolution', r.resolution, r.resolved_by, pg_temp.number(r.evidence_attempt_id),
                          r.tx_status, r.refund_tid, coalesce(r.amount::text, '-'), r.refunded_amount, r.inquiries)
           FROM otprefund.resolution r WHERE r.attempt_id = a.attempt_id),
        (SELECT concat_ws(' ', 'open', q.inquiries, q.next_inquiry_at = q.deadline_at,
                          round(extract(epoch FROM q.next_inquiry_at - clock_timestamp()) / 50))
           FROM otprefund.open_attempt q WHERE q.attempt_id = a.attempt_id),
        (SELECT concat_ws(' ', 'transaction', t.client_ref_id, t.amount, t.tx_status, t.customer, t.recipient,
                          pg_temp.number(t.by_attempt_id)) FROM otprefund.transaction t WHERE t.tid = a.tid),
        (SELECT string_agg(concat_ws(' ', 'contradiction', c.what, CASE c.what WHEN 'tid' THEN substr(c.recorded, 2) ELSE c.recorded END, c.found,
                                     pg_temp.number(c.by_attempt_id)), '; '
                           ORDER BY c.what, c.found, pg_temp.number(c.by_attempt_id))
           FROM otprefund.contradiction c WHERE c.attempt_id = a.attempt_id))
      FROM pair p
      JOIN otprefund.attempt a ON a.attempt_id = CASE p_world WHEN 'a' THEN p.a ELSE p.b END
     WHERE p.n > (SELECT max(x.n) - 40 FROM pair x);
END $$;

CREATE FUNCTION pg_temp.begin_round(p_round integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_n integer := 1 + floor(random() * 6);
    v_kind text[]; v_tid text[]; v_operator text[]; v_key text[]; v_about bigint[]; v_limit integer[];
    v_mac bytea[]; v_ref text[];
    v_one record; v_many record; k integer := 0;
BEGIN
    SELECT array_agg(x.kind), array_agg(CASE WHEN x.kind = 'inquiry' AND x.by_ref THEN NULL ELSE x.tid END),
           array_agg(x.operator), array_agg(CASE x.kind WHEN 'inquiry' THEN NULL ELSE x.key END),
           array_agg(CASE WHEN x.kind = 'inquiry' AND NOT x.by_ref AND x.about THEN (
               SELECT p.n FROM otprefund.open_attempt q JOIN pair p ON p.a = q.attempt_id
                WHERE q.tid = '1' || x.tid) END),
           array_agg(x.lim), array_agg(CASE x.kind WHEN 'inquiry' THEN NULL
                                        ELSE sha256(convert_to(x.mac, 'UTF8')) END),
           array_agg(CASE WHEN x.by_ref THEN 'R' || x.tid END)
      INTO v_kind, v_tid, v_operator, v_key, v_about, v_limit, v_mac, v_ref
      FROM (SELECT *, first_value(y.tid) OVER (PARTITION BY y.operator, y.key) AS first_tid
      FROM (SELECT pg_temp.any_of('otp', 'refund', 'refund', 'inquiry') AS kind,
                   (5000000 + p_round / 8 * 10 + floor(random() * 4))::text AS tid,
                   pg_temp.any_of('1', '2') AS operator,
                   'k' || p_round / 8 || '-' || floor(random() * 30) AS key,
                   pg_temp.any_of('x', 'x', 'y') AS mac, random() < 0.1 AS by_ref, random() < 0.5 AS about,
                   pg_temp.any_of('0', '0', '1', '2')::integer AS lim
              FROM generate_series(1, v_n)) y) x
     WHERE x.tid = x.first_tid; -- which of two transactions gets a key first is nobody's promise
    v_n := cardinality(v_kind);
    CREATE TEMP TABLE many_said AS
    SELECT r.*, row_number() OVER () AS k FROM otprefund.attempt_begin_many(v_kind, array_fill('desk'::text, ARRAY[v_n]),
        ARRAY(SELECT '2' || t FROM unnest(v_tid) WITH ORDINALITY u(t, o) ORDER BY o), v_ref,
        ARRAY(SELECT 'b' || t FROM unnest(v_operator) WITH ORDINALITY u(t, o) ORDER BY o),
        array_fill('20110001'::text, ARRAY[v_n]), array_fill('n:1'::text, ARRAY[v_n]),
        ARRAY(SELECT 'b' || t FROM unnest(v_key) WITH ORDINALITY u(t, o) ORDER BY o), v_mac,
        ARRAY(SELECT uuid_send(gen_random_uuid()) FROM generate_series(1, v_n)),
        ARRAY(SELECT t = 'refund' FROM unnest(v_kind) WITH ORDINALITY u(t, o) ORDER BY o),
        ARRAY(SELECT (SELECT p.b FROM pair p WHERE p.n = t) FROM unnest(v_about) WITH ORDINALITY u(t, o) ORDER BY o),
        array_fill(60000, ARRAY[v_n]), ARRAY(SELECT t * 60 FROM unnest(v_limit) WITH ORDINALITY u(t, o) ORDER BY o),
        v_limit, v_limit) r;
    FOR v_many IN SELECT * FROM many_said m ORDER BY m.k LOOP
        k := k + 1;
        SELECT * INTO v_one FROM otprefund.attempt_begin(v_kind[k], 'desk', '1' || v_tid[k], v_ref[k], 'a' || v_operator[k],
            '20110001', 'n:1', 'a' || v_key[k], v_mac[k], uuid_send(gen_random_uuid()), v_kind[k] = 'refund',
            (SELECT p.a FROM pair p WHERE p.n = v_about[k]), 60000, v_limit[k] * 60, v_limit[k], v_limit[k]);
        INSERT INTO seen VALUES (v_one.o_status, v_n = 1);
        IF v_one.o_status = 'begun' AND v_many.o_status = 'begun' THEN
            INSERT INTO pair (a, b) VALUES (v_one.o_attempt_id, v_many.o_attempt_id);
        END IF;
        INSERT INTO difference
        SELECT p_round, 'begin ' || v_kind[k], d.one, d.many
          FROM (SELECT concat_ws(' ', v_one.o_status, pg_temp.number(v_one.o_attempt_id), pg_temp.number(v_one.o_open_attempt_id),
                                 substr(v_one.o_open_operator, 2), v_one.o_retry_at IS NOT NULL, v_one.o_otp_ref_id,
                                 v_one.o_known_amount, v_one.o_open_age_ms IS NOT NULL) AS one,
                       concat_ws(' ', v_many.o_status, pg_temp.number(v_many.o_attempt_id), pg_temp.number(v_many.o_open_attempt_id),
                                 substr(v_many.o_open_operator, 2), v_many.o_retry_at IS NOT NULL, v_many.o_otp_ref_id,
                                 v_many.o_known_amount, v_many.o_open_age_ms IS NOT NULL) AS many) d
         WHERE d.one <> d.many;
    END LOOP;
    INSERT INTO difference SELECT p_round, 'begins', v_n::text, k::text WHERE k <> v_n;
    DROP TABLE many_said;
END $$;

-- Findings as the core makes them, and some that it would not; of attempts that may have one already.
CREATE FUNCTION pg_temp.finish_round(p_round integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_word text; v_n integer := 0; v_f record;
BEGIN
    CREATE TEMP TABLE finding AS
    SELECT row_number() OVER () AS k, x.*,
           CASE WHEN x.kind = 'refund' AND x.outcome <> 'unknown' THEN x.n
                WHEN x.kind = 'inquiry' AND x.outcome = 'answered' AND x.tx_status IN (1, 3, 4) AND random() < 0.7
                THEN (SELECT max(p.n) FROM pair p JOIN otprefund.attempt r ON r.attempt_id = p.a
                       WHERE r.tid = x.a_tid AND r.kind = 'refund') END AS settles
      FROM (SELECT p.n, a.kind, a.tid AS a_tid, o.outcome,
                   CASE o.outcome WHEN 'rejected' THEN pg_temp.any_of('wrong_otp', 'bank_busy', 'already_refunded')
                        WHEN 'not_sent' THEN 'overloaded'
                        WHEN 'unknown' THEN pg_temp.any_of('no_answer', 'bank_error', 'other_tid', 'other_amount') END AS reason,
                   CASE WHEN a.kind = 'inquiry' AND o.outcome = 'answered'
                        THEN pg_temp.any_of('0', '1', '2', '3', '4')::integer END AS tx_status,
                   CASE WHEN random() < 0.7 THEN pg_temp.any_of('50000', '50000', '50000', '60000')::bigint END AS paise,
                   pg_temp.any_of('1047', '1047', '1048') AS refund_tid,
                   pg_temp.any_of('own', 'own', 'own', 'other', 'none') AS names,
                   pg_temp.any_of('0', '5000', '300000')::integer AS next_ms,
                   CASE WHEN random() < 0.3 THEN pg_temp.any_of('R1', 'R2') END AS ref,
                   CASE WHEN random() < 0.3 THEN pg_temp.any_of('A. K.', 'S. T.') END AS customer
              FROM pair p
              JOIN otprefund.attempt a ON a.attempt_id = p.a
             CROSS JOIN LATERAL (SELECT CASE a.kind
                   WHEN 'refund' THEN pg_temp.any_of('refunded', 'refunded', 'rejected', 'unknown', 'not_sent')
                   WHEN 'otp' THEN pg_temp.any_of('sent', 'unconfirmed', 'rejected', 'unknown')
                   ELSE pg_temp.any_of('answered', 'answered', 'unknown') END AS outcome, a.attempt_id) o
             WHERE p.n > (SELECT max(n) - 12 FROM pair)
             ORDER BY random() + 0 * p.n -- a plain random() would be one number for the whole row
             LIMIT 1 + floor(random() * 6)) x;
    CREATE TEMP TABLE many_said AS
    SELECT w.word, row_number() OVER () AS k
      FROM (SELECT array_agg(p.b ORDER BY f.k) AS id, array_agg(f.kind ORDER BY f.k) AS kind,
                   array_agg(f.outcome ORDER BY f.k) AS outcome, array_agg(f.reason ORDER BY f.k) AS reason,
                   array_agg(200 ORDER BY f.k) AS http, array_agg(7 ORDER BY f.k) AS ms,
                   array_agg('Say "so" \ {here}, now'::text ORDER BY f.k) AS message,
                   array_agg('{"status": "0"}'::jsonb ORDER BY f.k) AS evidence,
                   array_agg(f.tx_status ORDER BY f.k) AS tx_status,
                   array_agg(CASE WHEN f.outcome = 'refunded' THEN f.refund_tid END ORDER BY f.k) AS refund_tid,
                   array_agg(CASE WHEN f.outcome = 'sent' THEN 'ref' || f.refund_tid END ORDER BY f.k) AS otp_ref,
                   array_agg(f.paise ORDER BY f.k) AS paise,
                   array_agg(CASE WHEN f.outcome = 'refunded' THEN f.paise END ORDER BY f.k) AS refunded,
                   array_agg(CASE f.names WHEN 'own' THEN '2' || substr(f.a_tid, 2) WHEN 'other' THEN '29999999' END
                             ORDER BY f.k) AS tid,
                   array_agg(f.ref ORDER BY f.k) AS ref, array_agg(f.customer ORDER BY f.k) AS customer,
                   array_agg(NULL::text ORDER BY f.k) AS recipient, array_agg(NULL::bigint ORDER BY f.k) AS at,
                   array_agg(s.b ORDER BY f.k) AS settles,
                   array_agg(CASE WHEN f.settles IS NULL THEN NULL
                                  WHEN f.outcome = 'refunded' OR f.tx_status = 4 THEN 'refunded'
                                  ELSE 'not_refunded' END ORDER BY f.k) AS resolution,
                   array_agg(CASE WHEN f.settles IS NULL THEN NULL WHEN f.kind = 'inquiry' THEN 'inquiry'
                                  ELSE 'answer' END ORDER BY f.k) AS how,
                   array_agg(f.next_ms ORDER BY f.k) AS next_ms
              FROM finding f JOIN pair p ON p.n = f.n LEFT JOIN pair s ON s.n = f.settles) g
     CROSS JOIN LATERAL otprefund.attempt_finish_many(g.id, g.kind, g.outcome, g.reason, g.http, g.ms, g.message,
           g.evidence, g.tx_status, g.refund_tid, g.otp_ref, g.paise, g.refunded, g.tid, g.ref, g.customer,
           g.recipient, g.at, g.settles, g.resolution, g.how, g.next_ms) AS w(word);
    FOR v_f IN SELECT x.*, p.a, s.a AS s_a FROM finding x JOIN pair p ON p.n = x.n LEFT JOIN pair s ON s.n = x.settles
              ORDER BY x.k LOOP
        v_n := v_n + 1;
        v_word := otprefund.attempt_finish(v_f.a, v_f.kind, v_f.outcome, v_f.reason, 200, 7, 'Say "so" \ {here}, now',
            '{"status": "0"}', v_f.tx_status, CASE WHEN v_f.outcome = 'refunded' THEN v_f.refund_tid END,
            CASE WHEN v_f.outcome = 'sent' THEN 'ref' || v_f.refund_tid END, v_f.paise,
            CASE WHEN v_f.outcome = 'refunded' THEN v_f.paise END,
            CASE v_f.names WHEN 'own' THEN v_f.a_tid WHEN 'other' THEN '19999999' END, v_f.ref, v_f.customer, NULL, NULL, v_f.s_a,
            CASE WHEN v_f.settles IS NULL THEN NULL WHEN v_f.outcome = 'refunded' OR v_f.tx_status = 4 THEN 'refunded'
                 ELSE 'not_refunded' END,
            CASE WHEN v_f.settles IS NULL THEN NULL WHEN v_f.kind = 'inquiry' THEN 'inquiry' ELSE 'answer' END, v_f.next_ms);
        INSERT INTO seen VALUES (v_word, false);
        INSERT INTO difference SELECT p_round, 'finish ' || v_f.kind || ' ' || v_f.outcome, v_word, m.word
          FROM many_said m WHERE m.k = v_f.k AND m.word <> v_word;
    END LOOP;
    INSERT INTO difference SELECT p_round, 'finishes', v_n::text, count(*)::text FROM many_said HAVING count(*) <> v_n;
    DROP TABLE finding;
    DROP TABLE many_said;
END $$;

CREATE FUNCTION pg_temp.play(p_rounds integer, p_seed float8) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed(p_seed);
    FOR r IN 1 .. p_rounds LOOP
        PERFORM pg_temp.begin_round(r);
        PERFORM pg_temp.finish_round(r);
        INSERT INTO difference
        SELECT r, 'state of ' || n, x.line, y.line
          FROM pg_temp.state('a') x FULL JOIN pg_temp.state('b') y USING (n)
         WHERE x.line IS DISTINCT FROM replace(y.line, '29999999', '19999999');
        EXIT WHEN EXISTS (SELECT FROM difference);
    END LOOP;
    RETURN (SELECT count(*) FROM difference);
END $$;

-- Twenty refunds, begun and refunded; how many rows of the journal that read.
CREATE FUNCTION pg_temp.batch(p_from integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
    v_id bigint[];
    v_tid text[] := ARRAY(SELECT n::text FROM generate_series(p_from, p_from + 19) n);
BEGIN
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) INTO v_before
      FROM pg_stat_xact_user_tables WHERE schemaname = 'otprefund';
    SELECT array_agg(b.o_attempt_id) INTO v_id
      FROM otprefund.attempt_begin_many(array_fill('refund'::text, ARRAY[20]), array_fill('api'::text, ARRAY[20]), v_tid,
           array_fill(NULL::text, ARRAY[20]), array_fill('switch'::text, ARRAY[20]), array_fill('20110001'::text, ARRAY[20]),
           array_fill('n:1'::text, ARRAY[20]), v_tid, array_fill(sha256('m'), ARRAY[20]),
           ARRAY(SELECT uuid_send(gen_random_uuid()) FROM generate_series(1, 20)), array_fill(true, ARRAY[20]),
           array_fill(NULL::bigint, ARRAY[20]), array_fill(60000, ARRAY[20]), array_fill(60, ARRAY[20]),
           array_fill(5, ARRAY[20]), array_fill(5, ARRAY[20])) b;
    PERFORM otprefund.attempt_finish_many(v_id, array_fill('refund'::text, ARRAY[20]), array_fill('refunded'::text, ARRAY[20]),
        array_fill(NULL::text, ARRAY[20]), array_fill(200, ARRAY[20]), array_fill(7, ARRAY[20]),
        array_fill('Refund done'::text, ARRAY[20]), array_fill('{}'::jsonb, ARRAY[20]), array_fill(NULL::integer, ARRAY[20]),
        array_fill('2147'::text, ARRAY[20]), array_fill(NULL::text, ARRAY[20]), array_fill(50000::bigint, ARRAY[20]),
        array_fill(50000::bigint, ARRAY[20]), v_tid, array_fill(NULL::text, ARRAY[20]), array_fill(NULL::text, ARRAY[20]),
        array_fill(NULL::text, ARRAY[20]), array_fill(NULL::bigint, ARRAY[20]), v_id, array_fill('refunded'::text, ARRAY[20]),
        array_fill('answer'::text, ARRAY[20]), array_fill(0, ARRAY[20]));
    RETURN (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) - v_before
              FROM pg_stat_xact_user_tables WHERE schemaname = 'otprefund');
END $$;

-- The same one by one: an OTP, a refund that is found again by its token and asked for twice, an inquiry, a wake, the
-- page of the transaction; 20 times.
CREATE FUNCTION pg_temp.singles(p_from integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
    v_id bigint;
    v_token bytea;
    v_tid text;
    v_kind text;
BEGIN
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) INTO v_before
      FROM pg_stat_xact_user_tables WHERE schemaname = 'otprefund';
    FOREACH v_tid IN ARRAY ARRAY(SELECT n::text FROM generate_series(p_from, p_from + 19) n) LOOP
        FOREACH v_kind IN ARRAY ARRAY['otp', 'refund', 'refund', 'inquiry'] LOOP
            v_token := uuid_send(gen_random_uuid());
            SELECT b.o_attempt_id INTO v_id
              FROM otprefund.attempt_begin(v_kind, 'api', v_tid, NULL, 'switch', '20110001', 'n:1',
                   CASE WHEN v_kind <> 'inquiry' THEN encode(v_token, 'hex') END,
                   CASE WHEN v_kind <> 'inquiry' THEN sha256('m') END, v_token, v_kind = 'refund', NULL, 60000, 60, 5, 5) b;
            CONTINUE WHEN v_kind <> 'inquiry' AND
                (SELECT b.o_attempt_id FROM otprefund.attempt_begun(v_token, 'switch', encode(v_token, 'hex')) b) IS NULL;
            PERFORM otprefund.attempt_wake(v_tid);
            PERFORM otprefund.attempt_finish(v_id, v_kind,
                CASE v_kind WHEN 'otp' THEN 'sent' WHEN 'refund' THEN 'refunded' ELSE 'answered' END,
                NULL, 200, 7, 'Done', '{}', 4, NULL, NULL, CASE v_kind WHEN 'otp' THEN 50000 END,
                CASE v_kind WHEN 'inquiry' THEN 50000 END, v_tid, NULL, NULL,
                NULL, NULL, CASE v_kind WHEN 'refund' THEN v_id END, CASE v_kind WHEN 'refund' THEN 'refunded' END,
                CASE v_kind WHEN 'refund' THEN 'answer' END, 0);
        END LOOP;
        PERFORM otprefund.transaction_state(v_tid, 60, 5, 5);
    END LOOP;
    RETURN (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) - v_before
              FROM pg_stat_xact_user_tables WHERE schemaname = 'otprefund');
END $$;

-- What the resolver does at each of its looks, 10 times; each passes up to 2,000 attempts in its sweep.
CREATE FUNCTION pg_temp.looks() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
BEGIN
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) INTO v_before
      FROM pg_stat_xact_user_tables WHERE schemaname = 'otprefund';
    FOR n IN 1 .. 10 LOOP
        PERFORM otprefund.attempt_claim(20, 60000);
    END LOOP;
    RETURN (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) - v_before
              FROM pg_stat_xact_user_tables WHERE schemaname = 'otprefund');
END $$;

-- Another p_n refunds: a third of them refunded, a third unknown and due, a third under way.
CREATE FUNCTION pg_temp.grow(p_from integer, p_n integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, idempotency_key, content_mac, commit_token,
                                   started_at, deadline_at)
    SELECT 'refund', 'api', (p_from + n)::text, 'switch', (p_from || ':' || n % 3), 'grow' || p_from + n, sha256('m'),
           substr(sha256('m'), 1, 16), clock_timestamp(), clock_timestamp() + interval '1 minute' FROM generate_series(1, p_n) n;
    INSERT INTO otprefund.outcome (attempt_id, kind, outcome)
    SELECT attempt_id, kind, CASE node WHEN p_from || ':0' THEN 'refunded' ELSE 'unknown' END
      FROM otprefund.attempt WHERE node IN (p_from || ':0', p_from || ':1');
    INSERT INTO otprefund.resolution (attempt_id, resolution, resolved_by, evidence_attempt_id, inquiries)
    SELECT attempt_id, 'refunded', 'answer', attempt_id, 0 FROM otprefund.attempt WHERE node = p_from || ':0';
    INSERT INTO otprefund.open_attempt (attempt_id, tid, operator, opened_at, deadline_at, next_inquiry_at)
    SELECT attempt_id, tid, operator, started_at, deadline_at, CASE node WHEN p_from || ':1' THEN started_at ELSE deadline_at END
      FROM otprefund.attempt WHERE node IN (p_from || ':1', p_from || ':2');
    INSERT INTO otprefund.transaction (tid, amount, answered_at, asked_at, by_attempt_id)
    SELECT tid, 500, started_at, started_at, attempt_id FROM otprefund.attempt WHERE node LIKE p_from || ':%';
$$;
