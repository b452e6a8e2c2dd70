/* faults.c - drawing faults, and randomness for the rest of the simulated bank. */
#include "tests/bank/faults.h"

#include <sys/random.h>
#include <time.h>

double faults_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

enum fault faults_draw(const struct faults *f, uint64_t *state)
{
    double u;

    if (f->drop <= 0 && f->error_502 <= 0 && f->silent <= 0)
        return FAULT_NONE;
    u = faults_random(state);
    if (u < f->drop)
        return FAULT_DROP;
    if (u < f->drop + f->error_502)
        return FAULT_502;
    return u < f->drop + f->error_502 + f->silent ? FAULT_SILENT : FAULT_NONE;
}

uint64_t random_bits(void)
{
    uint64_t r = 0;

    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
        r = (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15);
    return r;
}
