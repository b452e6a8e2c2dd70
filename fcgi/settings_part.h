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

#endif
