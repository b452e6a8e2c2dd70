/* test_gate.c - which bytes on a FastCGI connection are a request that the library may read. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/gate.h"
#include "tests/unit/suite.h"

static unsigned char bytes[GATE_SIZE + 70000];
static size_t size;

static void record(unsigned type, unsigned id, const void *content, size_t n, size_t padding) {
    const unsigned char head[8] = {1,
                                   (unsigned char)type,
                                   (unsigned char)(id >> 8),
                                   (unsigned char)id,
                                   (unsigned char)(n >> 8),
                                   (unsigned char)n,
                                   (unsigned char)padding,
                                   0};
    memcpy(bytes + size, head, 8);
    size += 8;
    if (content)
        memcpy(bytes + size, content, n);
    memset(bytes + size + n, 0, padding);
    size += n + padding;
}

static void begin(void) {
    static const unsigned char body[8] = {0, 1, 1};
    size = 0;
    record(1, 7, body, 8, 0);
}

static enum gate_verdict judge(size_t n, unsigned *id) {
    static unsigned char copy[sizeof bytes];
    memcpy(copy, bytes, n);
    return gate_judge(copy, n, id);
}

static const char pairs[] = "\x04\x02NAMEv1\x01\x00X\x80\x00\x00\x02\x80\x00\x00\x01YYz";
#define PAIRS (sizeof pairs - 1)

/* Whole at its very last byte and not before, also where pairs lie across records with padding. */
static void test_every_cut(void) {
    unsigned id;
    begin();
    record(4, 7, pairs, 5, 3);
    record(4, 7, pairs + 5, PAIRS - 5, 250);
    record(4, 7, NULL, 0, 0);
    for (size_t n = 0; n < size; n++)
        CU_ASSERT_EQUAL(judge(n, &id), GATE_WAIT);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_READY);
    CU_ASSERT_EQUAL(id, 7);
    record(5, 7, "otp=1", 5, 0); /* the body is not the gate's business */
    CU_ASSERT_EQUAL(judge(size, &id), GATE_READY);
}

static void test_false_lengths(void) {
    static const struct {
        const char *content;
        size_t n;
    } cases[] = {
        {"\x05\x00NAME", 6},                     /* a name longer than all */
        {"\x04\x09NAMEv", 7},                    /* a value longer than all */
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8}, /* CVE-2025-23016: the sum overflows */
        {"\x80\x00\x00\x04\xff\xff\xff\xfcNAME", 12},
        {"\xff\xff\xff\xff\x00", 5},
        {"\x04", 1}, /* cut in the lengths */
        {"\x80\x00", 2},
    };
    unsigned id;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        record(4, 7, cases[i].content, cases[i].n, 0);
        record(4, 7, NULL, 0, 0);
        CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
    }
}

static void test_limits(void) {
    static unsigned char big[60000];
    unsigned id;
    size_t value = GATE_PARAMS_MAX - 1 - 5;
    begin(); /* one variable of the largest size */
    big[0] = 1;
    big[1] = 0x80;
    big[2] = (unsigned char)(value >> 16);
    big[3] = (unsigned char)(value >> 8);
    big[4] = (unsigned char)value;
    record(4, 7, big, GATE_PARAMS_MAX, 0);
    record(4, 7, NULL, 0, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_READY);
    begin();
    record(4, 7, big, GATE_PARAMS_MAX, 0);
    record(4, 7, big, 1, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_TOO_LARGE);
    CU_ASSERT_EQUAL(id, 7);
    memset(big, 0, sizeof big); /* variables without name and value: two bytes each */
    begin();
    record(4, 7, big, GATE_PAIRS_MAX * 2, 0);
    record(4, 7, NULL, 0, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_READY);
    begin();
    record(4, 7, big, GATE_PAIRS_MAX * 2 + 2, 0);
    record(4, 7, NULL, 0, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_TOO_LARGE);
    begin(); /* empty but for padding, for ever */
    for (int i = 0; size < GATE_SIZE; i++)
        record(4, 7, "", 1, 255);
    CU_ASSERT_EQUAL(judge(GATE_SIZE, &id), GATE_TOO_LARGE);
}

static void test_foreign(void) {
    static const unsigned char other_role[8] = {0, 3, 0};
    unsigned id;
    memcpy(bytes, "GET / HTTP/1.0\r\n\r\n", 18);
    CU_ASSERT_EQUAL(judge(1, &id), GATE_FOREIGN);
    CU_ASSERT_EQUAL(judge(18, &id), GATE_FOREIGN);
    size = 0;
    record(9, 0,
           "\x0e\x00"
           "FCGI_MAX_CONNS",
           16, 0); /* FCGI_GET_VALUES */
    CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
    size = 0;
    record(1, 7, other_role, 8, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
    size = 0;
    record(1, 0, other_role, 8, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
    begin(); /* another request on the same connection; an abort; a body before the variables */
    record(4, 8, pairs, PAIRS, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
    begin();
    record(2, 7, NULL, 0, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
    begin();
    record(5, 7, NULL, 0, 0);
    CU_ASSERT_EQUAL(judge(size, &id), GATE_FOREIGN);
}

static void test_socket(void) {
    static unsigned char room[GATE_SIZE], zero[GATE_SIZE];
    char got[4096];
    struct gate_look look;
    int pair[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    begin();
    record(4, 7, pairs, PAIRS, 0);
    CU_ASSERT_EQUAL(send(pair[0], bytes, size, 0), (ssize_t)size); /* in two pieces */
    CU_ASSERT_EQUAL(gate_wait(pair[1], room, 30, &look),
                    GATE_GONE); /* what is cut is not waited for */
    size = 0;
    record(4, 7, NULL, 0, 0);
    CU_ASSERT_EQUAL(send(pair[0], bytes, size, 0), (ssize_t)size);
    CU_ASSERT_EQUAL(gate_wait(pair[1], room, 1000, &look), GATE_READY);
    CU_ASSERT_EQUAL(memcmp(room, zero, sizeof room), 0); /* wiped */
    CU_ASSERT(recv(pair[1], got, sizeof got, 0) > 0);    /* and nothing was taken */
    CU_ASSERT_EQUAL(got[1], 1);
    gate_refuse(pair[1], 7, 503);
    close(pair[1]);
    ssize_t n = recv(pair[0], got, sizeof got - 1, MSG_WAITALL);
    CU_ASSERT_FATAL(n > 40);
    got[n] = '\0';
    CU_ASSERT(got[1] == 6 && got[3] == 7);
    CU_ASSERT_PTR_NOT_NULL(strstr(got + 8, "Status: 503 Service Unavailable\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(got + 8, "Content-Security-Policy: default-src 'none'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(got + 8, "Retry-After: 5\r\n\r\n"));
    CU_ASSERT(got[n - 16] == 1 && got[n - 15] == 3); /* FCGI_END_REQUEST */
    close(pair[0]);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CU_ASSERT_EQUAL(send(pair[0], bytes, 5, 0), 5);
    CU_ASSERT_EQUAL(shutdown(pair[0], SHUT_WR), 0);
    CU_ASSERT_EQUAL(gate_wait(pair[1], room, 60000, &look),
                    GATE_GONE); /* and nobody waits for it */
    close(pair[1]);
    close(pair[0]);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[0]);
    CU_ASSERT_EQUAL(gate_wait(pair[1], room, 1000, &look), GATE_GONE);
    close(pair[1]);
}

/* An empty body that is there is taken too; not where more follows, or it has padding. */
static void take_without_body(const int pair[2], const int way[2]) {
    static unsigned char room[GATE_SIZE], got[4096];
    struct gate_look look;
    for (int extra = 0; extra < 3; extra++) {
        begin();
        record(4, 7, pairs, PAIRS, 0);
        record(4, 7, NULL, 0, 0);
        record(5, 7, NULL, 0, extra == 1 ? 4 : 0);
        if (extra == 2)
            record(1, 7, "12345678", 8, 0);
        CU_ASSERT_EQUAL(send(pair[0], bytes, size, 0), (ssize_t)size);
        CU_ASSERT_EQUAL(gate_wait(pair[1], room, 1000, &look), GATE_READY);
        CU_ASSERT_EQUAL(look.no_body, extra == 0);
        CU_ASSERT_TRUE(gate_take(pair[1], room, &look, way[1]));
        CU_ASSERT_EQUAL(recv(way[0], got, sizeof got, MSG_DONTWAIT), (ssize_t)look.end);
        CU_ASSERT_EQUAL(recv(pair[1], got, sizeof got, MSG_DONTWAIT),
                        extra == 0 ? -1 : (ssize_t)(size - look.end));
    }
}

/* The variables and no byte more are taken, without the padding that libfcgi forgets to skip. */
static void test_take(void) {
    static unsigned char room[GATE_SIZE], zero[GATE_SIZE];
    unsigned char got[4096];
    struct gate_look look;
    int pair[2], way[2];
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, way), 0);
    static const unsigned char responder[8] = {0, 1, 1};
    size = 0;
    record(1, 7, responder, 8, 3);
    record(4, 7, pairs, PAIRS, 5);
    record(4, 7, NULL, 0, 9);
    CU_ASSERT_EQUAL(send(pair[0], bytes, size, 0), (ssize_t)size);
    CU_ASSERT_EQUAL(send(pair[0], "body", 4, 0), 4);
    CU_ASSERT_EQUAL(gate_wait(pair[1], room, 1000, &look), GATE_READY);
    CU_ASSERT(look.id == 7 && look.end == size - 9 && look.padding == 9 && !look.no_body);
    CU_ASSERT_TRUE(gate_take(pair[1], room, &look, way[1]));
    CU_ASSERT_EQUAL(memcmp(room, zero, sizeof room), 0);
    ssize_t n = recv(way[0], got, sizeof got, MSG_DONTWAIT);
    CU_ASSERT_EQUAL_FATAL(n, (ssize_t)size - 9 - 3);
    bytes[6] = bytes[size - 9 - 2] = 0;
    CU_ASSERT_EQUAL(memcmp(got, bytes, 16), 0);
    CU_ASSERT_EQUAL(memcmp(got + 16, bytes + 19, (size_t)n - 16), 0);
    n = recv(pair[1], got, sizeof got, MSG_DONTWAIT);
    CU_ASSERT(n == 13 && memcmp(got + 9, "body", 4) == 0);
    CU_ASSERT_FALSE(gate_take(pair[1], room, &look, way[1])); /* nothing there */
    take_without_body(pair, way);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(way[i]);
    }
}

int main(void) {
    CU_pSuite s = suite_begin("gate", NULL, NULL);
    CU_add_test(s, "a request cut anywhere", test_every_cut);
    CU_add_test(s, "lengths that are not true", test_false_lengths);
    CU_add_test(s, "limits", test_limits);
    CU_add_test(s, "what is no request", test_foreign);
    CU_add_test(s, "on a socket", test_socket);
    CU_add_test(s, "taken for the library", test_take);
    return suite_run();
}
