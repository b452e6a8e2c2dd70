/* facts.c - amount, fee, customer and references of a transaction, made from its TID. */
#include "tests/bank/facts.h"

#include <stdio.h>

/* Clearly invented: fruit and vegetables, and spices. */
static const char *const first_names[] = {"Mango",  "Papaya", "Guava", "Lychee",
                                          "Jamun", "Karela", "Bhindi", "Methi"};
static const char *const last_names[] = {"Elaichi", "Jeera", "Haldi", "Kesar",
                                         "Ajwain", "Saunf", "Laung", "Dalchini"};
static const char *const shops[] = {"Sample Traders", "Example Kirana", "Testing Textiles",
                                    "Model Medicals", "Dummy Dairy",    "Specimen Stores",
                                    "Trial Tea Stall", "Pretend Printers"};

static const int64_t first_day = INT64_C(1704067200000); /* 2024-01-01T00:00:00Z */

static uint64_t spread(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void facts_of(const struct bank_tid *tid, struct facts *f)
{
    uint64_t h = spread(tid->number * 16 + tid->digits);
    uint64_t g = spread(h);
    unsigned rupees = 100 + (unsigned)(h % 4901);
    unsigned paise = (h >> 16) % 4 == 0 && rupees < 5000 ? (unsigned)((h >> 20) % 99) + 1 : 0;

    f->amount = (int64_t)rupees * 100 + paise;
    f->shape_r2 = tid->number / 100 % 10 >= 7;
    f->fee = f->shape_r2 ? 0 : f->amount / 100;
    snprintf(f->mobile, sizeof f->mobile, "90000%05u", (unsigned)((h >> 32) % 100000));
    snprintf(f->sender, sizeof f->sender, "%s %s", first_names[(h >> 24) % 8],
             last_names[(h >> 27) % 8]);
    f->recipient = shops[(h >> 52) % 8];
    f->bank_ref = UINT64_C(1000000000) + g % UINT64_C(9000000000);
    f->refund_tid = UINT64_C(2000000000) + (g >> 8) % UINT64_C(1000000000);
    f->made_at = first_day + (int64_t)(g % (86400u * 500u)) * 1000;
    f->variant = (unsigned)(tid->number / 1000 % 4);
    snprintf(f->client_ref, sizeof f->client_ref, "REF%0*llu", (int)tid->digits,
             (unsigned long long)tid->number);
}

int64_t facts_refund(const struct facts *f)
{
    return f->amount + f->fee;
}
