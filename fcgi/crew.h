/*
 * crew.h - how many of the workers look for work at a time.
 *
 * Most workers there are for requests that wait: for the database, for a slow reader.  If all of them
 * looked for work, each event would wake another one that sleeps, where one that is about to be free
 * could do it: on two processors that costs more than a page.  So only a few look (as many as there are
 * processors at least, twice as many at most), the others rest; whoever is going to wait says so first,
 * and if too few are left then, one that rests is called: the one that has rested for the shortest time.
 */
#ifndef OTPREFUND_CREW_H
#define OTPREFUND_CREW_H

struct crew;

/* fewest (at least 1): so many look for work as long as there are as many that do not wait.  NULL: no
 * memory. */
struct crew *crew_new(int fewest);
void crew_free(struct crew *c); /* once nobody is in it; NULL allowed */

/* ---- for a worker, on its own thread; NULL: everybody looks for work --------------------------- */

/* The first thing it does. */
void crew_join(struct crew *c);
/* Before it looks for work: rests while enough others do.  Ends what crew_away began. */
void crew_next(struct crew *c);
/* Before it may wait for anything but work.  On other threads, and said twice, it does nothing. */
void crew_away(struct crew *c);

/* From here on nobody rests.  Any thread; NULL allowed. */
void crew_dismiss(struct crew *c);

#endif
