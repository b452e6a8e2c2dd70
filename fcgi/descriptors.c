/* descriptors.c - descriptors are shared out between the web server, the bank and the database. */
#include "fcgi/descriptors.h"

#include <limits.h>

void descriptors_share(uint64_t limit, int workers, int database, int max_in_flight,
                       struct descriptors *d) {
    int64_t all = limit < INT_MAX ? (int64_t)limit : INT_MAX; /* infinity is a number, too */
    int64_t rest = all - DESCRIPTORS_OWN - 2 * (int64_t)workers - 2 * ((int64_t)database + 1);
    const int64_t fewest = INT64_C(2) * DESCRIPTORS_FEWEST;
    if (rest < fewest) /* rather too much than nothing: accepting survives without */
        rest = fewest;
    d->calls = max_in_flight < rest / 2 ? max_in_flight : (int)(rest / 2);
    d->connections = (int)rest - d->calls;
}
