/*
 * phone.h - the customers' phone as a page: every text message that the simulated bank sent.
 */
#ifndef OTPREFUND_BANK_PHONE_H
#define OTPREFUND_BANK_PHONE_H

#include <microhttpd.h>

#include "tests/bank/scenario.h"

/* How many messages the page shows; the rest it counts. */
#define PHONE_SHOWN 1000

/* The page as it is now.  NULL when out of memory. */
struct MHD_Response *phone_page(struct scenario *s);

#endif
