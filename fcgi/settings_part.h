/*
 * settings_part.h - what the parts of the settings tell each other.  Internal.
 */
#ifndef OTPREFUND_SETTINGS_PART_H
#define OTPREFUND_SETTINGS_PART_H

#include "fcgi/settings.h"

/* The setting to blame, and what is wrong with it and what to do; fixed texts. */
struct settings_misfit {
    const char *section, *name, *what;
};

/*
 * Looks at the settings as a whole, once each of them is well formed; removes the slashes at the
 * end of base_url.  false: *m is the first thing wrong.  Reads the zone's file, nothing else.
 */
bool settings_check(struct settings *s, struct settings_misfit *m);

/* Does it hold a password, or another secret of libpq's?  A passfile's name is none. */
bool settings_conninfo_secret(const char *conninfo);
/* Could this keyword of libpq hold a secret? */
bool settings_is_secret(const char *name, size_t size);

#endif
