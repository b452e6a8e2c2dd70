/* db_sql.c - the text of every prepared statement. */
#include "sql/db.h"

/* A row s for each of the names in $1, in their order; of NULLs where nobody has it. */
#define OPERATOR_OF_EACH                                                                           \
    "FROM unnest($1::text[]) WITH ORDINALITY n(operator, number) LEFT JOIN LATERAL "               \
    "(SELECT o.name, o.full_name, o.role, o.user_code, o.disabled "                                \
    "FROM otprefund.operator o WHERE o.name = n.operator LIMIT 1) s ON true ORDER BY n.number"

const struct db_text_of db_texts[DB_STATEMENT__MAX] = {
    [DB_BEGIN] = {"begin", "SELECT o_status, o_attempt_id, o_open_attempt_id, o_open_age_ms, "
                           "o_open_operator, " DB_MS("o_open_since") ", "
                           "ceil(extract(epoch FROM o_retry_at) * 1000)::bigint, o_otp_ref_id, "
                           DB_PAISE("o_known_amount")
                           " FROM otprefund.attempt_begin($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
                           "$11, $12, $13, $14, $15, $16)"},
    [DB_BEGUN] = {"begun", "SELECT CASE WHEN o_attempt_id IS NULL THEN 'absent' ELSE 'begun' END, "
                           "o_attempt_id, o_open_attempt_id, o_open_age_ms, o_open_operator, "
                           DB_MS("o_open_since") ", NULL::bigint, o_otp_ref_id, "
                           DB_PAISE("o_known_amount")
                           " FROM otprefund.attempt_begun($1, $2, $3)"},
    [DB_FINISH] = {"finish", "SELECT otprefund.attempt_finish($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                             "$10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)"},
    [DB_BEGIN_MANY] = {"begin_many", "SELECT o_status, o_attempt_id, o_open_attempt_id, o_open_age_ms, "
                           "o_open_operator, " DB_MS("o_open_since") ", "
                           "ceil(extract(epoch FROM o_retry_at) * 1000)::bigint, o_otp_ref_id, "
                           DB_PAISE("o_known_amount")
                           " FROM otprefund.attempt_begin_many($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                           "$10, $11, $12, $13, $14, $15, $16)"},
    [DB_FINISH_MANY] = {"finish_many",
                        "SELECT * FROM otprefund.attempt_finish_many($1, $2, $3, $4, $5, $6, $7, "
                        "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)"},
    [DB_CLAIM] = {"claim", "SELECT o_attempt_id, o_tid, o_client_ref_id, o_user_code, o_age_ms, "
                           "o_inquiries, " DB_MS("(o_next_at - clock_timestamp())")
                           " FROM otprefund.attempt_claim($1, $2)"},
    [DB_WAKE] = {"wake", "SELECT otprefund.attempt_wake($1)"},
    [DB_CALLBACK] = {"callback", "SELECT otprefund.callback_put($1, $2, $3, $4)"},
    [DB_MANUAL_PROPOSE] = {"manual_propose",
                           "SELECT o_status, o_proposal_id "
                           "FROM otprefund.manual_propose($1, $2, $3, $4, $5, $6, $7)"},
    [DB_MANUAL_DECIDE] = {"manual_decide",
                          "SELECT otprefund.manual_decide($1, $2, $3, $4, $5)"},
    [DB_MANUAL] = {"manual", "SELECT m.proposal_id, m.attempt_id, m.resolution, m.reason, "
                             "m.evidence_attempt_id, m.evidence_outcome, m.evidence_reason, "
                             "m.evidence_tx_status, " DB_MS("m.evidence_at") ", m.proposed_by, "
                             DB_MS("m.proposed_at") ", m.state, m.decided_by, "
                             DB_MS("m.decided_at") ", m.note, m.counter FROM otprefund.manual_status m "
                             "WHERE m.attempt_id = $1 ORDER BY m.proposal_id DESC LIMIT 1"},
    [DB_ATTEMPT] = {"attempt", "SELECT " DB_ATTEMPT_COLUMNS
                               " FROM otprefund.attempt_status s WHERE s.attempt_id = $1"},
    [DB_ATTEMPT_MANY] = {"attempt_many",
                         "SELECT s.* FROM unnest($1::bigint[]) WITH ORDINALITY k(attempt_id, number)"
                         " LEFT JOIN LATERAL (SELECT " DB_ATTEMPT_COLUMNS
                         " FROM otprefund.attempt_status s WHERE s.attempt_id = k.attempt_id"
                         " LIMIT 1) s ON true ORDER BY k.number"},
    [DB_TRANSACTION] = {"transaction",
                        "SELECT o_known, o_client_ref_id, " DB_PAISE("o_amount") ", o_tx_status, "
                        "o_customer, o_recipient, " DB_MS("o_transacted_at") ", "
                        DB_MS("o_answered_at") ", " DB_MS("o_otp_at") ", o_otp_outcome, "
                        "ceil(extract(epoch FROM o_otp_again_at) * 1000)::bigint, "
                        "ceil(extract(epoch FROM o_refund_again_at) * 1000)::bigint, "
                        "o_open_attempt_id, o_open_operator, " DB_MS("o_open_since") ", "
                        "o_contradicted FROM otprefund.transaction_state($1, $2, $3, $4)"},
    [DB_TID_OF] = {"tid_of", "SELECT otprefund.tid_of($1)"},
    [DB_OPERATOR] = {"operator", "SELECT o.name, o.full_name, o.role, o.user_code, o.disabled "
                                 "FROM otprefund.operator o WHERE o.name = $1"},
    [DB_OPERATOR_MANY] = {"operator_many",
                          "SELECT s.name, s.full_name, s.role, s.user_code, s.disabled, n.number "
                          OPERATOR_OF_EACH},
    [DB_WHO_OF] = {"who_of",
                   "SELECT s.name, s.full_name, s.role, s.user_code, s.disabled, "
                   DB_MOMENT_SEEN("$2") ", n.number "
                   OPERATOR_OF_EACH},
    [DB_CLIENT] = {"client", "SELECT o_name, o_full_name, o_user_code, o_may_refund, o_disabled "
                             "FROM otprefund.client_of($1)"},
    [DB_CLIENT_MANY] = {"client_many", "SELECT o_name, o_full_name, o_user_code, o_may_refund, "
                                       "o_disabled FROM otprefund.client_of_many($1)"},
    [DB_TODAY] = {"today", "SELECT o_otps, o_otps_unconfirmed, o_refunds, o_refunded, o_rejected, "
                           "o_open, " DB_PAISE("o_refunded_amount")
                           " FROM otprefund.today($1, $2)"},
    [DB_TODAY_OF] = {"today_of",
                     "SELECT o_otps, o_otps_unconfirmed, o_refunds, o_refunded, o_rejected, o_open, "
                     DB_PAISE("o_refunded_amount") ", " DB_MOMENT_SEEN("$2")
                     ", o_number FROM otprefund.today_of($1, $2)"},
    [DB_MOMENT] = {"moment", "SELECT " DB_MOMENT_SEEN("$1")},
    [DB_NUMBERS] = {"numbers", "SELECT o_open, o_overdue, o_oldest_ms, o_lag_ms "
                               "FROM otprefund.queue_numbers()"},
    [DB_SEAL] = {"seal", "SELECT seal_id, " DB_MS("sealed_at") ", row_count, "
                         "pg_catalog.encode(digest, 'hex') FROM otprefund.seal_make($1)"},
    [DB_SEAL_LAST] = {"seal_last", "SELECT seal_id, " DB_MS("sealed_at") ", row_count, digest "
                                   "FROM otprefund.seal_status ORDER BY seal_id DESC LIMIT 1"},
    [DB_SEAL_DUE] = {"seal_due", "SELECT o_ms FROM otprefund.seal_due()"},
    [DB_PING] = {"ping", "SELECT max(v.version) FROM otprefund.schema_version v"},
    [DB_END] = {"end", "SELECT pg_catalog.pg_terminate_backend(a.pid, 1000) "
                       "FROM pg_catalog.pg_stat_activity a "
                       "WHERE a.pid = $1 AND a.backend_start = $2"},
    [DB_OPERATOR_PUT] = {"operator_put",
                         "INSERT INTO otprefund.operator AS o "
                         "(name, full_name, role, user_code, disabled) VALUES ($1, $2, $3, $4, $5) "
                         "ON CONFLICT (name) DO UPDATE SET full_name = excluded.full_name, "
                         "role = excluded.role, user_code = excluded.user_code, "
                         "disabled = excluded.disabled RETURNING o.name"},
    [DB_OPERATOR_DISABLE] = {"operator_disable", "UPDATE otprefund.operator SET disabled = $2 "
                                                 "WHERE name = $1 RETURNING name"},
    [DB_OPERATOR_LIST] = {"operator_list",
                          "SELECT name, full_name, role, user_code, "
                          "CASE WHEN disabled THEN 'disabled' ELSE 'enabled' END AS state, "
                          "to_char(created_at, 'YYYY-MM-DD HH24:MI:SS\"Z\"') AS created_at "
                          "FROM otprefund.operator ORDER BY name"},
    [DB_CLIENT_PUT] = {"client_put",
                       "INSERT INTO otprefund.api_client AS c "
                       "(name, full_name, user_code, may_refund, disabled, token_sha256) "
                       "VALUES ($1, $2, $3, $4, $5, $6) "
                       "ON CONFLICT (name) DO UPDATE SET full_name = excluded.full_name, "
                       "user_code = excluded.user_code, may_refund = excluded.may_refund, "
                       "disabled = excluded.disabled, token_sha256 = excluded.token_sha256 "
                       "RETURNING c.name"},
    [DB_CLIENT_DISABLE] = {"client_disable", "UPDATE otprefund.api_client SET disabled = $2 "
                                             "WHERE name = $1 RETURNING name"},
    [DB_CLIENT_LIST] = {"client_list",
                        "SELECT name, full_name, "
                        "CASE WHEN may_refund THEN 'refund' ELSE 'read' END AS scope, user_code, "
                        "CASE WHEN disabled THEN 'disabled' ELSE 'enabled' END AS state, "
                        "to_char(created_at, 'YYYY-MM-DD HH24:MI:SS\"Z\"') AS created_at "
                        "FROM otprefund.api_client ORDER BY name"},
};
