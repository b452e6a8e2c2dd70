/* journal_callback.c - keeps the bank's callbacks as evidence, whatever bytes they are made of. */
#include <stdlib.h>
#include <string.h>

#include "sql/db.h"

#define ADDRESS_MAX 64

static const char no_character[] = "\xEF\xBF\xBD"; /* U+FFFD */

static bool follows(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

/* Bytes of the well-formed UTF-8 character at p (Unicode 15, table 3-7), 0 if there is none. */
static size_t character(const unsigned char *p, size_t size) {
    if (p[0] >= 0x01 && p[0] <= 0x7F)
        return 1;
    if (size < 2 || p[0] < 0xC2 || p[0] > 0xF4 || !follows(p[1]))
        return 0;
    if (p[0] <= 0xDF)
        return 2;
    if (size < 3 || !follows(p[2]))
        return 0;
    if (p[0] <= 0xEF)
        return (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ? 0 : 3;
    if (size < 4 || !follows(p[3]))
        return 0;
    return (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F) ? 0 : 4;
}

/* As many whole characters as fit into max bytes and a NUL. */
static void clean(const char *text, size_t size, char *to, size_t max) {
    const unsigned char *p = (const unsigned char *)text;
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        size_t n = character(p + i, size - i);
        size_t length = n > 0 ? n : sizeof no_character - 1;
        if (used + length > max)
            break;
        memcpy(to + used, n > 0 ? text + i : no_character, length);
        used += length;
        i += n > 0 ? n : 1;
    }
    to[used] = '\0';
}

enum journal_status journal_callback(struct journal *j, const char *tid, const char *body,
                                     size_t size, size_t sent, const char *address) {
    struct db_params p = {0};
    char from[ADDRESS_MAX + 1] = "";
    char *text = malloc(JOURNAL_CALLBACK_MAX + 1);
    if (!text)
        return JOURNAL_NO_MEMORY;
    clean(body, body ? size : 0, text, JOURNAL_CALLBACK_MAX);
    if (address)
        clean(address, strlen(address), from, ADDRESS_MAX);
    db_text(&p, tid);
    db_text_or_empty(&p, text);
    db_number(&p, body ? (int64_t)sent : 0);
    db_text(&p, from);
    /* Whoever holds it tries again after a lost COMMIT: rather kept twice than not at all. */
    enum journal_status status = db_run(j, DB_CALLBACK, &p, NULL, NULL);
    free(text);
    return status == JOURNAL_UNSURE ? JOURNAL_DOWN : status;
}
