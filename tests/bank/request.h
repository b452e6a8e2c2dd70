/*
 * request.h - reading what the client sent: path, form, JSON and query into struct ask.  A pure
 * function of its input; no MHD.
 */
#ifndef OTPREFUND_BANK_REQUEST_H
#define OTPREFUND_BANK_REQUEST_H

#include "tests/bank/bank.h"

#define BODY_MAX 8192

/* The fields that any call of the bank knows, as text; "" where absent. */
struct fields {
    char initiator_id[ASK_TEXT_SIZE];
    char user_code[ASK_TEXT_SIZE];
    char otp[ASK_TEXT_SIZE];
    char state[ASK_TEXT_SIZE];
    char service_code[ASK_TEXT_SIZE];
    char otp_ref_id[ASK_TEXT_SIZE];
    char customer_id[ASK_TEXT_SIZE];
};

/*
 * Generation, call and TID from method and (percent-decoded) path.  Sets a->refusal to
 * REFUSAL_NO_URL or REFUSAL_METHOD where there is no such call.
 */
void request_route(const char *method, const char *path, struct ask *a);

/* Sets one field by its name; unknown names are passed over, values too long are cut. */
void fields_set(struct fields *f, const char *name, const char *value);

/*
 * n bytes, followed by a NUL.  Both false if the body cannot be read.  Numbers of JSON are kept as
 * their decimal text, so a JSON number cannot carry an OTP that begins with 0.
 */
bool fields_from_form(struct fields *f, const char *body, size_t n);
bool fields_from_json(struct fields *f, const char *body, size_t n);

/*
 * Checks the fields of a call that came through the door and copies what the scenario needs.  Sets
 * a->refusal to REFUSAL_INITIATOR, REFUSAL_USER_CODE or REFUSAL_FIELD where one is wrong.
 */
void fields_check(const struct fields *f, const struct options *opt, struct ask *a);

#endif
