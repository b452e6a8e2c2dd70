/* book.c - the simulated bank's truth: entries in the order they came, found by a hash table. */
#include "tests/bank/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ENTRIES 1024u
#define FIRST_SMS 256u
#define FREE_SLOT 0u

struct book {
    struct entry *entries;
    size_t count, room;
    uint32_t *slots; /* index + 1 into entries, FREE_SLOT if free; twice the room, a power of 2 */
    struct sms *sms;
    size_t sms_count, sms_room;
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t tid_key(const struct bank_tid *tid)
{
    return tid->number * 16 + tid->digits;
}

struct book *book_new(void)
{
    struct book *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->room = FIRST_ENTRIES;
    b->entries = calloc(b->room, sizeof *b->entries);
    b->slots = calloc(b->room * 2, sizeof *b->slots);
    if (b->entries == NULL || b->slots == NULL) {
        book_free(b);
        return NULL;
    }
    return b;
}

void book_free(struct book *b)
{
    if (b == NULL)
        return;
    free(b->sms);
    free(b->slots);
    free(b->entries);
    free(b);
}

void book_reset(struct book *b)
{
    b->count = 0;
    b->sms_count = 0;
    memset(b->slots, 0, b->room * 2 * sizeof *b->slots);
}

bool bank_tid_read(const char *text, struct bank_tid *tid)
{
    size_t n = strlen(text);
    uint64_t number = 0;

    if (n < BANK_TID_MIN_DIGITS || n > BANK_TID_MAX_DIGITS)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    tid->number = number;
    tid->digits = (unsigned)n;
    return true;
}

void bank_tid_write(const struct bank_tid *tid, char *buf, size_t size)
{
    snprintf(buf, size, "%0*" PRIu64, (int)tid->digits, tid->number);
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t find_slot(const uint32_t *slots, size_t n_slots, const struct entry *entries,
                        uint64_t key)
{
    size_t i = (size_t)mix(key) & (n_slots - 1);

    while (slots[i] != FREE_SLOT && tid_key(&entries[slots[i] - 1].tid) != key)
        i = (i + 1) & (n_slots - 1);
    return i;
}

static bool grow(struct book *b)
{
    size_t room = b->room * 2;
    struct entry *entries;
    uint32_t *slots;

    if (room > UINT32_MAX / 4)
        return false;
    slots = calloc(room * 2, sizeof *slots);
    if (slots == NULL)
        return false;
    entries = realloc(b->entries, room * sizeof *entries);
    if (entries == NULL) {
        free(slots);
        return false;
    }
    for (size_t i = 0; i < b->count; i++)
        slots[find_slot(slots, room * 2, entries, tid_key(&entries[i].tid))] = (uint32_t)(i + 1);
    free(b->slots);
    b->slots = slots;
    b->entries = entries;
    b->room = room;
    return true;
}

struct entry *book_find(struct book *b, const struct bank_tid *tid)
{
    uint32_t slot = b->slots[find_slot(b->slots, b->room * 2, b->entries, tid_key(tid))];

    return slot == FREE_SLOT ? NULL : &b->entries[slot - 1];
}

struct entry *book_add(struct book *b, const struct bank_tid *tid)
{
    struct entry *e;

    if (b->count == b->room && !grow(b))
        return NULL;
    e = &b->entries[b->count];
    memset(e, 0, sizeof *e);
    e->tid = *tid;
    e->tx_status = TX_REFUND_PENDING;
    b->count++;
    b->slots[find_slot(b->slots, b->room * 2, b->entries, tid_key(tid))] = (uint32_t)b->count;
    return e;
}

size_t book_count(const struct book *b)
{
    return b->count;
}

const struct entry *book_at(const struct book *b, size_t i)
{
    return &b->entries[i];
}

size_t book_sms_count(const struct book *b)
{
    return b->sms_count;
}

const struct sms *book_sms_at(const struct book *b, size_t i)
{
    return &b->sms[i];
}

bool book_text_otp(struct book *b, struct entry *e, const char *otp, int64_t now)
{
    struct sms *s;

    if (b->sms_count == b->sms_room) {
        size_t room = b->sms_room == 0 ? FIRST_SMS : b->sms_room * 2;
        struct sms *more = realloc(b->sms, room * sizeof *more);

        if (more == NULL)
            return false;
        b->sms = more;
        b->sms_room = room;
    }
    s = &b->sms[b->sms_count++];
    s->tid = e->tid;
    s->at = now;
    snprintf(s->otp, sizeof s->otp, "%s", otp);
    snprintf(e->otp, sizeof e->otp, "%s", otp);
    e->otp_sent_at = now;
    e->otp_sent++;
    return true;
}

enum otp_check entry_check_otp(const struct entry *e, const char *otp, int64_t now)
{
    if (e->otp[0] == '\0' || strcmp(e->otp, otp) != 0)
        return OTP_WRONG;
    return now - e->otp_sent_at > BANK_OTP_LIFE_MS ? OTP_EXPIRED : OTP_RIGHT;
}

bool entry_execute(struct entry *e, int64_t paise)
{
    if (e->tx_status != TX_REFUND_PENDING)
        return false;
    e->tx_status = TX_REFUNDED;
    e->credited += paise;
    e->initiate_executed++;
    return true;
}

int entry_inquire(struct entry *e)
{
    int shown = e->veil > 0 ? e->shown_status : e->tx_status;

    if (e->veil > 0) {
        e->veil--;
        if (e->veil == 0 && e->tx_status == TX_HOLD)
            e->tx_status = TX_REFUND_PENDING;
    }
    return shown;
}
