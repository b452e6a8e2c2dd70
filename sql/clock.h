/*
 * clock.h - what time it is.
 *
 * Any thread; no call here can fail.  Deadlines and pauses are measured on the monotonic clock
 * (CLOCK_MONOTONIC), which no one sets; moments that are stored or shown are wall-clock time.
 */
#ifndef OTPREFUND_CLOCK_H
#define OTPREFUND_CLOCK_H

#include <stdint.h>
#include <time.h>

/* A span, or a moment of either clock, as the system calls take it.  ms: not negative. */
static inline struct timespec clock_timespec(int64_t ms) {
    return (struct timespec){ms / 1000, (ms % 1000) * 1000000L};
}

static inline int64_t clock_us_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Microseconds and milliseconds since some moment of the past. */
static inline int64_t clock_monotonic_us(void) {
    return clock_us_of(CLOCK_MONOTONIC);
}
static inline int64_t clock_monotonic_ms(void) {
    return clock_us_of(CLOCK_MONOTONIC) / 1000;
}

/* Milliseconds since 1970-01-01T00:00:00Z. */
static inline int64_t clock_now_ms(void) {
    return clock_us_of(CLOCK_REALTIME) / 1000;
}

/* Sleeps; an interrupted sleep is shorter. */
static inline void clock_pause(int64_t ms) {
    const struct timespec t = clock_timespec(ms);
    nanosleep(&t, NULL);
}

#endif
